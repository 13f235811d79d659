"""The collector: plans the crawls that workers want, and puts what they bring into the corpus.

It does for many workers what the frontier's middleware does for one process, by the same
:class:`~crawler.frontier.plan.Plan` and store. Outcomes are taken in the order in which their tasks
were given out, so that the corpus is that of one machine; none is waited for so long that
others wait in vain. One is gone from Redis only when the corpus has it.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import NamedTuple

from scrapy.crawler import Crawler
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from crawler.config_file import load
from crawler.errors import Abandoned, StoreError
from crawler.exchange.collector import Came, Exchange
from crawler.exchange.keys import Lane
from crawler.exchange.records import Given, Outcome, Wish, given_of, outcome_of
from crawler.frontier.due import due_tasks
from crawler.frontier.plan import Plan, Task, failure_of
from crawler.items import Failure, Listing
from crawler.log import event
from crawler.spiders.listing import ListingSpider
from pipelines.database.connect import writing
from pipelines.database.failures import make_due
from pipelines.database.ledger import COUNTS
from pipelines.run import Run
from pipelines.store import Record
from pipelines.validate import checked

# What is younger comes first.
_FRESH = timedelta(days=2)
# So many tasks are given out before more are; more where there are many workers.
_FEW = 250
_FEW_A_WORKER = 8
_NEWS_S = 1.0  # how long to wait for outcomes
# How long to wait for more where some came: one commit for all is cheaper than one for each.
_MORE_S = 0.05
# Of the time after which a worker counts as dead: how often to look whether Redis still has what
# was given out; how long an outcome is waited for while later ones are there; after how long
# without workers the lock is given back.
_LOOK, _ORDER, _ALONE = 1 / 3, 8, 4
_ATTEND_S = 3600.0


class _Heard(NamedTuple):
    """An outcome that the plan knows of: what is to be stored of it, what follows."""

    came: Came
    task: Task
    records: list[Record]
    following: list[Task] = []  # noqa: RUF012 -- never changed


@dataclass(slots=True, eq=False)
class _Crawl:
    """One crawl of a site; ``wish`` None: only what an earlier run gave out is taken."""

    site: str
    wish: Wish | None
    spider: ListingSpider
    plan: Plan
    before: Counter[str]  # what the run had counted of the site when it began
    wishes: set[str] = field(default_factory=set)
    open: dict[str, Task] = field(default_factory=dict)  # by token, in the order they were given
    begun: bool = False  # are its listings asked for?
    dry: bool = False  # is nothing more owed, for the time being?
    since: float = field(default_factory=time.monotonic)  # the first of ``open`` is waited for

    def next(self, few: int) -> list[Task] | None:
        """What is to be given out now; None: the crawl is done."""
        if self.wish is None:
            return [] if self.open else None
        if self.open:
            walking = any(isinstance(task.what, Listing) for task in self.open.values())
            if walking or self.dry or len(self.open) >= few:
                return []
            tasks = self.plan.owed()
            self.dry = not tasks
            return tasks
        self.dry = False
        if not self.begun:
            if tasks := self.plan.owed():
                return tasks
            self.begun = True
            tasks = [task for each in self.spider.asked() for task in self.plan.listing(each)]
            if tasks := tasks + list(self.plan.known_listings()):
                return tasks
        return self.plan.further() or None


class Collector:
    """Takes part in one run, until nothing is wanted any more or nobody is there to ask.

    ``attend`` is called once an hour: others look after the corpus when a run has ended.
    Raises :class:`StoreError`, :class:`RedisRefuses`, and :class:`InterruptedError` once it is to
    end.
    """

    def __init__(
        self,
        run: Run,
        exchange: Exchange,
        settings: Settings,
        ending: Event,
        attend: Callable[[], None],
    ) -> None:
        self._run = run
        self._attend = attend
        self._exchange = exchange
        self._settings = settings
        self._ending = ending
        self._silence_s = settings.getfloat("FINEWS_SILENCE")
        self._loader = SpiderLoader.from_settings(settings)
        self._crawls: list[_Crawl] = []
        self._known: set[str] = set()  # wishes
        self._came: dict[str, Came] = {}  # outcomes that are not taken yet, by token
        self._looked = self._heard = self._attended = time.monotonic()

    def work(self) -> None:
        """Give out and take in."""
        self._exchange.tell_rests(self._run.hosts.at_rest())
        self._adopt()
        while True:
            if self._ending.is_set():
                raise InterruptedError
            self._hear_wishes()
            self._go_on()
            wanted = any(crawl.wish for crawl in self._crawls)
            came = self._exchange.read(_NEWS_S if wanted else 0)
            if came:
                self._ending.wait(_MORE_S)
                came += self._exchange.read(0)
            self._take(came)
            if not (wanted or came):
                return
            if time.monotonic() - self._attended > _ATTEND_S:
                self._attended = time.monotonic()
                self._attend()
            if came:
                self._heard = time.monotonic()
            elif self._is_alone():
                self._run.stop("no worker is left")
                return
            elif time.monotonic() - self._looked > _LOOK * self._silence_s:
                self._look()

    def leave(self) -> None:
        """Have nothing done any more that was given out: the next run gives it out again."""
        for site in self._loader.list():
            given = self._exchange.given(site)
            self._exchange.take_back((stream, id_) for stream, id_, _ in given)

    def _hear_wishes(self) -> None:
        wishes = self._exchange.wishes()
        for id_, wish in wishes.items():
            if id_ not in self._known:
                self._begin(id_, wish)
        for crawl in list(self._crawls):
            for id_ in crawl.wishes - wishes.keys():
                if self._exchange.is_withdrawn(id_):
                    crawl.wishes.discard(id_)
                    self._known.discard(id_)
            if crawl.wish and not crawl.wishes:
                self._break_off(crawl)

    def _break_off(self, crawl: _Crawl) -> None:
        """Nobody waits for it any more: what is owed is for a later run."""
        self._crawls.remove(crawl)
        self._run.stop(f"nobody waits for the crawl of {crawl.site} any more")
        self._exchange.take_back(
            (stream, id_)
            for stream, id_, given in self._exchange.given(crawl.site)
            if given and given.token in crawl.open
        )

    def _begin(self, id_: str, wish: Wish | None) -> None:
        """Begin the crawl that somebody wants, or have him join one that is at work."""
        self._known.add(id_)
        if same := [crawl for crawl in self._crawls if wish and crawl.wish == wish]:
            same[0].wishes.add(id_)
            return
        if wish is None or wish.site not in self._loader.list():
            site, why = (wish.site, "there is no such site") if wish else ("", "it is no wish")
            self._fulfil(id_, site, Counter(), outcome="error", reason=why)
            return
        try:
            arguments = self._arguments(wish)
            crawl = arguments is not None and self._crawl(wish.site, arguments, wish)
        except (ValueError, TypeError) as error:  # TypeError: no argument of the spider
            self._fulfil(id_, wish.site, Counter(), outcome="error", reason=str(error))
            return
        if not crawl:
            self._run.idle()
            self._fulfil(id_, wish.site, self._counted(wish.site))
            return
        event("crawl-begun", f"{wish.site}: workers crawl it", site=wish.site)
        crawl.wishes.add(id_)
        crawl.plan.resume()
        self._run.unfinished.add(wish.site)

    def _arguments(self, wish: Wish) -> dict[str, str] | None:
        """The arguments of the spider; None where nothing is due."""
        if wish.retry:
            with writing(self._run.corpus):
                urls = ((wish.site, url) for url in wish.retry)
                make_due(self._run.corpus, urls, self._run.clock())
            self._exchange.exhume()
        if not wish.due:
            return wish.arguments
        task = {wish.site: {"listing": "", **wish.arguments}}
        due = due_tasks(self._run, task, self._settings, load().settings.polling)
        return due.get(wish.site)

    def _crawl(self, site: str, arguments: dict[str, str], wish: Wish | None) -> _Crawl:
        kind = self._loader.load(site)
        assert issubclass(kind, ListingSpider)
        crawler = Crawler(kind, self._settings)
        spider = kind.from_crawler(crawler, **arguments)
        beside = wish is None or any(each.site == site and each.wish for each in self._crawls)
        plan = Plan(self._run, spider, crawler.settings, beside=beside)
        crawl = _Crawl(site, wish, spider, plan, self._counted(site))
        self._crawls.append(crawl)
        self._exchange.open(site)
        return crawl

    def _adopt(self) -> None:
        """Take over the articles that an earlier run gave out, and what came of them; its walks
        begin anew. Whatever else Redis has is of no use.
        """
        given_out = dict[str, list[tuple[str, bytes, Given | None]]]()
        for site in self._loader.list():
            self._exchange.open(site)
            given_out[site] = self._exchange.given(site)
        # Behind the tasks: one that is done meanwhile is then in both, and not in neither.
        self._exchange.reread()
        came = list[Came]()
        while some := self._exchange.read(0):
            came += some
        outcomes = {given.token: each for each in came if (given := self._given(each))}
        self._exchange.taken(each.id for each in came if each not in outcomes.values())
        for site, tasks in given_out.items():
            places = dict[str, tuple[int, Task]]()
            for given in (*(each for _, _, each in tasks), *map(self._given, outcomes.values())):
                if given and (place := self._place(site, given)):
                    places[given.token] = place, given.task
            self._exchange.take_back(
                (stream, id_)
                for stream, id_, given in tasks
                if given is None or given.token not in places
            )
            if places:
                crawl = self._crawl(site, {"owed": "yes"}, None)
                crawl.open = {
                    token: places[token][1]
                    for token in sorted(places, key=lambda token: places[token][0])
                }
                known = places.keys() & outcomes.keys()
                self._came.update((token, outcomes.pop(token)) for token in known)
        self._exchange.taken(each.id for each in outcomes.values())

    def _place(self, site: str, given: Given) -> int | None:
        """Where the article stands among those that are owed; None where it does not."""
        if given.entry is None or given.look or given.entry.site != site:
            return None
        with writing(self._run.corpus):
            return self._run.frontier(site).adopt(given.entry)

    def _given(self, came: Came) -> Given | None:
        """The task of an outcome; one that has none is kept aside."""
        try:
            return given_of(came.fields)
        except ValueError as error:
            self._exchange.bury(came, str(error))
            return None

    def _go_on(self) -> None:
        """Give out what is to be asked for next; end the crawls that are done."""
        workers = self._exchange.workers()
        # What an earlier run left comes first, and is stored first.
        left = {crawl.site for crawl in self._crawls if crawl.wish is None}
        for crawl in list(self._crawls):
            if crawl.wish and crawl.site in left:
                continue
            tasks = crawl.next(max(_FEW, workers * _FEW_A_WORKER))
            if tasks is None:
                self._end(crawl)
            elif tasks:
                self._give(crawl, tasks)

    def _give(self, crawl: _Crawl, tasks: Iterable[Task]) -> None:
        if not crawl.open:
            crawl.since = time.monotonic()
        given = [Given.of(task, secrets.token_hex(8)) for task in tasks]
        crawl.open.update((each.token, each.task) for each in given)
        self._exchange.give(crawl.site, [(each, self._lane(each)) for each in given])

    def _lane(self, given: Given) -> Lane:
        if given.listing:
            return "listing"
        assert given.entry
        published = given.entry.published_at
        old = published and published < self._run.clock() - _FRESH
        return "backfill" if given.look or old else "fresh"

    def _end(self, crawl: _Crawl) -> None:
        self._crawls.remove(crawl)
        if not any(each.site == crawl.site for each in self._crawls):
            self._run.unfinished.discard(crawl.site)
        self._run.save()
        for id_ in crawl.wishes:
            self._fulfil(id_, crawl.site, crawl.before)

    def _fulfil(self, id_: str, site: str, before: Counter[str], **more: str) -> None:
        """Tell who waits how the crawl of a site went."""
        self._known.discard(id_)
        counts = self._counted(site)
        counts.subtract(before)
        gaps = [listing for of_site, listing in self._run.gaps if of_site == site]
        self._exchange.fulfil(
            id_,
            {
                "site": site,
                "run": self._run.id,
                "outcome": "finished",
                **{name: counts[name] for name in COUNTS if name != "found"},
                "resting": sorted(self._run.resting),
                "gaps": gaps,
                **more,
            },
        )

    def _counted(self, site: str) -> Counter[str]:
        """What the run has counted of a site."""
        counts = Counter[str]()
        for (of_site, _), own in self._run.tally.items():
            if of_site == site:
                counts.update(own)
        return counts

    def _take(self, came: Iterable[Came]) -> None:
        """Take what came, as far as it is its turn; give out what follows from it."""
        vain = []
        for each in came:
            given = self._given(each)
            if given and any(given.token in crawl.open for crawl in self._crawls):
                self._came[given.token] = each
            else:
                vain.append(each.id)  # nobody waits for it any more
        heard, following = list[_Heard](), list[tuple[_Crawl, list[Task]]]()
        for crawl in self._crawls:
            for task, outcome in self._in_order(crawl):
                heard.append(self._hear(crawl, task, outcome))
                following.append((crawl, heard[-1].following))
        self._store(heard)
        if heard:
            self._run.save()
        self._exchange.taken([*vain, *(each.came.id for each in heard)])
        for crawl, tasks in following:
            self._give(crawl, tasks)

    def _in_order(self, crawl: _Crawl) -> Iterator[tuple[Task, Came]]:
        """What came of a crawl's tasks, in the order in which they were given out."""
        late = time.monotonic() - crawl.since > _ORDER * self._silence_s
        for token in list(crawl.open):
            if came := self._came.pop(token, None):
                crawl.since = time.monotonic()
                yield crawl.open.pop(token), came
            elif not late:
                return

    def _hear(self, crawl: _Crawl, task: Task, came: Came) -> _Heard:
        """Let the plan know of an outcome."""
        try:
            outcome = outcome_of(came.fields)
            following = self._planned(crawl, task, outcome)
            for each in outcome.failures:
                if each.reason == Abandoned.reason:
                    self._exchange.bury(came, each.message)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others must go on
            if isinstance(task.what, Listing):
                crawl.plan.walks.failed(task.what)
            return _Heard(came, task, [self._broken(came, task, error)])
        now = self._run.clock()
        articles = [checked(each, now) for each in outcome.articles]
        records = [*outcome.pages, *articles, *outcome.looks, *outcome.failures]
        return _Heard(came, task, records, following)

    def _planned(self, crawl: _Crawl, task: Task, outcome: Outcome) -> list[Task]:
        """What follows from an outcome."""
        self._count(crawl.site, outcome)
        plan, what = crawl.plan, task.what
        found = [
            each
            for listing in outcome.discovered
            for each in plan.listing(listing, discovered=True)
        ]
        if isinstance(what, Listing):
            if outcome.fell_back:
                plan.walks.fell_back(what)
            if outcome.lost:
                plan.walks.failed(what)
            if outcome.walked:
                found += plan.walked(outcome.walked, outcome.entries, outcome.following)
        elif outcome.put_back:
            plan.put_back(what)
        return found

    def _count(self, site: str, outcome: Outcome) -> None:
        run = self._run
        run.counts.update(outcome.counts)
        for listing, counts in outcome.tally.items():
            run.tally[site, listing].update(counts)
        off = outcome.clock_off
        if off is not None and (run.clock_off is None or abs(off) < abs(run.clock_off)):
            run.clock_off = off
        for host, known in outcome.hosts.items():
            run.hosts.hear(host, known)
        for host in outcome.resting:
            if rest := run.hosts.rest(host):
                run.resting[host] = rest

    def _store(self, heard: Iterable[_Heard]) -> None:
        """Write all that was heard; what the database does not take is a failure by itself."""
        store = self._run.store
        try:
            for each in heard:
                for record in each.records:
                    store.add(record)
            store.flush()
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 -- which of them it is, tells the second try
            store.forget()
            for each in heard:
                self._store_alone(each)

    def _store_alone(self, heard: _Heard) -> None:
        store = self._run.store
        try:
            for record in heard.records:
                store.add(record)
            store.flush()
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 -- it must not stop the others
            store.forget()
            store.add(self._broken(heard.came, heard.task, error))
            store.flush()

    def _broken(self, came: Came, task: Task, error: Exception) -> Failure:
        """The failure of a task whose outcome cannot be taken; the outcome is kept aside."""
        told = f"{type(error).__name__}: {error}"
        self._exchange.bury(came, told)
        why = f"what came of it could not be taken: {told}"
        return failure_of(Abandoned(why, url=task.what.url), task)

    def _is_alone(self) -> bool:
        """Has there been no worker for a while?"""
        if self._exchange.workers():
            self._heard = time.monotonic()
        return time.monotonic() - self._heard > _ALONE * self._silence_s

    def _look(self) -> None:
        """Give out again what Redis lost, and take back what it has again though it was done."""
        self._looked = time.monotonic()
        asked = {token: crawl for crawl in self._crawls for token in crawl.open}
        there, vain = set[str](), list[tuple[str, bytes]]()
        for site in {crawl.site for crawl in self._crawls}:
            for stream, id_, given in self._exchange.given(site):
                if given and given.token in asked:
                    there.add(given.token)
                elif given:
                    vain.append((stream, id_))
        self._exchange.take_back(vain)
        # Behind the tasks: one that is done meanwhile is then in both, and not in neither.
        self._exchange.reread()
        while came := self._exchange.read(0):
            self._take(came)
        lost = dict[_Crawl, list[Given]]()
        for token, crawl in asked.items():
            if token in crawl.open and token not in there and token not in self._came:
                lost.setdefault(crawl, []).append(Given.of(crawl.open[token], token))
        if lost:
            told = "Redis lost tasks: they are given out again"
            event("redis-lost", told, level=logging.WARNING)
        for crawl, tasks in lost.items():
            self._exchange.open(crawl.site)
            self._exchange.give(crawl.site, [(each, self._lane(each)) for each in tasks])

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
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice

from scrapy.crawler import Crawler
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from crawler.collecting.crawl import Crawl
from crawler.collecting.intake import Heard, hear, store
from crawler.config_file import load
from crawler.errors import StoreError
from crawler.exchange.collector import Came, Ending, Exchange
from crawler.exchange.keys import Lane
from crawler.exchange.records import Given, Wish, given_of
from crawler.frontier.due import due_tasks
from crawler.frontier.plan import Plan, Task
from crawler.items import Entry, Listing
from crawler.log import event
from crawler.spiders.listing import ListingSpider
from pipelines.database.connect import writing
from pipelines.database.failures import make_due
from pipelines.database.frontier import Frontier
from pipelines.database.hosts import StoredHosts
from pipelines.database.ledger import COUNTS
from pipelines.run import Folder, Run

# What is younger comes first.
_FRESH = timedelta(days=2)
# So many tasks are given out before more are; more where there are many workers.
_FEW = 250
_FEW_A_WORKER = 8
# How often to hear of wishes, and how long to wait for outcomes.
_WISHES_S = 0.2
_NEWS_S = 0.5
# How long to wait for more where some came: one commit for all is cheaper than one for each.
_MORE_S = 0.05
_BATCH = 64  # outcomes that are unpacked at once
# Of the time after which a worker counts as dead: how often to look whether Redis still has what
# was given out; how long an outcome is waited for while later ones are there.
_LOOK, _ORDER = 1 / 3, 8


class Collector:
    """Plans and stores in an open folder, until nothing is wanted any more.

    Each crawl is a run: ``begun`` is called with it and its command, ``ended`` when it is over.
    Raises :class:`StoreError` and :class:`RedisRefuses`.
    """

    def __init__(
        self,
        folder: Folder,
        exchange: Exchange,
        settings: Settings,
        ending: Ending,
        begun: Callable[[Run, str], None],
        ended: Callable[[Run], None],
    ) -> None:
        self._folder = folder
        self._exchange = exchange
        self._settings = settings
        self._ending = ending
        self._begun = begun
        self._ended = ended
        self._silence_s = settings.getfloat("FINEWS_SILENCE")
        self._loader = SpiderLoader.from_settings(settings)
        self._crawls: list[Crawl] = []
        self._known: set[str] = set()  # wishes
        self._missed: dict[str, float] = {}  # since when a wish is not there any more
        self._came: dict[str, Came] = {}  # outcomes that are not taken yet, by token
        self._looked = self._heard = 0.0
        self._stored: Run | None = None  # the last that wrote
        self._run_id = 0

    def work(self) -> None:
        """Give out and take in."""
        try:
            self._tell_rests()
            self._adopt()
            while self._turn():
                self._check()
            self._leave()
        except StoreError as error:
            for crawl in self._crawls:
                crawl.run.error = error
            if not self._crawls:
                raise
        except InterruptedError:
            for crawl in self._crawls:
                crawl.run.stop("told to end")
        finally:
            for crawl in list(self._crawls):
                self._end(crawl)

    def number(self) -> int:
        """The number of the run at work at the moment."""
        return self._run_id

    def _check(self) -> None:
        if self._ending.is_set():
            raise InterruptedError

    def _turn(self) -> bool:
        """Hear what is wanted, give out, take in; False where nothing is wanted any more."""
        if time.monotonic() - self._heard > _WISHES_S:
            self._heard = time.monotonic()
            self._hear_wishes()
        self._go_on()
        wanted = any(crawl.wish for crawl in self._crawls)
        came = self._exchange.read(_NEWS_S if wanted else 0)
        if came:
            self._ending.wait(_MORE_S)
            came += self._exchange.read(0)
        self._take(came)
        if not came and time.monotonic() - self._looked > _LOOK * self._silence_s:
            self._look()
        return bool(wanted or came)

    def _leave(self) -> None:
        """Have nothing done any more that was given out: the next run gives it out again."""
        for site in self._loader.list():
            given = self._exchange.given(site)
            self._exchange.take_back((stream, id_) for stream, id_, _ in given)

    def _tell_rests(self) -> None:
        rests = StoredHosts(self._folder.corpus, self._folder.clock, 0).at_rest()
        self._exchange.tell_rests(rests)

    def _hear_wishes(self) -> None:
        wishes = self._exchange.wishes()
        for id_, wish in wishes.items():
            if id_ not in self._known:
                self._begin(id_, wish)
        for crawl in list(self._crawls):
            why = None
            for id_ in crawl.wishes - wishes.keys():
                why = self._exchange.why_withdrawn(id_)
                # Where Redis lost it, it will soon be said again.
                missed = self._missed.setdefault(id_, time.monotonic())
                if why or time.monotonic() - missed > self._silence_s:
                    crawl.wishes.discard(id_)
                    self._known.discard(id_)
                    del self._missed[id_]
            if crawl.wish and not crawl.wishes:
                self._break_off(crawl, why or "nobody waits for it any more")

    def _break_off(self, crawl: Crawl, why: str) -> None:
        """What is owed is for a later run."""
        crawl.run.stop(why)
        self._exchange.take_back(
            (stream, id_)
            for stream, id_, given in self._exchange.given(crawl.site)
            if given and given.token in crawl.open
        )
        self._end(crawl)

    def _begin(self, id_: str, wish: Wish | None) -> None:
        """Begin the crawl that somebody wants, or have him join one that is at work."""
        self._known.add(id_)
        if same := [crawl for crawl in self._crawls if wish and crawl.wish == wish]:
            same[0].wishes.add(id_)
            return
        if wish is None or wish.site not in self._loader.list():
            site, why = (wish.site, "there is no such site") if wish else ("", "it is no wish")
            self._refuse(id_, site, why)
            return
        command = f"collect {wish.site}" + (" --due" if wish.due else "")
        run = Run(self._folder, command)
        self._run_id = run.id
        self._begun(run, command)
        run.unfinished.add(wish.site)
        try:
            arguments = self._arguments(wish, run)
            nothing = {"owed": "yes"}
            crawl = self._crawl(wish.site, nothing if arguments is None else arguments, run, wish)
        except (ValueError, TypeError) as error:  # TypeError: no argument of the spider
            run.stop(str(error))
            run.end()
            self._refuse(id_, wish.site, str(error))
            return
        crawl.wishes.add(id_)
        if arguments is None:
            run.idle()
            run.unfinished.discard(wish.site)
            self._end(crawl)
        else:
            crawl.plan.resume()

    def _arguments(self, wish: Wish, run: Run) -> dict[str, str] | None:
        """The arguments of the spider; None where nothing is due."""
        if wish.retry:
            with writing(run.corpus):
                make_due(run.corpus, ((wish.site, url) for url in wish.retry), run.clock())
            self._exchange.exhume(wish.retry)
        if not wish.due:
            return wish.arguments
        task = {wish.site: {"listing": "", **wish.arguments}}
        due = due_tasks(run, task, self._settings, load().settings.polling).get(wish.site)
        if due is None or not due["listing"]:
            return due
        names = [name for name in due["listing"].split(",") if name not in self._walked(wish.site)]
        # What another crawl is walking at the moment is not due.
        return {**due, "listing": ",".join(names)} if names else None

    def _walked(self, site: str) -> set[str]:
        """The listings that are being walked."""
        found = (crawl.plan.walks.under_way for crawl in self._crawls if crawl.site == site)
        return set[str]().union(*found)

    def _crawl(self, site: str, arguments: dict[str, str], run: Run, wish: Wish | None) -> Crawl:
        kind = self._loader.load(site)
        assert issubclass(kind, ListingSpider)
        crawler = Crawler(kind, self._settings)
        spider = kind.from_crawler(crawler, **arguments)
        beside = wish is None or any(each.site == site and each.wish for each in self._crawls)
        plan = Plan(run, spider, crawler.settings, beside=beside)
        crawl = Crawl(site, wish, spider, run, plan)
        self._crawls.append(crawl)
        return crawl

    def _adopt(self) -> None:
        """Take over the articles that an earlier run gave out, and what came of them; its walks
        begin anew. Whatever else Redis has is of no use.
        """
        # Tasks before outcomes: what is done meanwhile is then in both, and not in neither.
        given_out = {site: self._exchange.given(site) for site in self._loader.list()}
        self._exchange.reread()
        came = self._all_that_came()
        outcomes = {given.token: each for each in came if (given := self._given(each))}
        done = [given for each in outcomes.values() if (given := self._given(each))]
        for site, tasks in given_out.items():
            crawl = self._left(site, [*done, *(each for _, _, each in tasks if each)])
            adopted = crawl.open if crawl else {}
            self._exchange.take_back(
                (stream, id_)
                for stream, id_, given in tasks
                if given is None or given.token not in adopted
            )
            self._came.update((token, outcomes[token]) for token in adopted if token in outcomes)
        kept = {each.id for each in self._came.values()}
        self._exchange.taken(each.id for each in came if each.id not in kept)

    def _left(self, site: str, given: Iterable[Given]) -> Crawl | None:
        """A crawl of those articles that are owed; None where none is."""
        frontier = Frontier(self._folder.corpus, site, 0, self._folder.clock)
        places = dict[str, tuple[int, Task]]()
        for each in given:
            ours = each.entry and not each.look and each.entry.site == site
            if ours and each.entry and (place := frontier.place(each.entry)):
                places[each.token] = place, each.task
        if not places:
            return None
        command = f"collect what was left of {site}"
        run = Run(self._folder, command)
        self._begun(run, command)
        run.counts["found"] += len(places)
        with writing(run.corpus):
            run.frontier(site).adopt(place for place, _ in places.values())
        crawl = self._crawl(site, {"owed": "yes"}, run, None)
        order = sorted(places, key=lambda token: places[token][0])
        crawl.open = {token: places[token][1] for token in order}
        return crawl

    def _all_that_came(self) -> list[Came]:
        came = list[Came]()
        while some := self._exchange.read(0):
            came += some
        return came

    def _given(self, came: Came) -> Given | None:
        """The task of an outcome; one that has none is kept aside."""
        try:
            return given_of(came.fields)
        except ValueError as error:
            self._exchange.bury(came, str(error))
            return None

    def _go_on(self) -> None:
        """Give out what is to be asked for next; end the crawls that are done."""
        # What an earlier run left comes first, and is stored first.
        left = {crawl.site for crawl in self._crawls if crawl.wish is None}
        few = max(_FEW, self._exchange.workers() * _FEW_A_WORKER)
        for crawl in list(self._crawls):
            if crawl.wish and crawl.site in left:
                continue
            self._run_id = crawl.run.id
            tasks = crawl.next(few)
            if tasks is None:
                crawl.run.unfinished.discard(crawl.site)
                self._end(crawl)
            elif tasks:
                self._give(crawl, tasks)

    def _give(self, crawl: Crawl, tasks: Iterable[Task]) -> None:
        """Give out tasks; no article that is asked for already, by whichever crawl."""
        asked = {
            task.what.info_code
            for each in self._crawls
            if each.site == crawl.site
            for task in each.open.values()
            if isinstance(task.what, Entry)
        }
        if not crawl.open:
            crawl.since = time.monotonic()
        given = [
            Given.of(task, secrets.token_hex(8))
            for task in tasks
            if isinstance(task.what, Listing) or task.what.info_code not in asked
        ]
        crawl.open.update((each.token, each.task) for each in given)
        self._exchange.give(crawl.site, [(each, self._lane(each)) for each in given])

    def _lane(self, given: Given) -> Lane:
        if given.listing:
            return "listing"
        assert given.entry
        published = given.entry.published_at
        old = published and published < self._folder.clock() - _FRESH
        return "backfill" if given.look or old else "fresh"

    def _end(self, crawl: Crawl) -> None:
        """The run of a crawl is over; tell who waits."""
        self._crawls.remove(crawl)
        crawl.run.end()
        for id_ in crawl.wishes:
            self._fulfil(id_, crawl)
        self._known -= crawl.wishes
        self._ended(crawl.run)

    def _fulfil(self, id_: str, crawl: Crawl) -> None:
        run = crawl.run
        if run.outcome != "finished":
            return  # it is wanted still: another run goes on with it
        summary = {
            "site": crawl.site,
            "run": run.id,
            "outcome": run.outcome,
            **{name: run.counts[name] for name in COUNTS},
            "resting": sorted(run.resting),
            "gaps": [listing for _, listing in run.gaps],
        }
        self._exchange.fulfil(id_, summary)

    def _refuse(self, id_: str, site: str, why: str) -> None:
        self._known.discard(id_)
        self._exchange.fulfil(id_, {"site": site, "run": None, "outcome": "error", "reason": why})

    def _take(self, came: Iterable[Came]) -> None:
        """Take what came, as far as it is its turn; give out what follows from it."""
        vain = []
        for each in came:
            given = self._given(each)
            waited = given and any(given.token in crawl.open for crawl in self._crawls)
            if given and waited:
                known = self._came.setdefault(given.token, each)
            if not waited or known.id != each.id:
                vain.append(each.id)  # nobody waits for it any more
        self._exchange.taken(vain)
        for crawl in list(self._crawls):
            outcomes = self._in_order(crawl)
            while batch := list(islice(outcomes, _BATCH)):
                self._run_id = crawl.run.id
                self._store(crawl, [hear(crawl, task, each) for task, each in batch])

    def _in_order(self, crawl: Crawl) -> Iterator[tuple[Task, Came]]:
        """What came of a crawl's tasks, in the order in which they were given out."""
        late = time.monotonic() - crawl.since > _ORDER * self._silence_s
        for token in list(crawl.open):
            if came := self._came.pop(token, None):
                crawl.since = time.monotonic()
                yield crawl.open.pop(token), came
            elif not late:
                return

    def _store(self, crawl: Crawl, heard: Sequence[Heard]) -> None:
        """Write what was heard; then it is gone from Redis, and what follows is given out."""
        run = crawl.run
        if self._stored is not run:
            run.store.refresh()
            self._stored = run
        heard = store(run, heard)
        run.save()
        for each in heard:
            if each.dead:
                self._exchange.bury(each.came, each.dead)
        self._exchange.taken(each.came.id for each in heard)
        self._give(crawl, [task for each in heard for task in each.following])

    def _look(self) -> None:
        """Give out again what Redis lost, and take back what it has again though it was done."""
        self._looked = time.monotonic()
        before = {token for crawl in self._crawls for token in crawl.open}
        # Tasks before outcomes, as above.
        tasks = [
            each
            for site in {crawl.site for crawl in self._crawls}
            for each in self._exchange.given(site)
        ]
        # All of them: where Redis lost the last, others may have come under lower numbers.
        self._exchange.reread()
        self._take(self._all_that_came())
        there = {given.token for _, _, given in tasks if given}
        asked = {token for crawl in self._crawls for token in crawl.open}
        self._exchange.take_back(
            (stream, id_) for stream, id_, given in tasks if given and given.token not in asked
        )
        for crawl in self._crawls:
            lost = [
                Given.of(task, token)
                for token, task in crawl.open.items()
                if token in before and token not in there and token not in self._came
            ]
            if lost:
                told = f"Redis lost {len(lost)} tasks: they are given out again"
                event("redis-lost", told, level=logging.WARNING, site=crawl.site)
                self._exchange.give(crawl.site, [(each, self._lane(each)) for each in lost])

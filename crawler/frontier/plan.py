"""What the crawl of one site asks for, by what the corpus knows and owes.

Tasks come from here, and what was shown goes back here: by the spider middleware where one
process does all (:mod:`crawler.middlewares.frontier`), by the collector where others ask
(:mod:`crawler.collecting.collector`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from scrapy.settings import BaseSettings

from crawler.frontier.desk import rests
from crawler.frontier.walks import Walks
from crawler.items import Entry, Failure, Listing, Look
from crawler.reading import failed
from crawler.spiders.listing import ListingSpider
from pipelines.database.connect import writing
from pipelines.run import Run

# How many articles are asked for at a time: bounds memory, whatever is owed.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Task:
    """Something to ask for: a page of a listing, or the article of an entry.

    ``look`` is the last look at an article that is stored, where this is a later one.
    """

    what: Listing | Entry
    look: Look | None = None


class Plan:
    """What one crawl of ``spider``'s site asks for, by its scope and ``settings``.

    First :meth:`resume`, then what is :meth:`owed` until nothing is, then the listings, and
    whenever all that was asked for has an outcome :meth:`further`, until that is empty.
    ``beside`` another crawl of the site it asks only for what its own walks find, what is to be
    tried again, and later looks. Raises :class:`crawler.errors.WriteFailed`.
    """

    def __init__(
        self, run: Run, spider: ListingSpider, settings: BaseSettings, *, beside: bool = False
    ) -> None:
        hours = settings.getlist("FINEWS_LOOKS")
        run.store.looks.times = [timedelta(hours=float(each)) for each in hours]
        run.hosts.rests = rests(settings)
        self._run = run
        self._spider = spider
        self._beside = beside
        self._frontier = run.frontier(spider.name)
        if beside:
            self._frontier.pass_over()
        self.walks = Walks(run, spider.name, self._frontier, spider.scope, spider.slack)

    def resume(self) -> None:
        """Take up what earlier runs left."""
        self.walks.settle()  # of a run that was killed behind its last article
        with writing(self._run.corpus):
            self._run.counts["found"] += self._frontier.revive()

    def owed(self) -> list[Task]:
        """The next articles that are owed; none while those asked for bring no more."""
        with writing(self._run.corpus):
            return [Task(entry) for entry in self._frontier.take(_CHUNK)]

    def listing(self, listing: Listing, *, discovered: bool = False) -> Iterator[Task]:
        """The first page of a listing, unless it is walked already or not wanted."""
        if self.walks.begin(listing, discovered=discovered):
            yield Task(listing)

    def known_listings(self) -> Iterator[Task]:
        """The listings that earlier runs found, once the site's own are asked for."""
        self.walks.begun = True
        own = {listing.name: listing for listing in self._spider.all_listings()}
        for listing in self._frontier.listings():
            yield from self.listing(own.get(listing.name, listing))

    def walked(
        self, listing: Listing, entries: Sequence[Entry], following: Sequence[Listing]
    ) -> Iterator[Task]:
        """Write what a page of a listing showed; its ``following`` page, unless the walk ends."""
        if self.walks.show(listing, entries, last=not following):
            yield from map(Task, following)

    def further(self) -> list[Task]:
        """All that was asked for has an outcome, and is in the store: what is still owed.

        Behind all else what hosts refused before, and later looks at what is stored. None:
        the crawl is done.
        """
        self._run.store.flush()
        self._run.save()
        tasks = self.owed() or self._left()
        if not tasks:
            self.walks.settle()
        return tasks

    def put_back(self, entry: Entry) -> None:
        """Its host went to rest at it: a later run asks for others first."""
        with writing(self._run.corpus):
            self._frontier.put_back(entry)

    def _left(self) -> list[Task]:
        with writing(self._run.corpus):
            # Of another crawl's, those that hosts refused are for that one.
            if not self._beside and (entries := self._frontier.take(_CHUNK, refused=True)):
                return [Task(entry) for entry in entries]
            return [Task(entry, look) for entry, look in self._frontier.looks(_CHUNK)]


def failure_of(error: Exception, task: Task) -> Failure:
    """The failure of a task that could not be asked for, or whose outcome could not be taken."""
    what = task.what
    if isinstance(what, Listing):
        return failed(error, site=what.site, url=what.url, listing=what.name, info_code=None)
    return failed(
        error, site=what.site, url=what.url, listing=what.listing, info_code=what.info_code
    )

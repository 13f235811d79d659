"""Between spider and scheduler: decides what is known, what is owed, when a walk is done.

A spider yields the listings it knows and what a listing page shows: entries, further
listings, the next page. This middleware writes them down, and asks for the articles
that are owed. Any spider gets that by yielding :class:`~crawler.items.Entry` records
and having ``listing_request`` and ``article_request``
(see :class:`crawler.spiders.listing.ListingSpider`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure as TwistedFailure

from crawler.errors import PageError, StoreError
from crawler.items import Article, Entry, Failure, Listing, Page
from crawler.middlewares.fetch import fetch_failed
from crawler.spiders.listing import ListingSpider
from pipelines.database.connect import writing
from pipelines.database.frontier import Frontier, Shown
from pipelines.run import Run
from pipelines.scrapy import StorePipeline

logger = logging.getLogger(__name__)

# How many articles are asked for at a time: bounds memory, whatever is owed.
_CHUNK = 500


@dataclass(slots=True)
class _Walk:
    id: int
    url: str
    goes_on: bool  # past known entries, since an earlier walk left a hole or all is asked for
    failed: bool = False


class FrontierMiddleware:
    """See the module. Without the store (``scrapy check``, ``scrapy shell``) it stands aside."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._walks: dict[str, _Walk] = {}
        self._frontier: Frontier | None = None
        crawler.signals.connect(self._idle, signals.spider_idle)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> FrontierMiddleware:
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """First what an earlier run left, then the listings."""
        if self._run is None:
            async for each in start:
                yield each
            return
        try:
            async for request in self._begin(self._run, start):
                yield request
        except StoreError as error:
            self._pipeline.give_up(error)

    async def _begin(self, run: Run, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        frontier = self._frontier = run.frontier(self._spider.name)
        with writing(run.corpus):
            run.counts["found"] += frontier.revive()
        while requests := self._owed():
            for request in requests:
                yield request
            await self._crawler.signals.wait_for(signals.scheduler_empty)
        async for each in start:
            if isinstance(each, Listing):
                for request in self._listing(each):
                    yield request
            else:
                yield each
        for listing in frontier.listings():
            for request in self._listing(listing):
                yield request

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        """Keep the page, take entries and listings out, hand on all else."""
        if self._frontier is None:
            async for each in result:
                yield each
            return
        try:
            async for each in self._taken(response, result):
                yield each
        except StoreError as error:
            self._pipeline.give_up(error)

    async def _taken(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        page = self._page(response)
        yield page
        entries: list[Entry] = []
        pages: list[Listing] = []
        async for each in result:
            match each:
                case Entry():
                    entries.append(each)
                case Listing(page=1):
                    # At once: it must be written before the article that comes with it.
                    for request in self._listing(each, discovered=True):
                        yield request
                case Listing():
                    pages.append(each)
                case Article():
                    entry = response.cb_kwargs.get("entry")
                    yield replace(each, listing=entry and entry.listing, page=page.sha256)
                case Failure():
                    yield replace(each, page=page.sha256)
                case _:
                    yield each
        for request in self._walked(response, entries, pages):
            yield request

    def process_spider_exception(
        self, response: Response, exception: Exception
    ) -> list[Failure] | None:
        """An error in a callback is the failure of that one page; the crawl goes on."""
        if self._frontier is None:
            return None
        assert response.request
        page = sha256(response.body).hexdigest()
        return [replace(each, page=page) for each in self._failed(exception, response.request)]

    def failed(self, failure: TwistedFailure) -> Iterator[Failure]:
        """Errback of every request made here: no usable answer came."""
        request: Request = failure.request  # type: ignore[attr-defined]
        assert failure.value
        yield from self._failed(fetch_failed(failure.value, request.url), request)

    def _failed(self, error: Exception, request: Request) -> Iterator[Failure]:
        try:
            yield self._failure(error, request)
        except StoreError as broken:
            self._pipeline.give_up(broken)

    def _failure(self, error: Exception, request: Request) -> Failure:
        entry, listing = request.cb_kwargs.get("entry"), request.cb_kwargs.get("listing")
        if listing and (walk := self._walks.get(listing.name)):
            assert self._run
            walk.failed = True
            with writing(self._run.corpus):
                self._run.ledger.end_walk(walk.id, "failed")
        if isinstance(error, PageError):
            reason, message, retry = error.reason, str(error), error.retry
        else:
            logger.error("unexpected error at %s", request.url, exc_info=error)
            reason, message, retry = "unexpected", f"{type(error).__name__}: {error}", True
        return Failure(
            site=self._spider.name,
            url=entry.url if entry else listing.url if listing else request.url,
            reason=reason,
            message=message,
            retry=retry,
            listing=entry.listing if entry else listing and listing.name,
            info_code=entry and entry.info_code,
        )

    def _idle(self) -> None:
        """All that was asked for has an outcome: write it, and ask for what is still owed."""
        if self._run is None or self._frontier is None or self._run.error:
            return
        try:
            self._run.store.flush()
            self._run.save()
            requests = self._owed()
        except StoreError as error:
            self._pipeline.give_up(error)
            return
        if requests:
            assert self._crawler.engine
            for request in requests:
                self._crawler.engine.crawl(request)
            raise DontCloseSpider
        self._run.unfinished.discard(self._spider.name)

    def _owed(self) -> list[Request]:
        assert self._run and self._frontier
        with writing(self._run.corpus):
            entries = self._frontier.take(_CHUNK)
        return [self._ours(self._spider.article_request(entry)) for entry in entries]

    def _listing(self, listing: Listing, *, discovered: bool = False) -> Iterator[Request]:
        """Begin the walk of a listing, once a run.

        One that was ``discovered`` is remembered at once: the page that told of it will
        not be read again. One that was asked for is when it has answered.
        """
        assert self._run and self._frontier
        scope, ledger = self._spider.scope, self._run.ledger
        if listing.name in self._walks or (scope.listings and listing.name not in scope.listings):
            return
        with writing(self._run.corpus):
            if discovered:
                self._frontier.add_listing(listing)
            whole = ledger.is_whole(listing.site, listing.name)
            walk = ledger.begin_walk(listing.site, listing.name)
        self._walks[listing.name] = _Walk(walk, listing.url, goes_on=scope.full or not whole)
        yield self._ours(self._spider.listing_request(listing))

    def _walked(
        self, response: Response, entries: list[Entry], pages: list[Listing]
    ) -> Iterator[Request]:
        """Write what a listing page showed; go on to the next page, or end the walk."""
        listing = response.cb_kwargs.get("listing")
        if listing is None:
            return
        assert self._run and self._frontier
        walk, run = self._walks[listing.name], self._run
        with writing(run.corpus):
            shown = self._frontier.show(entries, self._spider.scope)
            run.ledger.add_page(walk.id, len(entries), shown)
            outcome = self._outcome(walk, listing, shown, last=not pages)
            if not walk.failed:
                self._frontier.add_listing(replace(listing, url=walk.url, page=1))
                self._frontier.answered(listing.url)
                if outcome:
                    run.ledger.end_walk(walk.id, outcome)
        run.counts["found"] += shown.found
        run.skipped |= shown.skipped
        if not outcome:
            for page in pages:
                yield self._ours(self._spider.listing_request(page))

    def _outcome(self, walk: _Walk, listing: Listing, shown: Shown, *, last: bool) -> str | None:
        """Why the walk ends at this page of the listing; None when it goes on."""
        most = self._spider.scope.max_pages
        if last:
            return "end"
        if most and listing.page >= most:
            return "limit"
        return None if shown.new or walk.goes_on else "known"

    def _ours(self, request: Request) -> Request:
        """The frontier is the filter of duplicates, and hears of what fails."""
        return request.replace(dont_filter=True, errback=self.failed)

    def _page(self, response: Response) -> Page:
        entry = response.cb_kwargs.get("entry")
        assert self._run
        return Page(
            site=self._spider.name,
            url=response.url,
            status=response.status,
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, values in response.headers.items()
                for value in values
            ),
            body=response.body,
            sha256=sha256(response.body).hexdigest(),
            fetched_at=self._run.clock(),
            info_code=entry and entry.info_code,
        )

    @property
    def _spider(self) -> ListingSpider:
        spider = self._crawler.spider
        assert isinstance(spider, ListingSpider)
        return spider

    @property
    def _pipeline(self) -> StorePipeline:
        pipeline = self._crawler.get_item_pipeline(StorePipeline)
        assert pipeline is not None
        return pipeline

    @property
    def _run(self) -> Run | None:
        pipeline = self._crawler.get_item_pipeline(StorePipeline)
        return pipeline.run if pipeline else None

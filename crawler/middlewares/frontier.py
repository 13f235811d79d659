"""Between spider and scheduler: decides what is known, what is owed, when a walk is done.

A spider yields the listings it knows and what a listing page shows: entries, further
listings, the next page. This middleware writes them down, and asks for the articles
that are owed. It tells :mod:`pipelines.database.hosts` which hosts answer and which refuse.
Any spider gets that by yielding :class:`~crawler.items.Entry` records and having
``listing_request`` and ``article_request`` (see :class:`crawler.spiders.listing.ListingSpider`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure as TwistedFailure

from crawler.errors import PageError, StoreError
from crawler.items import Article, Entry, Failure, Listing, Look, Page
from crawler.middlewares.fetch import fetch_failed
from crawler.middlewares.setbacks import FIRST, LOOK, Outcome, Setbacks
from crawler.middlewares.walks import Walks
from crawler.spiders.listing import ListingSpider
from pipelines.database.connect import writing
from pipelines.database.frontier import Frontier
from pipelines.run import Run
from pipelines.scrapy import StorePipeline, run_of

logger = logging.getLogger(__name__)

# How many articles are asked for at a time: bounds memory, whatever is owed.
_CHUNK = 500
_NOT_MODIFIED = 304
_FAILED = "finews-failed"  # flag of a response
_CARRIED = frozenset({FIRST, LOOK})


class FrontierMiddleware:
    """See the module. Without the store (``scrapy check``, ``scrapy shell``) it stands aside."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._frontier: Frontier | None = None
        self._walks: Walks
        self._setbacks: Setbacks
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
        spider = self._spider
        frontier = self._frontier = run.frontier(spider.name)
        self._walks = Walks(run, spider.name, frontier, spider.scope, spider.slack)
        rests = self._crawler.settings.getlist("FINEWS_RESTS")
        hours = self._crawler.settings.getlist("FINEWS_LOOKS")
        run.store.looks.times = [timedelta(hours=float(each)) for each in hours]
        run.hosts.rests = [timedelta(seconds=float(each)) for each in rests]
        self._setbacks = Setbacks(
            spider,
            run,
            self._walks,
            self._ours,
            self._put_back,
            retries=self._crawler.settings.getint("RETRY_TIMES"),
        )
        self._walks.settle()  # of a run that was killed behind its last article
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
        self._walks.begun = True
        own = {listing.name: listing for listing in spider.all_listings()}
        for listing in frontier.listings():
            for request in self._listing(own.get(listing.name, listing)):
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
            if response.status == _NOT_MODIFIED and response.request:
                for each in (_look(response), *self._setbacks.answered(response.request)):
                    yield each
                return
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
                case Article(listing=None):
                    entry = response.cb_kwargs.get("entry")
                    yield replace(each, listing=entry and entry.listing, page=page.sha256)
                    yield _look(response)
                case Failure():
                    yield replace(each, page=page.sha256)
                case Request(errback=None):
                    # The rest of a page: what is known of the request for its beginning.
                    known = {name: response.meta[name] for name in _CARRIED & response.meta.keys()}
                    yield self._ours(each.replace(meta={**known, **each.meta}))
                case _:
                    yield each
        if _FAILED not in response.flags:
            for request in self._walked(response, entries, pages):
                yield request
            assert response.request
            for each in self._setbacks.answered(response.request):
                yield each

    def process_spider_exception(
        self, response: Response, exception: Exception
    ) -> list[Outcome] | None:
        """An error in a callback is the failure of that one page; the crawl goes on."""
        if self._frontier is None:
            return None
        assert response.request
        # What the callback yielded before is taken as it is, without an end of its page.
        response.flags.append(_FAILED)
        if isinstance(exception, PageError):
            exception.page = sha256(response.body).hexdigest()
        return list(self._failed(exception, response.request))

    def failed(self, failure: TwistedFailure) -> Iterator[Outcome]:
        """Errback of every request made here: no usable answer came."""
        request: Request = failure.request  # type: ignore[attr-defined]
        assert failure.value
        if isinstance(failure.value, StoreError):
            self._pipeline.give_up(failure.value)
            return
        if isinstance(failure.value, HttpError):
            failure.value.response.flags.append(_FAILED)
        yield from self._failed(fetch_failed(failure.value, request.url), request)

    def _failed(self, error: Exception, request: Request) -> Iterator[Outcome]:
        try:
            yield from self._setbacks.met(error, request)
        except StoreError as broken:
            self._pipeline.give_up(broken)

    def _idle(self) -> None:
        """All that was asked for has an outcome: write it, and ask for what is still owed."""
        if self._run is None or self._frontier is None or self._run.error:
            return
        requests: list[Request] = []
        try:
            for each in self._setbacks.settled():
                if isinstance(each, Request):
                    requests.append(each)
                else:
                    self._run.store.add(each)
            self._run.store.flush()
            self._run.save()
            requests += self._owed() or self._left()
            if not requests:
                self._walks.settle()
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

    def _left(self) -> list[Request]:
        """Behind all else: what hosts refused before, and later looks at what is stored."""
        assert self._run and self._frontier
        with writing(self._run.corpus):
            if entries := self._frontier.take(_CHUNK, refused=True):
                return [self._ours(self._spider.article_request(entry)) for entry in entries]
            looks = self._frontier.looks(_CHUNK)
        return [self._look_again(entry, look) for entry, look in looks]

    def _put_back(self, entry: Entry) -> None:
        assert self._run and self._frontier
        with writing(self._run.corpus):
            self._frontier.put_back(entry)

    def _look_again(self, entry: Entry, look: Look) -> Request:
        request = self._ours(self._spider.article_request(entry))
        if look.etag:
            request.headers["If-None-Match"] = look.etag
        if look.last_modified:
            request.headers["If-Modified-Since"] = look.last_modified
        request.meta.update({LOOK: look, "handle_httpstatus_list": [_NOT_MODIFIED]})
        return request

    def _listing(self, listing: Listing, *, discovered: bool = False) -> Iterator[Request]:
        if self._walks.begin(listing, discovered=discovered):
            yield self._ours(self._spider.listing_request(listing))

    def _walked(
        self, response: Response, entries: list[Entry], pages: list[Listing]
    ) -> Iterator[Request]:
        """Write what a listing page showed; go on to the next page, unless the walk ends."""
        listing = response.cb_kwargs.get("listing")
        if listing and self._walks.show(listing, entries, last=not pages):
            for page in pages:
                yield self._ours(self._spider.listing_request(page))

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
        return run_of(self._crawler)


def _look(response: Response) -> Look:
    """That an article was looked at, by the answer to it."""
    entry: Entry = response.cb_kwargs["entry"]
    asked: Look | None = response.meta.get(LOOK)
    if response.status == _NOT_MODIFIED and asked:
        return replace(asked, url=entry.url)
    # Validators are those of one address; of another way to the article they say nothing.
    own = response.request is not None and FIRST not in response.request.meta
    etag, modified = (
        (response.headers.get(name) or b"").decode("latin-1") or None if own else None
        for name in ("ETag", "Last-Modified")
    )
    return Look(entry.info_code or "", entry.url, etag, modified)

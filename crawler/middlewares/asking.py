"""Makes requests of tasks and takes what they bring, for whoever decides what is asked for.

A spider yields the listings it knows and what a listing page shows: entries, further
listings, the next page. Any spider is served that yields :class:`~crawler.items.Entry` records
and has ``listing_request`` and ``article_request``
(see :class:`crawler.spiders.listing.ListingSpider`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure as TwistedFailure

from crawler.errors import PageError
from crawler.frontier.desk import Desk
from crawler.frontier.fetch import fetch_failed
from crawler.frontier.plan import Task
from crawler.frontier.setbacks import FIRST, LOOK, TASK, Fate, Setbacks
from crawler.items import Article, Entry, Listing, Look, Page
from crawler.spiders.listing import ListingSpider

_NOT_MODIFIED = 304
_FAILED = "finews-failed"  # flag of a response
_CARRIED = frozenset({FIRST, LOOK, TASK})


class AskingMiddleware(ABC):
    """A spider middleware; it hears itself what :class:`Setbacks` has to tell."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._setbacks: Setbacks | None = None
        crawler.signals.connect(self._idle, signals.spider_idle)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def request(self, task: Task) -> Request:
        """How a task is asked for."""
        if isinstance(task.what, Listing):
            return self._ours(self._spider.listing_request(task.what))
        request = self._ours(self._spider.article_request(task.what))
        if look := task.look:
            if look.etag:
                request.headers["If-None-Match"] = look.etag
            if look.last_modified:
                request.headers["If-Modified-Since"] = look.last_modified
            request.meta.update({LOOK: look, "handle_httpstatus_list": [_NOT_MODIFIED]})
        return request

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        """Keep the page, take entries and listings out, hand on all else."""
        if self._setbacks is None:
            async for each in result:
                yield each
        elif response.status == _NOT_MODIFIED:
            yield _look(response)
            for each in self._answered(response):
                yield each
        else:
            async for each in self._taken(response, result):
                yield each

    async def _taken(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        page = self._page(response)
        self._keep(page, response)
        entries: list[Entry] = []
        pages: list[Listing] = []
        async for each in result:
            match each:
                case Entry():
                    entries.append(each)
                case Listing(page=1):
                    # At once: it must be written before the article that comes with it.
                    for request in self._discovered(each, response):
                        yield request
                case Listing():
                    pages.append(each)
                case Article(listing=None):
                    entry = response.cb_kwargs.get("entry")
                    yield replace(each, listing=entry and entry.listing, page=page.sha256)
                    yield _look(response)
                case Request(errback=None):
                    # The rest of a page: what is known of the request for its beginning.
                    known = {name: response.meta[name] for name in _CARRIED & response.meta.keys()}
                    yield self._rest(self._ours(each.replace(meta={**known, **each.meta})))
                case _:
                    yield each
        if _FAILED not in response.flags:
            if listing := response.cb_kwargs.get("listing"):
                for request in self._walked(response, listing, entries, pages):
                    yield request
            for each in self._answered(response):
                yield each

    def _answered(self, response: Response) -> Iterator[Any]:
        assert self._setbacks and response.request
        yield from self._settle(self._setbacks.answered(response.request))

    def process_spider_exception(
        self, response: Response, exception: Exception
    ) -> list[Any] | None:
        """An error in a callback is the failure of that one page; the crawl goes on."""
        if self._setbacks is None:
            return None
        assert response.request
        # What the callback yielded before is taken as it is, without an end of its page.
        response.flags.append(_FAILED)
        if isinstance(exception, PageError):
            exception.page = sha256(response.body).hexdigest()
        return list(self._settle(self._setbacks.met(exception, response.request)))

    def failed(self, failure: TwistedFailure) -> Iterator[Any]:
        """Errback of every request made here: no usable answer came."""
        assert self._setbacks and failure.value
        request: Request = failure.request  # type: ignore[attr-defined]
        error = fetch_failed(failure.value, request.url)
        if isinstance(failure.value, HttpError):
            failure.value.response.flags.append(_FAILED)
            error.page = sha256(failure.value.response.body).hexdigest()
        yield from self._settle(self._setbacks.met(error, request))

    def _begin(self, desk: Desk) -> None:
        """From now on requests are made and taken."""
        retries = self._crawler.settings.getint("RETRY_TIMES")
        self._setbacks = Setbacks(self._spider, desk, self, self._ours, retries=retries)

    @abstractmethod
    def fell_back(self, request: Request) -> None: ...
    @abstractmethod
    def lost(self, request: Request) -> None: ...
    @abstractmethod
    def put_back(self, request: Request) -> None: ...

    @abstractmethod
    def _idle(self) -> None:
        """All requests that were made have come to an end."""

    @abstractmethod
    def _now(self) -> datetime:
        """The time now, aware."""

    @abstractmethod
    def _keep(self, page: Page, response: Response, /) -> None:
        """Keep an answer, before anything that is made of it."""

    @abstractmethod
    def _settle(self, fates: Iterable[Fate]) -> Iterator[Any]:
        """Requests came to their ends: what is to be asked for or to be kept."""

    @abstractmethod
    def _discovered(self, listing: Listing, response: Response, /) -> Iterator[Request]:
        """A page tells of a listing."""

    @abstractmethod
    def _walked(
        self,
        response: Response,
        listing: Listing,
        entries: Sequence[Entry],
        pages: Sequence[Listing],
        /,
    ) -> Iterator[Request]:
        """A page of a listing shows entries, and that ``pages`` follow."""

    def _rest(self, request: Request) -> Request:
        """A request for the rest of what another one brought."""
        return request

    def _ours(self, request: Request) -> Request:
        """The frontier is the filter of duplicates, and hears of what fails."""
        request.dont_filter, request.errback = True, self.failed
        return request

    def _page(self, response: Response) -> Page:
        entry = response.cb_kwargs.get("entry")
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
            fetched_at=self._now(),
            info_code=entry and entry.info_code,
        )

    @property
    def _spider(self) -> ListingSpider:
        spider = self._crawler.spider
        assert isinstance(spider, ListingSpider)
        return spider


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

"""What did not come: refusals and rests of hosts, other ways to a page, and failures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from scrapy import Request

from crawler.errors import FetchFailed, HostAtRest, PageError
from crawler.items import Article, Entry, Failure, Listing
from crawler.middlewares.walks import Walks
from crawler.reading import failed
from crawler.spiders.listing import ListingSpider
from pipelines.database.hosts import Hosts

logger = logging.getLogger(__name__)

Outcome: TypeAlias = Failure | Article | Request

# In the meta of a request that is a second way: what the first one failed with.
_FIRST = "finews_first_error"


class _Refused(NamedTuple):
    error: PageError
    request: Request


class Setbacks:
    """Decides what becomes of a request that brought nothing.

    ``ours`` makes a request one of the frontier. Raises :class:`crawler.errors.WriteFailed`.
    """

    def __init__(
        self,
        spider: ListingSpider,
        hosts: Hosts,
        walks: Walks,
        ours: Callable[[Request], Request],
    ) -> None:
        self._spider = spider
        self._hosts = hosts
        self._walks = walks
        self._ours = ours
        # Refused requests by host: whether it is the page's doing or the host's, the next
        # answers of that host tell.
        self._refused: dict[str, list[_Refused]] = {}

    def met(self, error: Exception, request: Request) -> Iterator[Outcome]:
        """A request failed."""
        if not isinstance(error, PageError):
            logger.error("unexpected error at %s", request.url, exc_info=error)
            yield self._failure(error, request)
        elif error.refusal:
            yield from self._turned_away(error, request)
        elif isinstance(error, HostAtRest):
            yield from self._left_alone(error, request)
        else:
            yield from self._gone_wrong(error, request)

    def answered(self, request: Request) -> Iterator[Outcome]:
        """A request brought what it should: what its host refused before was of those pages."""
        host = _host(request)
        self._hosts.answered(host)
        for error, refused in self._refused.pop(host, ()):
            yield from self._gone_wrong(error, refused)

    def settled(self) -> Iterator[Outcome]:
        """Nothing more is to come: refusals that no answer explained are of their pages."""
        refused = [each for host in list(self._refused) for each in self._refused.pop(host)]
        for error, request in refused:
            yield from self._gone_wrong(error, request)

    def _turned_away(self, error: PageError, request: Request) -> Iterator[Outcome]:
        host = _host(request)
        self._hosts.refused(host, error.reason, error.wait)
        self._refused.setdefault(host, []).append(_Refused(error, request))
        if self._hosts.rest(host):
            for each in self._refused.pop(host):
                # The guest middleware holds it until the rest is over, or turns it away.
                yield each.request.replace(meta=_without_retries(each.request))

    def _left_alone(self, error: PageError, request: Request) -> Iterator[Outcome]:
        """Its host rests: another way, or a later run. An article stays owed."""
        others = list(self._others(error, request))
        yield from others
        listing = request.cb_kwargs.get("listing")
        if listing and not others:
            self._walks.failed(listing)
            yield self._failure(error, request)

    def _gone_wrong(self, error: PageError, request: Request) -> Iterator[Outcome]:
        """One page failed: another way to it, and the failure where that should be known."""
        first: PageError | None = request.meta.get(_FIRST)
        if first and not isinstance(first, FetchFailed):
            return  # that of the way which should have brought it is recorded already
        listing = request.cb_kwargs.get("listing")
        if listing and listing.page > 1 and error.reason == "http-404":
            self._walks.end(listing, "end")  # pages are counted up until there are no more
            return
        others = list(self._others(error, request))
        if not others or not isinstance(error, FetchFailed):
            # Of two ways that failed, the one that may bring it yet.
            told = first if first and first.retry and not isinstance(first, HostAtRest) else error
            if listing and not others:
                self._walks.failed(listing)
            yield self._failure(told, request)
        yield from others

    def _others(self, error: PageError, request: Request) -> Iterator[Article | Request]:
        if _FIRST in request.meta:
            return
        listing: Listing | None = request.cb_kwargs.get("listing")
        entry: Entry | None = request.cb_kwargs.get("entry")
        for other in self._spider.fall_back(request, error):
            if isinstance(other, Article):
                yield replace(other, listing=entry.listing if entry else None)
                continue
            if listing:
                self._walks.fell_back(listing)
            yield self._ours(other.replace(meta={**other.meta, _FIRST: error}))

    def _failure(self, error: Exception, request: Request) -> Failure:
        entry, listing = request.cb_kwargs.get("entry"), request.cb_kwargs.get("listing")
        if listing and not isinstance(error, PageError):
            self._walks.failed(listing)
        return failed(
            error,
            site=self._spider.name,
            url=entry.url if entry else listing.url if listing else request.url,
            listing=entry.listing if entry else listing and listing.name,
            info_code=entry and entry.info_code,
        )


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc


def _without_retries(request: Request) -> dict[str, Any]:
    return {name: value for name, value in request.meta.items() if name != "retry_times"}

"""What did not come: refusals and rests of hosts, other ways to a page, and failures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from traceback import format_exception
from typing import NamedTuple, Protocol, TypeAlias
from urllib.parse import urlsplit

from scrapy import Request

from crawler.errors import FetchFailed, HostAtRest, PageError
from crawler.frontier.desk import Desk
from crawler.items import Article, Entry, Failure, Listing, Look
from crawler.log import event
from crawler.reading import failed
from crawler.spiders.listing import ListingSpider

logger = logging.getLogger(__name__)

Outcome: TypeAlias = Failure | Article | Look | Request

# In the meta of requests. Of a second way: what the first one failed with.
FIRST = "finews_first_error"
# Of a request for an article that is stored: the last look at it.
LOOK = "finews_look"
# Of the task that a worker asks for it by.
TASK = "finews_task"
# How often it was asked again in this run.
_AGAIN = "finews_asked_again"
# It is one of those at which its host went to rest.
_REFUSED = "finews_refused"
_LATER = -1  # priority: behind all else that waits
_GONE = frozenset({"gone", "http-404", "http-410"})


class _Refused(NamedTuple):
    error: PageError
    request: Request


class Fate(NamedTuple):
    """What became of a request: records, and requests that take its place.

    Each request that was made here has one in the end; where none comes at once, its host's next
    answers decide.
    """

    request: Request
    outcomes: Sequence[Outcome] = ()


class Hearer(Protocol):
    """Hears of requests what the frontier must know."""

    def fell_back(self, request: Request) -> None:
        """A listing goes on with pages that do not reach as far as it does."""

    def lost(self, request: Request) -> None:
        """A page of a listing did not come."""

    def put_back(self, request: Request) -> None:
        """An article was not asked for, since its host went to rest at it."""


class Setbacks:
    """Decides what becomes of a request that brought nothing.

    ``ours`` makes a request one of the frontier. Raises :class:`crawler.errors.WriteFailed`.
    """

    def __init__(
        self,
        spider: ListingSpider,
        desk: Desk,
        hearer: Hearer,
        ours: Callable[[Request], Request],
        *,
        retries: int,
    ) -> None:
        self._spider = spider
        self._desk = desk
        self._hosts = desk.hosts
        self._hearer = hearer
        self._ours = ours
        self._retries = retries
        # Refused requests by host: whether it is the page's doing or the host's, the next
        # answers of that host tell.
        self._refused: dict[str, list[_Refused]] = {}

    def met(self, error: Exception, request: Request) -> Iterator[Fate]:
        """A request failed."""
        if not isinstance(error, PageError):
            logger.error("unexpected error at %s", request.url, exc_info=error)
            trace = "".join(format_exception(error))
            told = f"unexpected error at {request.url}: {error!r}"
            event("unexpected", told, level=logging.WARNING, url=request.url, trace=trace)
            yield Fate(request, [*self._spent(error, request)])
        elif error.refusal:
            self._count(request)
            yield from self._turned_away(error, request)
        elif isinstance(error, HostAtRest):
            yield Fate(request, [*self._left_alone(error, request)])
        else:
            yield Fate(request, [*self._gone_wrong(error, request)])

    def _count(self, request: Request) -> None:
        entry, listing = request.cb_kwargs.get("entry"), request.cb_kwargs.get("listing")
        name = entry.listing if entry else listing.name if listing else ""
        self._desk.counts["refusals"] += 1
        self._desk.tally[self._spider.name, name]["refusals"] += 1

    def answered(self, request: Request) -> Iterator[Fate]:
        """A request brought what it should: what its host refused before was of those pages."""
        host = _host(request)
        self._hosts.answered(host)
        for error, refused in self._refused.pop(host, ()):
            yield Fate(refused, [*self._gone_wrong(error, refused)])
        first: PageError | None = request.meta.get(FIRST)
        if first and not isinstance(first, FetchFailed):
            # This way brought it; that the other one broke must be known all the same.
            yield Fate(request, [replace(self._failure(first, request), url=first.url)])
        else:
            yield Fate(request)

    def settled(self) -> Iterator[Fate]:
        """Nothing more is to come: refusals that no answer explained are of their pages."""
        refused = [each for host in list(self._refused) for each in self._refused.pop(host)]
        for error, request in refused:
            yield Fate(request, [*self._gone_wrong(error, request)])

    def _turned_away(self, error: PageError, request: Request) -> Iterator[Fate]:
        host, entry = _host(request), request.cb_kwargs.get("entry")
        outright = error.wait or error.reason == "http-429"
        if not outright and ((entry and entry.attempts) or _AGAIN in request.meta):
            # It failed before, and says nothing new of its host.
            yield Fate(request, [*self._gone_wrong(error, request)])
            return
        self._hosts.refused(host, error.reason, error.wait, self._spider.name)
        self._refused.setdefault(host, []).append(_Refused(error, request))
        if self._hosts.rest(host):
            for _, refused in self._refused.pop(host):
                # The guest middleware holds it until the rest is over, or turns it away.
                yield Fate(refused, [refused.replace(meta={**refused.meta, _REFUSED: True})])

    def _left_alone(self, error: PageError, request: Request) -> Iterator[Outcome]:
        """Its host rests: another way, or a later run. An article stays owed."""
        if request.cb_kwargs.get("entry") and request.meta.get(_REFUSED):
            self._hearer.put_back(request)
        others = list(self._others(error, request))
        yield from others
        if not others and request.cb_kwargs.get("listing"):
            yield self._failed(error, request)

    def _gone_wrong(self, error: PageError, request: Request) -> Iterator[Outcome]:
        """One page failed: once more, another way to it, or the failure."""
        times = request.meta.get(_AGAIN, 0)
        if error.retry and _may_pass(error) and times < self._retries:
            meta = {**request.meta, _AGAIN: times + 1}
            yield request.replace(meta=meta, priority=request.priority + _LATER)
            return
        if others := list(self._others(error, request)):
            yield from others
            return
        first: PageError | None = request.meta.get(FIRST)
        if isinstance(first, HostAtRest) and not request.cb_kwargs.get("listing"):
            return  # owed: the way that should bring it was not tried
        # Of two ways that failed, the one that may bring it yet.
        told = first if first and first.retry and not isinstance(first, HostAtRest) else error
        yield from self._spent(told, request)

    def _spent(self, error: Exception, request: Request) -> Iterator[Outcome]:
        """The failure; of a later look that it was taken, and what we have is none the worse."""
        look: Look | None = request.meta.get(LOOK)
        told = list(self._told_elsewhere(error, request))
        if not ((look or told) and isinstance(error, FetchFailed)):
            yield self._failed(error, request)
        yield from told
        if look:
            yield replace(look, gone=isinstance(error, FetchFailed) and error.reason in _GONE)

    def _others(self, error: PageError, request: Request) -> Iterator[Article | Request]:
        if FIRST in request.meta:
            return
        listing: Listing | None = request.cb_kwargs.get("listing")
        entry: Entry | None = request.cb_kwargs.get("entry")
        for other in self._spider.fall_back(request, error):
            if isinstance(other, Article):
                yield replace(other, listing=entry.listing if entry else None)
                continue
            if listing:
                self._hearer.fell_back(request)
            known = {name: request.meta[name] for name in (LOOK, TASK) if name in request.meta}
            yield self._ours(other.replace(meta={**other.meta, **known, FIRST: error}))

    def _told_elsewhere(self, error: Exception, request: Request) -> Iterator[Article]:
        """The article as another listing tells it itself, which shows the same address: as if
        that one had shown it after this failed.
        """
        first, entry = request.meta.get(FIRST, error), request.cb_kwargs.get("entry")
        if not (entry and isinstance(first, PageError)):
            return
        for each in entry.elsewhere:
            for other in self._spider.fall_back(request.replace(cb_kwargs={"entry": each}), first):
                if isinstance(other, Article):
                    yield replace(other, listing=each.listing)
                    return

    def _failed(self, error: Exception, request: Request) -> Failure:
        if request.cb_kwargs.get("listing"):
            self._hearer.lost(request)
        return self._failure(error, request)

    def _failure(self, error: Exception, request: Request) -> Failure:
        entry, listing = request.cb_kwargs.get("entry"), request.cb_kwargs.get("listing")
        return failed(
            error,
            site=self._spider.name,
            url=entry.url if entry else listing.url if listing else request.url,
            listing=entry.listing if entry else listing and listing.name,
            info_code=entry and entry.info_code,
        )


def _may_pass(error: PageError) -> bool:
    """May the same request bring more in a while? A clear answer would be the same."""
    return isinstance(error, FetchFailed) and error.reason not in ("http-403", "redirects", "gone")


def _host(request: Request) -> str:
    return urlsplit(request.url).netloc

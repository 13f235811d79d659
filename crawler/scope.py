"""What a crawl was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from crawler.items import Entry
from crawler.parsers.dates import SHANGHAI, read_bound

_YES = ("1", "true", "yes")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a crawl was asked for. Times are aware; None means no bound, empty means all.

    ``full`` looks again at articles that are stored; ``max_pages`` bounds the pages of
    each listing; ``owed`` asks for what is owed, and walks no listing but those named;
    ``off`` are listings that are walked only when they are named. An entry is outside only when
    its listing tells so: by its time, or by a day that lies wholly outside.
    """

    listings: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    full: bool = False
    max_pages: int | None = None
    owed: bool = False
    off: frozenset[str] = frozenset()

    @classmethod
    def read(
        cls,
        *,
        listings: Iterable[str],
        since: str,
        until: str,
        full: str,
        max_pages: str,
        owed: str = "",
    ) -> Scope:
        """A scope from texts, as a command line gives them; "" means not given.

        Raises :class:`ValueError` with a sentence that says which one is wrong.
        """
        if max_pages and not (max_pages.isdecimal() and int(max_pages)):
            raise ValueError(f"max_pages must be a number of 1 or more, not {max_pages!r}")
        return cls(
            listings=frozenset(listings),
            since=read_bound(since) if since else None,
            until=read_bound(until, end=True) if until else None,
            full=full.lower() in _YES,
            max_pages=int(max_pages) if max_pages else None,
            owed=owed.lower() in _YES,
        )

    def walks(self, listing: str) -> bool:
        """Is the listing of this name to be walked?"""
        if self.listings:
            return listing in self.listings
        return not self.owed and listing not in self.off

    def holds(self, entry: Entry) -> bool:
        """May the entry's article lie within ``since`` and ``until``?"""
        first = span(entry)[0]
        return not (self.until and first and first > self.until) and not self.is_past(entry)

    def is_past(self, entry: Entry) -> bool:
        """Did the article certainly appear before ``since``, by what its listing tells?"""
        last = span(entry)[1]
        return bool(self.since and last and last < self.since)


def span(entry: Entry) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment at which an article may have appeared, as far as told."""
    if entry.published_at:
        return entry.published_at, entry.published_at
    if entry.day:
        first = datetime.combine(entry.day, time.min, tzinfo=SHANGHAI)
        return first, first + timedelta(days=1, microseconds=-1)
    return None, None

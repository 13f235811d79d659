"""Coverage: for each listing the spans of time of which all that it showed is stored.

A walk that got as far as it should leaves its span; it becomes part of the coverage when
each of the listing's entries is stored or has failed for good. Where two spans do not meet
there is a gap: nobody knows what the listing showed in between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from sqlite_utils import Database

from pipelines.database.rows import time_text

# Of a listing's entries, those that may yet be stored.
_OWED = """
  SELECT 1 FROM entries AS e WHERE e.site = :site AND e.listing = :listing
  AND e.state IN ('pending', 'failed') AND (e.state = 'pending' OR e.state = 'failed' AND EXISTS (
    SELECT 1 FROM failures AS f WHERE f.site = e.site AND f.url = e.url
    AND f.resolved_at IS NULL AND f.next_try_at IS NOT NULL)) LIMIT 1
"""
# All that were walked, by one look into the index of the walks each: of those there are millions.
_WALKED = """
  WITH RECURSIVE
  sites(site) AS (
    SELECT min(site) FROM walks UNION ALL
    SELECT (SELECT min(site) FROM walks WHERE site > s.site) FROM sites AS s WHERE s.site > ''),
  walked(site, listing) AS (
    SELECT site, (SELECT min(listing) FROM walks WHERE site = s.site) FROM sites AS s UNION ALL
    SELECT site, (SELECT min(listing) FROM walks WHERE site = w.site AND listing > w.listing)
    FROM walked AS w WHERE w.listing > '')
  SELECT site, listing FROM walked WHERE listing > ''
"""
_LISTINGS = f"{_WALKED} UNION SELECT site, name FROM listings ORDER BY 1, 2"
_WALKED_BY = "SELECT DISTINCT site, listing FROM walks WHERE ended_at <= ?"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From ``start`` to ``end``, both included, as stored; ``start`` "" is the beginning."""

    start: str
    end: str

    @classmethod
    def of(cls, start: datetime | None, end: datetime) -> Span:
        """A span of aware times; without a ``start`` from the beginning."""
        return cls(time_text(start) if start else "", time_text(end))


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same stretches of time in the fewest spans, oldest first.

    >>> joined([Span("3", "5"), Span("1", "2"), Span("2", "4")])
    [Span(start='1', end='5')]
    """
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


class Coverage:
    """The coverage of one ``site``. Its writes are for the caller to commit."""

    def __init__(self, db: Database, site: str) -> None:
        self._conn: sqlite3.Connection = db.conn
        self._site = site

    def newest(self, listing: str) -> Span | None:
        """The newest span of a listing; None when nothing of it is covered."""
        return max(self._spans(listing), default=None, key=lambda span: span.end)

    def settle(self) -> list[str]:
        """Take up the spans of walks whose listings owe nothing any more.

        Gives the listings where a new gap came to be: the listing no longer reached back to
        what was covered.
        """
        walked: dict[str, list[Span]] = {}
        for listing, start, end in self._conn.execute(
            "SELECT listing, coalesce(from_at, ''), to_at FROM walks"
            " WHERE site = ? AND to_at IS NOT NULL AND NOT covered",
            (self._site,),
        ):
            walked.setdefault(listing, []).append(Span(start, end))
        return [
            listing
            for listing, spans in walked.items()
            if not _owes(self._conn, self._site, listing) and self._take_up(listing, spans)
        ]

    def add(self, listing: str, covered: Iterable[Span], read: Iterable[Span]) -> None:
        """Take up what another corpus covered of a listing, and what its walks read there, if
        nothing of the listing is owed.
        """
        more = () if _owes(self._conn, self._site, listing) else read
        self._join(listing, [*covered, *more])

    def _take_up(self, listing: str, spans: list[Span]) -> bool:
        before = self._spans(listing)
        now = self._join(listing, spans)
        self._conn.execute(
            "UPDATE walks SET covered = 1 WHERE site = ? AND listing = ? AND to_at IS NOT NULL",
            (self._site, listing),
        )
        return bool(before) and now[-1].start > before[-1].end

    def _join(self, listing: str, spans: list[Span]) -> list[Span]:
        before = self._spans(listing)
        now = joined((*before, *spans))
        if now != before:
            where = (self._site, listing)
            self._conn.execute("DELETE FROM coverage WHERE site = ? AND listing = ?", where)
            self._conn.executemany(
                "INSERT INTO coverage VALUES (?, ?, ?, ?)",
                [(*where, span.start or None, span.end) for span in now],
            )
        return now

    def _spans(self, listing: str) -> list[Span]:
        rows = self._conn.execute(
            "SELECT coalesce(from_at, ''), to_at FROM coverage WHERE site = ? AND listing = ?"
            " ORDER BY to_at",
            (self._site, listing),
        )
        return [Span(*row) for row in rows]


def _owes(conn: sqlite3.Connection, site: str, listing: str) -> bool:
    return conn.execute(_OWED, {"site": site, "listing": listing}).fetchone() is not None


def spans(db: Database, as_of: datetime | None = None) -> dict[tuple[str, str], list[Span]]:
    """The spans of every listing that was walked, by site and name, oldest first.

    ``as_of`` gives those that walks had read when that second was over, whether or not all that
    they showed was stored by then.
    """
    then = () if as_of is None else (time_text(as_of),)
    walked = db.conn.execute(_WALKED if as_of is None else _WALKED_BY, then)
    found: dict[tuple[str, str], list[Span]] = {name: [] for name in sorted(walked)}
    sql = "SELECT site, listing, coalesce(from_at, ''), to_at FROM {}"
    if as_of is None:
        rows = db.conn.execute(sql.format("coverage"))
    else:
        rows = db.conn.execute(
            sql.format("walks") + " WHERE to_at IS NOT NULL AND ended_at <= ?", then
        )
    for site, listing, start, end in rows:
        found.setdefault((site, listing), []).append(Span(start, end))
    return {name: joined(each) for name, each in found.items()}


def shares(
    coverage: Mapping[tuple[str, str], Sequence[Span]], first: date, last: date
) -> dict[date, float]:
    """For each day of those from ``first`` to ``last``, the share of the listings, above 0 up to
    1, whose coverage holds it whole; days that none does are left out. Days in Asia/Shanghai.
    """
    found: dict[date, int] = {}
    for spans in coverage.values():
        for day in {day for span in spans for day in _whole_days(span, first, last)}:
            found[day] = found.get(day, 0) + 1
    return {day: number / len(coverage) for day, number in found.items()}


def _whole_days(span: Span, first: date, last: date) -> Iterator[date]:
    start = first
    if span.start:
        time = datetime.fromisoformat(span.start)
        whole = time.time() == time.time().min
        start = max(first, date.fromordinal(time.date().toordinal() + (not whole)))
    # The last day that a span reaches is known up to its newest article.
    end = min(last, date.fromisoformat(span.end[:10]))
    return map(date.fromordinal, range(start.toordinal(), end.toordinal() + 1))


def gaps(db: Database) -> list[dict[str, Any]]:
    """A row a gap, by site and listing: from when to when, and why it is open.

    ``from_at`` None is the beginning of the listing. Between two spans: it no longer showed
    what came in between when it was read (``scrolled``). Behind the newest: the last walk did
    not get to its end (``interrupted``, ``failed``, ``limit``), or articles are ``owed``.
    """
    conn, found = db.conn, list[dict[str, Any]]()
    listings = conn.execute(_LISTINGS).fetchall()
    for site, listing in listings:
        spans = Coverage(db, site)._spans(listing)
        between = ((one.end, other.start, "scrolled") for one, other in pairwise(spans))
        newest = spans[-1].end if spans else None
        found += (
            {"site": site, "listing": listing, "from_at": start, "to_at": end, "why": why}
            for start, end, why in (*between, *_open(conn, site, listing, newest))
        )
    return found


def _open(
    conn: sqlite3.Connection, site: str, listing: str, newest: str | None
) -> Iterable[tuple[str | None, str, str]]:
    """What the last walk of a listing left open behind its newest span."""
    last = conn.execute(
        "SELECT started_at, outcome, to_at, covered FROM walks WHERE site = ? AND listing = ?"
        " ORDER BY id DESC LIMIT 1",
        (site, listing),
    ).fetchone()
    if last is None:
        return
    started, outcome, reached, covered = last
    if reached and not covered:
        yield newest, reached, "owed"
    elif not reached and outcome in (None, "failed", "limit"):
        yield newest, started, outcome or "interrupted"

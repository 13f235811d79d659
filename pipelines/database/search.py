"""Searches the corpus: which articles, in which order, and what of each to show."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Literal

from sqlite_utils import Database

from pipelines.database.rows import json_text, paragraphs_of
from pipelines.database.search_index import DAY, require_current
from pipelines.database.select import Filter, rows, states
from pipelines.fields import COLUMNS
from pipelines.search.marks import Marked, marked, snippet
from pipelines.search.query import Words, parse
from pipelines.search.wording import texts

#: By time of publication, or by how well they answer: both with the best first.
Order = Literal["newest", "rank"]
#: Of more hits than this, only the newest are ranked.
RANKED = 10_000
_TITLE = 10.0  # what a hit in the title counts, against one in the text
_AT_ONCE = 500  # rows that are read at a time
_FIRST, _LARGEST = 60, 5000  # hits that are looked up at a time


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that was found; times as stored. ``title`` is empty where it has none."""

    info_code: str
    site: str
    source: str | None
    title: Marked
    snippet: Marked
    published_at: str | None
    url: str | None
    duplicate_group: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the hits, and whether there are ``more`` behind them."""

    hits: tuple[Hit, ...]
    more: bool


def find(
    db: Database, wanted: Filter, *, order: Order = "newest", limit: int = 20, offset: int = 0
) -> Found:
    """The articles that a filter selects, from number ``offset`` on, at most ``limit`` of them.

    Without a query all are in order of time, the newest first. Articles without a time come last.
    Ranked are at most the newest :data:`RANKED` hits, by BM25, with what is in the title counting
    tenfold. Raises :class:`ValueError` for a query that cannot be meant, :class:`StoreError`
    where the index is not there.
    """
    wanted.check()
    codes = list(islice(_codes(db, wanted, order), offset, offset + limit + 1))
    words = tuple(parse(wanted.query).words()) if wanted.query else ()
    return Found(tuple(_hits(db, wanted, codes[:limit], words)), len(codes) > limit)


def whole(
    db: Database, wanted: Filter, *, order: Order = "newest", columns: Sequence[str] = COLUMNS
) -> Iterator[sqlite3.Row]:
    """All that :func:`find` finds, as stored and in its order: of one consistent state, whatever
    a crawl writes meanwhile. Raises as it does.
    """
    wanted.check()
    db.conn.execute("BEGIN")
    try:
        codes = _codes(db, wanted, order)
        while chunk := tuple(islice(codes, _AT_ONCE)):
            these = Filter(as_of=wanted.as_of, among=chunk)
            found = {row["info_code"]: row for row in rows(db, these, columns)}
            yield from (found[code] for code in chunk)
    finally:
        db.conn.rollback()


def _codes(db: Database, wanted: Filter, order: Order) -> Iterator[str]:
    if wanted.query is None or wanted.as_of:
        return _listed(db, wanted)
    require_current(db)
    match = parse(wanted.query).match
    if wanted.dedupe != "none":  # only all of them tell which is the first
        kept = list(_listed(db, wanted))
        wanted = Filter(query=wanted.query, among=tuple(kept))
    if order == "rank":
        return (code for code, _, _ in _wanted(db, wanted, _ranked(db, match)))
    return _by_time(_wanted(db, wanted, _newest(db, match)))


def _listed(db: Database, wanted: Filter) -> Iterator[str]:
    sql, values = states(db, wanted, "info_code, published_at")
    # Times compare as texts; what has none comes last.
    sql += " ORDER BY published_at DESC, info_code DESC"
    return (code for code, _ in db.conn.execute(sql, values))


def _newest(db: Database, match: str) -> Iterator[int]:
    found = db.conn.execute(
        "SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC", (match,)
    )
    return (id for (id,) in found)


def _ranked(db: Database, match: str) -> Iterator[int]:
    (least,) = db.conn.execute(
        "SELECT coalesce((SELECT rowid FROM search WHERE search MATCH ?"
        " ORDER BY rowid DESC LIMIT 1 OFFSET ?), -1)",
        (match, RANKED),
    ).fetchone()
    found = db.conn.execute(
        "SELECT rowid FROM search WHERE search MATCH ? AND rowid > ?"
        " ORDER BY bm25(search, 1.0, ?), rowid DESC",
        (match, least, _TITLE),
    )
    return (id for (id,) in found)


def _wanted(
    db: Database, wanted: Filter, ids: Iterator[int]
) -> Iterator[tuple[str, int, str | None]]:
    """Those of the hits that the whole filter selects, with row number and time, in their order."""
    among = None if wanted.among is None else set(wanted.among)
    # The first page is in the first chunk, if nothing narrows; else few and large ones are quick.
    sizes = (min(_FIRST << times, _LARGEST) for times in count())
    while chunk := list(islice(ids, next(sizes))):
        codes = dict(
            db.conn.execute(
                "SELECT info_code, id FROM searched WHERE id IN (SELECT value FROM json_each(?))",
                (json_text(chunk),),
            )
        )
        these = tuple(code for code in codes if among is None or code in among)
        rest = replace(wanted, query=None, among=these)
        sql, values = rest.states("info_code, published_at")
        place = {id: at for at, id in enumerate(chunk)}
        found = ((code, codes[code], time) for code, time in db.conn.execute(sql, values))
        yield from sorted(found, key=lambda each: place[each[1]])


def _by_time(found: Iterator[tuple[str, int, str | None]]) -> Iterator[str]:
    """Row numbers are in order of days; within one, times are."""
    day: list[tuple[str, str]] = []
    of = None
    for code, id, time in found:
        if id // DAY != of:
            yield from _newest_first(day)
            day, of = [], id // DAY
        day.append((time or "", code))
    yield from _newest_first(day)


def _newest_first(day: list[tuple[str, str]]) -> Iterator[str]:
    return (code for _, code in sorted(day, reverse=True))


def _hits(
    db: Database, wanted: Filter, codes: Sequence[str], words: Sequence[Words]
) -> Iterator[Hit]:
    columns = (
        "info_code", "site", "source", "title", "digest", "paragraphs", "published_at", "url",
        "duplicate_group",
    )  # fmt: skip
    these = Filter(as_of=wanted.as_of, among=tuple(codes))
    found = {row["info_code"]: row for row in rows(db, these, columns)}
    for code in codes:
        row = found[code]
        title, *rest = texts(row["title"], row["digest"], paragraphs_of(row["paragraphs"]))
        yield Hit(
            info_code=code,
            site=row["site"],
            source=row["source"],
            title=marked(title, words),
            snippet=snippet(rest, words),
            published_at=row["published_at"],
            url=row["url"],
            duplicate_group=row["duplicate_group"],
        )

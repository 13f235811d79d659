"""Searches the corpus: which articles, in which order, and what of each to show."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from sqlite_utils import Database

from pipelines.database.connect import one_state
from pipelines.database.rows import json_text, readable, time_text
from pipelines.database.search_index import DAY, day_of, require_current
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
_FEW = 20_000  # articles that a filter may select for all of them to be looked up first
_NO_END = 1 << 62


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

    Without a query, and as of a time, all are in order of time, the newest first; articles
    without a time come last. Ranked are at most the newest :data:`RANKED` of them, by BM25, with
    what is in the title counting tenfold. One state of the corpus, whatever is written meanwhile.
    Raises :class:`ValueError` for what cannot be meant, :class:`StoreError` where there is no
    index to ask.
    """
    wanted.check()
    with one_state(db):
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
    with one_state(db):
        codes = _codes(db, wanted, order)
        while chunk := tuple(islice(codes, _AT_ONCE)):
            these = Filter(as_of=wanted.as_of, among=chunk)
            found = {row["info_code"]: row for row in rows(db, these, columns)}
            yield from (found[code] for code in chunk)


def _codes(db: Database, wanted: Filter, order: Order) -> Iterator[str]:
    if wanted.query is None or wanted.as_of:
        sql, values = states(db, wanted, "info_code, published_at")
        # Times compare as texts; what has none comes last.
        sql += " ORDER BY published_at DESC, info_code DESC"
        return (code for code, _ in db.conn.execute(sql, values))
    require_current(db)
    match = parse(wanted.query).match
    found = _selected(db, wanted, _newest(db, match, wanted))
    if order == "rank":
        return (code for _, code, _ in _dated(db, _ranked(db, match, list(islice(found, RANKED)))))
    return _by_time(_dated(db, found))


def _newest(db: Database, match: str, wanted: Filter) -> Iterator[int]:
    """The rows that hold the words, of the days that are wanted, the newest first."""
    first = day_of(time_text(wanted.since)) if wanted.since else 0
    last = day_of(time_text(wanted.until)) + DAY if wanted.until else _NO_END
    found = db.conn.execute(
        "SELECT rowid FROM search WHERE search MATCH ? AND rowid >= ? AND rowid < ?"
        " ORDER BY rowid DESC",
        (match, first, last),
    )
    return (id for (id,) in found)


def _selected(db: Database, wanted: Filter, ids: Iterator[int]) -> Iterator[int]:
    """Those that the rest of the filter selects too, in their order."""
    rest = replace(wanted, query=None)
    if rest == Filter():
        return ids
    if wanted.dedupe != "none" or wanted.apart_from:  # only all of them tell which is the first
        few = _rows_of(db, wanted, -1)
    else:
        few = _rows_of(db, rest, _FEW + 1)
        if len(few) > _FEW:
            return _asked_of_each(db, rest, ids)
    return (id for id in ids if id in few)


def _rows_of(db: Database, wanted: Filter, most: int) -> set[int]:
    sql, values = states(db, wanted, "info_code")
    found = db.conn.execute(
        f"SELECT id FROM searched WHERE info_code IN (SELECT info_code FROM ({sql}) LIMIT :most)",
        {**values, "most": most},
    )
    return {id for (id,) in found}


def _asked_of_each(db: Database, rest: Filter, ids: Iterator[int]) -> Iterator[int]:
    """Where the filter selects many, some hit among the first will be one of them."""
    for chunk in _chunks(ids):
        codes = dict(
            db.conn.execute(
                "SELECT info_code, id FROM searched WHERE id IN (SELECT value FROM json_each(?))",
                (json_text(chunk),),
            )
        )
        these = codes if rest.among is None else codes.keys() & set(rest.among)
        sql, values = states(db, replace(rest, among=tuple(these)), "info_code")
        yield from sorted((codes[code] for (code,) in db.conn.execute(sql, values)), reverse=True)


def _ranked(db: Database, match: str, ids: Sequence[int]) -> Iterator[int]:
    """The same rows, which are the newest first, by how well they answer."""
    if not ids:
        return iter(())
    found = db.conn.execute(
        "SELECT rowid FROM search WHERE search MATCH ? AND rowid >= ? AND rowid <= ?"
        " ORDER BY bm25(search, 1.0, ?), rowid DESC",
        (match, ids[-1], ids[0], _TITLE),
    )
    chosen = set(ids)
    return (id for (id,) in found if id in chosen)


def _dated(db: Database, ids: Iterator[int]) -> Iterator[tuple[int, str, str | None]]:
    """The rows with code and time of their articles, in their order."""
    for chunk in _chunks(ids):
        place = {id: at for at, id in enumerate(chunk)}
        found = db.conn.execute(
            "SELECT s.id, s.info_code, a.published_at FROM searched AS s"
            " JOIN articles AS a ON a.info_code = s.info_code"
            " WHERE s.id IN (SELECT value FROM json_each(?))",
            (json_text(chunk),),
        )
        yield from sorted(found, key=lambda each: place[each[0]])


def _chunks(ids: Iterator[int]) -> Iterator[list[int]]:
    """The first page is in the first one, if nothing narrows; else few and large ones are quick."""
    size = _FIRST
    while chunk := list(islice(ids, size)):
        yield chunk
        size = min(size * 2, _LARGEST)


def _by_time(found: Iterator[tuple[int, str, str | None]]) -> Iterator[str]:
    """Row numbers are in order of days; within one, times are."""
    day: list[tuple[str, str]] = []
    of = None
    for id, code, time in found:
        if id // DAY != of:
            yield from _newest_first(day)
            day, of = [], id // DAY
        day.append((str(time or ""), code))
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
        title, *rest = texts(row["title"], row["digest"], readable(row["paragraphs"]))
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

"""The index that searches use: kept in the transaction that stores an article, made anew when
what it was made by has changed.

``search`` is a full-text table of SQLite that holds no text of its own. Its row numbers are in
order of the day of publication, so that the newest hits are read first, and no others.
"""

from __future__ import annotations

import logging
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice

from sqlite_utils import Database

from crawler.errors import StoreError
from pipelines.database.connect import path_of, writing
from pipelines.database.rows import json_text, readable
from pipelines.search.fold import rules
from pipelines.search.wording import Wording

logger = logging.getLogger(__name__)
_BATCH = 1000
_STEP = 2000  # pages of the index that one transaction joins
#: A day has room for a million articles.
DAY = 1 << 20


def day_of(published_at: str | None) -> int:
    """The first row number of a day; what has no time comes before all days."""
    try:
        # In Asia/Shanghai, as all times are written.
        day = date.fromisoformat((published_at or "")[:10])
    except (ValueError, TypeError):  # another tool may have written what is no time
        return 0
    return day.toordinal() * DAY


class SearchIndex:
    """The index of one corpus. Its writes are for the caller to commit."""

    def __init__(self, db: Database) -> None:
        self._conn = db.conn

    def write(self, changes: Sequence[tuple[Wording | None, Wording]]) -> None:
        """Take up articles: what each said before, None for a new one, and what it says now."""
        known = self._known([now.info_code for _, now in changes])
        place: dict[str, int] = {}
        said: dict[str, Wording] = {}  # the last of several states in one batch
        for before, now in changes:
            said[now.info_code] = now
            if now.info_code in known and now.info_code not in place:
                place[now.info_code] = self._take_out(before, *known[now.info_code])
        ids = self._places(said.values(), place)
        rows = sorted((ids[code], each.text, each.title) for code, each in said.items())
        self._conn.executemany("INSERT INTO search (rowid, text, title) VALUES (?, ?, ?)", rows)
        self._conn.executemany(
            "INSERT INTO searched (id, info_code, content_hash) VALUES (?, ?, ?)",
            [(ids[code], code, each.content_hash) for code, each in said.items()],
        )

    def _known(self, codes: Sequence[str]) -> dict[str, tuple[int, str]]:
        rows = self._conn.execute(
            "SELECT info_code, id, content_hash FROM searched"
            " WHERE info_code IN (SELECT value FROM json_each(?))",
            (json_text(codes),),
        )
        return {code: (id, hash) for code, id, hash in rows}

    def _take_out(self, before: Wording | None, id: int, hash: str) -> int:
        if before and hash == before.content_hash:
            # Whoever takes a row out of such a table has to say what is in it.
            self._conn.execute(
                "INSERT INTO search (search, rowid, text, title) VALUES ('delete', ?, ?, ?)",
                (id, before.text, before.title),
            )
        else:  # another tool changed the article, or took it away
            self._conn.execute("DELETE FROM search_state")
        self._conn.execute("DELETE FROM searched WHERE id = ?", (id,))
        return id

    def _places(self, said: Iterable[Wording], before: Mapping[str, int]) -> dict[str, int]:
        """A row number for each: its own where its day is still the same."""
        found: dict[str, int] = {}
        last: dict[int, int] = {}
        for each in said:
            day = day_of(each.published_at)
            own = before.get(each.info_code)
            if own is not None and day <= own < day + DAY:
                found[each.info_code] = own
                continue
            if day not in last:
                (most,) = self._conn.execute(
                    "SELECT max(id) FROM searched WHERE id >= ? AND id < ?", (day, day + DAY)
                ).fetchone()
                # Those of this batch are out of the table for now.
                taken = [id for id in before.values() if day <= id < day + DAY]
                last[day] = max([most or day, *taken])
            last[day] += 1
            found[each.info_code] = last[day]
        return found


def is_current(db: Database) -> bool:
    """Does the index hold all articles, by the rules of today?"""
    found = db.conn.execute("SELECT rules FROM search_state").fetchone()
    return found is not None and found[0] == rules()


def require_current(db: Database) -> None:
    """Raise :class:`StoreError` when a search might miss something."""
    if not is_current(db):
        path = path_of(db)
        why = f"the search index of {path} is being made, or is of another version"
        raise StoreError(f"{why}; run finews search --rebuild", path)


def rebuild(db: Database, watch: Callable[[int, int], None] = lambda *_: None) -> int:
    """Make the index anew, and give the number of articles. ``watch`` is told how many are done,
    of how many.

    Batch by batch: until the last there is no index to search, and a kill leaves it so.
    Raises :class:`crawler.errors.WriteFailed`.
    """
    (total,) = db.conn.execute("SELECT count(*) FROM articles").fetchone()
    if total:
        logger.warning("making the search index of %d articles anew", total)
    with writing(db):
        db.conn.execute("DELETE FROM search_state")
        db.conn.execute("DELETE FROM searched")
        db.conn.execute("INSERT INTO search (search) VALUES ('delete-all')")
    index, wordings, done = SearchIndex(db), _wordings(db), 0
    while batch := list(islice(wordings, _BATCH)):
        with writing(db):
            index.write([(None, each) for each in batch])
        done += len(batch)
        watch(done, total)
    _join(db)
    with writing(db):
        db.conn.execute("INSERT INTO search_state (rules) VALUES (?)", (rules(),))
    return done


def _join(db: Database) -> None:
    """Bring the parts that batches left into one, which is read fastest; step by step, or the
    write-ahead log would take as much as the index.
    """
    pages, changes = -_STEP, 2  # below zero it begins, though the parts may be few
    while changes > 1:
        before = db.conn.total_changes
        with writing(db):
            db.conn.execute("INSERT INTO search (search, rank) VALUES ('merge', ?)", (pages,))
        pages, changes = _STEP, db.conn.total_changes - before


def _wordings(db: Database) -> Iterator[Wording]:
    """All articles by time: rows in their order are the cheapest to write."""
    # Only the numbers are sorted, eight bytes each, whatever the texts take.
    order = db.conn.execute("SELECT rowid FROM articles ORDER BY published_at, info_code")
    for number in array("q", (number for (number,) in order)):
        code, time, content_hash = db.conn.execute(
            "SELECT info_code, published_at, content_hash FROM articles WHERE rowid = ?", (number,)
        ).fetchone()
        try:
            title, digest, paragraphs = db.conn.execute(
                "SELECT title, digest, paragraphs FROM articles WHERE rowid = ?", (number,)
            ).fetchone()
        except sqlite3.OperationalError as error:  # bytes that are no text
            logger.warning("%s cannot be searched: %s; see finews db verify", code, error)
            title, digest, paragraphs = None, None, "[]"
        columns = {"title": title, "digest": digest, "published_at": time}
        yield Wording.of(code, columns | {"content_hash": content_hash}, readable(paragraphs))

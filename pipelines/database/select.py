"""Which articles: one implementation for every command that selects some."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from pipelines.database.rows import time_text

#: The columns of an article that a dataset has, in order; mentions follow them.
COLUMNS = (
    "info_code", "site", "listing", "source", "title", "digest", "published_at",
    "published_raw", "url", "author", "editor", "tags", "paragraphs", "content_hash",
    "revision", "first_seen_at", "updated_at", "run_id", "parser", "category", "same_text_as",
)  # fmt: skip
JSON_COLUMNS = frozenset({"tags", "paragraphs"})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which articles are wanted; what is None or empty does not narrow.

    ``since`` and ``until`` bound the time of publication, both included; an article
    without a time is in no bounded selection. ``sites`` are those that showed it, by
    whichever route its text came.
    """

    since: datetime | None = None
    until: datetime | None = None
    sources: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()

    def where(self) -> tuple[str, list[str]]:
        """The SQL condition and its parameters."""
        parts, values = ["1"], list[str]()
        if self.since:
            parts.append("published_at >= ?")
            values.append(time_text(self.since))
        if self.until:
            parts.append("published_at <= ?")
            values.append(time_text(self.until))
        if self.sources:
            parts.append(f"source IN ({_marks(self.sources)})")
            values += self.sources
        if self.sites:
            seen = f"SELECT info_code FROM sightings WHERE site IN ({_marks(self.sites)})"
            parts.append(f"info_code IN ({seen})")
            values += self.sites
        return " AND ".join(parts), values


def _marks(values: tuple[str, ...]) -> str:
    return ",".join("?" * len(values))


def count(db: Database, wanted: Filter) -> int:
    """How many articles the filter selects."""
    where, values = wanted.where()
    (total,) = db.conn.execute(f"SELECT count(*) FROM articles WHERE {where}", values).fetchone()
    return int(total)


def rows(db: Database, wanted: Filter, *, more: tuple[str, ...] = ()) -> Iterator[sqlite3.Row]:
    """The selected articles as stored, by time and info code, those without time first.

    ``more`` names columns besides those of a dataset. One consistent state, whatever a
    crawl writes meanwhile; memory does not grow.
    """
    where, values = wanted.where()
    cursor = db.conn.cursor()
    cursor.row_factory = sqlite3.Row
    yield from cursor.execute(
        f"SELECT {', '.join((*COLUMNS, *more))} FROM articles WHERE {where}"
        " ORDER BY published_at, info_code",
        values,
    )


def mentions(db: Database, info_code: str) -> list[dict[str, Any]]:
    """The mentions of one article in reading order."""
    found = db.conn.execute(
        "SELECT market, code, name, evidence, paragraph FROM mentions WHERE info_code = ?"
        " ORDER BY rowid",
        (info_code,),
    )
    names = [each[0] for each in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def decoded(db: Database, row: sqlite3.Row) -> dict[str, Any]:
    """An article with its JSON columns as values and its mentions; what is unknown is None."""
    article = {
        name: json.loads(row[name]) if name in JSON_COLUMNS and row[name] else row[name]
        for name in COLUMNS
    }
    return {**article, "mentions": mentions(db, row["info_code"])}


def article(db: Database, info_code: str) -> dict[str, Any] | None:
    """One article, decoded, with its ``sightings``; None when it is not stored."""
    cursor = db.conn.cursor()
    cursor.row_factory = sqlite3.Row
    row = cursor.execute(
        f"SELECT {', '.join(COLUMNS)} FROM articles WHERE info_code = ?", (info_code,)
    ).fetchone()
    if row is None:
        return None
    seen = cursor.execute(
        "SELECT site, listing, url, first_seen_at FROM sightings WHERE info_code = ?"
        " ORDER BY rowid",
        (info_code,),
    )
    return {**decoded(db, row), "sightings": [dict(each) for each in seen]}

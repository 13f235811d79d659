"""Which articles, as they stand or as they stood: one implementation for every command."""

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
JSON_COLUMNS = frozenset({"tags", "paragraphs", "mentions"})
#: Columns that are set when an article is first stored and never change.
LASTING = ("first_seen_at", "same_text_as")
#: The articles as they stand, with their ``mentions`` as a JSON list in reading order.
TODAY = (
    "SELECT *, (SELECT json_group_array(json_object('market', market, 'code', code, 'name', name,"
    " 'evidence', evidence, 'paragraph', paragraph)) FROM (SELECT * FROM mentions"
    " WHERE mentions.info_code = articles.info_code ORDER BY rowid)) AS mentions FROM articles"
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which articles are wanted; what is None or empty does not narrow.

    ``since`` and ``until`` bound the time of publication, both included; an article
    without a time is in no bounded selection. ``sites`` are those that showed it, by
    whichever route its text came. With ``as_of`` all is as it was known when that second
    was over: the articles first seen by then, each in its state of then.
    """

    since: datetime | None = None
    until: datetime | None = None
    sources: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    as_of: datetime | None = None
    code: str | None = None

    def states(self, columns: str) -> tuple[str, list[str]]:
        """SQL for ``columns`` of each wanted article in its state, and its parameters."""
        where, values = self._where()
        sql = f"SELECT {columns} FROM ({{}}) WHERE {where}"
        if self.as_of is None:
            return sql.format(TODAY), values
        # A state stands from the second in which it was seen to that in which it was replaced.
        now = time_text(self.as_of)
        sql += " AND first_seen_at <= ? AND updated_at <= ?"
        values += [now, now]
        past = f"{sql} AND replaced_at > ?"
        parts = [sql.format(TODAY), *(past.format(earlier(table)) for table in EARLIER)]
        return " UNION ALL ".join(parts), [*values, *[*values, now] * len(EARLIER)]

    def _where(self) -> tuple[str, list[str]]:
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
            values += self.sites
            if self.as_of:
                seen += " AND first_seen_at <= ?"
                values.append(time_text(self.as_of))
            parts.append(f"info_code IN ({seen})")
        if self.code:
            parts.append("info_code = ?")
            values.append(self.code)
        return " AND ".join(parts), values


#: The tables of earlier states.
EARLIER = ("revisions", "corrections")


def earlier(table: str) -> str:
    """SQL for the states in one of ``EARLIER``: the columns of ``TODAY`` that exports need,
    ``replaced_at`` and the ``change`` that did it, and their ``number`` in order.
    """
    change = "'revised'" if table == "revisions" else "e.change"
    names = (f"{'a' if name in LASTING else 'e'}.{name}" for name in COLUMNS)
    columns = ", ".join(names).replace("e.updated_at", "e.seen_at AS updated_at")
    return (
        f"SELECT {columns}, e.body, e.mentions, e.replaced_at, {change} AS change,"
        f" e.rowid AS number FROM {table} AS e JOIN articles AS a ON a.info_code = e.info_code"
    )


def _marks(values: tuple[str, ...]) -> str:
    return ",".join("?" * len(values))


def count(db: Database, wanted: Filter) -> int:
    """How many articles the filter selects."""
    sql, values = wanted.states("info_code")
    (total,) = db.conn.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()
    return int(total)


def count_lost(db: Database, as_of: datetime) -> int:
    """How many articles were known at ``as_of`` in a state that was not kept.

    Only a version before ``m005_history`` replaced one without keeping it.
    """
    (known,) = db.conn.execute(
        "SELECT count(*) FROM articles WHERE first_seen_at <= ?", (time_text(as_of),)
    ).fetchone()
    return int(known) - count(db, Filter(as_of=as_of))


def rows(db: Database, wanted: Filter, *, more: tuple[str, ...] = ()) -> Iterator[sqlite3.Row]:
    """The selected articles as stored, by time and info code, those without time first.

    The columns of a dataset, ``mentions`` as JSON, and ``more``. One consistent state,
    whatever a crawl writes meanwhile; memory does not grow.
    """
    sql, values = wanted.states(", ".join((*COLUMNS, "mentions", *more)))
    cursor = db.conn.cursor()
    cursor.row_factory = sqlite3.Row
    yield from cursor.execute(f"{sql} ORDER BY published_at, info_code", values)


def decoded(row: sqlite3.Row) -> dict[str, Any]:
    """An article with its JSON columns as values; what is unknown is None."""
    return {
        name: json.loads(row[name]) if name in JSON_COLUMNS and row[name] else row[name]
        for name in (*COLUMNS, "mentions")
    }


def article(db: Database, wanted: Filter) -> dict[str, Any] | None:
    """The one article of a ``code``, decoded, with its ``sightings``; None when it is not
    stored, or was not by then.
    """
    row = next(rows(db, wanted), None)
    if row is None:
        return None
    cursor = db.conn.cursor()
    cursor.row_factory = sqlite3.Row
    seen = cursor.execute(
        "SELECT site, listing, url, first_seen_at FROM sightings WHERE info_code = ?"
        " AND first_seen_at <= coalesce(?, first_seen_at) ORDER BY rowid",
        (wanted.code, wanted.as_of and time_text(wanted.as_of)),
    )
    return {**decoded(row), "sightings": [dict(each) for each in seen]}

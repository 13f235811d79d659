"""Frees space in ``pages.db`` by rule: drops the bodies of old pages, and keeps their rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from pipelines.database.connect import refusals, writing
from pipelines.database.pages import NEWEST, among
from pipelines.database.rows import time_text

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Prunable:
    """What a rule would drop: ``pages``, their different ``bodies``, ``bytes`` as kept."""

    pages: int
    bodies: int
    bytes: int


class Pruning:
    """The pages answered last before a time, of some sites or all, but those still needed.

    A body is needed by a page that the rule spares, and by a failure that is open: of its
    article the newest page of each address stays, so that a mended parser can read it.
    ``corpus`` and ``pages`` are only read, but for :meth:`run`.
    """

    def __init__(
        self, corpus: Database, pages: Database, before: datetime, sites: Collection[str] = ()
    ) -> None:
        self._db = pages
        self._conn: sqlite3.Connection = pages.conn
        of_sites, values = among("site", sites)
        self._conn.executescript(
            "CREATE TEMP TABLE failing (code TEXT, sha256 TEXT);"
            " CREATE TEMP TABLE doomed (sha256 TEXT PRIMARY KEY);"
        )
        failing = corpus.conn.execute(
            "SELECT info_code, page FROM failures WHERE resolved_at IS NULL"
        )
        self._conn.executemany("INSERT INTO failing VALUES (?, ?)", failing)
        old = f"last_fetched_at < ? AND {of_sites}"
        self._conn.execute(
            f"""
            INSERT INTO doomed SELECT sha256 FROM bodies WHERE sha256 IN
              (SELECT sha256 FROM pages WHERE {old})
            EXCEPT SELECT sha256 FROM pages WHERE NOT ({old})
            EXCEPT SELECT sha256 FROM failing
            EXCEPT SELECT sha256 FROM pages AS p
              WHERE info_code IN (SELECT code FROM failing) AND {NEWEST}
            """,
            [time_text(before), *values, time_text(before), *values],
        )
        self._conn.commit()

    def found(self) -> Prunable:
        """What is to go."""
        pages, bodies, size = self._conn.execute(
            "SELECT (SELECT count(*) FROM pages WHERE sha256 IN (SELECT sha256 FROM doomed)),"
            " count(*), coalesce(sum(length(zstd)), 0)"
            " FROM bodies WHERE sha256 IN (SELECT sha256 FROM doomed)"
        ).fetchone()
        return Prunable(pages, bodies, size)

    def run(self, now: datetime) -> None:
        """Drop it, a batch at a time, and give the space back to the system.

        Killed at any moment, it leaves whole rows; the next pruning ends it. Raises
        :class:`crawler.errors.WriteFailed`, such as when the disk has no room for the copy that
        SQLite makes of what is kept.
        """
        while True:
            batch = f"(SELECT sha256 FROM doomed LIMIT {_BATCH})"
            with writing(self._db):
                self._conn.execute(
                    f"UPDATE pages SET pruned_at = ? WHERE sha256 IN {batch}", (time_text(now),)
                )
                self._conn.execute(f"DELETE FROM bodies WHERE sha256 IN {batch}")
                gone = self._conn.execute(f"DELETE FROM doomed WHERE sha256 IN {batch}").rowcount
            if not gone:
                break
        if self._conn.execute("PRAGMA freelist_count").fetchone()[0]:
            with refusals(self._db):
                self._conn.execute("VACUUM")  # in no transaction
                self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def sizes(pages: Database) -> list[dict[str, Any]]:
    """A row a site: its pages, those of articles, different bodies kept, their bytes, times."""
    cursor = pages.conn.execute(
        """
        WITH kept AS (SELECT site, count(*) AS bodies, sum(length(zstd)) AS bytes
                      FROM (SELECT DISTINCT site, sha256 FROM pages) JOIN bodies USING (sha256)
                      GROUP BY site)
        SELECT p.site, count(*) AS pages,
          count(CASE WHEN info_code IS NOT NULL OR status = 0 THEN 1 END) AS of_articles,
          coalesce(bodies, 0) AS bodies, coalesce(bytes, 0) AS bytes,
          min(fetched_at) AS first_fetched_at, max(last_fetched_at) AS last_fetched_at
        FROM pages AS p LEFT JOIN kept ON kept.site = p.site GROUP BY p.site ORDER BY p.site
        """
    )
    names = [each[0] for each in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]

"""What hosts allow: their robots.txt, kept for a day, as RFC 9309 has it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlite_utils import Database

from pipelines.database.connect import writing
from pipelines.database.rows import time_text

_KEPT = timedelta(days=1)


class Robots:
    """The robots.txt of the hosts of a corpus. Writes at once."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock

    def get(self, host: str) -> bytes | None:
        """The robots.txt of a host, empty where it has none; None where it must be asked for."""
        now = self._clock()
        row = self._db.conn.execute(
            "SELECT body FROM robots WHERE host = ? AND fetched_at BETWEEN ? AND ?",
            (host, time_text(now - _KEPT), time_text(now)),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def keep(self, host: str, body: bytes) -> None:
        """Keep what a host answered."""
        with writing(self._db):
            self._db.conn.execute(
                "INSERT OR REPLACE INTO robots VALUES (?, ?, ?)",
                (host, body, time_text(self._clock())),
            )

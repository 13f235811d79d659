"""Later looks at articles: when each is due, and what to ask the server by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlite_utils import Database

from crawler.items import Look
from pipelines.database.rows import json_text, time_text

#: When we first saw an article, and when it was published.
Times: TypeAlias = tuple[str, str | None]


class Looks:
    """The looks at the articles of a corpus. Its writes are for the caller to commit.

    ``times`` are how long after we first saw an article it is looked at again; none of
    them later than the last of them after it was published, so that a backfill of old
    articles is not read twice.
    """

    times: Sequence[timedelta] = ()

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._conn = db.conn
        self._clock = clock

    def times_of(self, codes: Iterable[str]) -> dict[str, Times]:
        """The times of those articles that are stored."""
        rows = self._conn.execute(
            "SELECT info_code, first_seen_at, published_at FROM articles"
            " WHERE info_code IN (SELECT value FROM json_each(?))",
            (json_text([*codes]),),
        )
        return {code: (seen, published) for code, seen, published in rows}

    def write(self, looks: Iterable[tuple[Look, Times]]) -> None:
        """Write looks at articles that are stored, with their times, and when the next are due."""
        self._conn.executemany(
            "INSERT INTO looks VALUES (:code, :url, 0, :now, :next, :gone, :etag, :modified)"
            " ON CONFLICT DO UPDATE SET url = :url, looks = looks + 1, looked_at = :now,"
            " next_look_at = :next, gone_at = coalesce(gone_at, :gone), etag = :etag,"
            " last_modified = :modified",
            [self._values(*each) for each in looks],
        )

    def _values(self, look: Look, times: Times) -> dict[str, str | None]:
        seen = datetime.fromisoformat(times[0])
        published = datetime.fromisoformat(times[1]) if times[1] else seen
        now = self._clock()
        return {
            "code": look.info_code,
            "url": look.url,
            "now": time_text(now),
            "next": None if look.gone else self._next(seen, published, now),
            "gone": time_text(now) if look.gone else None,
            "etag": look.etag,
            "modified": look.last_modified,
        }

    def _next(self, seen: datetime, published: datetime, now: datetime) -> str | None:
        due = next((seen + time for time in self.times if seen + time > now), None)
        return time_text(due) if due and due <= published + self.times[-1] else None

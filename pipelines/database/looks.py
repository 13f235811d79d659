"""Later looks at articles: when each is due, and what to ask the server by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlite_utils import Database

from crawler.items import Look
from pipelines.database.rows import time_text


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

    def write(self, look: Look) -> None:
        """Write a look at an article that is stored, and when the next is due."""
        article = self._conn.execute(
            "SELECT first_seen_at, published_at FROM articles WHERE info_code = ?",
            (look.info_code,),
        ).fetchone()
        if article is None:
            return
        seen = datetime.fromisoformat(article[0])
        published = datetime.fromisoformat(article[1]) if article[1] else seen
        now = self._clock()
        self._conn.execute(
            "INSERT INTO looks VALUES (:code, :url, 0, :now, :next, :gone, :etag, :modified)"
            " ON CONFLICT DO UPDATE SET url = :url, looks = looks + 1, looked_at = :now,"
            " next_look_at = :next, gone_at = coalesce(gone_at, :gone), etag = :etag,"
            " last_modified = :modified",
            {
                "code": look.info_code,
                "url": look.url,
                "now": time_text(now),
                "next": None if look.gone else self._next(seen, published, now),
                "gone": time_text(now) if look.gone else None,
                "etag": look.etag,
                "modified": look.last_modified,
            },
        )

    def _next(self, seen: datetime, published: datetime, now: datetime) -> str | None:
        due = next((seen + time for time in self.times if seen + time > now), None)
        return time_text(due) if due and due <= published + self.times[-1] else None

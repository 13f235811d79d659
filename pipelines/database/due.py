"""What a crawl with ``--due`` has to do now: which listings are to be walked, where articles
are owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlite_utils import Database

from crawler.config import Polling
from pipelines.database.failures import DUE
from pipelines.database.frontier import PENDING
from pipelines.database.rhythm import Brought, Hours, Rhythm, brought
from pipelines.database.rows import time_text

# How many of the last walks tell how often in a row it failed.
_WALKS = 10


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk of a listing: when its run began, how it ended (None: it was broken off)."""

    at: datetime
    outcome: str | None


def next_walk(walks: Sequence[Walked], hours: Hours, polling: Polling, now: datetime) -> datetime:
    """When a listing is to be walked next, by its last walks, newest first.

    After a walk that failed sooner than usual, then less and less often.
    """
    if not walks or walks[0].outcome is None or walks[0].at > now:
        return now  # it was not walked yet, not to its end, or by a clock that was wrong
    last = walks[0].at
    least, most = timedelta(seconds=polling.least), timedelta(seconds=polling.most)
    failed = next((n for n, each in enumerate(walks) if each.outcome != "failed"), len(walks))
    if failed:
        return last + min(least * (1 << (failed - 1)), most)
    reaches = Rhythm(hours, last).reaches(polling.articles, last, most)
    return max(reaches, last + least)


class Due:
    """What is due on one ``site`` at ``now``; ``known`` is what its listings brought, where that
    was read already.
    """

    def __init__(
        self,
        db: Database,
        site: str,
        polling: Polling,
        now: datetime,
        known: Mapping[str, Brought] | None = None,
    ) -> None:
        self._conn = db.conn
        self._site = site
        self._polling = polling
        self._now = now
        self._brought = brought(db, site, now) if known is None else known
        self._resting: dict[str, datetime] = {
            host: datetime.fromisoformat(until)
            for host, until in self._conn.execute(
                "SELECT host, rests_until FROM hosts"
                " WHERE rests_until > :now AND last_refused_at <= :now",
                {"now": time_text(now)},
            )
        }

    def known(self) -> list[str]:
        """The listings that earlier runs found, oldest first."""
        rows = self._conn.execute(
            "SELECT name FROM listings WHERE site = ? ORDER BY rowid", (self._site,)
        )
        return [name for (name,) in rows]

    def at(self, listing: str) -> datetime:
        """When a listing is to be walked next; in the past: it is due.

        Not while its host rests, or its page that is not there, unless that takes longer than it
        may be left unwalked.
        """
        walks = [
            Walked(datetime.fromisoformat(at), outcome)
            for at, outcome in self._conn.execute(
                "SELECT r.started_at, w.outcome FROM walks AS w JOIN runs AS r ON r.id = w.run_id"
                " WHERE w.site = ? AND w.listing = ? ORDER BY w.id DESC LIMIT ?",
                (self._site, listing, _WALKS),
            )
        ]
        hours = self._brought.get(listing, Brought()).hours
        due = next_walk(walks, hours, self._polling, self._now)
        url, rests = self._page(listing)
        until = max(self._resting.get(urlsplit(url or "").netloc, due), rests or due)
        if not walks or until <= due:
            return due
        return max(due, min(until, walks[0].at + timedelta(seconds=self._polling.most)))

    def listings(self, names: Iterable[str]) -> list[str]:
        """Those listings that are to be walked now. Cron is not punctual to the second."""
        soon = self._now + timedelta(seconds=self._polling.least / 10)
        return [name for name in names if self.at(name) <= soon]

    def owes(self) -> bool:
        """Is there anything to be asked for now beside listings: what a run left that did not
        come to its end, what failed and is to be tried again, a later look?

        What waits for a host that rests is taken along by the next walk.
        """
        now = {"site": self._site, "now": time_text(self._now)}
        left = self._conn.execute(
            "SELECT 1 FROM entries AS e LEFT JOIN runs AS r ON r.id = e.run_id WHERE e.site = :site"
            f" AND {PENDING} AND (r.id IS NULL OR r.outcome IS NOT 'finished') LIMIT 1",
            now,
        ).fetchone()
        urls = self._conn.execute(
            f"""
            SELECT url FROM failures WHERE site = :site AND info_code IS NOT NULL AND {DUE}
            UNION ALL SELECT url FROM looks AS l WHERE next_look_at <= :now AND EXISTS
              (SELECT 1 FROM entries AS e WHERE e.info_code = l.info_code AND e.url = l.url
               AND site = :site AND state = 'stored')
            """,
            now,
        )
        return bool(left) or any(urlsplit(url).netloc not in self._resting for (url,) in urls)

    def _page(self, listing: str) -> tuple[str | None, datetime | None]:
        """The page of a listing, and until when it rests after it failed."""
        row = self._conn.execute(
            "SELECT url, (SELECT next_try_at FROM failures AS f WHERE f.site = l.site"
            " AND f.url = l.url AND resolved_at IS NULL AND last_failed_at <= :now)"
            " FROM listings AS l WHERE site = :site AND name = :listing",
            {"site": self._site, "listing": listing, "now": time_text(self._now)},
        ).fetchone()
        url, rests = row or (None, None)
        return url, datetime.fromisoformat(rests) if rests else None

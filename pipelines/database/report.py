"""What ran, what is stored, what failed: the questions of ``finews status``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from crawler.config import Polling
from pipelines.database.coverage import gaps
from pipelines.database.due import Due
from pipelines.database.rhythm import Brought, brought, by_day, usual_by_now
from pipelines.database.rows import dicts, time_text


def status(db: Database, now: datetime, polling: Polling) -> dict[str, Any]:
    """Totals, the last run, whether one is ``overdue`` where cron is at work, hosts
    at rest ``now``, a row a listing; times as stored.

    A listing's row has, beside that of :func:`listings`: ``next_due_at``, when ``--due`` walks it
    next; ``today`` and ``usual``, the articles published today and by this hour of a usual day of
    this kind, None where none is known; ``newest_published_at`` of the last four weeks;
    ``failures`` that are open; ``gaps``; ``days``, its articles of the last days up to today.
    """
    return {
        "articles": _one(db, "SELECT count(*) FROM articles"),
        "incomplete": _one(
            db, "SELECT count(*) FROM articles WHERE title IS NULL OR published_at IS NULL"
        ),
        "same_text": _one(db, "SELECT count(*) FROM articles WHERE same_text_as IS NOT NULL"),
        "newest_published_at": _one(db, "SELECT max(published_at) FROM articles"),
        "pending": _one(
            db,
            # The first condition is that of the index.
            "SELECT count(DISTINCT info_code) FROM entries"
            " WHERE state IN ('pending', 'failed') AND state = 'pending'",
        ),
        "skipped": _one(db, "SELECT count(DISTINCT url) FROM entries WHERE state = 'skipped'"),
        "failures": _one(db, "SELECT count(*) FROM failures WHERE resolved_at IS NULL"),
        "last_run": (last := next(dicts(db, "SELECT * FROM runs ORDER BY id DESC LIMIT 1"), None)),
        "overdue": last is not None
        and last["ended_at"] is not None
        and now - datetime.fromisoformat(last["started_at"])
        > max(timedelta(seconds=polling.most), timedelta(hours=1)),
        "resting": list(
            dicts(
                db,
                "SELECT host, rests_until AS until, reason FROM hosts"
                " WHERE rests_until > ? ORDER BY host",
                time_text(now),
            )
        ),
        "listings": _watched(db, now, polling),
    }


def _watched(db: Database, now: datetime, polling: Polling) -> list[dict[str, Any]]:
    """The rows of :func:`listings` with how each stands now."""
    rows = listings(db)
    sites = {row["site"] for row in rows}
    rhythms = {site: brought(db, site, now) for site in sites}
    due = {site: Due(db, site, polling, now, rhythms[site]) for site in sites}
    failed = Counter(
        db.conn.execute("SELECT site, listing FROM failures WHERE resolved_at IS NULL").fetchall()
    )
    open_ = Counter((gap["site"], gap["listing"]) for gap in gaps(db))
    return [row | _standing(row, due, rhythms, failed, open_, now) for row in rows]


def _standing(
    row: Mapping[str, Any],
    due: Mapping[str, Due],
    rhythms: Mapping[str, Mapping[str, Brought]],
    failed: Mapping[tuple[str, str], int],
    gaps: Mapping[tuple[str, str], int],
    now: datetime,
) -> dict[str, Any]:
    site, listing = row["site"], row["listing"]
    own = rhythms[site].get(listing, Brought())
    days = by_day(own.hours, now)
    return {
        "next_due_at": time_text(due[site].at(listing)),
        "today": days[-1],
        "usual": usual_by_now(own.hours, now),
        "newest_published_at": own.newest and time_text(own.newest),
        "failures": failed[site, listing],
        "gaps": gaps[site, listing],
        "days": days,
    }


def listings(db: Database) -> list[dict[str, Any]]:
    """A row a listing that was found or has answered, with its last walk."""
    seen = {
        (site, listing): articles
        for site, listing, articles in db.conn.execute(
            "SELECT site, listing, count(DISTINCT info_code) FROM sightings GROUP BY site, listing"
        )
    }
    return [
        row | {"articles": seen.get((row["site"], row["listing"]), 0)} for row in last_walks(db)
    ]


def last_walks(db: Database) -> list[dict[str, Any]]:
    """The rows of :func:`listings` without their articles, which takes long to count."""
    return list(
        dicts(
            db,
            """
                SELECT l.site, l.name AS listing, l.url, w.started_at AS last_walk, w.outcome,
                  w.entries, w.new
                FROM listings AS l LEFT JOIN walks AS w ON w.id =
                  (SELECT max(id) FROM walks WHERE site = l.site AND listing = l.name)
                ORDER BY l.site, l.rowid
                """,
        )
    )


def failures(db: Database, *, run_id: int | None = None) -> list[dict[str, Any]]:
    """The open failures, of one run or all, the newest first.

    ``next_try_at`` None means given up.
    """
    return list(
        dicts(
            db,
            "SELECT site, listing, info_code, url, reason, message, attempts, next_try_at,"
            " first_failed_at, last_failed_at, page FROM failures WHERE resolved_at IS NULL"
            # What a merge brought did not fail in its run.
            " AND (?1 IS NULL OR run_id = ?1 AND last_failed_at >="
            " (SELECT started_at FROM runs WHERE id = ?1)) ORDER BY last_failed_at DESC, id DESC",
            run_id,
        )
    )


def alarms(db: Database, closed_since: datetime | None = None) -> list[dict[str, Any]]:
    """The open alarms, the oldest first; then those that were well again at ``closed_since`` or
    later, the last first. Times as stored; ``closed_at`` None is open.
    """
    return list(
        dicts(
            db,
            "SELECT rule, subject, message, opened_at, seen_at, told_at, hushed_at, closed_at"
            " FROM alarms WHERE closed_at IS NULL OR closed_at >= ?"
            " ORDER BY closed_at IS NOT NULL, closed_at DESC, id",
            closed_since and time_text(closed_since),
        )
    )


def _one(db: Database, sql: str) -> Any:
    return db.conn.execute(sql).fetchone()[0]

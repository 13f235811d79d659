"""Failures: written when something did not come, due again after a pause or at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlite_utils import Database

from crawler.items import Failure
from pipelines.database.rows import time_text

#: Of ``failures``, those that are to be tried again ``:now``; what failed by a clock that ran ahead
#: is not left until then.
DUE = """resolved_at IS NULL AND next_try_at IS NOT NULL
 AND (next_try_at <= :now OR last_failed_at > :now)"""

#: How long an article rests after its first failure, its second …; after the last it is given up.
PAUSES = (
    timedelta(0),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)


def write_failure(db: Database, failure: Failure, run_id: int, now: datetime) -> None:
    """Write a failure, and with it the outcome of its entry; the caller commits."""
    before = db.conn.execute(
        "SELECT attempts, run_id, listing FROM failures"
        " WHERE site = ? AND url = ? AND resolved_at IS NULL",
        (failure.site, failure.url),
    ).fetchone()
    attempts = 1 if before is None else before[0] + (before[1] != run_id)
    next_try = _next_try(failure, attempts, now)
    values = {
        "site": failure.site,
        # The first that showed it, whether another did before it failed or after.
        "listing": before[2] if before else failure.listing,
        "info_code": failure.info_code,
        "url": failure.url,
        "reason": failure.reason,
        "message": failure.message,
        "page": failure.page,
        "attempts": attempts,
        "next_try_at": time_text(next_try) if next_try else None,
        "first_failed_at": time_text(now),
        "last_failed_at": time_text(now),
        "resolved_at": None,
        "run_id": run_id,
    }
    newer = (name for name in values if name not in ("site", "url", "first_failed_at"))
    db.conn.execute(
        f"INSERT INTO failures ({', '.join(values)}) VALUES (:{', :'.join(values)})"
        f" ON CONFLICT DO UPDATE SET {', '.join(f'{name} = :{name}' for name in newer)}",
        values,
    )
    db.conn.execute(
        # A listing that showed it since it was asked for may tell the article itself.
        "UPDATE entries SET state = CASE WHEN info_code IN (SELECT info_code FROM articles)"
        " THEN 'stored' ELSE 'failed' END WHERE site = ? AND url = ? AND state = 'pending'"
        " AND (run_id = ? OR told IS NULL)",
        (failure.site, failure.url, run_id),
    )


def make_due(db: Database, failures: Iterable[tuple[str, str]], now: datetime) -> None:
    """Have open failures, by site and url, tried again by a run from ``now`` on, as if for the
    first time; those given up too. The caller commits.
    """
    db.conn.executemany(
        "UPDATE failures SET next_try_at = ?, attempts = 0"
        " WHERE site = ? AND url = ? AND resolved_at IS NULL",
        [(time_text(now), *each) for each in failures],
    )


def _next_try(failure: Failure, attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts; None when it is given up.

    A listing is never given up: it is walked by every run, after a day where trying
    seems no use (a 404 may be a glitch of the site). A file is read when it is named.
    """
    if failure.info_code is None and failure.url.startswith("http"):
        return now if failure.retry else now + timedelta(days=1)
    if not failure.retry:
        return None
    return now + PAUSES[attempts - 1] if attempts <= len(PAUSES) else None

"""Reads the signs that health is judged by; see :mod:`pipelines.health.signs`."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from pipelines.database.coverage import gaps
from pipelines.database.frontier import PENDING
from pipelines.database.rhythm import Brought, brought
from pipelines.database.rows import time_text
from pipelines.health.signs import (
    Asked,
    Failed,
    Gap,
    Host,
    Listing,
    Signs,
    Site,
    Stored,
    Walk,
)

_DAY = timedelta(days=1)
# Walks that tell of a listing, articles, failures and runs that tell of a site.
_WALKS, _ARTICLES, _FAILURES, _RUNS = 30, 250, 20, 200
# Whatever happens to the site, these are of the one article.
_OWN_FAULT = ("gone", "http-404", "http-410", "http-451", "robots", "too-large", "redirects")


def read_signs(
    db: Database,
    data: Path,
    now: datetime,
    lately: timedelta,
    sinks: Mapping[str, str],
    enabled: Iterable[str],
) -> Signs:
    """All signs at ``now``, as of one moment; of listings that were walked ``lately``."""
    db.conn.execute("BEGIN")
    try:
        return _read(db, data, now, time_text(now - lately), sinks, enabled)
    finally:
        db.conn.execute("ROLLBACK")


def _read(
    db: Database,
    data: Path,
    now: datetime,
    since: str,
    sinks: Mapping[str, str],
    enabled: Iterable[str],
) -> Signs:
    walked: dict[str, list[str]] = {}
    for site, listing in db.conn.execute(
        "SELECT site, name FROM listings AS l WHERE EXISTS (SELECT 1 FROM walks AS w"
        " WHERE w.site = l.site AND w.listing = l.name AND w.id = (SELECT max(id) FROM walks"
        " WHERE site = l.site AND listing = l.name) AND w.started_at >= ?) ORDER BY l.rowid",
        (since,),
    ):
        walked.setdefault(site, []).append(listing)
    opened = {
        (rule, subject): datetime.fromisoformat(at)
        for rule, subject, at in db.conn.execute(
            "SELECT rule, subject, opened_at FROM alarms WHERE closed_at IS NULL"
        )
    }
    open_gaps = _gaps(db)
    return Signs(
        now=now,
        sites=[
            Site(
                site,
                *_newest(db, site),
                _owes(db, site),
                _listings(db, site, names, now, opened.get(("layout", site))),
                _stored(db, site),
                _failed(db, site),
                _asked(db, site),
                [each for each in open_gaps.get(site, ()) if each.listing in names],
            )
            for site, names in walked.items()
        ],
        hosts=_hosts(db, now),
        free=shutil.disk_usage(data).free,
        clock_off=_clock_off(db, time_text(now - 2 * _DAY)),
        verify=_verify(db),
        sinks=sinks,
        enabled=frozenset(enabled),
        open=opened,
    )


def _listings(
    db: Database, site: str, names: list[str], now: datetime, opened: datetime | None
) -> list[Listing]:
    """``opened`` is since when their shape is said to have changed."""
    own = brought(db, site, now)
    failures = {
        listing: (reason, message)
        for listing, reason, message in db.conn.execute(
            "SELECT listing, reason, message FROM failures WHERE site = ? AND info_code IS NULL"
            " AND resolved_at IS NULL ORDER BY last_failed_at",
            (site,),
        )
    }
    return [
        Listing(
            name,
            _walks(db, site, name),
            own.get(name, Brought()),
            *failures.get(name, (None, None)),
            _walks(db, site, name, opened) if opened else None,
        )
        for name in names
    ]


def _walks(db: Database, site: str, listing: str, before: datetime | None = None) -> list[Walk]:
    """The last walks of a listing that ended; of those that began ``before``."""
    return [
        Walk(datetime.fromisoformat(at), outcome, pages, entries)
        for at, outcome, pages, entries in db.conn.execute(
            "SELECT started_at, outcome, pages, entries FROM walks WHERE site = :site"
            " AND listing = :listing AND outcome IS NOT NULL"
            " AND (:before IS NULL OR started_at < :before) ORDER BY id DESC LIMIT :most",
            {
                "site": site,
                "listing": listing,
                "before": before and time_text(before),
                "most": _WALKS,
            },
        )
    ]


def _newest(db: Database, site: str) -> tuple[datetime | None, datetime | None]:
    row = db.conn.execute(
        "SELECT published_at, first_seen_at FROM articles WHERE site = ?"
        " ORDER BY published_at DESC LIMIT 1",
        (site,),
    ).fetchone()
    if row is None or row[0] is None:
        return None, None
    return datetime.fromisoformat(row[0]), datetime.fromisoformat(row[1])


def _owes(db: Database, site: str) -> bool:
    row = db.conn.execute(
        f"SELECT 1 FROM entries WHERE site = ? AND {PENDING} LIMIT 1", (site,)
    ).fetchone()
    return row is not None


def _stored(db: Database, site: str) -> list[Stored]:
    names = ("published_at", "source", "paragraphs")
    return [
        Stored(
            datetime.fromisoformat(at),
            frozenset(name for name, lack in zip(names, lacks, strict=True) if lack),
        )
        for at, *lacks in db.conn.execute(
            "SELECT first_seen_at, published_at IS NULL, source IS NULL, paragraphs = '[]'"
            " FROM articles WHERE site = ? ORDER BY first_seen_at DESC LIMIT ?",
            (site, _ARTICLES),
        )
    ]


def _failed(db: Database, site: str) -> list[Failed]:
    marks = ", ".join("?" * len(_OWN_FAULT))
    return [
        Failed(datetime.fromisoformat(at), reason)
        for at, reason in db.conn.execute(
            "SELECT first_failed_at, reason FROM failures WHERE site = ? AND info_code IS NOT NULL"
            f" AND resolved_at IS NULL AND reason NOT IN ({marks})"
            " ORDER BY first_failed_at DESC LIMIT ?",
            (site, *_OWN_FAULT, _FAILURES),
        )
    ]


def _asked(db: Database, site: str) -> list[Asked]:
    return [
        Asked(requests, refusals, datetime.fromisoformat(at))
        for requests, refusals, at in db.conn.execute(
            # By the index of runs: that of sites would read all walks there ever were.
            "SELECT sum(w.requests), sum(w.refusals), r.started_at"
            " FROM walks AS w JOIN runs AS r ON r.id = w.run_id WHERE +w.site = ?"
            " AND w.run_id > (SELECT max(id) FROM runs) - ?"
            " GROUP BY w.run_id HAVING sum(w.requests) > 0 ORDER BY w.run_id DESC",
            (site, _RUNS),
        )
    ]


def _gaps(db: Database) -> dict[str, list[Gap]]:
    found: dict[str, list[Gap]] = {}
    for each in gaps(db):
        site, listing, why = each["site"], each["listing"], each["why"]
        since_when = {"scrolled": _scrolled_at, "owed": _owed_since, "limit": _limited_since}
        since = since_when.get(why, _open_since)(db, site, listing, each["to_at"])
        gap = Gap(listing, datetime.fromisoformat(since), each["from_at"], each["to_at"], why)
        found.setdefault(site, []).append(gap)
    return found


def _scrolled_at(db: Database, site: str, listing: str, end: str) -> str:
    """When the walk began that read from ``end`` on, and no further back."""
    row = db.conn.execute(
        "SELECT min(started_at) FROM walks WHERE site = ? AND listing = ? AND from_at = ?",
        (site, listing, end),
    ).fetchone()
    return str(row[0] or end)


def _owed_since(db: Database, site: str, listing: str, end: str) -> str:
    """When the first walk began whose articles are not all stored yet."""
    row = db.conn.execute(
        "SELECT min(started_at) FROM walks WHERE site = ? AND listing = ?"
        " AND to_at IS NOT NULL AND NOT covered",
        (site, listing),
    ).fetchone()
    return str(row[0] or end)


def _limited_since(db: Database, site: str, listing: str, end: str) -> str:
    """As :func:`_open_since`, but for walks that failed: of these another rule tells."""
    return _open_since(db, site, listing, end, but="failed")


def _open_since(db: Database, site: str, listing: str, end: str, but: str = "") -> str:
    """Since when the walks of a listing leave something open."""
    row = db.conn.execute(
        """
        SELECT started_at FROM walks WHERE site = :site AND listing = :listing AND id > coalesce(
          (SELECT id FROM walks WHERE site = :site AND listing = :listing
           AND outcome IN ('end', 'known', 'since') AND (to_at IS NULL OR covered)
           ORDER BY id DESC LIMIT 1), 0) AND outcome IS NOT :but ORDER BY id LIMIT 1
        """,
        {"site": site, "listing": listing, "but": but},
    ).fetchone()
    return str(row[0]) if row else end


def _hosts(db: Database, now: datetime) -> list[Host]:
    """Those that refused in the last day, or were to rest until then."""
    return [
        Host(
            host,
            site,
            reason,
            datetime.fromisoformat(refused),
            datetime.fromisoformat(until) if until and refusals else None,
            bool(wanted),
        )
        for host, site, reason, refused, until, refusals, wanted in db.conn.execute(
            "SELECT host, site, reason, last_refused_at, rests_until, refusals,"
            " coalesce(run_id >= (SELECT max(w.run_id) FROM walks AS w WHERE +w.site = hosts.site"
            " AND w.new > 0 AND w.run_id > (SELECT max(id) FROM runs) - ?), 1)"
            " FROM hosts WHERE max(last_refused_at, coalesce(rests_until, '')) > ?",
            (_RUNS, time_text(now - _DAY)),
        )
    ]


def _clock_off(db: Database, since: str) -> float | None:
    row = db.conn.execute(
        "SELECT clock_off FROM runs WHERE clock_off IS NOT NULL AND started_at >= ?"
        " ORDER BY id DESC LIMIT 1",
        (since,),
    ).fetchone()
    return None if row is None else float(row[0])


def _verify(db: Database) -> str | None:
    row = db.conn.execute(
        "SELECT failed, reason FROM runs WHERE command = 'db verify' AND ended_at IS NOT NULL"
        " AND (failed > 0 OR outcome = 'finished') ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return (row[1] or f"{row[0]} problems") if row and row[0] else None

"""The runs of a data folder, and all that is known of one: the questions of ``finews runs``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from pipelines.database.rows import dicts, time_text

#: Counts that are 0 in a run which had nothing to do.
_IDLE = ("found", "new", "changed", "failed", "requests")


def runs(db: Database, *, at_work: bool) -> Iterator[dict[str, Any]]:
    """The runs, the newest first: their rows, with ``state`` and ``took`` beside.

    ``state`` is the outcome, else ``at work`` (the newest, where ``at_work`` says that the lock
    is held) or ``killed``; ``took`` is in seconds, None where nobody knows.
    """
    for row in dicts(db, "SELECT * FROM runs ORDER BY id DESC"):
        yield _completed(row, at_work=at_work)
        at_work = False


def run(db: Database, id_: int | None, *, at_work: bool, now: datetime) -> dict[str, Any] | None:
    """One run, the newest where ``id_`` is None, with its ``walks``, its ``failures``, the hosts
    ``resting`` still at ``now``, and the ``alarms`` that were opened or closed in its time. None
    where there is no such run.
    """
    (newest,) = db.conn.execute("SELECT max(id) FROM runs").fetchone()
    rows = dicts(db, "SELECT * FROM runs WHERE id = ?", newest if id_ is None else id_)
    row = next(rows, None)
    if row is None:
        return None
    found = _completed(row, at_work=at_work and row["id"] == newest)
    id_, begin = found["id"], found["started_at"]
    end = found["ended_at"] or _next_start(db, id_) or time_text(now)
    return found | {
        "walks": [
            {**row, "took": _seconds(row["started_at"], row["ended_at"])}
            for row in dicts(db, "SELECT * FROM walks WHERE run_id = ? ORDER BY id", id_)
        ],
        "failures": [
            *dicts(
                db,
                "SELECT site, listing, info_code, url, reason, message, resolved_at FROM failures"
                " WHERE run_id = ? AND last_failed_at >= ? ORDER BY last_failed_at, id",
                id_,
                begin,  # what a merge brought failed before
            )
        ],
        "resting": [
            *dicts(
                db,
                "SELECT host, rests_until AS until, reason FROM hosts WHERE rests_until > ?"
                " AND last_refused_at BETWEEN ? AND ? ORDER BY host",
                time_text(now),
                begin,
                end,
            )
        ],
        "alarms": [
            *dicts(
                db,
                "SELECT rule, subject, message, opened_at, closed_at FROM alarms"
                " WHERE opened_at BETWEEN ? AND ? OR closed_at BETWEEN ? AND ? ORDER BY id",
                begin,
                end,
                begin,
                end,
            )
        ],
    }


def is_idle(row: dict[str, Any]) -> bool:
    """Was this a run that asked what is due and found nothing?"""
    due = "--due" in row["command"].split()
    return due and row["outcome"] == "finished" and not any(row[name] for name in _IDLE)


def _completed(row: dict[str, Any], *, at_work: bool) -> dict[str, Any]:
    state = row["outcome"] or ("at work" if at_work else "killed")
    return row | {"state": state, "took": _seconds(row["started_at"], row["ended_at"])}


def _next_start(db: Database, id_: int) -> str | None:
    """When the run after one began, which was over by then."""
    row = db.conn.execute(
        "SELECT started_at FROM runs WHERE id > ? ORDER BY id LIMIT 1", (id_,)
    ).fetchone()
    return row and str(row[0])


def _seconds(begin: str, end: str | None) -> int | None:
    if end is None:
        return None
    return int((datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds())

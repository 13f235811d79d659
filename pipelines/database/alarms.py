"""Alarms: opened by the first bad judgement, told once and then daily, closed by the first good
one. What is to be told is written as ``messages``, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlite_utils import Database

from pipelines.alarms.message import Message
from pipelines.database.connect import writing
from pipelines.database.rows import json_text, time_text
from pipelines.health.rules import Problem, Verdict

Kind = Literal["alarm", "reminder", "recovery"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An open alarm as stored."""

    id: int
    rule: str
    subject: str
    message: str
    parts: frozenset[str]
    opened_at: datetime
    told_at: datetime
    hushed: bool


def open_alarms(db: Database) -> list[Alarm]:
    """The open alarms, oldest first."""
    return [
        Alarm(
            id_,
            rule,
            subject,
            message,
            frozenset(json.loads(parts)),
            datetime.fromisoformat(opened),
            datetime.fromisoformat(told),
            hushed is not None,
        )
        for id_, rule, subject, message, parts, opened, told, hushed in db.conn.execute(
            "SELECT id, rule, subject, message, parts, opened_at, told_at, hushed_at FROM alarms"
            " WHERE closed_at IS NULL ORDER BY id"
        )
    ]


def settle(db: Database, verdict: Verdict, now: datetime, reminder: timedelta) -> list[int]:
    """Bring the alarms in line with a verdict; the ids of the messages that this wrote.

    What is hushed is told again when more is concerned than was when it was hushed.
    """
    known = {(each.rule, each.subject): each for each in open_alarms(db)}
    problems = {(each.rule, each.subject): each for each in verdict.problems}
    over = [
        alarm
        for name, alarm in known.items()
        if name not in problems and name not in verdict.unknown
    ]
    if not problems and not over:
        return []
    dropped = "Not judged any more, since it is not crawled."
    with writing(db):
        return [
            *(
                id_
                for name, problem in problems.items()
                for id_ in _judged(db, problem, known.get(name), now, reminder)
            ),
            *(
                _close(
                    db,
                    alarm,
                    dropped if (alarm.rule, alarm.subject) in verdict.dropped else "Well again.",
                    now,
                )
                for alarm in over
            ),
        ]


def written(db: Database, ids: Iterable[int]) -> list[Message]:
    """The messages of these ids."""
    return [
        Message(kind, rule, subject, text, datetime.fromisoformat(at), id_)
        for id_ in ids
        for kind, rule, subject, text, at in db.conn.execute(
            "SELECT kind, rule, subject, text, written_at FROM messages AS m"
            " JOIN alarms AS a ON a.id = m.alarm_id WHERE m.id = ?",
            (id_,),
        )
    ]


def reopen(db: Database, problem: Problem, at: datetime, sinks: Iterable[str]) -> None:
    """Write an alarm that was told at ``at``, by ``sinks``, when nothing could be written."""
    with writing(db):
        known = {(each.rule, each.subject): each.id for each in open_alarms(db)}
        alarm = known.get((problem.rule, problem.subject)) or _open(db, problem, at)
        message = _tell(db, alarm, "alarm", problem.message, at)
        db.conn.executemany(
            "INSERT INTO deliveries VALUES (?, ?, 1, ?, ?, NULL)",
            [(message, sink, time_text(at), time_text(at)) for sink in sinks],
        )


def _judged(
    db: Database, problem: Problem, alarm: Alarm | None, now: datetime, reminder: timedelta
) -> Iterator[int]:
    if alarm is None:
        yield _tell(db, _open(db, problem, now), "alarm", problem.message, now)
        return
    more = not alarm.parts.issuperset(problem.parts)
    # Told by a clock that ran ahead is not told for long.
    due = not timedelta(0) <= now - alarm.told_at < reminder and not alarm.hushed
    told = due or (alarm.hushed and more)
    # What a person was told of stays the measure of what is more, while it is hushed.
    parts = alarm.parts if alarm.hushed and not told else problem.parts
    db.conn.execute(
        "UPDATE alarms SET message = ?, parts = ?, seen_at = ?, hushed_at = iif(?, NULL, hushed_at)"
        " WHERE id = ?",
        (problem.message, json_text(sorted(parts)), time_text(now), told, alarm.id),
    )
    if told:
        yield _tell(db, alarm.id, "reminder", problem.message, now)


def _open(db: Database, problem: Problem, now: datetime) -> int:
    at = time_text(now)
    cursor = db.conn.execute(
        "INSERT INTO alarms (rule, subject, message, parts, opened_at, seen_at, told_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            problem.rule,
            problem.subject,
            problem.message,
            json_text(sorted(problem.parts)),
            at,
            at,
            at,
        ),
    )
    return int(cursor.lastrowid or 0)


def _close(db: Database, alarm: Alarm, why: str, now: datetime) -> int:
    db.conn.execute("UPDATE alarms SET closed_at = ? WHERE id = ?", (time_text(now), alarm.id))
    # By a clock that was wrong nobody knows since when.
    since = "" if alarm.rule == "clock" else f"Since {alarm.opened_at:%Y-%m-%d %H:%M}: "
    return _tell(db, alarm.id, "recovery", f"{why} {since}{alarm.message}", now)


def _tell(db: Database, alarm: int, kind: Kind, text: str, now: datetime) -> int:
    db.conn.execute("UPDATE alarms SET told_at = ? WHERE id = ?", (time_text(now), alarm))
    cursor = db.conn.execute(
        "INSERT INTO messages (alarm_id, kind, text, written_at) VALUES (?, ?, ?, ?)",
        (alarm, kind, text, time_text(now)),
    )
    return int(cursor.lastrowid or 0)

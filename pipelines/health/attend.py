"""After each run: judge, tell whom it concerns, write the figures. No crawl waits for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from crawler.config import Settings
from crawler.errors import Locked, StoreError
from pipelines.alarms.message import Message
from pipelines.alarms.post import post
from pipelines.alarms.sinks import send, sinks
from pipelines.database.alarms import open_alarms, reopen, settle, written
from pipelines.database.connect import open_corpus
from pipelines.database.lock import RunLock
from pipelines.database.outbox import sink_errors
from pipelines.database.signs import read_signs
from pipelines.health.note import Note
from pipelines.health.rules import Problem, judge
from pipelines.metrics import write_metrics
from pipelines.run import Clock

_LOCK = "alarms.lock"


@dataclass(frozen=True, slots=True)
class Attended:
    """The messages that were written now, and by rule and subject what a person should look at:
    alarms that are open and not hushed.
    """

    messages: list[Message] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)


def attend(
    data: Path, settings: Settings, clock: Clock, trouble: StoreError | None = None
) -> Attended:
    """Judge the health of a corpus after a run, send what there is to tell, write the metrics.

    Under a lock of its own: where another process is at it, that one does it. ``trouble`` is
    that the data folder failed in the run. A sink that fails raises nothing.
    """
    lock = RunLock(data, _LOCK)
    now = clock()
    try:
        lock.acquire()
    except Locked:
        return Attended()
    except StoreError as error:
        return _told_at_once(data, settings, now, trouble or error)
    try:
        return _attend(data, settings, clock, trouble)
    except StoreError as error:
        return _told_at_once(data, settings, now, trouble or error)
    finally:
        lock.release()


def _attend(data: Path, settings: Settings, clock: Clock, trouble: StoreError | None) -> Attended:
    now, limits = clock(), settings.health
    db = open_corpus(data)
    try:
        note = Note(data)
        note.reserve()
        known = sinks(settings.alarms)
        errors = {sink: error for sink, error in sink_errors(db).items() if sink in known}
        lately = timedelta(seconds=2 * settings.polling.most)
        verdict = judge(read_signs(db, data, now, lately, errors), limits)
        if trouble:
            verdict.problems = [each for each in verdict.problems if each.rule != "disk"]
            verdict.problems.append(_failing(trouble))
        elif told := note.read():
            reopen(db, *told)
            note.clear()
        ids = settle(db, verdict, now, timedelta(hours=limits.reminder))
        messages = written(db, ids)
        post(db, settings.alarms, clock)
        if settings.metrics.file:
            write_metrics(db, data, settings.metrics.file, now)
        wrong = [(each.rule, each.subject) for each in open_alarms(db) if not each.hushed]
        return Attended(messages, wrong)
    finally:
        db.close()


def _failing(error: StoreError) -> Problem:
    return Problem("disk", "", f"The data folder fails, so runs end at once: {error}.")


def _told_at_once(data: Path, settings: Settings, now: datetime, trouble: StoreError) -> Attended:
    """Nothing can be written, so the note says what was told."""
    problem, note = _failing(trouble), Note(data)
    before = note.read()
    due = before is None or now - before[1] >= timedelta(hours=settings.health.reminder)
    if not due:
        return Attended(wrong=[(problem.rule, problem.subject)])
    kind = "reminder" if before else "alarm"
    message = Message(kind, problem.rule, problem.subject, problem.message, now)
    note.write(problem, now)
    ready = sinks(settings.alarms)
    send({name: [message] for name in ready}, ready, settings.alarms.timeout)
    return Attended([message], [(problem.rule, problem.subject)])

"""After each run: judge, tell whom it concerns, write the figures. No crawl waits for it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from crawler.config import Settings
from crawler.errors import Locked, StoreError
from pipelines.alarms.message import Message
from pipelines.alarms.post import ping, post
from pipelines.alarms.sinks import send, sinks
from pipelines.database.alarms import open_alarms, reopen, settle, written
from pipelines.database.connect import CORPUS, open_corpus
from pipelines.database.lock import RunLock
from pipelines.database.outbox import sink_errors
from pipelines.database.signs import read_signs
from pipelines.health.note import Note
from pipelines.health.rules import Problem, Verdict, held_problem, judge, sink_problem
from pipelines.metrics import write_metrics
from pipelines.run import Clock

_LOCK = "alarms.lock"
# What goes out beside messages.
_OUTS = ("metrics", "log", "ping")


@dataclass(frozen=True, slots=True)
class Attended:
    """The messages that were written now, and by rule and subject what a person should look at:
    alarms that are open and not hushed.
    """

    messages: list[Message] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)


def attend(
    data: Path,
    settings: Settings,
    clock: Clock,
    *,
    finished: bool,
    trouble: StoreError | None = None,
    held: Locked | None = None,
) -> Attended:
    """Judge the health of a corpus after a run, send what there is to tell, write the metrics,
    and call the ping when the run ``finished``, unless messages do not get through.

    Under a lock of its own: where another process is at it, that one does it. ``trouble`` is
    that the data folder failed in the run, ``held`` that there was none, since another one does
    not end. A sink that fails raises nothing.
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
        return _attend(data, settings, clock, trouble, held, finished=finished)
    except StoreError as error:
        return _told_at_once(data, settings, now, trouble or error)
    except (sqlite3.Error, OSError) as error:
        broken = StoreError(f"{data / CORPUS} cannot be read: {error}", data / CORPUS)
        return _told_at_once(data, settings, now, trouble or broken)
    finally:
        lock.release()


def _attend(
    data: Path,
    settings: Settings,
    clock: Clock,
    trouble: StoreError | None,
    held: Locked | None,
    *,
    finished: bool,
) -> Attended:
    now, reminder = clock(), timedelta(hours=settings.health.reminder)
    db = open_corpus(data)
    try:
        note = Note(data)
        note.reserve()
        if not trouble and (told := note.read()):
            reopen(db, *told)
            note.clear()
        verdict = _verdict(db, data, settings, now)
        if trouble:
            # A disk that is full is not nearly full.
            verdict.problems = [each for each in verdict.problems if each.rule != "disk"]
            verdict.unknown.add(("disk", ""))
            verdict.problems.append(_failing(trouble))
        if held:
            verdict.problems.append(held_problem(held))
        ids = settle(db, verdict, now, reminder)
        wrong = [(each.rule, each.subject) for each in open_alarms(db) if not each.hushed]
        # Where messages do not get through, that no ping comes is the message.
        well = finished and not {("sink", name) for name in sinks(settings.alarms)} & {*wrong}
        ids += settle(db, _outs(db, data, settings, clock, well=well), now, reminder)
        messages = written(db, ids)
        post(db, settings.alarms, clock)
        return Attended(messages, wrong)
    finally:
        db.close()


def _verdict(db: Database, data: Path, settings: Settings, now: datetime) -> Verdict:
    """The verdict on the corpus, its runs and the sinks."""
    known = sinks(settings.alarms)
    errors = {sink: error for sink, error in sink_errors(db).items() if sink in known}
    # A listing may be left alone for a day.
    lately = max(timedelta(seconds=2 * settings.polling.most), timedelta(days=2))
    signs = read_signs(db, data, now, lately, errors, settings.crawl.sites)
    verdict = judge(signs, settings.health)
    verdict.unknown |= {("sink", each) for each in _OUTS}
    return verdict


def _outs(db: Database, data: Path, settings: Settings, clock: Clock, *, well: bool) -> Verdict:
    """Write the metrics, call the ping where all is ``well``; the verdict on these two."""
    errors: dict[str, str | None] = {"metrics": None, "log": _unwritable(settings.log.file)}
    if settings.metrics.file:
        try:
            write_metrics(db, data, settings.metrics.file, clock())
        except StoreError as error:
            errors["metrics"] = str(error)
    if well:
        delivery = ping(settings.alarms, clock)
        errors["ping"] = delivery.error if delivery else None
    elif not settings.alarms.ping_url:
        errors["ping"] = None
    judged = {("sink", name) for name in errors}
    return Verdict(
        [sink_problem(name, error) for name, error in errors.items() if error],
        {(each.rule, each.subject) for each in open_alarms(db)} - judged,
    )


def _unwritable(log: Path | None) -> str | None:
    """Why the log cannot be written; None where it can, or none is asked for."""
    if log is None:
        return None
    try:
        with log.open("ab"):
            return None
    except OSError as error:
        return f"{log}: {error.strerror}"


def _failing(error: StoreError) -> Problem:
    return Problem("data", "", f"The data folder fails, so runs end at once: {error}.")


def _told_at_once(data: Path, settings: Settings, now: datetime, trouble: StoreError) -> Attended:
    """Nothing can be written, so the note says what was told."""
    problem, note = _failing(trouble), Note(data)
    before = note.read()
    due = before is None or now - before.at >= timedelta(hours=settings.health.reminder)
    if not due:
        return Attended(wrong=[(problem.rule, problem.subject)])
    kind = "reminder" if before else "alarm"
    message = Message(kind, problem.rule, problem.subject, problem.message, now)
    note.write(problem, now, ())  # whatever becomes of the rest
    ready = sinks(settings.alarms)
    done = send({name: [message] for name in ready}, ready, settings.alarms.timeout)
    note.write(problem, now, {each.sink for each in done if not each.error})
    return Attended([message], [(problem.rule, problem.subject)])

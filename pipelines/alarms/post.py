"""Sends what the corpus owes, and writes down what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlite_utils import Database

from crawler.config import Alarms
from pipelines.alarms.message import trial
from pipelines.alarms.sinks import Delivery, pings, send, sinks
from pipelines.database import outbox
from pipelines.database.connect import writing


def post(db: Database, settings: Alarms, clock: Callable[[], datetime]) -> list[Delivery]:
    """Send the messages that are owed to the sinks that are configured; what became of each.

    It takes ``settings.timeout`` seconds at most, and a moment, with no transaction open
    meanwhile; what did not arrive is owed to the next call. Two processes may call it at once:
    each message goes to one of them. Raises :class:`BadSettings` and :class:`WriteFailed`, and
    nothing for a sink.
    """
    ready = sinks(settings)
    if not ready:
        return []
    patience = timedelta(seconds=2 * settings.timeout)
    with writing(db):
        owed = outbox.claim(db, ready, clock(), patience)
    done = send(owed, ready, settings.timeout)
    if done:
        with writing(db):
            outbox.record(db, done, clock())
    return done


def ping(settings: Alarms, clock: Callable[[], datetime]) -> Delivery | None:
    """Call the ping's URL, within ``settings.timeout`` seconds; what came of it, None when no
    URL is configured. Raises nothing.
    """
    ready = pings(settings)
    owed = {name: [trial(clock())] for name in ready}
    return next(iter(send(owed, ready, settings.timeout)), None)

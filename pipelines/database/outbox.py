"""Messages on their way: which sink is still owed which, and what became of each attempt.

Of each alarm a sink is owed the newest message alone, while that is no older than a week: an
older one says what is no longer so. That it is well again is told only where the alarm was. So a
sink that comes back, or is configured only now, is told what is wrong now, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlite_utils import Database

from pipelines.alarms.message import Message
from pipelines.database.rows import time_text

if TYPE_CHECKING:
    from pipelines.alarms.sinks import Delivery

_AGE = timedelta(days=7)
_MOST = 20  # messages to a sink at once: chats take so many a minute

_OWED = """
  SELECT m.id, m.kind, a.rule, a.subject, m.text, m.written_at
  FROM messages AS m
  JOIN alarms AS a ON a.id = m.alarm_id
  LEFT JOIN deliveries AS d ON d.message_id = m.id AND d.sink = :sink
  WHERE m.id IN (SELECT max(id) FROM messages WHERE written_at >= :since GROUP BY alarm_id)
  AND d.delivered_at IS NULL
  -- another process is at it; or was, when it was killed
  AND NOT (d.message_id IS NOT NULL AND d.error IS NULL AND d.tried_at BETWEEN :stale AND :now)
  AND (m.kind <> 'recovery' OR m.alarm_id IN (
    SELECT alarm_id FROM messages JOIN deliveries ON message_id = id WHERE sink = :sink))
  -- a sink cannot tell that it fails
  AND NOT (a.rule = 'sink' AND a.subject = :sink)
  ORDER BY m.id LIMIT :most
"""


def claim(
    db: Database, sinks: Iterable[str], now: datetime, patience: timedelta
) -> dict[str, list[Message]]:
    """Take what each of ``sinks`` is owed, the oldest first and at most 20 messages each, as
    attempts of this process; sinks that are owed nothing are left out.

    For ``patience`` nobody else takes them, unless they are recorded before. It reads
    ``messages`` once for each sink, a few thousand rows after years. The caller commits.
    """
    found = {sink: _owed(db, sink, now, patience) for sink in sinks}
    db.conn.executemany(
        "INSERT INTO deliveries VALUES (?, ?, 1, ?, NULL, NULL) ON CONFLICT DO UPDATE"
        " SET attempts = attempts + 1, tried_at = excluded.tried_at, error = NULL",
        [
            (message.id, sink, time_text(now))
            for sink, messages in found.items()
            for message in messages
        ],
    )
    return {sink: messages for sink, messages in found.items() if messages}


def _owed(db: Database, sink: str, now: datetime, patience: timedelta) -> list[Message]:
    rows = db.conn.execute(
        _OWED,
        {
            "sink": sink,
            "since": time_text(now - _AGE),
            "stale": time_text(now - patience),
            "now": time_text(now),
            "most": _MOST,
        },
    )
    return [
        Message(kind, rule, subject, text, datetime.fromisoformat(written), number)
        for number, kind, rule, subject, text, written in rows
    ]


def record(db: Database, deliveries: Iterable[Delivery], now: datetime) -> None:
    """Write what became of messages that were claimed. The caller commits."""
    db.conn.executemany(
        "UPDATE deliveries SET delivered_at = ?, error = ? WHERE message_id = ? AND sink = ?",
        [
            (None if each.error else time_text(now), each.error, each.message.id, each.sink)
            for each in deliveries
        ],
    )


def sink_errors(db: Database) -> dict[str, str]:
    """For each sink whose newest attempt failed its error; sinks among them that are no longer
    configured. What is being tried, or was when the program was killed, does not count.
    """
    rows = db.conn.execute(
        "SELECT sink, error FROM (SELECT sink, error, row_number() OVER"
        " (PARTITION BY sink ORDER BY message_id DESC) AS place FROM deliveries"
        " WHERE delivered_at IS NOT NULL OR error IS NOT NULL)"
        " WHERE place = 1 AND error IS NOT NULL"
    )
    return dict(rows.fetchall())


def hush(db: Database, rule: str, subject: str | None, now: datetime) -> int:
    """A person knows: mark the open alarm of ``rule`` and ``subject``, or all of the rule when
    that is None, so that no reminders come; how many there are. The caller commits.
    """
    cursor = db.conn.execute(
        "UPDATE alarms SET hushed_at = coalesce(hushed_at, ?)"
        " WHERE rule = ? AND subject = coalesce(?, subject) AND closed_at IS NULL",
        (time_text(now), rule, subject),
    )
    return cursor.rowcount

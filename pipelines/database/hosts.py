"""Hosts that refuse: how long each is left alone, remembered across runs (a circuit breaker).

A host that turns several requests in a row away, or says outright that we ask too often,
rests; the first request after a rest decides whether it answers again or rests longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from pipelines.database.connect import writing
from pipelines.database.rows import time_text

_REFUSALS = 3  # in a row, by different requests: one alone may be the page's doing
_GOOD = 20  # answers in a row after which earlier rests are forgotten
_FORGET = timedelta(days=2)
_SECOND = timedelta(seconds=1)
_OUTRIGHT = "http-429"


@dataclass(frozen=True, slots=True)
class Rest:
    """A host at rest; ``until`` is aware, ``reason`` that of its last refusal."""

    host: str
    until: datetime
    reason: str


@dataclass(slots=True)
class _Host:
    rests: int = 0
    until: datetime | None = None
    reason: str = ""
    refusals: int = 0  # in a row
    good: int = 0  # in a row


class Hosts:
    """What this run knows of the hosts it asks. Rests are written at once.

    ``rests`` is how long a host rests the first time, the second …; then as the last.
    """

    rests: Sequence[timedelta] = (timedelta(minutes=1),)

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock
        self._hosts: dict[str, _Host] = {}

    def rest(self, host: str) -> Rest | None:
        """The rest that ``host`` is having now; None when it may be asked."""
        known = self._known(host)
        if known.until is None or known.until <= self._clock():
            return None
        return Rest(host, known.until, known.reason)

    def answered(self, host: str) -> None:
        """The host answered as it should."""
        known = self._known(host)
        known.refusals, known.until = 0, None
        known.good += 1
        if known.rests and known.good >= _GOOD:
            known.rests = 0
            self._save(host, known)

    def refused(self, host: str, reason: str, wait: timedelta | None) -> None:
        """The host refused, and asked us to ``wait`` so long if it did (``Retry-After``)."""
        known = self._known(host)
        known.reason, known.good = reason, 0
        known.refusals += 1
        tried_again = known.until is not None
        if wait or tried_again or reason == _OUTRIGHT or known.refusals >= _REFUSALS:
            # What it asks for; more only where it refuses again and again.
            lengths = self.rests if not wait else (wait, *(max(wait, rest) for rest in self.rests))
            length = lengths[min(known.rests, len(lengths) - 1)]
            known.rests += 1
            # Rows hold whole seconds: never earlier than that.
            known.until = (self._clock() + length + _SECOND).replace(microsecond=0)
            self._save(host, known)

    def _known(self, host: str) -> _Host:
        if host not in self._hosts:
            row = self._db.conn.execute(
                "SELECT rests, rests_until, reason, last_refused_at FROM hosts WHERE host = ?",
                (host,),
            ).fetchone()
            known = self._hosts[host] = _Host()
            if row and row[0] and self._clock() - datetime.fromisoformat(row[3]) < _FORGET:
                known.rests, known.reason = row[0], row[2]
                known.until = datetime.fromisoformat(row[1])
        return self._hosts[host]

    def _save(self, host: str, known: _Host) -> None:
        until = time_text(known.until) if known.until else None
        with writing(self._db):
            self._db.conn.execute(
                "INSERT INTO hosts VALUES (:host, :rests, :until, :reason, :now) ON CONFLICT"
                " DO UPDATE SET rests = :rests, rests_until = :until, reason = :reason,"
                " last_refused_at = CASE WHEN :rests THEN :now ELSE last_refused_at END",
                {
                    "host": host,
                    "rests": known.rests,
                    "until": until,
                    "reason": known.reason,
                    "now": time_text(self._clock()),
                },
            )

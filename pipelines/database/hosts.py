"""Hosts that refuse: how long each is left alone, remembered across runs (a circuit breaker).

A host that turns several requests in a row away, or says outright that we ask too often,
rests; the first request after a rest decides whether it answers again or rests longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from logging import WARNING

from sqlite_utils import Database

from crawler.log import event
from pipelines.database.connect import writing
from pipelines.database.rows import time_text

_REFUSALS = 3  # in a row, by different requests: one alone may be the page's doing
_GOOD = 20  # answers in a row after which earlier rests are forgotten
_FORGET = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_EVER = datetime(1990, 1, 1, tzinfo=UTC)
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
    until: datetime | None = None  # None: it has answered well since it rested
    reason: str = ""
    site: str | None = None  # whose crawl it refused last
    run_id: int | None = None  # that it refused last, or that missed it
    refused_at: datetime = _EVER
    refusals: int = 0  # in a row
    good: int = 0  # in a row


class Hosts:
    """What this run knows of the hosts it asks. Rests are written at once.

    ``rests`` is how long a host rests the first time, the second …; then as the last.
    """

    rests: Sequence[timedelta] = (timedelta(minutes=1),)

    def __init__(self, db: Database, clock: Callable[[], datetime], run_id: int) -> None:
        self._db = db
        self._clock = clock
        self._run_id = run_id
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
        known.good += 1
        if known.until:
            event("host-answers", f"{host} answers again", host=host)
        if known.refusals or known.until or (known.rests and known.good >= _GOOD):
            known.refusals, known.until = 0, None
            known.rests = 0 if known.good >= _GOOD else known.rests
            self._save(host, known, known.refused_at)

    def refused(self, host: str, reason: str, wait: timedelta | None, site: str) -> None:
        """The host refused the crawl of ``site``, and asked us to ``wait`` so long if it did
        (``Retry-After``).
        """
        known, now = self._known(host), self._clock()
        known.reason, known.good, known.refused_at, known.site = reason, 0, now, site
        known.refusals += 1
        known.run_id = self._run_id
        facts = {"host": host, "site": site, "reason": reason}
        event("host-refuses", f"{host} refuses ({reason})", level=WARNING, **facts)
        if wait or known.until or reason == _OUTRIGHT or known.refusals >= _REFUSALS:
            # What it asks for; more only where it refuses again and again.
            lengths = self.rests if not wait else (wait, *(max(wait, rest) for rest in self.rests))
            length = lengths[min(known.rests, len(lengths) - 1)]
            known.rests += 1
            # Rows hold whole seconds: never earlier than that.
            known.until = (now + length + _SECOND).replace(microsecond=0)
            until = time_text(known.until)
            event("host-rests", f"{host} rests until {until}", level=WARNING, **facts, until=until)
        self._save(host, known, now)

    def missed(self, host: str) -> None:
        """A request had to be left, since the host rests."""
        known = self._known(host)
        if known.run_id != self._run_id:
            known.run_id = self._run_id
            self._save(host, known, known.refused_at)

    def _known(self, host: str) -> _Host:
        if host not in self._hosts:
            row = self._db.conn.execute(
                "SELECT refusals, rests, rests_until, reason, last_refused_at, site, run_id"
                " FROM hosts WHERE host = ?",
                (host,),
            ).fetchone()
            known = self._hosts[host] = _Host()
            if row:
                refusals, rests, until, reason, refused, known.site, known.run_id = row
                until = datetime.fromisoformat(until) if until else None
                last = max(datetime.fromisoformat(refused), until or _EVER)
                now = self._clock()
                # What a clock that ran ahead wrote is forgotten too.
                if datetime.fromisoformat(refused) <= now + _SECOND and now - last < _FORGET:
                    known.refusals, known.rests, known.until = refusals, rests, until
                    known.reason, known.refused_at = reason, datetime.fromisoformat(refused)
        return self._hosts[host]

    def _save(self, host: str, known: _Host, refused_at: datetime) -> None:
        row = {
            "host": host,
            "refusals": known.refusals,
            "rests": known.rests,
            "rests_until": time_text(known.until) if known.until else None,
            "reason": known.reason,
            "last_refused_at": time_text(refused_at),
            "site": known.site,
            "run_id": known.run_id,
        }
        with writing(self._db):
            self._db.conn.execute(
                f"INSERT OR REPLACE INTO hosts ({', '.join(row)}) VALUES (:{', :'.join(row)})", row
            )

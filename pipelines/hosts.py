"""Hosts that refuse: how long each is left alone (a circuit breaker).

A host that turns several requests in a row away, or says outright that we ask too often,
rests; the first request after a rest decides whether it answers again or rests longer.
Where that is remembered is for others: :mod:`pipelines.database.hosts` in the corpus, and
:mod:`crawler.exchange.hosts` for all who crawl together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from logging import WARNING

from crawler.log import event
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


@dataclass(frozen=True, slots=True)
class Host:
    """What is known of a host. Times are aware; ``until`` None: it has answered well since it
    rested. ``site`` is whose crawl it refused last, ``at`` when that became known.
    """

    rests: int = 0
    until: datetime | None = None
    reason: str = ""
    site: str | None = None
    refused_at: datetime = _EVER
    refusals: int = 0  # in a row
    good: int = 0  # answers in a row
    at: datetime = _EVER

    def answered(self) -> Host:
        """After it answered as it should."""
        good = self.good + 1
        return replace(
            self, good=good, refusals=0, until=None, rests=0 if good >= _GOOD else self.rests
        )

    def refused(
        self,
        reason: str,
        wait: timedelta | None,
        site: str,
        now: datetime,
        lengths: Sequence[timedelta],
    ) -> Host:
        """After it refused; ``lengths`` as :attr:`Hosts.rests`."""
        rests, until, refusals = self.rests, self.until, self.refusals + 1
        if wait or until or reason == _OUTRIGHT or refusals >= _REFUSALS:
            # What it asks for; more only where it refuses again and again.
            longer = lengths if not wait else (wait, *(max(wait, rest) for rest in lengths))
            length = longer[min(rests, len(longer) - 1)]
            rests += 1
            # Rows hold whole seconds: never earlier than that.
            until = (now + length + _SECOND).replace(microsecond=0)
        return replace(
            self,
            rests=rests,
            until=until,
            reason=reason,
            site=site,
            refused_at=now,
            refusals=refusals,
            good=0,
        )

    def changed(self, change: Callable[[Host], Host], now: datetime) -> Host:
        """After a change that becomes known now: later than all that was known before."""
        return replace(change(self), at=max(now, self.at + timedelta.resolution))

    def lasting(self, now: datetime) -> Host:
        """What counts of it later: nothing after a day."""
        last = max(self.refused_at, self.until or _EVER)
        return self if now - last < _FORGET else Host(site=self.site, at=self.at)

    def remembered(self, now: datetime) -> Host:
        """The same; and nothing of a clock that ran ahead."""
        return self.lasting(now) if self.refused_at <= now + _SECOND else Host(site=self.site)


class Hosts(ABC):
    """What those who ask know of the hosts.

    ``rests`` is how long a host rests the first time, the second …; then as the last.
    """

    rests: Sequence[timedelta] = (timedelta(minutes=1),)

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def rest(self, host: str) -> Rest | None:
        """The rest that ``host`` is having now; None when it may be asked."""
        known = self._known(host)
        if known.until is None or known.until <= self._clock():
            return None
        return Rest(host, known.until, known.reason)

    def answered(self, host: str) -> None:
        """The host answered as it should."""
        known = self._known(host)
        if known.until:
            event("host-answers", f"{host} answers again", host=host)
        self._change(host, Host.answered, matters=_is_marked(known))

    def refused(self, host: str, reason: str, wait: timedelta | None, site: str) -> None:
        """The host refused the crawl of ``site``, and asked us to ``wait`` so long if it did
        (``Retry-After``).
        """
        facts = {"host": host, "site": site, "reason": reason}
        event("host-refuses", f"{host} refuses ({reason})", level=WARNING, **facts)
        before, now, rests = self._known(host), self._clock(), self.rests
        self._change(host, lambda known: known.refused(reason, wait, site, now, rests))
        known = self._known(host)
        if known.until and known.rests > before.rests:
            until = time_text(known.until)
            event("host-rests", f"{host} rests until {until}", level=WARNING, **facts, until=until)

    @abstractmethod
    def missed(self, host: str) -> None:
        """A request had to be left, since the host rests."""

    @abstractmethod
    def _known(self, host: str) -> Host:
        """What is known of a host."""

    @abstractmethod
    def _change(self, host: str, change: Callable[[Host], Host], *, matters: bool = True) -> None:
        """Know it changed from now on, and remember that where it ``matters`` later."""


def _is_marked(known: Host) -> bool:
    """Is there anything that a good answer takes back?"""
    return bool(known.refusals or known.until or (known.rests and known.good + 1 >= _GOOD))

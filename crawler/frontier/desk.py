"""What those who ask know of hosts and count: a run, or a worker among many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from scrapy.settings import BaseSettings

from pipelines.database.ledger import Tally
from pipelines.hosts import Hosts, Rest


class Desk(Protocol):
    """``counts`` and ``tally`` count requests, bytes and refusals, ``resting`` are the hosts that
    were not asked since they rest, ``clock_off`` is as in ``runs``; ``error`` ends it.
    """

    clock_off: float | None

    @property
    def hosts(self) -> Hosts: ...
    @property
    def counts(self) -> Counter[str]: ...
    @property
    def tally(self) -> Tally: ...
    @property
    def resting(self) -> dict[str, Rest]: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def error(self) -> Exception | None: ...


def rests(settings: BaseSettings) -> list[timedelta]:
    """How long a host rests by the settings, as :attr:`pipelines.hosts.Hosts.rests`."""
    return [timedelta(seconds=float(each)) for each in settings.getlist("FINEWS_RESTS")]

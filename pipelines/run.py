"""A run: one invocation that writes to a data folder, with its lock, databases and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from crawler.errors import StoreError
from crawler.parsers.dates import SHANGHAI
from pipelines.database.connect import open_corpus, open_pages, writing
from pipelines.database.frontier import Frontier
from pipelines.database.ledger import Ledger
from pipelines.database.lock import RunLock
from pipelines.store import Store

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time now, in Asia/Shanghai."""
    return datetime.now(SHANGHAI)


class Run:
    """The run of this process on one data folder.

    ``join`` begins it, or joins the one that this process has open: the command and
    each of its spiders share a run. When the last has left, it ends. ``counts`` holds
    what the ``runs`` table keeps, ``unfinished`` the sites that still owe something;
    ``error`` is set when the data folder failed, and then nothing more is written.
    """

    _open: ClassVar[dict[Path, Run]] = {}

    def __init__(self, data: Path, command: str, clock: Clock, *, wait: bool) -> None:
        self.data = data
        self.clock = clock
        self.counts: Counter[str] = Counter()
        self.skipped: set[str] = set()
        self.error: StoreError | None = None
        self.unfinished: set[str] = set()
        self._joined = 0
        self._lock = RunLock(data)
        self._lock.acquire(wait=wait)
        try:
            self.corpus = open_corpus(data)
            self.pages = open_pages(data)
            with writing(self.corpus):
                self.id = Ledger.begin(self.corpus, command, clock())
        except StoreError:
            self._lock.release()
            raise
        self.ledger = Ledger(self.corpus, self.id, clock)
        self.store = Store(self.corpus, self.pages, run_id=self.id, clock=clock, counts=self.counts)

    @classmethod
    def join(cls, data: Path, command: str, *, clock: Clock = now, wait: bool = False) -> Run:
        """Begin a run on ``data``, or join this process's. Raises :class:`StoreError`."""
        data = data.absolute()
        run = cls._open.get(data)
        if run is None:
            run = cls._open[data] = cls(data, command, clock, wait=wait)
        run._joined += 1
        return run

    def leave(self) -> None:
        """Leave the run; the last to leave writes what waits and ends it."""
        self._joined -= 1
        if self._joined:
            return
        try:
            if self.error is None:
                self.store.flush()
                self.save("stopped" if self.unfinished else "finished")
        except StoreError as error:
            self.error = error
        finally:
            del self._open[self.data]
            self.corpus.close()
            self.pages.close()
            self._lock.release()

    def frontier(self, site: str) -> Frontier:
        """The frontier of one site in this run."""
        return Frontier(self.corpus, site, self.id, self.clock)

    def save(self, outcome: str | None = None) -> None:
        """Write the counts so far; with ``outcome`` the run is over."""
        self.counts["skipped"] = len(self.skipped)
        with writing(self.corpus):
            self.ledger.save(self.counts, outcome)

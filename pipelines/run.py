"""A run: one invocation that writes to a data folder, with its lock, databases and counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from crawler.errors import StoreError
from crawler.parsers.dates import SHANGHAI
from pipelines.database.connect import open_corpus, open_pages, writing
from pipelines.database.frontier import Frontier
from pipelines.database.hosts import StoredHosts
from pipelines.database.ledger import Ledger, Tally
from pipelines.database.lock import RunLock
from pipelines.database.regroup import regroup, ungrouped
from pipelines.database.robots import Robots
from pipelines.database.search_index import is_current, rebuild
from pipelines.hosts import Rest
from pipelines.store import Store

# How long runs that had nothing to do are kept.
_IDLE = timedelta(days=30)

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time now, in Asia/Shanghai."""
    return datetime.now(SHANGHAI)


class Folder:
    """A data folder that is open for writing: its two files, under its lock."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self.data = data
        self.clock = clock
        self.corpus = open_corpus(data)
        self.pages = open_pages(data)
        if ungrouped(self.corpus):
            regroup(self.corpus)
        if not is_current(self.corpus):
            rebuild(self.corpus)

    @classmethod
    @contextmanager
    def open(cls, data: Path, *, clock: Clock = now, wait: bool = False) -> Iterator[Folder]:
        """Open within a ``with`` block. Raises :class:`StoreError`, :class:`Locked` among them."""
        data = data.absolute()
        lock = RunLock(data)
        lock.acquire(wait=wait)
        try:
            folder = cls(data, clock)
            try:
                yield folder
            finally:
                folder.corpus.close()
                folder.pages.close()
        finally:
            lock.release()


class Run:
    """A run on an open data folder: made by the command, shared by its spiders.

    ``open`` begins it under the lock; at its end what waits is written. ``counts``
    holds what the ``runs`` table keeps, ``unfinished`` the sites whose crawl has not come to
    its end, ``foreign`` counts records of web archives that are no articles of a site we know,
    ``resting`` the hosts that were not asked because they rest, ``gaps`` the sites and
    listings that lost sight of what was covered; ``reason`` tells why it was stopped, ``finding``
    what one that came to its end found amiss, where that is all it is for; ``error``
    is set when the data folder failed, and then nothing more is written. ``tally`` counts by
    site and listing, ``clock_off`` is as in the table. ``ends`` is left when all is written,
    under the lock still.
    """

    _current: ClassVar[dict[Path, Run]] = {}

    def __init__(self, folder: Folder, command: str) -> None:
        self.data = folder.data
        self.clock = clock = folder.clock
        self.corpus = folder.corpus
        self.pages = folder.pages
        self.counts: Counter[str] = Counter()
        self.skipped: set[str] = set()
        self.foreign = 0
        self.unfinished: set[str] = set()
        self.resting: dict[str, Rest] = {}
        self.gaps: list[tuple[str, str]] = []
        self.tally: Tally = defaultdict(Counter)
        self.clock_off: float | None = None
        self.reason: str | None = None
        self.finding: str | None = None
        self.error: StoreError | None = None
        self.ends = ExitStack()
        with writing(self.corpus):
            self.id = Ledger.begin(self.corpus, command, clock())
        self.ledger = Ledger(self.corpus, self.id, clock)
        self.hosts = StoredHosts(self.corpus, clock, self.id)
        self.robots = Robots(self.corpus, clock)
        self.store = Store(
            self.corpus,
            self.pages,
            run_id=self.id,
            clock=clock,
            counts=self.counts,
            tally=self.tally,
        )

    @classmethod
    @contextmanager
    def open(
        cls, data: Path, command: str, *, clock: Clock = now, wait: bool = False
    ) -> Iterator[Run]:
        """Run within a ``with`` block. Raises :class:`StoreError`, :class:`Locked` among them.

        A write that fails when the block ends is in ``error``, not raised.
        """
        with Folder.open(data, clock=clock, wait=wait) as folder:
            run = cls._current[folder.data] = cls(folder, command)
            try:
                yield run
            except KeyboardInterrupt:
                run.stop("by Ctrl-C or a signal")
                raise
            except Exception as error:
                run.stop(f"by an error: {error}")
                raise
            finally:
                del cls._current[folder.data]
                run.end()

    @classmethod
    def current(cls, data: Path) -> Run | None:
        """The run that this process has open on ``data``; None where there is none."""
        return cls._current.get(data.absolute())

    def frontier(self, site: str) -> Frontier:
        """The frontier of one site in this run."""
        return Frontier(self.corpus, site, self.id, self.clock)

    def save(self, outcome: str | None = None) -> None:
        """Write the counts so far; with ``outcome`` the run is over."""
        self.counts["skipped"] = len(self.skipped) + self.foreign
        told = str(self.error) if self.error else self.reason
        reason = self.finding if outcome == "finished" else told if outcome else None
        with writing(self.corpus):
            self.ledger.save(self.counts, self.tally, self.clock_off, outcome, reason)

    def idle(self) -> None:
        """There was nothing to do."""
        with writing(self.corpus):
            self.ledger.drop_idle(self.clock() - _IDLE)

    def stop(self, reason: str) -> None:
        """The run is ended before its end, for ``reason``."""
        self.unfinished.add("")
        self.reason = reason

    @property
    def outcome(self) -> str:
        """``error``, ``stopped`` before its end, or ``finished``."""
        return "error" if self.error else "stopped" if self.unfinished else "finished"

    def end(self) -> None:
        """Write what waits, and how the run ended."""
        try:
            if self.error is None:
                self.store.flush()
            self.save(self.outcome)
        except StoreError as error:
            self.error = self.error or error
        self.ends.close()

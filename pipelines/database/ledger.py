"""The run ledger: what each run and each walk did, and why it ended."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from sqlite_utils import Database

from pipelines.database.coverage import Span
from pipelines.database.frontier import Shown
from pipelines.database.rows import time_text

#: The columns of ``runs`` that count something.
COUNTS = (
    "found", "new", "changed", "filled", "improved", "unchanged", "incomplete", "skipped",
    "failed", "requests", "bytes", "refusals",
)  # fmt: skip
#: ``runs.reason`` of a run that ``--max-time`` bounded: it ended as it should.
TIME_OVER = "--max-time is over"
#: Those of ``walks``: what a listing and the articles it showed came to, beside its pages.
WALK_COUNTS = ("changed", "unchanged", "failed", "requests", "bytes", "refusals")
#: Counts by site and listing.
Tally: TypeAlias = defaultdict[tuple[str, str], Counter[str]]


class Ledger:
    """Writes the rows of ``runs`` and ``walks`` of one run; the caller commits."""

    def __init__(self, db: Database, run_id: int, clock: Callable[[], datetime]) -> None:
        self._conn = db.conn
        self._run_id = run_id
        self._clock = clock

    @staticmethod
    def begin(db: Database, command: str, now: datetime) -> int:
        """Write a new run; its id."""
        cursor = db.conn.execute(
            "INSERT INTO runs (command, started_at) VALUES (?, ?)", (command, time_text(now))
        )
        return int(cursor.lastrowid or 0)

    def save(
        self,
        counts: Mapping[str, int],
        tally: Tally,
        clock_off: float | None,
        outcome: str | None,
        reason: str | None,
    ) -> None:
        """Write the counts so far; with ``outcome`` the run has ended, for ``reason``."""
        self._conn.execute(
            f"UPDATE runs SET {', '.join(f'{name} = ?' for name in COUNTS)}, clock_off = ?,"
            " outcome = ?, ended_at = ?, reason = ? WHERE id = ?",
            (
                *(counts.get(name, 0) for name in COUNTS),
                clock_off,
                outcome,
                outcome and time_text(self._clock()),
                reason,
                self._run_id,
            ),
        )
        self._conn.executemany(
            f"UPDATE walks SET {', '.join(f'{name} = ?' for name in WALK_COUNTS)}"
            " WHERE run_id = ? AND site = ? AND listing = ?",
            [
                (*(own[name] for name in WALK_COUNTS), self._run_id, *listing)
                for listing, own in tally.items()
            ],
        )

    def drop_idle(self, before: datetime) -> None:
        """Drop earlier runs with ``--due`` that found nothing to do: years of them tell nothing."""
        self._conn.execute(
            "DELETE FROM runs WHERE id < ? AND command LIKE '%--due%' AND outcome = 'finished'"
            " AND ended_at < ? AND requests = 0 AND found = 0"
            " AND NOT EXISTS (SELECT 1 FROM walks WHERE run_id = runs.id)",
            (self._run_id, time_text(before)),
        )

    def begin_walk(self, site: str, listing: str) -> int:
        """Begin a walk; its id."""
        cursor = self._conn.execute(
            "INSERT INTO walks (run_id, site, listing, started_at) VALUES (?, ?, ?, ?)",
            (self._run_id, site, listing, time_text(self._clock())),
        )
        return int(cursor.lastrowid or 0)

    def add_page(self, walk: int, shown: Shown) -> None:
        """Count one page of a walk."""
        self._conn.execute(
            "UPDATE walks SET pages = pages + 1, entries = entries + ?, new = new + ? WHERE id = ?",
            (shown.entries, shown.new, walk),
        )

    def end_walk(self, walk: int, outcome: str, read: Span | None) -> None:
        """End a walk: ``end``, ``known`` ground, ``since`` reached, ``limit`` or ``failed``.

        ``read`` is the time of which it read all that the listing showed, None of none.
        """
        start, end = (read.start or None, read.end) if read else (None, None)
        self._conn.execute(
            "UPDATE walks SET outcome = ?, ended_at = ?, from_at = ?, to_at = ? WHERE id = ?",
            (outcome, time_text(self._clock()), start, end, walk),
        )

    def is_whole(self, site: str, listing: str) -> bool:
        """Did the last walk of the listing leave nothing behind it?

        Only then may a walk stop where it meets known entries: an interrupted walk has
        stored its newest and left a hole behind them.
        """
        row = self._conn.execute(
            "SELECT outcome FROM walks WHERE site = ? AND listing = ? AND run_id <> ?"
            " ORDER BY id DESC LIMIT 1",
            (site, listing, self._run_id),
        ).fetchone()
        return row is not None and row[0] in ("end", "known", "since")

    def walked(self, walk: int) -> dict[str, int]:
        """What a walk has read so far: ``pages``, ``entries``, ``new`` ones among them."""
        pages, entries, new = self._conn.execute(
            "SELECT pages, entries, new FROM walks WHERE id = ?", (walk,)
        ).fetchone()
        return {"pages": pages, "entries": entries, "new": new}

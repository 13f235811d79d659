"""How far a run is: a bar on a terminal, a plain line a minute elsewhere."""

from __future__ import annotations

import sys
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from pipelines.run import Run

if TYPE_CHECKING:
    from rich.progress import Progress

_DONE = ("new", "changed", "filled", "improved", "unchanged", "failed")
_BAR_S = 0.3
_LINE_S = 60.0


class RunProgress:
    """Shows the counts of a run while it goes on; reads them only, from a thread."""

    def __init__(self, run: Run, *, quiet: bool = False) -> None:
        self._run = run
        self._bar = _bar() if sys.stderr.isatty() and not quiet else None
        self._quiet = quiet
        self._over = Event()
        self._thread = Thread(target=self._show, daemon=True)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task("run", total=None, said="beginning")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._bar:
            self._bar.stop()

    def _show(self) -> None:
        while not self._over.wait(_BAR_S if self._bar else _LINE_S):
            counts = self._run.counts
            done = sum(counts[name] for name in _DONE)
            said = f"{counts['found']} found, {done - counts['failed']} stored"
            if counts["failed"]:
                said += f", {counts['failed']} failed"
            if self._bar:
                total = max(counts["found"], done) or None
                self._bar.update(self._task, completed=done, total=total, said=said)
            elif not self._quiet:
                click.echo(said, err=True)


def _bar() -> Progress:
    from rich.progress import (  # noqa: PLC0415 -- slow to load, and cron has no terminal
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (BarColumn(30), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    return Progress(*columns, transient=True)

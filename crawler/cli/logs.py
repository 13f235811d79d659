"""The log of a run, from its beginning to its end."""

from __future__ import annotations

from contextlib import ExitStack

from crawler.config import Log
from crawler.log import event, logging_run
from pipelines.database.ledger import COUNTS
from pipelines.run import Run


def attach(run: Run, settings: Log, command: str, *, verbose: bool, quiet: bool) -> None:
    """Log a run that is open until it has written its last and given its lock back."""
    log = ExitStack()
    log.enter_context(logging_run(lambda: run.id, settings, verbose=verbose, quiet=quiet))
    run.ends.push(log)
    begun(run, command)


def begun(run: Run, command: str) -> None:
    """Tell that a run begins, and when it ends what it did."""
    event("run-begun", f"run {run.id} begins: {command}", command=command, data=str(run.data))
    run.ends.callback(_ended, run)


def _ended(run: Run) -> None:
    counts = {name: run.counts[name] for name in COUNTS if run.counts[name]}
    parts = (f"{count} {name}" for name, count in counts.items() if name != "bytes")
    told = ", ".join(parts) or "nothing to do"
    why = str(run.error) if run.error else run.reason
    sentence = f"run {run.id} ends, {run.outcome}: {told}"
    event(
        "run-ended",
        f"{sentence} ({why})" if why else sentence,
        outcome=run.outcome,
        reason=why,
        counts=counts,
    )

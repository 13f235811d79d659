"""What was told while nothing could be written to the corpus: kept in a file that need not grow.

The file is made while there is room, and then written in place, which a full disk allows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pipelines.database.rows import time_text
from pipelines.health.rules import Problem

_FILE = "alarms.note"
_SIZE = 4096  # one block of nearly every file system


class Told(NamedTuple):
    """A problem that was told at ``at``, by those ``sinks`` that took it."""

    problem: Problem
    at: datetime
    sinks: tuple[str, ...]


class Note:
    """The note in a data folder, at most one problem."""

    def __init__(self, data: Path) -> None:
        self._path = data / _FILE

    def reserve(self) -> None:
        """Make the file while there is room for it."""
        if not self._path.exists():
            self._write("")

    def read(self) -> Told | None:
        """What was told; None where there is nothing, or nothing that can be read."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(self._path.read_text(encoding="utf-8"))
            problem = Problem(found["rule"], found["subject"], found["message"])
            return Told(problem, datetime.fromisoformat(found["at"]), tuple(found["sinks"]))
        return None

    def write(self, problem: Problem, at: datetime, sinks: Iterable[str]) -> None:
        """Keep that a problem was told; what cannot be kept is told again by the next run."""
        told = {
            "rule": problem.rule,
            "subject": problem.subject,
            "message": problem.message[: _SIZE // 8],  # escaped, a character takes six bytes
            "at": time_text(at),
            "sinks": sorted(sinks),
        }
        self._write(json.dumps(told))

    def clear(self) -> None:
        if self.read():
            self._write("")

    def _write(self, text: str) -> None:
        with suppress(OSError):
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.pwrite(file, text.encode().ljust(_SIZE), 0)
            finally:
                os.close(file)

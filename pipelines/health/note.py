"""What was told while nothing could be written to the corpus: kept in a file that need not grow.

The file is made while there is room, and then written in place, which a full disk allows. Where
the folder takes nothing at all, such as on a disk that is read-only now, it stands among temporary
files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NamedTuple

from sqlite_utils import Database

from pipelines.database import report
from pipelines.database.rows import time_text
from pipelines.health.rules import Problem

_FILE = "alarms.note"
_SIZE = 4096  # one block of nearly every file system


class Told(NamedTuple):
    """A problem that was told at ``at``, by those ``sinks`` that took it."""

    problem: Problem
    at: datetime
    sinks: tuple[str, ...]

    def as_alarm(self) -> dict[str, str | None]:
        """As an open alarm that is listed."""
        return {
            "rule": self.problem.rule,
            "subject": self.problem.subject,
            "message": self.problem.message,
            "opened_at": time_text(self.at),
            "hushed_at": None,
            "closed_at": None,
        }


class Note:
    """The note of a data folder, at most one problem."""

    def __init__(self, data: Path) -> None:
        name = sha256(str(data.absolute()).encode()).hexdigest()[:16]
        self._path = data / _FILE
        try:
            folder = Path(gettempdir())
        except FileNotFoundError:  # no folder takes anything
            folder = data
        self._spare = folder / f"finews-{os.getuid()}-{name}.note"

    def reserve(self) -> None:
        """Make the file while there is room for it."""
        if not self._path.exists():
            _write(self._path, "")

    def read(self) -> Told | None:
        """What was told; None where there is nothing, or nothing that can be read."""
        for path in (self._path, self._spare):
            with suppress(OSError, ValueError, KeyError, TypeError):
                found = json.loads(path.read_text(encoding="utf-8"))
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
        text = json.dumps(told)
        if not _write(self._path, text):
            _write(self._spare, text)

    def clear(self) -> None:
        if self.read():
            _write(self._path, "")
            with suppress(OSError):
                self._spare.unlink(missing_ok=True)


def alarms(db: Database, data: Path, closed_since: datetime | None = None) -> list[dict[str, Any]]:
    """What was told of a data folder that fails, before what :func:`report.alarms` gives."""
    told = Note(data).read()
    return [*([told.as_alarm()] if told else []), *report.alarms(db, closed_since)]


def _write(path: Path, text: str) -> bool:
    """Write in place; could it be done?"""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return False
    try:
        os.pwrite(file, text.encode().ljust(_SIZE), 0)
    except OSError:
        return False
    finally:
        os.close(file)
    return True

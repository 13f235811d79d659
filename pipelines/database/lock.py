"""One run at a time writes to a data folder, and one at a time looks after its alarms."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from crawler.errors import Locked, StoreError
from crawler.parsers.dates import SHANGHAI

_EVERY_S = 0.5
_MOMENT_S = 0.05  # much longer than :func:`is_held` has it
_RUN = "finews.lock"


class RunLock:
    """A lock on a data folder that the system takes back when its process dies.

    ``acquire`` raises :class:`Locked` when another process holds it, or waits for
    it with ``wait``. The file holds the process number for a person to see, and was written
    when the lock was taken.
    """

    def __init__(self, data: Path, name: str = _RUN) -> None:
        self._path = data / name
        self._file: int | None = None

    def acquire(self, *, wait: bool = False) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be opened: {error}", self._path) from error
        while not self._try(self._file):
            if not wait:
                time.sleep(_MOMENT_S)
                if self._try(self._file):
                    break
                holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip()
                since = datetime.fromtimestamp(os.fstat(self._file).st_mtime, SHANGHAI)
                self.release()
                raise Locked(
                    f"another run (process {holder or 'unknown'}, since {since:%Y-%m-%d %H:%M})"
                    f" works in {self._path.parent}; let it end, or use --wait",
                    self._path,
                    since,
                )
            time.sleep(_EVERY_S)
        with suppress(OSError):  # a full disk; the number is for people only
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    @staticmethod
    def _try(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_held(data: Path) -> bool:
    """Is a run at work on the data folder?"""
    try:
        file = os.open(data / "finews.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared: two who ask at once do not see each other.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False

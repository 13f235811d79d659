"""Files and folders that appear only when they are whole: written aside, then renamed.

What a killed export left beside its destination is removed by the next one; a part that is
still at work holds a lock, which the system takes back when its process dies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(dest: Path) -> Iterator[BinaryIO]:
    """A file to write, named ``dest`` when the block ends without an error; until then what
    stood there stays. A link is followed; a pipe or a device is written to as it is.
    Raises :class:`OSError`.
    """
    if is_stream(dest):
        with dest.open("wb") as file:
            yield file
        return
    dest = dest.resolve()
    part = _part(dest)
    try:
        with part.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(dest)
    finally:
        part.unlink(missing_ok=True)


def is_stream(dest: Path) -> bool:
    """Is there something that is neither a file nor a folder, such as a pipe?"""
    return dest.exists() and not dest.is_file() and not dest.is_dir()


@contextmanager
def whole_folder(dest: Path, *, strange: Callable[[Path], Iterable[str]]) -> Iterator[Path]:
    """A folder to fill, named ``dest`` when the block ends without an error; a link is followed.

    Takes the place of an earlier export and of nothing else: where ``strange`` finds files in
    it, :class:`FileExistsError` is raised before anything is written.
    """
    dest = dest.resolve()
    if dest.exists() and (others := sorted(strange(dest))):
        more = f" and {len(others) - 1} more" if others[1:] else ""
        raise FileExistsError(0, f"no export wrote {others[0]}{more} in it", str(dest))
    if dest.exists() and Path.cwd().is_relative_to(dest):
        # Whoever stands in it would stand nowhere.
        raise FileExistsError(0, "it is the folder you are in; name it from outside", str(dest))
    part = _part(dest)
    part.mkdir()
    lock = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield part
        for path in [*part.rglob("*"), part]:
            _sync(path)
        _take_place(part, dest)
    finally:
        os.close(lock)
        shutil.rmtree(part, ignore_errors=True)


def _take_place(part: Path, dest: Path) -> None:
    if not dest.exists():
        part.rename(dest)
        return
    # A folder cannot be renamed over a full one: for a moment there is none.
    old = part.with_name(f"{part.name}.old")
    dest.rename(old)
    part.rename(dest)
    shutil.rmtree(old)


def _part(dest: Path) -> Path:
    """Where to write aside, with what dead exports left removed."""
    dest.parent.mkdir(parents=True, exist_ok=True)
    for left in dest.parent.glob(f".{escape(dest.name)}.*.part*"):
        _remove_forsaken(left)
    return dest.with_name(f".{dest.name}.{os.getpid()}.part")


def _remove_forsaken(part: Path) -> None:
    with suppress(OSError):
        lock = os.open(part, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink()
        finally:
            os.close(lock)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)

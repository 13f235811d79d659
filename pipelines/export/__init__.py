"""Datasets: one file a format, written aside and renamed when whole."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TextIO

from sqlite_utils import Database

from pipelines.database.pages import StoredPages
from pipelines.database.select import Filter
from pipelines.export import csv, jekyll, jsonl, warc

#: A writer takes the corpus, the filter, an open text file, and a call for each row.
Writer = Callable[[Database, Filter, TextIO, Callable[[], object]], int]

_FILES: Mapping[str, Writer] = {"csv": csv.write, "jsonl": jsonl.write}
#: Formats by name; ``jekyll`` makes a folder, the others one file. ``warc`` is of pages.
FORMATS = ("csv", "jekyll", "jsonl", "warc")


def export(
    db: Database,
    dest: Path,
    format: str,
    wanted: Filter,
    on_row: Callable[[], object] = lambda: None,
    *,
    prune: bool = False,
) -> Counter[str]:
    """Write the selected articles to ``dest``; the number of ``articles``, and of a folder
    the files ``written`` and ``removed``.

    A file is UTF-8 with LF, and stands under its name only when it is whole. The same
    corpus and filter give the same bytes. ``prune`` removes posts that are not selected
    any more from a ``jekyll`` folder. Raises :class:`OSError`.
    """
    if format == "jekyll":
        return jekyll.write(db, wanted, dest, on_row, prune=prune)
    with _whole(dest) as file:
        return Counter(articles=_FILES[format](db, wanted, file, on_row))


def export_pages(
    stored: StoredPages,
    dest: Path,
    sites: tuple[str, ...],
    on_page: Callable[[], object] = lambda: None,
) -> int:
    """Write the stored pages of ``sites`` (all, when none is named) as a web archive; how many.

    Compressed where the name of ``dest`` ends in ``.gz``. Raises :class:`OSError`,
    :class:`crawler.errors.MissingExtra`.
    """
    with _whole(dest) as file:
        return warc.write(stored, file.buffer, sites, gzip=dest.suffix == ".gz", on_page=on_page)


@contextmanager
def _whole(dest: Path) -> Iterator[TextIO]:
    dest.parent.mkdir(parents=True, exist_ok=True)
    for left in dest.parent.glob(f".{escape(dest.name)}.*.part"):
        _remove_forsaken(left)
    part = dest.with_name(f".{dest.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(dest)
    finally:
        part.unlink(missing_ok=True)


def _remove_forsaken(part: Path) -> None:
    """Remove what a killed export left; one that is at work holds a lock on its file."""
    with suppress(OSError), part.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()

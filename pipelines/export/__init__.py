"""Datasets: one file a format, written aside and renamed when whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sqlite_utils import Database

from pipelines.database.select import Filter
from pipelines.export import csv, jsonl

#: A writer takes the corpus, the filter, an open text file, and a call for each row.
Writer = Callable[[Database, Filter, TextIO, Callable[[], object]], int]

FORMATS: Mapping[str, Writer] = {"csv": csv.write, "jsonl": jsonl.write}


def export(
    db: Database,
    dest: Path,
    format: str,
    wanted: Filter,
    on_row: Callable[[], object] = lambda: None,
) -> int:
    """Write the selected articles to the file ``dest``; the number of rows.

    The file is UTF-8 with LF, and stands under its name only when it is whole. The same
    corpus and filter give the same bytes. Raises :class:`OSError`.
    """
    with _whole(dest) as file:
        return FORMATS[format](db, wanted, file, on_row)


@contextmanager
def _whole(dest: Path) -> Iterator[TextIO]:
    dest.parent.mkdir(parents=True, exist_ok=True)
    part = dest.with_name(f".{dest.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(dest)
    finally:
        part.unlink(missing_ok=True)

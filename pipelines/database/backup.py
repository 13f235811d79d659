"""A copy of both files of a data folder, of one moment, while a run may be writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from crawler.errors import StoreError
from pipelines.database.connect import CORPUS, PAGES, reading, require_corpus
from pipelines.database.verify import problems
from pipelines.export.whole import whole_folder

_STEP = 1000  # SQLite pages, of 16 kB, after which the watcher is told


def backup(
    data: Path, dest: Path, watch: Callable[[str, int], None] = lambda *_: None
) -> list[str]:
    """Copy the files of ``data`` into the new or empty folder ``dest``; the names of the copies.

    Written aside, checked, then renamed: what is named ``dest`` is whole. ``watch`` is told what
    is copied, and the percentage of it. Raises :class:`StoreError`; ``dest`` is left as it was.
    """
    require_corpus(data)
    # The corpus first: each page it names was committed before, and so is in the later copy.
    names = [name for name in (CORPUS, PAGES) if (data / name).is_file()]
    try:
        with whole_folder(dest, strange=_all_in) as part:
            for name in names:
                copy(data / name, part / name, watch)
            found = next(problems(part, quick=True, still=True), None)
            if found:
                told = f"the copy is not sound, so it is thrown away: {found.message}"
                raise StoreError(f"{told}; see finews db verify", data)
    except FileExistsError as error:
        why = f"{dest} is not empty; name a folder that does not exist yet"
        raise StoreError(why, dest) from error
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{dest} cannot be written: {error}", dest) from error
    return names


def _all_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def copy(source: Path, dest: Path, watch: Callable[[str, int], None] = lambda *_: None) -> None:
    """Copy one file as of this moment, while others may write it. Raises :class:`sqlite3.Error`."""

    def told(_status: int, remaining: int, total: int) -> None:
        watch(dest.name, 100 - 100 * remaining // max(total, 1))

    with (
        closing(sqlite3.connect(reading(source), uri=True)) as conn,
        closing(sqlite3.connect(dest)) as copy,
    ):
        # Of this moment: without a transaction each write of a run would begin it anew.
        conn.execute("BEGIN")
        conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
        conn.backup(copy, pages=_STEP, progress=told)

"""Another corpus, opened to be merged: read only, of one moment, in the tables of this version."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from crawler.errors import NewerDatabase, StoreError
from pipelines.database import schema
from pipelines.database.backup import copy
from pipelines.database.connect import (
    CORPUS,
    PAGES,
    one_state,
    open_corpus,
    open_pages,
    reading,
)
from pipelines.database.verify import problems_of

_MAGIC = b"SQLite format 3\0"
#: The folder in the data folder where a file of an older version is migrated, as a copy.
_ASIDE = "merging"
# What is made anew here, and what is of pages that may have been pruned or left away.
_OURS = frozenset({"search", "failure", "duplicate-group", "same-text-as"})


@dataclass(frozen=True, slots=True)
class Other:
    """The corpus at ``path``; ``pages`` is None where no ``pages.db`` stands beside it."""

    path: Path
    corpus: Database
    pages: Database | None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Make what cannot be read of it a :class:`StoreError` that names it."""
        try:
            yield
        except sqlite3.Error as error:
            raise _unreadable(self.path, error) from error


def corpus_at(path: Path) -> Path | None:
    """The file of a corpus that ``path`` seems to be, or the ``finews.db`` of the data folder that
    it is; else None. What is named ``.db`` is taken for one too, though it may be damaged.
    """
    file = path / CORPUS if path.is_dir() else path
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        return file if file.suffix == ".db" or stream.read(len(_MAGIC)) == _MAGIC else None


@contextmanager
def opened(path: Path, data: Path) -> Iterator[Other]:
    """Open the corpus at ``path`` to be merged into that of the folder ``data``.

    It is checked as by ``finews db verify --quick``. Neither it nor its ``pages.db`` is ever
    written to: of an older version a copy is migrated, in ``data``, and removed. Raises
    :class:`StoreError` for what is no sound corpus, :class:`NewerDatabase` among them.
    """
    if path.name == PAGES:
        raise StoreError(f"{path} holds pages only; name the {CORPUS} beside it", path)
    aside = data / _ASIDE
    shutil.rmtree(aside, ignore_errors=True)  # of a merge that was killed
    beside = path.with_name(PAGES)
    pages = beside if beside.is_file() and beside != path else None
    try:
        corpus = _current(path, aside)
        pages = pages and _current(pages, aside)
        found = (each for each in problems_of(corpus, None, quick=True) if each.kind not in _OURS)
        if problem := next(found, None):
            why = f"{path} is not sound, and is not merged: {problem.message}"
            raise StoreError(f"{why}; finews db verify tells more", path)
        with closing(_lenient(corpus)) as db, one_state(db):
            db.conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if pages is None:
                yield Other(path, db, None)
                return
            # Later: each page that the corpus names was committed before it.
            with closing(_lenient(pages)) as kept, one_state(kept):
                yield Other(path, db, kept)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _current(path: Path, aside: Path) -> Path:
    """The file itself, or a copy of it that was brought to the tables of this version."""
    is_pages = path.name == PAGES
    migrations, name = (schema.pages, PAGES) if is_pages else (schema.corpus, CORPUS)
    with closing(sqlite3.connect(reading(path), uri=True)) as conn:
        db = Database(conn)
        applied = [each.name for each in migrations.applied(db)]
    known = [each.name for each in migrations._migrations]
    if not applied:
        raise StoreError(f"{path} is no corpus of finews", path)
    if unknown := [name for name in applied if name not in known]:
        raise NewerDatabase(f"{path} was made by a newer finews (it has {unknown[-1]})", path)
    if set(known) <= set(applied):
        return path
    aside.mkdir(exist_ok=True)
    copy(path, aside / name)
    (open_pages if is_pages else open_corpus)(aside).close()
    return aside / name


def _lenient(path: Path) -> Database:
    conn = sqlite3.connect(reading(path), uri=True)
    # What is no text is a fault of its row, and not the end of all.
    conn.text_factory = lambda text: text.decode(errors="surrogateescape")
    return Database(conn)


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(f"{path} cannot be read: {error}; is it damaged? See finews db verify", path)

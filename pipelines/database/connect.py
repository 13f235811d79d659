"""Opens the two files of a data folder, for one writer or for many readers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from crawler.errors import NewerDatabase, StoreError, WriteFailed
from pipelines.database import schema
from pipelines.database.rows import readable
from pipelines.dedupe import words_hash
from pipelines.search.query import parse
from pipelines.search.wording import parts

CORPUS = "finews.db"
PAGES = "pages.db"
# Measured on 2 kB rows: the file 39 % smaller than with 4096, batches 1.7 times faster.
_PAGE_SIZE = 16384
_BUSY_MS = 30_000


def open_corpus(data: Path) -> Database:
    """Open ``finews.db`` in the folder ``data`` for writing, made or migrated as needed.

    Call it under the run lock. Raises :class:`StoreError`.
    """
    return _open(data / CORPUS, schema.corpus)


def open_pages(data: Path) -> Database:
    """Open ``pages.db`` in the folder ``data`` for writing, made or migrated as needed."""
    return _open(data / PAGES, schema.pages)


def require_corpus(data: Path) -> Path:
    """The path of ``finews.db``. Raises :class:`StoreError` when there is none."""
    path = data / CORPUS
    if not path.is_file():
        raise StoreError(f"no corpus at {path}; run finews crawl first, or name it by --data", path)
    return path


def read_corpus(data: Path) -> Database:
    """Open ``finews.db`` read-only. Raises :class:`StoreError` when there is none to read."""
    path = require_corpus(data)
    return _read(path, schema.corpus)


def read_pages(data: Path) -> Database:
    """Open ``pages.db`` read-only. Raises :class:`StoreError` when there is none to read."""
    path = data / PAGES
    if not path.is_file():
        raise StoreError(f"no pages at {path}", path)
    return _read(path, schema.pages)


def reading(path: Path) -> str:
    """The URI by which SQLite opens a file read-only, while others may write it."""
    # In a folder that cannot be written, SQLite reads WAL files only as unchanging.
    still = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return f"{path.absolute().as_uri()}?{'immutable=1' if still else 'mode=ro'}"


def _read(path: Path, migrations: Migrations) -> Database:
    try:
        conn = sqlite3.connect(reading(path), uri=True)
        db = Database(configure(conn))
        _refuse_newer(db, migrations, path)
        if migrations.pending(db):
            why = "is of an older version; any run migrates it, such as finews db verify"
            raise StoreError(f"{path} {why}", path)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}", path) from error
    return db


def path_of(db: Database) -> Path:
    """The file that an open database is."""
    return Path(db.conn.execute("PRAGMA database_list").fetchone()[2])


def version(db: Database) -> str:
    """The version of the tables of an open corpus, the name of its last migration."""
    return str(schema.corpus.applied(db)[-1].name)


@contextmanager
def writing(db: Database) -> Iterator[None]:
    """One transaction on ``db``, all or nothing; what SQLite refuses is :class:`WriteFailed`.

    It waits for the writes of other tools when it begins: a transaction that has read may not
    wait any more once it writes, and would fail as "database is locked".
    """
    with refusals(db):
        db.conn.execute("BEGIN IMMEDIATE")
        with _committing(db):
            yield


@contextmanager
def one_state(db: Database) -> Iterator[None]:
    """Several reads of one moment, whatever others write meanwhile."""
    if db.conn.in_transaction:  # then they are already
        yield
        return
    db.conn.execute("BEGIN")
    try:
        yield
    finally:
        db.conn.rollback()


@contextmanager
def refusals(db: Database) -> Iterator[None]:
    """Make what SQLite refuses a :class:`WriteFailed`."""
    try:
        yield
    except sqlite3.Error as error:
        path = path_of(db)
        raise WriteFailed(f"{path} refused a write: {error}", path) from error


@contextmanager
def _committing(db: Database) -> Iterator[None]:
    try:
        yield
        db.conn.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


def _open(path: Path, migrations: Migrations) -> Database:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for name, known in ((CORPUS, schema.corpus), (PAGES, schema.pages)):
            _check(path.with_name(name), known)
        conn = sqlite3.connect(path)
        conn.execute(f"PRAGMA page_size = {_PAGE_SIZE}")  # only before the first write
        db = Database(configure(conn))
        db.enable_wal()
        conn.execute("PRAGMA synchronous = NORMAL")
        migrations.apply(db)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path} cannot be opened: {error}", path) from error
    return db


def _check(path: Path, migrations: Migrations) -> None:
    """Refuse a newer file before either of the two is touched: reading only, it stays as it is."""
    if path.is_file():
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
                _refuse_newer(Database(configure(conn)), migrations, path)
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be opened: {error}", path) from error


def configure(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Let a connection wait for writers, and know the functions that our SQL calls."""
    conn.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    conn.create_function("words_hash", 1, words_hash, deterministic=True)
    conn.create_function("holds", 4, _holds, deterministic=True)
    return conn


def _holds(query: str, *columns: bytes | None) -> bool:
    said = [None if each is None else each.decode(errors="replace") for each in columns]
    return parse(query).holds(parts(said[0], said[1], readable(said[2] or "")))


def _refuse_newer(db: Database, migrations: Migrations, path: Path) -> None:
    known = {each.name for each in migrations.pending(db)}
    applied = [each.name for each in migrations.applied(db)]
    mine = {each.name for each in migrations._migrations}
    if unknown := [name for name in applied if name not in mine | known]:
        raise NewerDatabase(f"{path} was made by a newer finews (it has {unknown[-1]})", path)

"""Databases of earlier versions, kept as SQL with made-up rows in every table.

``python -m tests.old`` writes the fixture of the newest version: the one before it, migrated.
Rows of new tables are for you to add.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import islice
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from pipelines.database import schema
from pipelines.dedupe import content_hash, words_hash

FIXTURES = Path(__file__).parent / "fixtures"
_FULL_TEXT = ("config", "data", "docsize", "idx")
#: The sets of migrations, by the file that they are of.
SETS = {"finews": schema.corpus, "pages": schema.pages}


def fixture(file: str, version: str) -> Path:
    return FIXTURES / f"{file}-{version}.sql"


def names(migrations: Migrations) -> list[str]:
    """The versions of a file, from the first to the newest."""
    return [each.name for each in migrations._migrations]


def restore(data: Path, file: str, version: str) -> Path:
    """Make ``finews.db`` or ``pages.db`` as the program of that version left it."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / f"{file}.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA page_size = 16384")
        db.execute("PRAGMA journal_mode = wal")
        db.executescript(fixture(file, version).read_text(encoding="utf-8"))
    return path


def mend(path: Path) -> None:
    """Give rows that were made up or changed by hand the fingerprints of what they say."""
    with closing(sqlite3.connect(path)) as db, db:
        db.create_function("words_hash", 1, words_hash)
        db.create_function(
            "content_hash",
            4,
            lambda *said: content_hash(
                dict(zip(("title", "published_at", "digest", "paragraphs"), said, strict=True))
            ),
        )
        tables = db.execute("SELECT name FROM sqlite_master WHERE name = 'corrections'").fetchall()
        for table in ("articles", "revisions", *(name for (name,) in tables)):
            db.execute(
                f"UPDATE {table} SET"
                " content_hash = content_hash(title, published_at, digest, paragraphs)"
            )
        db.execute("UPDATE articles SET text_hash = words_hash(paragraphs)")
        if ("searched",) in db.execute("SELECT name FROM sqlite_master").fetchall():
            db.execute(
                "UPDATE searched SET content_hash = a.content_hash FROM articles AS a"
                " WHERE a.info_code = searched.info_code"
            )


def dump(conn: sqlite3.Connection) -> str:
    """A database as SQL. Full-text tables are made by their own statement, which makes tables of
    theirs; Python's dump writes those alone, and the statement where it does nothing.
    """
    virtual = dict(
        conn.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'")
    )
    theirs = [f"{name}_{part}" for name in virtual for part in _FULL_TEXT]
    lines = ["BEGIN TRANSACTION;", *(f"{sql};" for sql in virtual.values())]
    for line in islice(conn.iterdump(), 1, None):
        if line.startswith(("PRAGMA writable_schema", "INSERT INTO sqlite_master")):
            continue
        if line.startswith(tuple(f'INSERT INTO "{name}" VALUES' for name in virtual)):
            continue
        if line.startswith(tuple(f"CREATE TABLE '{name}'" for name in theirs)):
            continue
        if line.startswith(tuple(f'INSERT INTO "{name}"' for name in theirs)):
            lines.append(line.replace("INSERT", "INSERT OR REPLACE", 1))
        else:
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _write_newest(file: str, migrations: Migrations) -> None:
    *_, before, newest = names(migrations)
    if fixture(file, newest).exists():
        return
    db = Database(memory=True)
    db.conn.executescript(fixture(file, before).read_text(encoding="utf-8"))
    migrations.apply(db)
    fixture(file, newest).write_text(dump(db.conn), encoding="utf-8")


if __name__ == "__main__":
    for _file, _set in SETS.items():
        if len(names(_set)) > 1:
            _write_newest(_file, _set)

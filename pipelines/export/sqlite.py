"""SQLite: a slim copy of the corpus, the articles and their mentions, for any SQL tool."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import BinaryIO

from pipelines.fields import FIELDS

_AT_ONCE = 1000
_TYPES = {"integer": "INTEGER", "flag": "INTEGER"}
_FIELDS = [field for field in FIELDS if field.name != "mentions"]
_COLUMNS = "".join(f"  {each.name} {_TYPES.get(each.type, 'TEXT')},\n" for each in _FIELDS)
_TABLES = f"""
CREATE TABLE articles (
{_COLUMNS}  PRIMARY KEY (info_code)
);
CREATE TABLE mentions (
  info_code TEXT NOT NULL REFERENCES articles(info_code),
  market TEXT NOT NULL,
  code TEXT NOT NULL,
  name TEXT,
  evidence TEXT NOT NULL,
  paragraph INTEGER
);
"""
_INDEXES = (
    "CREATE INDEX articles_by_time ON articles(published_at, info_code)",
    "CREATE INDEX mentions_by_article ON mentions(info_code)",
    "CREATE INDEX mentions_by_code ON mentions(code, market)",
)
_MENTIONS = (
    "INSERT INTO mentions SELECT ?, value ->> 'market', value ->> 'code', value ->> 'name',"
    " value ->> 'evidence', value ->> 'paragraph' FROM json_each(?)"
)


def write(rows: Iterator[sqlite3.Row], file: BinaryIO, on_rows: Callable[[int], object]) -> int:
    """Write the articles into the database whose path ``file`` has; their number."""
    written = 0
    marks = ", ".join("?" * len(_FIELDS))
    with closing(sqlite3.connect(file.name, isolation_level=None)) as db:
        # The file counts only when it is whole: no journal is needed.
        db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; {_TABLES}")
        while some := list(islice(rows, _AT_ONCE)):
            db.executemany(
                f"INSERT INTO articles VALUES ({marks})", (tuple(row)[:-1] for row in some)
            )
            db.executemany(_MENTIONS, ((row["info_code"], row["mentions"]) for row in some))
            on_rows(len(some))
            written += len(some)
        for statement in _INDEXES:
            db.execute(statement)
        db.execute("COMMIT")
    return written

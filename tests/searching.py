"""What stands in a search index, by whichever row numbers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from pipelines.database import schema
from pipelines.database.connect import read_corpus
from pipelines.database.rows import paragraphs_of
from pipelines.database.search_index import SearchIndex
from pipelines.search.wording import Wording

#: A token, in how many articles it stands, and how often.
Terms = list[tuple[str, int, int]]


def terms(data: Path) -> Terms:
    """Those of the index of a data folder."""
    with closing(sqlite3.connect(data / "finews.db")) as conn:
        return _terms(conn)


def whole(data: Path) -> Terms:
    """Those that it should have: of an index that is made of the articles as they stand."""
    db, made = read_corpus(data), Database(memory=True)
    schema.corpus.apply(made)
    names = ("title", "digest", "published_at", "content_hash", "paragraphs")
    wordings = []
    for code, *row in db.conn.execute(f"SELECT info_code, {', '.join(names)} FROM articles"):
        columns = dict(zip(names, row, strict=True))
        wordings.append((None, Wording.of(code, columns, paragraphs_of(columns["paragraphs"]))))
    SearchIndex(made).write(wordings)
    return _terms(made.conn)


def _terms(conn: sqlite3.Connection) -> Terms:
    conn.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, search, row)")
    found = conn.execute("SELECT term, doc, cnt FROM temp.words ORDER BY term").fetchall()
    conn.execute("DROP TABLE temp.words")
    return found

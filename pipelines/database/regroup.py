"""Groups all near-duplicates anew, as if this version had stored every state of every article."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice

from sqlite_utils import Database

from pipelines.database.connect import writing
from pipelines.database.duplicates import Duplicates, State
from pipelines.database.rows import paragraphs_of
from pipelines.sentences import sentences_of

logger = logging.getLogger(__name__)
_BATCH = 200
_TABLES = ("regroupings", "sentences", "recent_sentences", "common_sentences", "texts")
# In the order in which they were seen; only numbers are sorted, whatever the texts take.
_STATES = """
SELECT 'articles' AS place, rowid AS number, updated_at AS at, rowid AS first, 1 AS stands,
  revision, 0 AS last FROM articles
UNION ALL
SELECT 'revisions', e.rowid, e.seen_at, a.rowid, 0, e.revision, 1
  FROM revisions AS e JOIN articles AS a ON a.info_code = e.info_code
UNION ALL
SELECT 'corrections', e.rowid, e.seen_at, a.rowid, 0, e.revision, 0
  FROM corrections AS e JOIN articles AS a ON a.info_code = e.info_code
ORDER BY at, first, stands, revision, last, number
"""


def ungrouped(db: Database) -> bool:
    """Is there an article in no group? A migration leaves some, and a merge for a moment."""
    found = db.conn.execute("SELECT 1 FROM articles WHERE duplicate_group IS NULL LIMIT 1")
    return found.fetchone() is not None


def regroup(db: Database) -> None:
    """Group all articles, in one transaction: what was known at a time is what would have been.

    Memory does not grow with the corpus; the write-ahead log grows by about its size.
    Raises :class:`crawler.errors.WriteFailed`.
    """
    (articles,) = db.conn.execute("SELECT count(*) FROM articles").fetchone()
    logger.warning("grouping the near-duplicates of %d articles anew", articles)
    with writing(db):
        for table in _TABLES:
            db.conn.execute(f"DELETE FROM {table}")
        db.conn.execute(
            "UPDATE articles SET duplicate_group = NULL WHERE duplicate_group IS NOT NULL"
        )
        duplicates, states = Duplicates(db), _states(db)
        while batch := list(islice(states, _BATCH)):
            duplicates.write(batch)


def _states(db: Database) -> Iterator[State]:
    for place, number, at, *_ in db.conn.execute(_STATES):
        code, published_at, paragraphs = db.conn.execute(
            f"SELECT info_code, published_at, paragraphs FROM {place} WHERE rowid = ?", (number,)
        ).fetchone()
        new = db.conn.execute(
            "UPDATE articles SET duplicate_group = info_code"
            " WHERE info_code = ? AND duplicate_group IS NULL",
            (code,),
        )
        said = sentences_of(paragraphs_of(paragraphs))
        yield State(code, published_at, said, at, new=new.rowcount == 1)

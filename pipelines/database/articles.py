"""The rows of articles, with their mentions: read and written as contents."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from sqlite_utils import Database

from crawler.items import Paragraph
from pipelines.dedupe import content_hash
from pipelines.merge import COLUMNS, Content
from pipelines.search.wording import Wording

_KEPT = ("revision", "first_seen_at", "updated_at", "run_id", "same_text_as", "content_hash")


class Articles:
    """The articles of a corpus. Its writes are for the caller to commit."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    def get(self, code: str) -> tuple[Content, dict[str, Any]] | None:
        """What a stored article says, and its columns ``revision``, ``first_seen_at``,
        ``updated_at``, ``run_id``, ``same_text_as`` and ``content_hash``.
        """
        row = self._conn.execute(
            f"SELECT {', '.join((*_KEPT, *COLUMNS))} FROM articles WHERE info_code = ?", (code,)
        ).fetchone()
        if row is None:
            return None
        mentions = self._conn.execute(
            "SELECT market, code, name, evidence, paragraph FROM mentions WHERE info_code = ?"
            " ORDER BY rowid",
            (code,),
        )
        said = dict(zip(COLUMNS, row[len(_KEPT) :], strict=True))
        kept = dict(zip(_KEPT, row[: len(_KEPT)], strict=True))
        return {**said, "mentions": tuple(mentions)}, kept

    def first_with(self, text_hash: str | None) -> str | None:
        """The article that had this text first."""
        row = self._conn.execute(
            "SELECT info_code FROM articles WHERE text_hash = ? ORDER BY rowid LIMIT 1",
            (text_hash,),
        ).fetchone()
        return row and str(row[0])

    def insert(self, code: str, said: Content, **kept: Any) -> None:
        """Write a new article; ``kept`` are its other columns by name."""
        values = _values(said) | {"info_code": code} | kept
        self._conn.execute(
            f"INSERT INTO articles ({', '.join(values)}) VALUES (:{', :'.join(values)})", values
        )
        self._write_mentions(code, said)

    def update(self, code: str, said: Content, **kept: Any) -> None:
        """Write another content of a stored article, and other columns by name."""
        values = _values(said) | kept
        sets = ", ".join(f"{name} = :{name}" for name in values)
        self._conn.execute(
            f"UPDATE articles SET {sets} WHERE info_code = :info_code",
            values | {"info_code": code},
        )
        self._conn.execute("DELETE FROM mentions WHERE info_code = ?", (code,))
        self._write_mentions(code, said)

    def _write_mentions(self, code: str, said: Content) -> None:
        self._conn.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?)",
            [(code, *mention) for mention in said["mentions"]],
        )


def _values(said: Content) -> dict[str, Any]:
    return {name: said[name] for name in COLUMNS} | {"content_hash": content_hash(said)}


def wording(code: str, said: Content, paragraphs: Iterable[Paragraph]) -> Wording:
    """What the search index takes of an article."""
    return Wording.of(code, {**said, "content_hash": content_hash(said)}, paragraphs)

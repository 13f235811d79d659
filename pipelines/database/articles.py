"""The rows of articles, with their mentions: read and written as contents."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlite_utils import Database

from crawler.items import Paragraph
from pipelines.database.rows import json_text
from pipelines.dedupe import content_hash
from pipelines.merge import COLUMNS, Content
from pipelines.search.wording import Wording

_KEPT = ("revision", "first_seen_at", "updated_at", "run_id", "same_text_as", "content_hash")
_AMONG = "IN (SELECT value FROM json_each(?))"
_SELECT = (
    f"SELECT info_code, {', '.join((*_KEPT, *COLUMNS))} FROM articles WHERE info_code {_AMONG}"
)
_MENTIONS = (
    "SELECT info_code, market, code, name, evidence, paragraph FROM mentions"
    f" WHERE info_code {_AMONG} ORDER BY rowid"
)
_SAID = itemgetter(*COLUMNS)
_OWN = ("info_code", *COLUMNS, *_KEPT, "duplicate_group")
_INSERT = f"INSERT INTO articles ({', '.join(_OWN)}) VALUES ({', '.join('?' * len(_OWN))})"


class Articles:
    """The articles of a corpus. Its writes are for the caller to commit."""

    def __init__(self, db: Database) -> None:
        self._conn: sqlite3.Connection = db.conn

    def get_all(self, codes: Iterable[str]) -> dict[str, tuple[Content, dict[str, Any]]]:
        """What stored articles say, by their codes, and their columns ``revision``,
        ``first_seen_at``, ``updated_at``, ``run_id``, ``same_text_as`` and ``content_hash``.
        """
        among = (json_text([*codes]),)
        rows = self._conn.execute(_SELECT, among).fetchall()
        if not rows:
            return {}
        mentions: dict[str, list[tuple[Any, ...]]] = {}
        for code, *mention in self._conn.execute(_MENTIONS, among):
            mentions.setdefault(code, []).append(tuple(mention))
        found = {}
        for code, *row in rows:
            said = dict(zip(COLUMNS, row[len(_KEPT) :], strict=True))
            kept = dict(zip(_KEPT, row[: len(_KEPT)], strict=True))
            found[code] = ({**said, "mentions": tuple(mentions.get(code, ()))}, kept)
        return found

    def first_with(self, text_hash: str | None) -> str | None:
        """The article that had this text first."""
        return text_hash and self.first_with_each((text_hash,)).get(text_hash)

    def first_with_each(self, text_hashes: Iterable[str]) -> dict[str, str]:
        """The same for many texts; those that no article has are left out."""
        rows = self._conn.execute(
            # The first wins, since what comes later is replaced by it.
            f"SELECT text_hash, info_code FROM articles WHERE text_hash {_AMONG}"
            " ORDER BY rowid DESC",
            (json_text([*text_hashes]),),
        )
        return dict(rows.fetchall())

    def insert(self, code: str, said: Content, **kept: Any) -> None:
        """Write a new article; ``kept`` are its other columns by name."""
        values = _values(said) | {"info_code": code} | kept
        self._conn.execute(
            f"INSERT INTO articles ({', '.join(values)}) VALUES (:{', :'.join(values)})", values
        )
        self._write_mentions(code, said)

    def insert_all(self, articles: Sequence[tuple[str, Content, dict[str, Any]]]) -> None:
        """Write new articles, in their order, each alone in its group: their codes, what they
        say, and their other columns as :meth:`get_all` gives them.
        """
        self._conn.executemany(
            _INSERT,
            [
                (code, *_SAID(said), *(kept[name] for name in _KEPT), code)
                for code, said, kept in articles
            ],
        )
        self._conn.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?)",
            [(code, *mention) for code, said, _ in articles for mention in said["mentions"]],
        )

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

"""What the articles of a batch answer: their routes are told, their entries and failures ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

from pipelines.database.rows import json_text


class _Answer(NamedTuple):
    code: str
    site: str
    listing: str
    url: str
    now: str
    look: tuple[str, str | None, str]  # content_hash, page, parser
    whole: bool


class Answers:
    """Collects what articles answer, each once until it is written, kind by kind. Its writes
    are for the caller to commit.

    ``codes`` are those of all that will be added: most of them were shown by no listing and
    never failed, and there is nothing to be updated.
    """

    def __init__(self, conn: sqlite3.Connection, run_id: int, codes: Collection[str]) -> None:
        self._conn = conn
        self._run_id = run_id
        self._sighted = self._among("sightings", codes)
        self._shown = self._among("entries", codes)
        self._failed = self._among("failures", codes)
        self._answers: dict[str, _Answer] = {}

    def _among(self, table: str, codes: Collection[str]) -> set[str]:
        rows = self._conn.execute(
            f"SELECT value FROM json_each(?) WHERE EXISTS"
            f" (SELECT 1 FROM {table} WHERE info_code = value)",
            (json_text([*codes]),),
        )
        return {code for (code,) in rows}

    def __contains__(self, code: str) -> bool:
        """Is an answer of this article waiting to be written?"""
        return code in self._answers

    def fail(self, code: str | None) -> None:
        """A failure of an article was written."""
        if code:
            self._failed.add(code)

    def add(
        self,
        code: str,
        route: tuple[str, str, str],
        now: str,
        look: tuple[str, str | None, str],
        *,
        whole: bool,
    ) -> None:
        """An article that came by its site, listing and address answers its entries by every
        route, and its failures. While it is not ``whole``, other addresses stay pending: they
        may tell what it lacks.
        """
        self._answers[code] = _Answer(code, *route, now, look, whole)

    def write(self) -> None:
        """Write what was added."""
        conn, answers = self._conn, self._answers.values()
        conn.executemany(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at, content_hash,"
            " page, parser) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(a.code, a.site, a.listing, a.url, a.now, *a.look) for a in answers],
        )
        shown = [each for each in answers if each.code in self._shown]
        conn.executemany(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at)"
            " SELECT info_code, site, listing, url, first_shown_at"
            " FROM entries WHERE info_code = ? ON CONFLICT DO NOTHING",
            [(each.code,) for each in shown],
        )
        # Several listings may show one address: it gave the same, whichever led there.
        conn.executemany(
            "UPDATE sightings SET (content_hash, page, parser) = (?, ?, ?) WHERE info_code = ?"
            " AND site = ? AND url = ? AND (content_hash, page, parser) IS NOT (?, ?, ?)",
            [
                (*each.look, each.code, each.site, each.url, *each.look)
                for each in answers
                if each.code in self._sighted or each.code in self._shown
            ],
        )
        conn.executemany(
            # Of an address that this run asked for, whichever way brought the article.
            "UPDATE entries SET state = 'stored' WHERE info_code = ? AND (? OR url = ? OR url IN"
            " (SELECT url FROM entries WHERE info_code = ? AND run_id = ?))",
            [(each.code, each.whole, each.url, each.code, self._run_id) for each in shown],
        )
        conn.executemany(
            # A way that broke in shape stays told until it works again.
            "UPDATE failures SET resolved_at = ? WHERE info_code = ? AND resolved_at IS NULL"
            " AND (reason <> 'layout-changed' OR url = ?)",
            [(each.now, each.code, each.url) for each in answers if each.code in self._failed],
        )
        self._sighted |= self._answers.keys()
        self._answers.clear()

"""The stored pages of articles: which there are, as what each was asked for, what is known.

Reads only, but for a table of marks that goes with its connection. Of an address the newest
answer with status 200 counts (0 is a file): the one that its route gave last. Listing pages are
left out: they belong to no article.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlite_utils import Database

from crawler.items import Entry, Failure, Page
from pipelines.database.rows import ENTRY, entry_of, json_text
from pipelines.draft import Draft
from pipelines.zstd import zstd

_PAGE = "site, url, status, headers, sha256, fetched_at, info_code, zstd"
#: Of the pages p, those that are the newest answer of their address and status.
NEWEST = """NOT EXISTS (SELECT 1 FROM pages AS n WHERE n.url = p.url AND n.status = p.status
 AND (n.last_fetched_at, n.id) > (p.last_fetched_at, p.id))"""
MARKED = "url IN (SELECT url FROM marked)"
# Those that an article may be read from.
_READABLE = f"status IN (0, 200) AND (info_code IS NOT NULL OR status = 0) AND {NEWEST}"


class StoredPages:
    """The pages of one data folder, and what its corpus knows of their articles."""

    def __init__(self, corpus: Database, pages: Database) -> None:
        self._corpus = corpus.conn
        self._pages = pages.conn

    def count(
        self, sites: Collection[str] = (), codes: Collection[str] = (), which: str = "1"
    ) -> int:
        """How many pages :meth:`groups` gives."""
        where, values = _where(sites, codes)
        sql = f"SELECT count(*) FROM pages AS p WHERE {where} AND {which}"
        return int(self._pages.execute(sql, values).fetchone()[0])

    def mark(self, urls: Collection[str]) -> None:
        """Mark addresses, however many: :data:`MARKED` is the condition on their pages."""
        self._pages.execute("CREATE TEMP TABLE IF NOT EXISTS marked (url TEXT PRIMARY KEY)")
        rows = [(url,) for url in urls]
        self._pages.executemany("INSERT OR IGNORE INTO marked VALUES (?)", rows)
        self._pages.commit()

    def unmark(self) -> None:
        """Take all marks away."""
        self.mark(())
        self._pages.execute("DELETE FROM marked")
        self._pages.commit()

    def total(self, sites: Collection[str] = ()) -> int:
        """How many pages :meth:`pages` gives, nearly: those without a body are counted too."""
        where, values = among("site", sites)
        sql = f"SELECT count(*) FROM pages WHERE {where}"
        return int(self._pages.execute(sql, values).fetchone()[0])

    def groups(
        self, sites: Collection[str] = (), codes: Collection[str] = (), which: str = "1"
    ) -> Iterator[list[int]]:
        """The pages to read by their ids, those of one article together, oldest first.

        Empty means all. ``which`` is a condition on the pages ``p``.
        """
        where, values = _where(sites, codes)
        rows = self._pages.execute(
            f"SELECT coalesce(info_code, url), id FROM pages AS p WHERE {where} AND {which}"
            " ORDER BY 1, last_fetched_at, id",
            values,
        )
        for _, group in groupby(rows, key=lambda row: str(row[0])):
            yield [id_ for _, id_ in group]

    def pages_of(self, ids: Iterable[int]) -> dict[int, Page]:
        """Stored pages by their ids; those whose bodies are gone are left out."""
        rows = self._pages.execute(
            f"SELECT pages.id, {_PAGE} FROM json_each(?) CROSS JOIN pages ON pages.id = value"
            " JOIN bodies USING (sha256)",
            (json_text([*ids]),),
        )
        return {id_: page_of(row) for id_, *row in rows}

    def newest(self, url: str) -> Page | None:
        """The newest page of an address; None where none is stored, or its body is gone."""
        return self._one(f"url = ? AND status = 200 AND {NEWEST}", url)

    def last_answer(self, page: Page) -> datetime | None:
        """When a page was answered last with the same bytes; None where these are not kept."""
        row = self._pages.execute(
            "SELECT last_fetched_at FROM pages JOIN bodies USING (sha256)"
            " WHERE url = ? AND status = ? AND sha256 = ?",
            (page.url, page.status, page.sha256),
        ).fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    def pages(self, sites: Collection[str] = ()) -> Iterator[tuple[Page, datetime]]:
        """All pages whose bodies are kept, listings too, and when each was answered last."""
        where, values = among("site", sites)
        rows = self._pages.execute(
            f"SELECT last_fetched_at, {_PAGE} FROM pages JOIN bodies USING (sha256)"
            f" WHERE {where} ORDER BY id",
            values,
        )
        for last, *row in rows:
            yield page_of(row), datetime.fromisoformat(last)

    def entry(self, page: Page) -> Entry | None:
        """As what a page was asked for: by its address or its code, the last time."""
        row = self._corpus.execute(
            f"SELECT {ENTRY} FROM entries WHERE info_code = ? AND site = ?"
            " ORDER BY url = ? DESC, run_id DESC, id LIMIT 1",
            (page.info_code, page.site, page.url),
        ).fetchone()
        return entry_of(row) if row else None

    def known(self, codes: Collection[str]) -> Known:
        """What the corpus knows of these articles, all read at once."""
        return Known(self._corpus, codes)

    def is_recorded(self, failure: Failure) -> bool:
        """Does the failure stand already, of the same page? Then it is no further attempt."""
        return bool(
            self._corpus.execute(
                "SELECT 1 FROM failures WHERE site = ? AND url = ? AND page = ? AND reason = ?"
                " AND resolved_at IS NULL",
                (failure.site, failure.url, failure.page, failure.reason),
            ).fetchone()
        )

    def _one(self, where: str, value: str) -> Page | None:
        row = self._pages.execute(
            f"SELECT {_PAGE} FROM pages AS p JOIN bodies USING (sha256) WHERE {where}", (value,)
        ).fetchone()
        return page_of(row) if row else None


class Known:
    """What a corpus knows of the articles with these ``codes``; ``stored`` are those it has."""

    def __init__(self, corpus: sqlite3.Connection, codes: Collection[str]) -> None:
        self.codes = codes
        among, value = "info_code IN (SELECT value FROM json_each(?))", (json_text([*codes]),)

        def found(columns: str, table: str, which: str = "1") -> sqlite3.Cursor:
            return corpus.execute(f"SELECT {columns} FROM {table} WHERE {among} AND {which}", value)

        self.stored = {code for (code,) in found("info_code", "articles")}
        pending = {code for (code,) in found("info_code", "entries", "state = 'pending'")}
        failed = dict[str, bool]()
        to_fetch = "next_try_at IS NOT NULL AND page IS NULL"
        for code, fetch in found(f"info_code, {to_fetch}", "failures", "resolved_at IS NULL"):
            failed[code] = failed.get(code, False) or bool(fetch)
        self._owed = self.stored & (pending | {code for code in failed if failed[code]})
        self._given = {
            tuple(look)
            for look in found("info_code, site, url, content_hash", "sightings")
            if look[0] in self.stored and look[0] not in failed
        }

    def is_owed(self, code: str) -> bool:
        """Is a look at this stored article still to come? It will be read with that."""
        return code in self._owed

    def is_given(self, draft: Draft) -> bool:
        """Did the article's route give just this before, and is nothing open about it?"""
        route = (draft.info_code, draft.content["site"], draft.page_url, draft.given)
        return route in self._given


def page_of(row: Sequence[Any]) -> Page:
    """A page from its columns, named by ``_PAGE``."""
    site, url, status, headers, digest, time, code, body = row
    return Page(
        site=site,
        url=url,
        status=status,
        headers=tuple((name, value) for name, value in json.loads(headers)),
        body=_unpacked(body, url),
        sha256=digest,
        fetched_at=datetime.fromisoformat(time),
        info_code=code,
    )


def _unpacked(body: bytes, url: str) -> bytes:
    try:
        return zstd.decompress(body)
    except zstd.ZstdError as error:
        raise sqlite3.DatabaseError(f"the stored body of {url} is damaged: {error}") from error


def _where(sites: Collection[str], codes: Collection[str]) -> tuple[str, list[str]]:
    (of_sites, some), (of_codes, more) = among("site", sites), among("info_code", codes)
    return f"{_READABLE} AND {of_sites} AND {of_codes}", some + more


def among(name: str, wanted: Collection[str]) -> tuple[str, list[str]]:
    """The condition that a column is one of ``wanted``, where any is."""
    marks = ",".join("?" * len(wanted))
    return (f"{name} IN ({marks})" if wanted else "1"), list(wanted)

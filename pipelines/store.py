"""Writes records in batches: pages first, then articles with all that hangs on them."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlite_utils import Database

from crawler.items import Article, Failure, Page
from pipelines.database.connect import writing
from pipelines.database.rows import json_text, paragraphs_json, time_text
from pipelines.dedupe import content_hash, text_hash
from pipelines.validate import incomplete

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Record: TypeAlias = Page | Article | Failure

_BATCH = 200
_BATCH_S = 2.0
_BATCH_BYTES = 8 << 20
#: How long an article rests after its first failure, its second …; after the last it is given up.
PAUSES = (
    timedelta(0),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)


class Store:
    """Takes records; what :meth:`flush` has written is safe, what waits is fetched again
    after a kill.

    A page is committed before the article made of it. An article, its mentions and
    sightings and the frontier's rows that it answers are one transaction. ``counts``
    is counted up as records are written: new, changed, unchanged, incomplete, failed.
    Raises :class:`crawler.errors.WriteFailed`.
    """

    def __init__(
        self,
        corpus: Database,
        pages: Database,
        *,
        run_id: int,
        clock: Callable[[], datetime],
        counts: Counter[str],
    ) -> None:
        self._corpus = corpus
        self._pages = pages
        self._run_id = run_id
        self._clock = clock
        self._counts = counts
        self._clear()

    def add(self, record: Record) -> None:
        """Take a record; writes the batch when it is full or two seconds old."""
        if isinstance(record, Page):
            self._waiting_pages.append(record)
            self._bytes += len(record.body)
        else:
            self._waiting.append(record)
        if (
            len(self._waiting) >= _BATCH
            or self._bytes >= _BATCH_BYTES
            or time.monotonic() - self._since > _BATCH_S
        ):
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting_pages:
            with writing(self._pages):
                for page in self._waiting_pages:
                    self._write_page(page)
        if self._waiting:
            counted: Counter[str] = Counter()
            with writing(self._corpus):
                for record in self._waiting:
                    if isinstance(record, Failure):
                        counted[self._write_failure(record)] += 1
                    else:
                        counted[self._write_article(record)] += 1
                        counted["incomplete"] += incomplete(record)
            self._counts.update(counted)
        self._clear()

    def _clear(self) -> None:
        self._waiting_pages: list[Page] = []
        self._waiting: list[Article | Failure] = []
        self._bytes = 0
        self._since = time.monotonic()

    def _write_page(self, page: Page) -> None:
        digest, now = page.sha256, time_text(page.fetched_at)
        conn = self._pages.conn
        if not conn.execute("SELECT 1 FROM bodies WHERE sha256 = ?", (digest,)).fetchone():
            conn.execute("INSERT INTO bodies VALUES (?, ?)", (digest, zstd.compress(page.body)))
        conn.execute(
            "INSERT INTO pages (site, info_code, url, status, headers, sha256, fetched_at,"
            " last_fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET last_fetched_at = excluded.last_fetched_at",
            (
                page.site,
                page.info_code,
                page.url,
                page.status,
                json_text(page.headers),
                digest,
                now,
                now,
            ),
        )

    def _write_article(self, article: Article) -> str:
        """Write one article; the outcome: new, changed or unchanged."""
        conn: sqlite3.Connection = self._corpus.conn
        now, digest = time_text(self._clock()), content_hash(article)
        code = article.info_code
        stored = conn.execute(
            "SELECT content_hash, revision FROM articles WHERE info_code = ?", (code,)
        ).fetchone()
        if stored is None:
            outcome = "new"
            self._insert(article, digest, now)
        elif stored[0] == digest:
            outcome = "unchanged"
        else:
            outcome = "changed"
            self._revise(article, digest, now, revision=stored[1] + 1)
        if outcome != "unchanged":
            conn.execute("DELETE FROM mentions WHERE info_code = ?", (code,))
            conn.executemany(
                "INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (code, m.market, m.code, m.name, m.evidence, m.paragraph)
                    for m in article.mentions
                ],
            )
        self._answer(article, now)
        return outcome

    def _insert(self, article: Article, digest: str, now: str) -> None:
        words = text_hash(article)
        twin = self._corpus.conn.execute(
            "SELECT info_code FROM articles WHERE text_hash = ? ORDER BY rowid LIMIT 1", (words,)
        ).fetchone()
        values = {
            "info_code": article.info_code,
            "listing": article.listing,
            "first_seen_at": now,
            "revision": 1,
            "text_hash": words,
            "same_text_as": twin and twin[0],
            **self._columns(article, digest, now),
        }
        self._corpus.conn.execute(
            f"INSERT INTO articles ({', '.join(values)}) VALUES (:{', :'.join(values)})", values
        )

    def _revise(self, article: Article, digest: str, now: str, *, revision: int) -> None:
        conn = self._corpus.conn
        conn.execute(
            "INSERT INTO revisions SELECT info_code, revision, title, published_at, paragraphs,"
            " content_hash, updated_at, ? FROM articles WHERE info_code = ?",
            (now, article.info_code),
        )
        values = {
            "revision": revision,
            "text_hash": text_hash(article),
            **self._columns(article, digest, now),
        }
        conn.execute(
            f"UPDATE articles SET {', '.join(f'{name} = :{name}' for name in values)}"
            " WHERE info_code = :info_code",
            {**values, "info_code": article.info_code},
        )

    def _columns(self, article: Article, digest: str, now: str) -> dict[str, str | int | None]:
        return {
            "site": article.site,
            "source": article.source,
            "title": article.title,
            "digest": article.digest,
            "published_at": time_text(article.published_at) if article.published_at else None,
            "published_raw": article.published_raw,
            "url": article.url,
            "author": article.author,
            "editor": article.editor,
            "tags": json_text(article.tags) if article.tags else None,
            "paragraphs": paragraphs_json(article.paragraphs),
            "content_hash": digest,
            "updated_at": now,
            "run_id": self._run_id,
            "parser": article.parser,
            "page": article.page,
        }

    def _answer(self, article: Article, now: str) -> None:
        """Mark what this article answers: its entries by every route, and its failures."""
        conn, code = self._corpus.conn, article.info_code
        if article.listing:
            conn.execute(
                "INSERT INTO sightings VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (code, article.site, article.listing, article.page_url, now),
            )
        conn.execute(
            "INSERT INTO sightings SELECT info_code, site, listing, url, first_shown_at"
            " FROM entries WHERE info_code = ? ON CONFLICT DO NOTHING",
            (code,),
        )
        conn.execute("UPDATE entries SET state = 'stored' WHERE info_code = ?", (code,))
        conn.execute(
            "UPDATE failures SET resolved_at = ? WHERE info_code = ? AND resolved_at IS NULL",
            (now, code),
        )

    def _write_failure(self, failure: Failure) -> str:
        conn, now = self._corpus.conn, self._clock()
        before = conn.execute(
            "SELECT attempts, run_id FROM failures WHERE site = ? AND url = ?"
            " AND resolved_at IS NULL",
            (failure.site, failure.url),
        ).fetchone()
        attempts = 1 if before is None else before[0] + (before[1] != self._run_id)
        next_try = _next_try(failure, attempts, now)
        values = {
            "site": failure.site,
            "listing": failure.listing,
            "info_code": failure.info_code,
            "url": failure.url,
            "reason": failure.reason,
            "message": failure.message,
            "page": failure.page,
            "attempts": attempts,
            "next_try_at": time_text(next_try) if next_try else None,
            "first_failed_at": time_text(now),
            "last_failed_at": time_text(now),
            "resolved_at": None,
            "run_id": self._run_id,
        }
        newer = (name for name in values if name not in ("site", "url", "first_failed_at"))
        conn.execute(
            f"INSERT INTO failures ({', '.join(values)}) VALUES (:{', :'.join(values)})"
            f" ON CONFLICT DO UPDATE SET {', '.join(f'{name} = :{name}' for name in newer)}",
            values,
        )
        conn.execute(
            "UPDATE entries SET state = CASE WHEN info_code IN (SELECT info_code FROM articles)"
            " THEN 'stored' ELSE 'failed' END WHERE site = ? AND url = ? AND state = 'pending'",
            (failure.site, failure.url),
        )
        return "failed"


def _next_try(failure: Failure, attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts; None when it is given up.

    A listing is never given up for what may pass: it is walked by every run anyway.
    """
    if not failure.retry:
        return None
    if failure.info_code is None:
        return now
    return now + PAUSES[attempts - 1] if attempts <= len(PAUSES) else None

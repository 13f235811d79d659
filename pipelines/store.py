"""Writes records in batches: pages first, then articles with all that hangs on them."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

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

_KEPT = (
    "source", "title", "digest", "published_at", "published_raw", "url", "author", "editor",
    "tags", "paragraphs", "text_hash",
)  # fmt: skip
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
        now, code = time_text(self._clock()), article.info_code
        stored = conn.execute(
            f"SELECT revision, content_hash, {', '.join(_KEPT)} FROM articles WHERE info_code = ?",
            (code,),
        ).fetchone()
        if stored is None:
            self._insert(article, now)
            outcome = "new"
        else:
            revision, old, *kept = stored
            columns = self._columns(article)
            columns |= _lost(columns, dict(zip(_KEPT, kept, strict=True)))
            columns["content_hash"] = content_hash(columns)
            outcome = "unchanged" if columns["content_hash"] == old else "changed"
            if outcome == "changed":
                self._keep_revision(code, now)
                columns |= {"revision": revision + 1, "updated_at": now, "run_id": self._run_id}
            conn.execute(
                f"UPDATE articles SET {', '.join(f'{name} = :{name}' for name in columns)}"
                " WHERE info_code = :info_code",
                {**columns, "info_code": code},
            )
        if stored is None or article.paragraphs:
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

    def _insert(self, article: Article, now: str) -> None:
        columns = self._columns(article)
        twin = self._corpus.conn.execute(
            "SELECT info_code FROM articles WHERE text_hash = ? ORDER BY rowid LIMIT 1",
            (columns["text_hash"],),
        ).fetchone()
        values = {
            **columns,
            "info_code": article.info_code,
            "listing": article.listing,
            "content_hash": content_hash(columns),
            "revision": 1,
            "first_seen_at": now,
            "updated_at": now,
            "run_id": self._run_id,
            "same_text_as": twin and twin[0],
        }
        self._corpus.conn.execute(
            f"INSERT INTO articles ({', '.join(values)}) VALUES (:{', :'.join(values)})", values
        )

    def _keep_revision(self, code: str, now: str) -> None:
        kept = "source, title, digest, published_at, url, author, editor, tags, paragraphs"
        kept += ", content_hash, page"
        self._corpus.conn.execute(
            f"INSERT INTO revisions (info_code, revision, {kept}, seen_at, replaced_at)"
            f" SELECT info_code, revision, {kept}, updated_at, ? FROM articles"
            " WHERE info_code = ?",
            (now, code),
        )

    @staticmethod
    def _columns(article: Article) -> dict[str, Any]:
        """What the article itself says, by column."""
        time = article.published_at
        return {
            "site": article.site,
            "source": article.source,
            "title": article.title,
            "digest": article.digest,
            "published_at": time_text(time) if time else None,
            "published_raw": article.published_raw,
            "url": article.url,
            "author": article.author,
            "editor": article.editor,
            "tags": json_text(article.tags) if article.tags else None,
            "paragraphs": paragraphs_json(article.paragraphs),
            "parser": article.parser,
            "page": article.page,
            "text_hash": text_hash(article),
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


def _lost(columns: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """What an article had and a later look lacks: a page that lost a part takes nothing from us."""
    lost = {name for name, value in kept.items() if value is not None and columns[name] is None}
    if columns["paragraphs"] == "[]":
        lost |= {"paragraphs", "text_hash"}
    elif "text_hash" in lost:  # other paragraphs, without words
        lost.remove("text_hash")
    if "published_at" in lost:
        lost.add("published_raw")
    return {name: kept[name] for name in lost}


def _next_try(failure: Failure, attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts; None when it is given up.

    A listing is never given up: it is walked by every run, after a day where trying
    seems no use (a 404 may be a glitch of the site).
    """
    if failure.info_code is None:
        return now if failure.retry else now + timedelta(days=1)
    if not failure.retry:
        return None
    return now + PAUSES[attempts - 1] if attempts <= len(PAUSES) else None

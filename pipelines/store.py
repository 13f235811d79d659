"""Writes records in batches: pages first, then articles with all that hangs on them."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlite_utils import Database

from crawler.items import Article, Failure, Look, Page
from pipelines.database.connect import writing
from pipelines.database.looks import Looks
from pipelines.database.rows import json_text, time_text
from pipelines.dedupe import content_hash, fingerprint
from pipelines.merge import Content, content, differ, joined, revised
from pipelines.validate import incomplete

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Record: TypeAlias = Page | Article | Failure | Look

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
    is counted up as records are written: new, changed, filled, unchanged, incomplete, failed.
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
        self.looks = Looks(corpus, clock)
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
                    elif isinstance(record, Look):
                        self.looks.write(record)
                    else:
                        counted[self._write_article(record)] += 1
                        counted["incomplete"] += incomplete(record)
            self._counts.update(counted)
        self._clear()

    def _clear(self) -> None:
        self._waiting_pages: list[Page] = []
        self._waiting: list[Article | Failure | Look] = []
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
        """Write one article; the outcome: new, changed, filled or unchanged."""
        code, now = article.info_code, time_text(self._clock())
        new = content(article)
        given = fingerprint(new)
        old = self._stored(code, new)
        outcome, merged = "unchanged", old or new
        if old is None:
            outcome = "new"
            self._insert(code, new, now)
        elif given != (before := self._given_before(article)):
            # The same route says something else, or another route says it.
            merged = revised(old, new) if before else joined(old, new)
            if before and content_hash(merged) != content_hash(old):
                outcome = "changed"
                self._keep_revision(code, now)
            elif not before and differ(merged, old):
                outcome = "filled"
            if differ(merged, old):
                self._update(code, merged, now, new_revision=outcome == "changed")
        whole = merged["title"] is not None and merged["published_at"] is not None
        self._answer(article, given, now, whole=whole)
        return outcome

    def _given_before(self, article: Article) -> str | None:
        """Fingerprint of what the article's own route gave last; None when it was never read."""
        row = self._corpus.conn.execute(
            "SELECT content_hash FROM sightings WHERE info_code = ? AND site = ? AND url = ?"
            " AND content_hash IS NOT NULL LIMIT 1",
            (article.info_code, article.site, article.page_url),
        ).fetchone()
        return row and str(row[0])

    def _stored(self, code: str, like: Content) -> Content | None:
        """The stored article, with the columns of ``like``."""
        names = [name for name in like if name != "mentions"]
        conn = self._corpus.conn
        row = conn.execute(
            f"SELECT {', '.join(names)} FROM articles WHERE info_code = ?", (code,)
        ).fetchone()
        if row is None:
            return None
        mentions = conn.execute(
            "SELECT market, code, name, evidence, paragraph FROM mentions WHERE info_code = ?"
            " ORDER BY rowid",
            (code,),
        )
        return {**dict(zip(names, row, strict=True)), "mentions": tuple(mentions)}

    def _insert(self, code: str, new: Content, now: str) -> None:
        conn = self._corpus.conn
        twin = conn.execute(
            "SELECT info_code FROM articles WHERE text_hash = ? ORDER BY rowid LIMIT 1",
            (new["text_hash"],),
        ).fetchone()
        values = {
            **{name: value for name, value in new.items() if name != "mentions"},
            "info_code": code,
            "content_hash": content_hash(new),
            "revision": 1,
            "first_seen_at": now,
            "updated_at": now,
            "run_id": self._run_id,
            "same_text_as": twin and twin[0],
        }
        conn.execute(
            f"INSERT INTO articles ({', '.join(values)}) VALUES (:{', :'.join(values)})", values
        )
        self._write_mentions(code, new)

    def _update(self, code: str, merged: Content, now: str, *, new_revision: bool) -> None:
        values = {name: value for name, value in merged.items() if name != "mentions"}
        values |= {"content_hash": content_hash(merged), "updated_at": now, "run_id": self._run_id}
        sets = ", ".join(f"{name} = :{name}" for name in values)
        self._corpus.conn.execute(
            f"UPDATE articles SET {sets}, revision = revision + :more WHERE info_code = :info_code",
            {**values, "info_code": code, "more": int(new_revision)},
        )
        self._corpus.conn.execute("DELETE FROM mentions WHERE info_code = ?", (code,))
        self._write_mentions(code, merged)

    def _write_mentions(self, code: str, said: Content) -> None:
        self._corpus.conn.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?)",
            [(code, *mention) for mention in said["mentions"]],
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

    def _answer(self, article: Article, given: str, now: str, *, whole: bool) -> None:
        """Mark what this article answers: its entries by every route, and its failures.

        While it is not ``whole``, other addresses stay pending: they may tell what it lacks.
        """
        conn, code = self._corpus.conn, article.info_code
        conn.execute(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at, content_hash)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (code, article.site, article.listing or "", article.page_url, now, given),
        )
        conn.execute(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at)"
            " SELECT info_code, site, listing, url, first_shown_at"
            " FROM entries WHERE info_code = ? ON CONFLICT DO NOTHING",
            (code,),
        )
        # Several listings may show one address: it gave the same, whichever led there.
        conn.execute(
            "UPDATE sightings SET content_hash = ? WHERE info_code = ? AND site = ? AND url = ?"
            " AND content_hash IS NOT ?",
            (given, code, article.site, article.page_url, given),
        )
        conn.execute(
            "UPDATE entries SET state = 'stored' WHERE info_code = ? AND (? OR url = ?)",
            (code, whole, article.page_url),
        )
        conn.execute(
            # A way that broke in shape stays told until it works again.
            "UPDATE failures SET resolved_at = ? WHERE info_code = ? AND resolved_at IS NULL"
            " AND (reason <> 'layout-changed' OR url = ?)",
            (now, code, article.page_url),
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

    A listing is never given up: it is walked by every run, after a day where trying
    seems no use (a 404 may be a glitch of the site). A file is read when it is named.
    """
    if failure.info_code is None and failure.url.startswith("http"):
        return now if failure.retry else now + timedelta(days=1)
    if not failure.retry:
        return None
    return now + PAUSES[attempts - 1] if attempts <= len(PAUSES) else None

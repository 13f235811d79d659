"""Writes records in batches: pages first, then articles with all that hangs on them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from logging import WARNING
from typing import TypeAlias

from sqlite_utils import Database

from crawler.items import Article, Failure, Page
from crawler.log import event
from pipelines import batch as batches
from pipelines.batch import Batch
from pipelines.database.connect import writing
from pipelines.database.duplicates import Duplicates
from pipelines.database.ledger import Tally
from pipelines.database.looks import Looks
from pipelines.database.rows import json_text, time_text
from pipelines.database.search_index import SearchIndex
from pipelines.draft import Draft
from pipelines.zstd import packed

Record: TypeAlias = Page | batches.Record

_BATCH = 200
_BATCH_S = 2.0
_BATCH_BYTES = 8 << 20


class Store:
    """Takes records; what :meth:`flush` has written is safe, what waits is fetched again
    after a kill.

    A page is committed before the article made of it. An article, its mentions and
    sightings, its group of near-duplicates, its words in the search index and the frontier's
    rows that it answers are one transaction. ``counts``
    is counted up as records are written: new, changed, filled, improved, unchanged, incomplete,
    failed; so is ``tally``, by listing.
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
        tally: Tally,
    ) -> None:
        self._corpus = corpus
        self._pages = pages
        self._run_id = run_id
        self._clock = clock
        self._counts = counts
        self._tally = tally
        self.looks = Looks(corpus, clock)
        self._duplicates = Duplicates(corpus)
        self._index = SearchIndex(corpus)
        self._clear()

    def add(self, record: Record) -> None:
        """Take a record; writes the batch when it is full or two seconds old."""
        if isinstance(record, Page):
            self._waiting_pages.append(record)
            self._bytes += len(record.body)
        else:
            self._waiting.append(record)
        # Behind an article that was fetched comes the look that brought it: both or none.
        if isinstance(record, Article | Draft) and len(self._waiting) <= _BATCH:
            return
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
                self._write_pages()
        if self._waiting:
            try:
                with writing(self._corpus):
                    batch = self._write_waiting()
            except BaseException:
                self._duplicates.forget()
                raise
            for (listing, name), number in batch.counted.items():
                self._counts[name] += number
                self._tally[listing][name] += number
            self._tell(batch)
        self._clear()

    def forget(self) -> None:
        """Leave what waits unwritten."""
        self._clear()

    def refresh(self) -> None:
        """Something else has written articles since: what is in memory of them is read anew."""
        self._duplicates.forget()

    def _write_waiting(self) -> Batch:
        batch = Batch(
            self._corpus, self.looks, self._waiting, run_id=self._run_id, clock=self._clock
        )
        batch.write()
        self._duplicates.write(batch.states)
        self._index.write(batch.wordings)
        return batch

    def _clear(self) -> None:
        self._waiting_pages: list[Page] = []
        self._waiting: list[batches.Record] = []
        self._bytes = 0
        self._since = time.monotonic()

    def _tell(self, batch: Batch) -> None:
        """Log what is written for good now."""
        for what, draft in batch.said:
            if what != "unchanged":
                said = draft.content
                event(
                    f"article-{what}",
                    f"{what} {draft.info_code} {said['title'] or '(no title)'}",
                    info_code=draft.info_code,
                    site=said["site"],
                    listing=said["listing"],
                    title=said["title"],
                )
        for record in self._waiting:
            if isinstance(record, Failure):
                event(
                    "failure",
                    f"failed, {record.reason}: {record.url} ({record.message})",
                    level=WARNING,
                    site=record.site,
                    listing=record.listing,
                    info_code=record.info_code,
                    url=record.url,
                    reason=record.reason,
                )

    def _write_pages(self) -> None:
        conn, waiting = self._pages.conn, self._waiting_pages
        digests = json_text([page.sha256 for page in waiting])
        held = conn.execute(
            "SELECT sha256 FROM bodies WHERE sha256 IN (SELECT value FROM json_each(?))", (digests,)
        )
        new = {page.sha256: page for page in waiting}
        for (digest,) in held.fetchall():
            del new[digest]
        conn.executemany(
            "INSERT INTO bodies VALUES (?, ?)",
            [(digest, packed(page.body)) for digest, page in new.items()],
        )
        times = [time_text(page.fetched_at) for page in waiting]
        conn.executemany(
            "INSERT INTO pages (site, info_code, url, status, headers, sha256, fetched_at,"
            " last_fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET last_fetched_at = max(last_fetched_at, excluded.last_fetched_at)",
            [
                (p.site, p.info_code, p.url, p.status, json_text(p.headers), p.sha256, time, time)
                for p, time in zip(waiting, times, strict=True)
            ],
        )

"""Writes records in batches: pages first, then articles with all that hangs on them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from logging import WARNING
from typing import TypeAlias

from sqlite_utils import Database

from crawler.items import Article, Failure, Look, Page
from crawler.log import event
from pipelines.database.articles import Articles, wording
from pipelines.database.connect import writing
from pipelines.database.duplicates import Duplicates, State
from pipelines.database.failures import write_failure
from pipelines.database.history import keep
from pipelines.database.ledger import Tally
from pipelines.database.looks import Looks
from pipelines.database.rows import json_text, paragraphs_of, time_text
from pipelines.database.search_index import SearchIndex
from pipelines.dedupe import content_hash, fingerprint
from pipelines.merge import Change, Content, Said, content, taken
from pipelines.search.wording import Wording
from pipelines.sentences import sentences_of
from pipelines.validate import incomplete
from pipelines.zstd import zstd

Record: TypeAlias = Page | Article | Failure | Look

_BATCH = 200
_BATCH_S = 2.0
_BATCH_BYTES = 8 << 20
# What a look that changed an article counts as.
_COUNTED: Mapping[Change | None, str] = {
    "filled": "filled",
    "reparsed": "improved",
    "retouched": "unchanged",
    "revised": "changed",
    None: "unchanged",
}


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
        self._articles = Articles(corpus)
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
        if isinstance(record, Article) and len(self._waiting) <= _BATCH:
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
                for page in self._waiting_pages:
                    self._write_page(page)
        if self._waiting:
            try:
                with writing(self._corpus):
                    counted = self._write_waiting()
            except BaseException:
                self._duplicates.forget()
                raise
            for (listing, name), number in counted.items():
                self._counts[name] += number
                self._tally[listing][name] += number
        self._tell()
        self._clear()

    def forget(self) -> None:
        """Leave what waits unwritten."""
        self._clear()

    def refresh(self) -> None:
        """Something else has written articles since: what is in memory of them is read anew."""
        self._duplicates.forget()

    def _write_waiting(self) -> Counter[tuple[tuple[str, str], str]]:
        counted: Counter[tuple[tuple[str, str], str]] = Counter()
        self._states: list[State] = []
        self._wordings: list[tuple[Wording | None, Wording]] = []
        for record in self._waiting:
            if isinstance(record, Failure):
                write_failure(self._corpus, record, self._run_id, self._clock())
                counted[(record.site, record.listing or ""), "failed"] += 1
            elif isinstance(record, Look):
                self.looks.write(record)
            else:
                listing = (record.site, record.listing or "")
                counted[listing, self._write_article(record)] += 1
                counted[listing, "incomplete"] += incomplete(record)
        self._duplicates.write(self._states)
        self._index.write(self._wordings)
        return counted

    def _clear(self) -> None:
        self._waiting_pages: list[Page] = []
        self._waiting: list[Article | Failure | Look] = []
        self._said: list[tuple[str, Article]] = []
        self._bytes = 0
        self._since = time.monotonic()

    def _tell(self) -> None:
        """Log what is written for good now."""
        for what, article in self._said:
            if what != "unchanged":
                event(
                    f"article-{what}",
                    f"{what} {article.info_code} {article.title or '(no title)'}",
                    info_code=article.info_code,
                    site=article.site,
                    listing=article.listing,
                    title=article.title,
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

    def _write_page(self, page: Page) -> None:
        digest, now = page.sha256, time_text(page.fetched_at)
        conn = self._pages.conn
        if not conn.execute("SELECT 1 FROM bodies WHERE sha256 = ?", (digest,)).fetchone():
            conn.execute("INSERT INTO bodies VALUES (?, ?)", (digest, zstd.compress(page.body)))
        conn.execute(
            "INSERT INTO pages (site, info_code, url, status, headers, sha256, fetched_at,"
            " last_fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET last_fetched_at = max(last_fetched_at, excluded.last_fetched_at)",
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
        """Write one article; what it counts as: new, changed, filled, improved or unchanged."""
        code, now = article.info_code, time_text(self._clock())
        new = content(article)
        found = self._articles.get(code)
        merged, counted = new, "new"
        if found is None:
            self._articles.insert(
                code,
                new,
                revision=1,
                first_seen_at=now,
                updated_at=now,
                run_id=self._run_id,
                same_text_as=self._articles.first_with(new["text_hash"]),
                duplicate_group=code,
            )
            said = sentences_of(article.paragraphs)
            self._states.append(State(code, new["published_at"], said, now, new=True))
            self._wordings.append((None, wording(code, new, article.paragraphs)))
        else:
            old, kept = found
            # By a clock that was set back: states follow each other.
            now = max(now, kept["updated_at"])
            merged, change = taken(old, new, self._last_look(article))
            counted = _COUNTED[change]
            if change:
                keep(self._corpus, code, change, now)
                revision = kept["revision"] + (change == "revised")
                self._articles.update(
                    code, merged, revision=revision, updated_at=now, run_id=self._run_id
                )
                self._reword(code, old, merged, now)
        whole = merged["title"] is not None and merged["published_at"] is not None
        self._answer(article, fingerprint(new), now, whole=whole)
        self._said.append((counted, article))
        return counted

    def _reword(self, code: str, old: Content, merged: Content, now: str) -> None:
        """Note what follows from the words of a changed article, where they changed."""
        before, paragraphs = (paragraphs_of(each["paragraphs"]) for each in (old, merged))
        if any(merged[name] != old[name] for name in ("paragraphs", "published_at")):
            said = sentences_of(paragraphs)
            self._states.append(State(code, merged["published_at"], said, now))
        if content_hash(merged) != content_hash(old):
            wordings = wording(code, old, before), wording(code, merged, paragraphs)
            self._wordings.append(wordings)

    def _last_look(self, article: Article) -> Said | None:
        """The last look at the article's own route; None when it was never read."""
        # Of old databases the page and the parser of a route are known where it is the row's.
        row = self._corpus.conn.execute(
            """
            SELECT s.content_hash, coalesce(s.page, a.page), coalesce(s.parser, a.parser),
              NOT EXISTS (SELECT 1 FROM sightings AS other WHERE other.info_code = s.info_code
                AND other.content_hash IS NOT NULL AND (other.site, other.url) <> (s.site, s.url)),
              a.page IS s.page
                AND NOT EXISTS (SELECT 1 FROM revisions
                  WHERE info_code = s.info_code AND page IS NOT s.page)
                AND NOT EXISTS (SELECT 1 FROM corrections
                  WHERE info_code = s.info_code AND page IS NOT s.page)
            FROM sightings AS s JOIN articles AS a ON a.info_code = s.info_code
            WHERE s.info_code = ? AND s.site = ? AND s.url = ? AND s.content_hash IS NOT NULL
            LIMIT 1
            """,
            (article.info_code, article.site, article.page_url),
        ).fetchone()
        if row is None:
            return None
        given, page, parser, only_route, only_page = row
        return Said(given, page, parser, bool(only_route), bool(only_route and only_page))

    def _answer(self, article: Article, given: str, now: str, *, whole: bool) -> None:
        """Mark what this article answers: its entries by every route, and its failures.

        While it is not ``whole``, other addresses stay pending: they may tell what it lacks.
        """
        conn, code = self._corpus.conn, article.info_code
        look = (given, article.page, article.parser)
        conn.execute(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at, content_hash,"
            " page, parser) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (code, article.site, article.listing or "", article.page_url, now, *look),
        )
        conn.execute(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at)"
            " SELECT info_code, site, listing, url, first_shown_at"
            " FROM entries WHERE info_code = ? ON CONFLICT DO NOTHING",
            (code,),
        )
        # Several listings may show one address: it gave the same, whichever led there.
        conn.execute(
            "UPDATE sightings SET (content_hash, page, parser) = (?, ?, ?) WHERE info_code = ?"
            " AND site = ? AND url = ? AND (content_hash, page, parser) IS NOT (?, ?, ?)",
            (*look, code, article.site, article.page_url, *look),
        )
        conn.execute(
            # Of an address that this run asked for, whichever way brought the article.
            "UPDATE entries SET state = 'stored' WHERE info_code = ? AND (? OR url = ? OR url IN"
            " (SELECT url FROM entries WHERE info_code = ? AND run_id = ?))",
            (code, whole, article.page_url, code, self._run_id),
        )
        conn.execute(
            # A way that broke in shape stays told until it works again.
            "UPDATE failures SET resolved_at = ? WHERE info_code = ? AND resolved_at IS NULL"
            " AND (reason <> 'layout-changed' OR url = ?)",
            (now, code, article.page_url),
        )

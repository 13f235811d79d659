"""Merges another corpus into ours: a union by info code, in batches, each one transaction.

First its pages, then its articles with their histories, sightings and looks; then what its
listings showed, and what failed. ``docs/merge.md`` tells what becomes of each. A merge that was
killed is ended by another one; the same corpus again changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, TypeVar

from sqlite_utils import Database

from crawler.errors import StoreError, UnreadableRow
from crawler.items import Failure
from pipelines.database import history
from pipelines.database.articles import Articles, wording
from pipelines.database.connect import writing
from pipelines.database.coverage import Coverage, Span
from pipelines.database.entries import Entry, united_entry
from pipelines.database.failures import write_failure
from pipelines.database.knowledge import Knowledge, knowledge_of
from pipelines.database.other import Other
from pipelines.database.regroup import regroup, ungrouped
from pipelines.database.rows import dicts, json_text, paragraphs_of, time_text
from pipelines.database.search_index import SearchIndex
from pipelines.database.select import EARLIER
from pipelines.database.shapes import bad_json, is_object, of_article, of_state
from pipelines.database.verify import ARTICLES, STATE
from pipelines.merge import Content
from pipelines.search.wording import Wording
from pipelines.union import State, united
from pipelines.zstd import zstd

_T = TypeVar("_T")
_BATCH = 200  # articles, whose texts are held in memory
_ROWS = 1000


class Merging:
    """The merge of one ``other`` corpus in one run. ``counts`` is counted up as for a store.

    Raises :class:`crawler.errors.StoreError`: what was committed before is safe.
    """

    def __init__(
        self,
        corpus: Database,
        pages: Database,
        other: Other,
        *,
        run_id: int,
        clock: Callable[[], datetime],
        counts: Counter[str],
    ) -> None:
        self._corpus = corpus
        self._conn: sqlite3.Connection = corpus.conn
        self._pages = pages
        self._other = other
        self._theirs: sqlite3.Connection = other.corpus.conn
        self._run_id = run_id
        self._clock = clock
        self._counts = counts
        self._articles = Articles(corpus)
        self._index = SearchIndex(corpus)

    def run(self) -> list[tuple[str, str]]:
        """Merge it all; the site and name of listings of ours where a gap shows by it."""
        try:
            self._take_pages()
            self._take_listings()
            for batch in _batches(self._codes(), _BATCH):
                self._take_articles(batch)
            for rows in self._rows("SELECT * FROM failures ORDER BY id"):
                self._take_failures(rows)
            for rows in self._rows("SELECT * FROM entries ORDER BY id"):
                self._take_entries(rows)
            gaps = self._take_coverage()
        except UnicodeEncodeError as error:
            path = self._other.path
            why = f"{path} holds what is no text: {error}"
            raise StoreError(f"{why}; restore it from a backup", path) from error
        if ungrouped(self._corpus):
            regroup(self._corpus)
        return gaps

    def _rows(self, sql: str) -> Iterator[list[dict[str, Any]]]:
        with self._other.reading():
            yield from _batches(dicts(self._other.corpus, sql), _ROWS)

    # Pages

    def _take_pages(self) -> None:
        if self._other.pages is None:
            return
        names = "site, info_code, url, status, headers, sha256, fetched_at, last_fetched_at"
        rows = dicts(self._other.pages, f"SELECT {names}, pruned_at FROM pages ORDER BY id")
        with self._other.reading():
            for batch in _batches(rows, _BATCH):
                bodies = [self._body_of(row["sha256"]) for row in batch]
                broken = []
                with writing(self._pages):
                    for row, body in zip(batch, bodies, strict=True):
                        if body is not None and not _is_sound(body, row["sha256"]):
                            broken.append(row)
                        else:
                            self._take_page(row, body)
                for row in broken:
                    self._fail(row["site"], None, row["url"], "is a page with a damaged body")

    def _body_of(self, digest: str) -> Any:
        """A body that we do not have; None where we have it, or they have not."""
        assert self._other.pages
        sql = "SELECT zstd FROM bodies WHERE sha256 = ?"
        if self._pages.conn.execute(sql.replace("zstd", "1", 1), (digest,)).fetchone():
            return None
        row = self._other.pages.conn.execute(sql, (digest,)).fetchone()
        return row[0] if row else None

    def _take_page(self, row: dict[str, Any], body: bytes | None) -> None:
        conn = self._pages.conn
        if body is not None:
            # Two pages may be one body.
            conn.execute(
                "INSERT INTO bodies VALUES (?, ?) ON CONFLICT DO NOTHING", (row["sha256"], body)
            )
        conn.execute(
            f"INSERT INTO pages ({', '.join(row)}) VALUES (:{', :'.join(row)})"
            " ON CONFLICT DO UPDATE SET fetched_at = min(fetched_at, excluded.fetched_at),"
            " last_fetched_at = max(last_fetched_at, excluded.last_fetched_at)"
            " WHERE fetched_at > excluded.fetched_at OR last_fetched_at < excluded.last_fetched_at",
            row,
        )

    def _fail(self, site: str, code: str | None, name: str, why: str) -> None:
        """Record what is broken over there."""
        error = UnreadableRow(why, url=f"{self._other.path.name}!/{name}", site=site)
        failure = Failure(site, error.url, error.reason, str(error), retry=False, info_code=code)
        with writing(self._corpus):
            write_failure(self._corpus, failure, self._run_id, self._clock())
        self._counts["failed"] += 1

    # Articles

    def _codes(self) -> Iterator[tuple[str, str]]:
        with self._other.reading():
            # Whoever had a text first comes first.
            yield from self._theirs.execute(
                "SELECT info_code, site FROM articles ORDER BY first_seen_at, rowid"
            )

    def _take_articles(self, codes: Sequence[tuple[str, str]]) -> None:
        sound: list[tuple[str, Knowledge]] = []
        with self._other.reading():
            for code, site in codes:
                if why := self._fault(code):
                    self._fail(site, code, code or "(no code)", why)
                elif known := knowledge_of(self._other.corpus, code):
                    sound.append((code, known))
        counted = Counter(found=len(codes))
        wordings: list[tuple[Wording | None, Wording]] = []
        with writing(self._corpus):
            for code, theirs in sound:
                mine = knowledge_of(self._corpus, code)
                counted[self._take_article(code, mine, theirs, wordings)] += 1
                counted["incomplete"] += not theirs.whole
            self._sight([code for code, _ in sound])
            self._index.write(wordings)
        self._counts.update(counted)

    def _fault(self, code: str) -> str | None:
        """What is wrong with an article over there, in words; None where all is well."""
        sql = f"{ARTICLES} WHERE info_code IS ?"
        (row,) = dicts(self._other.corpus, sql, code)
        for _, told in of_article(row):
            return told
        for table in EARLIER:
            sql = f"SELECT {STATE}, mentions FROM {table} WHERE info_code = ?"
            for state in dicts(self._other.corpus, sql, code):
                for told in (*bad_json(state), *(told for _, told in of_state(state))):
                    return f"has in {table} a state that is broken: {told}"
        said = self._theirs.execute("SELECT * FROM articles WHERE info_code = ?", (code,))
        for value in said.fetchone():
            if isinstance(value, bytes) or (isinstance(value, str) and not _is_text(value)):
                return "holds what is no text"
        return None

    def _take_article(
        self,
        code: str,
        mine: Knowledge | None,
        theirs: Knowledge,
        wordings: list[tuple[Wording | None, Wording]],
    ) -> str:
        """Write one article; what it counts as."""
        counted = "unchanged"
        if mine is None:
            counted = "new"
            self._write(code, None, theirs.states, theirs.first_seen_at, wordings)
            self._answer(code, theirs)
        else:
            shared = not mine.given.keys().isdisjoint(theirs.given)
            states = united(mine.states, theirs.states, shared=shared)
            first = min(mine.first_seen_at, theirs.first_seen_at)
            if states != mine.states or first != mine.first_seen_at:
                revisions, before = (_revisions(each) for each in (states, mine.states))
                counted = "changed" if revisions > before else "filled"
                self._write(code, mine.states[-1].content, states, first, wordings)
            if theirs.whole and not mine.whole:
                self._answer(code, theirs)
        self._take_sightings(code, mine, theirs)
        self._take_look(mine, theirs)
        own, told = mine.same_text_as if mine else None, theirs.same_text_as
        if mine is None or theirs.first_seen_at < mine.first_seen_at or told not in (None, own):
            self._relate(code, told)
        return counted

    def _write(
        self,
        code: str,
        old: Content | None,
        states: Sequence[State],
        first_seen_at: str,
        wordings: list[tuple[Wording | None, Wording]],
    ) -> None:
        last = states[-1]
        revision = history.rewrite(self._corpus, code, states, self._run_id)
        write = self._articles.update if old else self._articles.insert
        write(
            code,
            last.content,
            revision=revision,
            first_seen_at=first_seen_at,
            updated_at=last.seen_at,
            run_id=last.run_id or self._run_id,
            duplicate_group=None,  # grouped at the end, in order of all times
        )
        if last.content != old:
            now = wording(code, last.content, paragraphs_of(last.content["paragraphs"]))
            before = wording(code, old, paragraphs_of(old["paragraphs"])) if old else None
            wordings.append((before, now))

    def _answer(self, code: str, theirs: Knowledge) -> None:
        """What we owed of an article is there now; see :meth:`pipelines.store.Store`."""
        read = json_text([url for _, url in theirs.given])
        self._conn.execute(
            "UPDATE entries SET state = 'stored' WHERE info_code = ? AND state <> 'stored'"
            " AND (? OR url IN (SELECT value FROM json_each(?)))",
            (code, theirs.whole, read),
        )
        self._conn.execute(
            "UPDATE failures SET resolved_at = ? WHERE info_code = ? AND resolved_at IS NULL"
            " AND (reason <> 'layout-changed' OR url IN (SELECT value FROM json_each(?)))",
            (time_text(self._clock()), code, read),
        )

    def _take_sightings(self, code: str, mine: Knowledge | None, theirs: Knowledge) -> None:
        self._conn.executemany(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET first_seen_at = excluded.first_seen_at"
            " WHERE first_seen_at > excluded.first_seen_at",
            [(code, *route, at) for route, at in theirs.sightings.items()],
        )
        for route, given in theirs.given.items():
            own = mine.given.get(route) if mine else None
            if mine and own:
                ours = (mine.looked_at(route), json_text(own))
                if ours >= (theirs.looked_at(route), json_text(given)):
                    continue
            self._conn.execute(
                "UPDATE sightings SET (content_hash, page, parser) = (?, ?, ?)"
                " WHERE info_code = ? AND site = ? AND url = ?",
                (*given, code, *route),
            )

    def _sight(self, codes: Sequence[str]) -> None:
        """All that listings showed of stored articles are sightings; one address gave the same,
        whichever listing led there.
        """
        among = "info_code IN (SELECT value FROM json_each(?))"
        self._conn.execute(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at)"
            f" SELECT info_code, site, listing, url, first_shown_at FROM entries WHERE {among}"
            " AND info_code IN (SELECT info_code FROM articles) ON CONFLICT DO NOTHING",
            (json_text(codes),),
        )
        self._conn.execute(
            "UPDATE sightings AS s SET (content_hash, page, parser) ="
            " (r.content_hash, r.page, r.parser) FROM sightings AS r"
            f" WHERE s.{among} AND s.content_hash IS NULL AND r.content_hash IS NOT NULL"
            " AND (r.info_code, r.site, r.url) = (s.info_code, s.site, s.url)",
            (json_text(codes),),
        )

    def _take_look(self, mine: Knowledge | None, theirs: Knowledge) -> None:
        own, look = mine and mine.look, theirs.look
        if look is None:
            return
        if own:
            gone = min(filter(None, (own["gone_at"], look["gone_at"])), default=None)
            last = max(own, look, key=lambda each: (each["looked_at"], json_text(each)))
            look = {**last, "looks": max(own["looks"], look["looks"]), "gone_at": gone}
        if look != own:
            self._conn.execute(
                f"INSERT OR REPLACE INTO looks ({', '.join(look)}) VALUES (:{', :'.join(look)})",
                look,
            )

    def _relate(self, code: str, told: str | None) -> None:
        """Say of an article, and of those that are seen later now, who had its text first."""
        conn = self._conn
        text, since, own = conn.execute(
            "SELECT text_hash, first_seen_at, same_text_as FROM articles WHERE info_code = ?",
            (code,),
        ).fetchone()
        first = self._articles.first_with(text)
        named = conn.execute(
            "SELECT same_text_as FROM articles WHERE info_code = ?", (first,)
        ).fetchone()
        among = {told, own, first, named and named[0]} - {None, code}
        earlier = conn.execute(
            "SELECT first_seen_at, info_code FROM articles"
            " WHERE info_code IN (SELECT value FROM json_each(?))",
            (json_text(sorted(among)),),
        ).fetchall()
        # Of those of one second only the corpus that has both knows.
        before = [(at, each) for at, each in earlier if at < since or each in (told, own)]
        wanted = min(before)[1] if before else None
        if wanted != own:
            conn.execute("UPDATE articles SET same_text_as = ? WHERE info_code = ?", (wanted, code))
        if wanted is None and text:
            conn.execute(
                "UPDATE articles SET same_text_as = ? WHERE text_hash = ? AND first_seen_at > ?"
                " AND same_text_as IS NOT ?",
                (code, text, since, code),
            )

    # What listings showed

    def _take_listings(self) -> None:
        rows = self._theirs.execute("SELECT site, name, url, first_seen_at FROM listings")
        with self._other.reading():
            found = rows.fetchall()
        with writing(self._corpus):
            self._conn.executemany(
                "INSERT INTO listings VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET first_seen_at = excluded.first_seen_at, url = excluded.url"
                " WHERE first_seen_at > excluded.first_seen_at",
                found,
            )

    def _take_failures(self, rows: Sequence[dict[str, Any]]) -> None:
        with self._other.reading():
            theirs = _stored(self._theirs, rows)
        with writing(self._corpus):
            mine = _stored(self._conn, rows)
            for row in rows:
                if row["resolved_at"] is None and row["info_code"] in mine.keys() - theirs.keys():
                    row["resolved_at"] = time_text(self._clock())
                self._take_failure(row)

    def _take_failure(self, row: dict[str, Any]) -> None:
        own = next(
            dicts(
                self._corpus,
                "SELECT * FROM failures WHERE site = ? AND url = ?",
                row["site"],
                row["url"],
            ),
            None,
        )
        news = row | {"run_id": self._run_id}
        if own is None:
            del news["id"]
            self._conn.execute(
                f"INSERT INTO failures ({', '.join(news)}) VALUES (:{', :'.join(news)})", news
            )
            return
        first = min(own["first_failed_at"], row["first_failed_at"])
        newer = _newness(row) > _newness(own)
        news = (news if newer else own) | {"id": own["id"], "first_failed_at": first}
        if news != own:
            sets = ", ".join(f"{name} = :{name}" for name in news)
            self._conn.execute(f"UPDATE failures SET {sets} WHERE id = :id", news)

    def _take_entries(self, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            if bad_json(row, {"told": is_object}):
                told = "was told of by a listing what is no JSON"
                self._fail(row["site"], row["info_code"], row["url"], told)
                row["told"] = None
        with self._other.reading():
            theirs = _stored(self._theirs, rows)
        with writing(self._corpus):
            mine = _stored(self._conn, rows)
            for row in rows:
                code = row["info_code"]
                self._take_entry(row, mine.get(code), theirs.get(code))
            self._sight([row["info_code"] for row in rows if row["info_code"] in mine])

    def _take_entry(
        self, row: dict[str, Any], mine: tuple[bool, str] | None, theirs: tuple[bool, str] | None
    ) -> None:
        names = ", ".join(Entry._fields)
        key = (row["site"], row["listing"], row["url"])
        where = "site = ? AND listing = ? AND url = ?"
        found = self._conn.execute(f"SELECT {names} FROM entries WHERE {where}", key).fetchone()
        own = Entry(*found) if found else None
        entry = united_entry(
            own,
            Entry(*(row[name] for name in Entry._fields)),
            stored=mine and mine[0],
            stored_there=theirs and theirs[0],
            title=mine and mine[1],
        )
        if own is None:
            self._conn.execute(
                f"INSERT INTO entries (site, listing, url, {names})"
                f" VALUES (?, ?, ?{', ?' * len(entry)})",
                (*key, *entry),
            )
        elif entry != own:
            sets = ", ".join(f"{name} = ?" for name in Entry._fields)
            self._conn.execute(f"UPDATE entries SET {sets} WHERE {where}", (*entry, *key))

    def _take_coverage(self) -> list[tuple[str, str]]:
        """Take up what is covered over there; what our own walks read is, if nothing is owed."""
        sql = "SELECT site, listing, coalesce(from_at, ''), to_at FROM {}"
        with self._other.reading():
            covered = _by_listing(self._theirs, sql.format("coverage"))
            more = sql.format("walks") + " WHERE to_at IS NOT NULL AND NOT covered"
            read = _by_listing(self._theirs, more)
        gaps: list[tuple[str, str]] = []
        with writing(self._corpus):
            for site, name in sorted(covered.keys() | read.keys()):
                key = (site, name)
                Coverage(self._corpus, site).add(name, covered.get(key, ()), read.get(key, ()))
            for (site,) in self._conn.execute("SELECT DISTINCT site FROM listings").fetchall():
                gaps += ((site, name) for name in Coverage(self._corpus, site).settle())
        return gaps


def _stored(
    conn: sqlite3.Connection, rows: Sequence[dict[str, Any]]
) -> dict[str, tuple[bool, str]]:
    """Of the codes of rows those that are stored: whether with title and time, and their title."""
    codes = json_text(sorted({row["info_code"] for row in rows if row["info_code"]}))
    return {
        code: (bool(whole), title)
        for code, whole, title in conn.execute(
            "SELECT info_code, title IS NOT NULL AND published_at IS NOT NULL, title"
            " FROM articles WHERE info_code IN (SELECT value FROM json_each(?))",
            (codes,),
        )
    }


def _by_listing(conn: sqlite3.Connection, sql: str) -> dict[tuple[str, str], list[Span]]:
    found: dict[tuple[str, str], list[Span]] = {}
    for site, listing, start, end in conn.execute(sql):
        found.setdefault((site, listing), []).append(Span(start, end))
    return found


def _newness(failure: dict[str, Any]) -> tuple[str, bool]:
    return failure["last_failed_at"], failure["resolved_at"] is not None


def _revisions(states: Sequence[State]) -> int:
    return sum(each.change == "revised" for each in states)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_sound(body: bytes, digest: str) -> bool:
    try:
        return sha256(zstd.decompress(body)).hexdigest() == digest
    except (zstd.ZstdError, TypeError):
        return False


def _batches(rows: Iterator[_T], size: int) -> Iterator[list[_T]]:
    while batch := list(islice(rows, size)):
        yield batch

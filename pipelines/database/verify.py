"""Checks both files of a data folder: are they sound, and does each row fit the others?

Reads only, by a connection of its own, and a row at a time: memory does not grow with the corpus.
What a run writes, killed or not, is never a problem; what is one, a fault of the disk or another
tool made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from pipelines.database import schema
from pipelines.database.connect import CORPUS, PAGES, reading
from pipelines.database.coverage import Span
from pipelines.database.rows import time_text
from pipelines.database.shapes import (
    Shape,
    bad_json,
    is_headers,
    is_object,
    of_article,
    of_state,
)
from pipelines.zstd import zstd

#: Is told what is being checked, and how many rows of it were.
Watch: TypeAlias = Callable[[str, int], None]

_EVERY = 1000  # rows after which the watcher is told
_DAMAGES = 100  # at most so many are looked for in a file
_RESTORE = f"restore {CORPUS} from a backup"
_SEARCH = "run finews search --rebuild"
_PAGES = f"restore {PAGES} from a backup, or move it away: the corpus works without it"
_TELLS_TIME = ("_at", "_until")
# As ``time_text`` writes them. Where it has to count, SQLite makes March of the 30th of February.
_IS_TIME = "strftime('%Y-%m-%dT%H:%M:%S+08:00', substr({0}, 1, 19), '+0 days') IS {0}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that should not be: one word for its ``kind``, and a sentence that says what it
    is and what to do.
    """

    kind: str
    message: str


class _Rule(NamedTuple):
    """Rows that should not be there: what ``sql`` finds fills the ``sentence``."""

    kind: str
    sql: str
    sentence: str


_NO_ARTICLE = "NOT EXISTS (SELECT 1 FROM articles AS a WHERE a.info_code = {})"

_RULES = (
    _Rule(
        "revisions",
        """
        SELECT a.info_code, a.revision - 1, coalesce(r.n, 0) FROM articles AS a LEFT JOIN
          (SELECT info_code, count(*) AS n, min(revision) AS least, max(revision) AS most
           FROM revisions GROUP BY info_code) AS r ON r.info_code = a.info_code
        WHERE coalesce(r.n, 0) <> a.revision - 1 OR r.least <> 1 OR r.most <> r.n
        """,
        "article {} should have the earlier revisions 1 to {}, and has {} others or with gaps; "
        + _RESTORE,
    ),
    _Rule(
        "stored-entry",
        "SELECT id, coalesce(e.info_code, '(no code)') FROM entries AS e WHERE state = 'stored'"
        f" AND {_NO_ARTICLE.format('e.info_code')}",
        "entry {} is marked as stored, and article {} is not there; set its state to 'pending',"
        " and the next crawl fetches it",
    ),
    _Rule(
        "no-sighting",
        "SELECT info_code FROM articles AS a WHERE info_code IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM sightings AS s WHERE s.info_code = a.info_code)",
        "article {} has no row in sightings that says how it came; " + _RESTORE,
    ),
    *(
        _Rule(
            f"{table}-article",
            f"SELECT t.info_code FROM {table} AS t WHERE {_NO_ARTICLE.format('t.info_code')}",
            f"a row of {table} is of article {{}}, which is not there; {_RESTORE}",
        )
        for table in ("sightings", "looks")
    ),
    *(
        _Rule(
            column.replace("_", "-"),
            f"SELECT info_code, {column} FROM articles AS own WHERE {column} IS NOT NULL"
            f" AND {_NO_ARTICLE.format(f'own.{column}')}",
            f"article {{}} names {{}} in {column}, which is not there; {_RESTORE}",
        )
        for column in ("same_text_as", "duplicate_group")
    ),
    _Rule(
        "search",
        # While it is being made anew, nobody is told that it is whole.
        "SELECT a.info_code FROM articles AS a"
        " LEFT JOIN searched AS s ON s.info_code = a.info_code"
        " WHERE s.content_hash IS NOT a.content_hash AND EXISTS (SELECT 1 FROM search_state)",
        f"article {{}} is not found by what it says; {_SEARCH}",
    ),
    _Rule(
        "search",
        "SELECT count(*) FROM (SELECT id FROM searched EXCEPT SELECT id FROM search_docsize)"
        " HAVING count(*) UNION ALL SELECT count(*) FROM"
        " (SELECT id FROM search_docsize EXCEPT SELECT id FROM searched) HAVING count(*)",
        f"the search index and the table of what is in it differ by {{}} articles; {_SEARCH}",
    ),
)
# An ingest records what it was given; all else comes of an entry or a listing.
_OPEN_FAILURE = _Rule(
    "failure",
    """
    SELECT f.id, f.url FROM failures AS f JOIN runs ON runs.id = f.run_id
    WHERE f.resolved_at IS NULL AND f.url LIKE 'http%' AND runs.command NOT LIKE 'ingest%'
      AND NOT EXISTS (SELECT 1 FROM entries AS e WHERE e.info_code = f.info_code)
      AND NOT EXISTS (SELECT 1 FROM entries AS e
        WHERE e.site = f.site AND e.listing = f.listing AND e.url = f.url)
      AND NOT EXISTS (SELECT 1 FROM listings AS l WHERE l.site = f.site AND l.name = f.listing)
      AND NOT EXISTS (SELECT 1 FROM walks AS w WHERE w.site = f.site AND w.listing = f.listing)
    """,
    "failure {} ({}) is open, and nothing asks for it any more; take it out with finews failures"
    " --retry, or " + _RESTORE,
)
_PAGE_LOST = _Rule(
    "page-lost",
    # Articles that were stored before pages.db was made anew came without it.
    """
    SELECT info_code, page FROM articles AS a
    WHERE page IS NOT NULL AND first_seen_at > :made
      AND NOT EXISTS (SELECT 1 FROM kept.bodies AS b WHERE b.sha256 = a.page)
      AND page NOT IN (SELECT sha256 FROM kept.pages)
      -- what another corpus brought, before this one's run began, came perhaps without its pages
      AND NOT EXISTS (SELECT 1 FROM (
          SELECT info_code, page, updated_at AS at, run_id FROM articles
          UNION ALL SELECT info_code, page, seen_at, run_id FROM corrections
          UNION ALL SELECT info_code, page, seen_at, run_id FROM revisions) AS s
        JOIN runs AS r ON r.id = s.run_id
        WHERE s.info_code = a.info_code AND s.page = a.page AND s.at < r.started_at)
    """,
    f"article {{}} was read from page {{}}, which is not in {PAGES}; {_PAGES}",
)
_CORPUS_LOST = _Rule(
    "corpus-lost",
    f"""
    SELECT count(DISTINCT info_code) FROM kept.pages AS p
    WHERE info_code IS NOT NULL AND fetched_at < :made AND {_NO_ARTICLE.format("p.info_code")}
      AND NOT EXISTS (SELECT 1 FROM entries AS e WHERE e.info_code = p.info_code)
      AND NOT EXISTS (SELECT 1 FROM failures AS f WHERE f.info_code = p.info_code)
      -- one that was killed has brought the pages of another corpus, and not yet their articles
      AND NOT EXISTS (SELECT 1 FROM runs WHERE command LIKE 'ingest%' AND ended_at IS NULL)
    -- a few pages tell nothing by themselves
    HAVING 2 * count(DISTINCT info_code) >
      (SELECT count(DISTINCT info_code) FROM kept.pages WHERE fetched_at < :made)
    """,
    f"{PAGES} has pages of {{}} articles from before {CORPUS} was made, which knows nothing of"
    " them; where it was lost, restore it from a backup, or have finews reparse read the pages",
)
_BODY_LOST = _Rule(
    "body-lost",
    "SELECT p.id, p.url FROM kept.pages AS p WHERE pruned_at IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM kept.bodies AS b WHERE b.sha256 = p.sha256)",
    f"page {{}} ({{}}) has no body, and nobody pruned it; {_PAGES}",
)

#: The columns that :func:`pipelines.database.shapes.of_state` takes.
STATE = "info_code, title, digest, published_at, paragraphs, tags, content_hash"
_OF_MENTIONS = "(SELECT {}(paragraph) FROM mentions AS m WHERE m.info_code = a.info_code)"
#: Articles as :func:`pipelines.database.shapes.of_article` takes them.
ARTICLES = (
    f"SELECT {STATE}, text_hash, {_OF_MENTIONS.format('min')} AS first,"
    f" {_OF_MENTIONS.format('max')} AS last FROM articles AS a"
)


def problems(
    data: Path, *, quick: bool = False, still: bool = False, watch: Watch = lambda *_: None
) -> Iterator[Problem]:
    """What is wrong in the folder ``data``.

    ``quick`` leaves out what reads every text and unpacks every page; ``still`` says that
    nobody writes to the files, and leaves nothing beside them. Of a file that is damaged, or
    of an older version, nothing more is told. Raises :class:`sqlite3.Error` where a file
    cannot even be opened.
    """
    pages = data / PAGES
    yield from problems_of(
        data / CORPUS, pages if pages.is_file() else None, quick=quick, still=still, watch=watch
    )


def problems_of(
    corpus: Path,
    pages: Path | None,
    *,
    quick: bool = False,
    still: bool = False,
    watch: Watch = lambda *_: None,
) -> Iterator[Problem]:
    """The same of two files by whatever names."""
    with closing(_opened(corpus, pages, still=still)) as conn:
        try:
            for each in _Verification(conn, watch).problems(quick=quick):
                yield Problem(each.kind, _printable(each.message))
        except sqlite3.DatabaseError as error:
            told = f"the check broke off: {error}; restore the files from a backup"
            yield Problem("damaged", told)


def _opened(corpus: Path, pages: Path | None, *, still: bool) -> sqlite3.Connection:
    conn = sqlite3.connect(_uri(corpus, still=still), uri=True)
    conn.row_factory = sqlite3.Row
    # Bytes that are no text are a problem of their row, and not the end of the check.
    conn.text_factory = lambda text: text.decode(errors="surrogateescape")
    if pages:
        conn.execute("ATTACH ? AS kept", (_uri(pages, still=still),))
    return conn


def _uri(path: Path, *, still: bool) -> str:
    return f"{path.absolute().as_uri()}?immutable=1" if still else reading(path)


class _Verification:
    def __init__(self, conn: sqlite3.Connection, watch: Watch) -> None:
        self._conn = conn
        self._watch = watch

    def problems(self, *, quick: bool) -> Iterator[Problem]:
        pages = any(row["name"] == "kept" for row in self._conn.execute("PRAGMA database_list"))
        corpus = yield from self._file("main", CORPUS, quick=quick)
        corpus = corpus and self._is_current("main", schema.corpus)
        if pages:
            pages = yield from self._file("kept", PAGES, quick=quick)
            pages = pages and self._is_current("kept", schema.pages)
        if corpus:
            yield from self._times("main", CORPUS, schema.corpus)
            for rule in (*_RULES, _OPEN_FAILURE):
                yield from self._found(rule)
            yield from self._coverage()
        if pages:
            yield from self._times("kept", PAGES, schema.pages)
            yield from self._found(_BODY_LOST)
        if corpus and pages:
            yield from self._found(_PAGE_LOST, made=self._made("kept"))
            yield from self._found(_CORPUS_LOST, made=self._made("main"))
        if corpus and not quick:
            yield from self._articles()
            yield from self._earlier()
            yield from self._search()
            yield from self._json("entries", "url, told", {"told": is_object}, _RESTORE)
        if pages and not quick:
            yield from self._json("kept.pages", "url, headers", {"headers": is_headers}, _PAGES)
            yield from self._bodies()

    def _file(self, name: str, file: str, *, quick: bool) -> Generator[Problem, None, bool]:
        """Is a file sound, as SQLite sees it? Its rows are read only then."""
        self._watch(file, 0)
        mend = _RESTORE if name == "main" else _PAGES
        check = "quick_check" if quick else "integrity_check"
        sound = True
        try:
            for (told,) in self._conn.execute(f"PRAGMA {name}.{check}({_DAMAGES})"):
                if told != "ok":
                    sound = False
                    yield Problem("damaged", f"{file} is damaged ({_line(told)}); {mend}")
            if name == "main" and sound:  # of pages the bodies may be pruned
                for table, rowid, parent, _ in self._conn.execute("PRAGMA main.foreign_key_check"):
                    told = f"row {rowid} of {table} names one of {parent} that is not there"
                    yield Problem("reference", f"{told}; {mend}")
        except sqlite3.DatabaseError as error:
            sound = False
            yield Problem("damaged", f"{file} is damaged ({error}); {mend}")
        return sound

    def _is_current(self, name: str, migrations: Migrations) -> bool:
        """Has the file the tables of this version? None at all where a first run was killed."""
        table = f"SELECT 1 FROM {name}.sqlite_master WHERE name = '_sqlite_migrations'"
        if self._conn.execute(table).fetchone() is None:
            return False
        applied = self._conn.execute(f"SELECT name FROM {name}._sqlite_migrations").fetchall()
        return {each.name for each in migrations._migrations} <= {row[0] for row in applied}

    def _made(self, name: str) -> str:
        """When a file was made, as a time in a table."""
        (made,) = self._conn.execute(
            f"SELECT applied_at FROM {name}._sqlite_migrations ORDER BY id LIMIT 1"
        ).fetchone()
        return time_text(datetime.fromisoformat(made))

    def _times(self, name: str, file: str, migrations: Migrations) -> Iterator[Problem]:
        """Every time of every table, with its zone."""
        mend = _RESTORE if name == "main" else _PAGES
        for table, columns in _tables(migrations).items():
            times = [each for each in columns if each.endswith(_TELLS_TIME)]
            if not times:
                continue
            self._watch(f"times of {table}", 0)
            wrong = " OR ".join(
                f"{each} IS NOT NULL AND NOT {_IS_TIME.format(each)}" for each in times
            )
            for row in self._conn.execute(
                f"SELECT {', '.join(times)} FROM {name}.{table} WHERE {wrong}"
            ):
                told = ", ".join(
                    f"{each} {row[each]!r}" for each in times if not _is_time(row[each])
                )
                yield Problem("time", f"a row of {table} in {file} has for {told} no time; {mend}")

    def _found(self, rule: _Rule, **values: str) -> Iterator[Problem]:
        self._watch(rule.kind.replace("-", " "), 0)
        for row in self._conn.execute(rule.sql, values):
            yield Problem(rule.kind, rule.sentence.format(*row))

    def _coverage(self) -> Iterator[Problem]:
        rows = self._conn.execute(
            "SELECT site, listing, coalesce(from_at, ''), to_at FROM coverage"
            " ORDER BY site, listing, to_at"
        )
        for (site, listing), group in groupby(rows, key=lambda row: (row[0], row[1])):
            spans = [Span(start, end) for _, _, start, end in group]
            if any(each.start > each.end for each in spans) or any(
                other.start <= one.end for one, other in pairwise(spans)
            ):
                told = f"the coverage of {site} {listing} has spans that overlap or end too early"
                yield Problem("coverage", f"{told}; {_RESTORE}")

    def _articles(self) -> Iterator[Problem]:
        for row in self._rows("articles", ARTICLES):
            name = f"article {row['info_code'] or '(no code)'}"
            for kind, told in of_article(dict(row)):
                yield Problem(kind, f"{name} {told}; {_RESTORE}")

    def _earlier(self) -> Iterator[Problem]:
        for table in ("revisions", "corrections"):
            for row in self._rows(table, f"SELECT {STATE}, mentions, revision FROM {table}"):
                state = dict(row)
                name = f"{table}: revision {row['revision']} of article {row['info_code']}"
                for column in bad_json(state):
                    yield Problem("json", f"{name} holds no such JSON in {column}; {_RESTORE}")
                for kind, told in of_state(state):
                    yield Problem(kind, f"{name} {told}; {_RESTORE}")

    def _search(self) -> Iterator[Problem]:
        """Read the whole index: SQLite's own check takes it for any other table."""
        self._watch("search", 0)
        try:
            self._conn.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, search, row)")
            self._conn.execute("SELECT count(*) FROM temp.words").fetchone()
        except sqlite3.DatabaseError as error:
            yield Problem("search", f"the search index is damaged ({error}); {_SEARCH}")

    def _json(
        self, table: str, columns: str, shapes: Mapping[str, Shape], mend: str
    ) -> Iterator[Problem]:
        for row in self._rows(table, f"SELECT {columns} FROM {table}"):
            for column in bad_json(dict(row), shapes):
                told = f"{table}: {row['url']} holds no such JSON in {column}"
                yield Problem("json", f"{told.removeprefix('kept.')}; {mend}")

    def _bodies(self) -> Iterator[Problem]:
        for digest, packed in self._rows("bodies", "SELECT sha256, zstd FROM kept.bodies"):
            try:
                sound = sha256(zstd.decompress(packed)).hexdigest() == digest
            except (zstd.ZstdError, TypeError):
                sound = False
            if not sound:
                yield Problem(
                    "body", f"the stored page {digest} is not what was answered; {_PAGES}"
                )

    def _rows(self, what: str, sql: str) -> Iterator[sqlite3.Row]:
        for number, row in enumerate(self._conn.execute(sql)):
            if number % _EVERY == 0:
                self._watch(what.removeprefix("kept."), number)
            yield row


def _tables(migrations: Migrations) -> dict[str, list[str]]:
    """The columns of the tables that the migrations make; a file may hold others, of its owner."""
    db = Database(memory=True)
    migrations.apply(db)
    return {
        table.name: [column.name for column in table.columns]
        for table in db.tables
        if not table.name.startswith("_")
    }


def _is_time(text: object) -> bool:
    try:
        return text is None or time_text(datetime.fromisoformat(str(text))) == text
    except (ValueError, OverflowError):
        return False


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _line(text: str) -> str:
    return " ".join(text.split())

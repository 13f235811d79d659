"""Search over 100,000 articles: is it exact, how long does it take, what does the index cost?"""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from benchmarks.mixed import queries, texts
from crawler.demo.server import serve, static
from crawler.demo.site import build, post
from crawler.items import Article, Paragraph
from crawler.parsers.dates import SHANGHAI
from pipelines.database.connect import read_corpus, writing
from pipelines.database.rows import json_text, time_text
from pipelines.database.search import Order, find
from pipelines.database.search_index import SearchIndex, rebuild
from pipelines.database.select import Filter
from pipelines.dedupe import content_hash
from pipelines.run import Run
from pipelines.search.fold import fold

ARTICLES = 100_000
QUERIES = 500
_STORED, _CRAWLED, _ROUNDS = 4_000, 1_000, 3
_NO_INDEX = (
    "from pipelines.database.search_index import SearchIndex as index;"
    " index.write = lambda *_: None; "
)
_BEGIN, _STEP = datetime(2024, 1, 1, 9, tzinfo=SHANGHAI), timedelta(seconds=310)


def measure() -> Iterator[tuple[str, str]]:
    """The figures of search: 100,000 articles of some 800 characters in mixed scripts."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        said = list(texts(ARTICLES))
        with Run.open(data, "fill") as run:
            _fill(run, said)
            start = time.perf_counter()
            rebuild(run.corpus)
            rate = ARTICLES / (time.perf_counter() - start)
            floor = _floor(said)
            yield "search: indexed, articles/s", f"{rate:,.0f}"
            yield "  floor: their characters into FTS5 alone, texts/s", f"{floor:,.0f}"
            yield "  times the floor's time", f"{floor / rate:.2f}"
            yield "  the index, times the text", f"{_index_bytes(run) / _text_bytes(said):.2f}"
        db = read_corpus(data)
        asked = queries(said, QUERIES)
        yield "search: queries that find what a plain look finds", _exact(db, said, asked)
        for order in ("newest", "rank"):
            yield f"search: first 20, {order}, ms; 95 %", _latency(db, asked, order)
        db.conn.close()
    yield from _cost()


def _article(number: int, text: str) -> Article:
    paragraphs = [Paragraph("text", text[at : at + 150]) for at in range(20, len(text), 150)]
    return Article(
        f"NW20240101{number:010}", "eastmoney", "https://finance.eastmoney.com/a/", "bench/1",
        title=text[:20], published_at=_BEGIN + _STEP * number, paragraphs=tuple(paragraphs),
    )  # fmt: skip


def _fill(run: Run, said: list[str]) -> None:
    """The rows alone, which takes seconds."""
    columns = (
        "info_code", "site", "title", "published_at", "paragraphs", "content_hash", "revision",
        "first_seen_at", "updated_at", "run_id", "parser", "duplicate_group",
    )  # fmt: skip
    rows = []
    for number, text in enumerate(said):
        each = _article(number, text)
        assert each.published_at
        time = time_text(each.published_at)
        values = {"title": each.title, "published_at": time, "digest": None}
        values["paragraphs"] = json_text(
            [{"kind": "text", "text": p.text} for p in each.paragraphs]
        )
        rows.append(
            (each.info_code, each.site, each.title, time, values["paragraphs"],
             content_hash(values), 1, time, time, run.id, each.parser, each.info_code)
        )  # fmt: skip
    with writing(run.corpus):
        marks = ", ".join("?" * len(columns))
        run.corpus.conn.executemany(
            f"INSERT INTO articles ({', '.join(columns)}) VALUES ({marks})", rows
        )


def _floor(said: list[str]) -> float:
    """Texts a second, unfolded, a blank between their characters, in batches of as many."""
    with tempfile.TemporaryDirectory() as folder:
        conn = sqlite3.connect(Path(folder, "floor.db"), isolation_level=None)
        with closing(conn):
            conn.execute("PRAGMA journal_mode = wal")
            conn.execute("PRAGMA synchronous = NORMAL")
            conn.execute("CREATE VIRTUAL TABLE floor USING fts5(text, content='')")
            start = time.perf_counter()
            for at in range(0, len(said), 1000):
                conn.execute("BEGIN")
                rows = [
                    (at + number + 1, " ".join(each))
                    for number, each in enumerate(said[at : at + 1000])
                ]
                conn.executemany("INSERT INTO floor (rowid, text) VALUES (?, ?)", rows)
                conn.execute("COMMIT")
            return len(said) / (time.perf_counter() - start)


def _index_bytes(run: Run) -> int:
    (size,) = run.corpus.conn.execute(
        "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'search%'"
        " OR name LIKE 'sqlite_autoindex_search%'"
    ).fetchone()
    return int(size)


def _text_bytes(said: list[str]) -> int:
    return sum(len(text.encode()) for text in said)


def _exact(db: Database, said: list[str], asked: list[str]) -> str:
    """Against a plain look through all texts."""
    plain = {}
    for number, text in enumerate(said):
        each = _article(number, text)
        parts = [each.title or "", *(part.text or "" for part in each.paragraphs)]
        plain[each.info_code] = fold("\n".join(parts))
    same = 0
    for query in asked:
        word = fold(query)
        scanned = {code for code, text in plain.items() if word in text}
        sql, values = Filter(query=query).states("info_code")
        same += scanned == {code for (code,) in db.conn.execute(sql, values)}
    return f"{same} of {len(asked)}"


def _latency(db: Database, asked: list[str], order: Order) -> str:
    took = []
    for query in asked:
        start = time.perf_counter()
        find(db, Filter(query=query), order=order)
        took.append((time.perf_counter() - start) * 1000)
    took.sort()
    return f"{statistics.median(took):.1f}; {took[len(took) * 95 // 100]:.1f}"


def _cost() -> Iterator[tuple[str, str]]:
    """What the index adds: to the storing of articles, and to a crawl of a server that answers at
    once; each time without it right after.
    """
    said = list(texts(_STORED))
    kept, ratios = SearchIndex.write, []
    for _ in range(_ROUNDS):
        whole = _stored(said)
        SearchIndex.write = lambda *_: None  # type: ignore[method-assign]
        try:
            ratios.append(whole / _stored(said))
        finally:
            SearchIndex.write = kept  # type: ignore[method-assign]
    yield "search: storing, times that without an index", f"{statistics.median(ratios):.2f}"
    posts = [
        post(f"20220601{number:010}", title=text[:20], date="2022-06-01 09:00:00 +0800", body=text)
        for number, text in enumerate(said[:_CRAWLED])
    ]
    with serve(static({"finews.withounder.com": build(posts)})) as url:
        crawls = [_crawled(url, "") / _crawled(url, _NO_INDEX) for _ in range(_ROUNDS)]
    yield "  a crawl, times that without an index", f"{statistics.median(crawls):.2f}"


def _stored(said: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder, Run.open(Path(folder), "bench") as run:
        start = time.perf_counter()
        for number, text in enumerate(said):
            run.store.add(_article(number, text))
        run.store.flush()
        return time.perf_counter() - start


def _crawled(url: str, before: str) -> float:
    """Seconds of a crawl by the program, with something done ``before`` in its process."""
    program = f"{before}from crawler.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", program, "crawl", "finews", "--listing", "category/emnews",
             "--replay", url, "--data", folder],
            check=True, capture_output=True,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        with closing(read_corpus(Path(folder)).conn) as conn:
            assert conn.execute("SELECT count(*) FROM articles").fetchone() == (_CRAWLED,)
    return seconds

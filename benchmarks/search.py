"""Search over 100,000 articles in all scripts: is it exact, and how long does it take?"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from benchmarks.figures import ROUNDS, Aim, Figure, Spread, seconds
from benchmarks.generate.words import queries, texts
from crawler.items import Article, Paragraph
from crawler.parsers.dates import SHANGHAI
from pipelines.database.connect import read_corpus, writing
from pipelines.database.rows import json_text, time_text
from pipelines.database.search import Order, find
from pipelines.database.search_index import rebuild
from pipelines.database.select import Filter
from pipelines.dedupe import content_hash
from pipelines.run import Run
from pipelines.search.fold import fold

ARTICLES = 100_000
_QUERIES = 500  # of one to eight characters
_SCANNED = 10  # by the floor, which takes seconds for each
_BEGIN, _STEP = datetime(2024, 1, 1, 9, tzinfo=SHANGHAI), timedelta(seconds=310)


def measure() -> Iterator[Figure]:
    """The first 20 hits of each query; each finds what a plain look finds, in both orders."""
    said = list(texts(ARTICLES))
    asked = queries(said, _QUERIES)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        _fill(data, said)
        with closing(read_corpus(data)) as db:
            _require_exact(db, said, asked)
            floor = Spread.of([_scan(db, each) for each in asked[:_SCANNED]])
            orders: tuple[tuple[Order, Aim | None], ...]
            orders = ("newest", Aim("at most", 10)), ("rank", None)
            for order, aim in orders:
                taken = [_times(db, asked, order) for _ in range(ROUNDS)]
                tails = Spread.of([_part(each, 0.95) for each in taken])
                name = f"search: {order} of {ARTICLES:,}, 95 %"
                yield Figure(name, "ms", tails, floor, _FLOOR, aim=aim)
                middle = Spread.of([_part(each, 0.5) for each in taken])
                yield Figure(f"search: {order} of {ARTICLES:,}, 50 %", "ms", middle)


def job(size: int, folder: Path) -> Callable[[], object]:
    """A hundred queries over so many articles."""
    said = list(texts(size))
    _fill(folder, said)
    db, asked = read_corpus(folder), queries(said, 100)
    return lambda: [find(db, Filter(query=each), order="newest") for each in asked]


_FLOOR = "a plain scan of all texts for one query"


def _article(number: int, text: str) -> Article:
    paragraphs = [Paragraph("text", text[at : at + 150]) for at in range(20, len(text), 150)]
    return Article(
        f"NW20240101{number:010}", "eastmoney", "https://finance.eastmoney.com/a/", "bench/1",
        title=text[:20], published_at=_BEGIN + _STEP * number, paragraphs=tuple(paragraphs),
    )  # fmt: skip


def _fill(data: Path, said: Sequence[str]) -> None:
    """Rows of articles alone, then their index."""
    columns = (
        "info_code", "site", "title", "published_at", "paragraphs", "content_hash", "revision",
        "first_seen_at", "updated_at", "run_id", "parser", "duplicate_group",
    )  # fmt: skip
    with Run.open(data, "fill") as run:
        marks = ", ".join("?" * len(columns))
        with writing(run.corpus):
            run.corpus.conn.executemany(
                f"INSERT INTO articles ({', '.join(columns)}) VALUES ({marks})",
                (_row(_article(number, text), run.id) for number, text in enumerate(said)),
            )
        rebuild(run.corpus)


def _row(article: Article, run_id: int) -> tuple[object, ...]:
    assert article.published_at
    time = time_text(article.published_at)
    paragraphs = json_text([{"kind": "text", "text": each.text} for each in article.paragraphs])
    values = {"title": article.title, "published_at": time, "digest": None}
    hash = content_hash({**values, "paragraphs": paragraphs})
    code = article.info_code
    return (
        code, article.site, article.title, time, paragraphs, hash, 1, time, time, run_id,
        article.parser, code,
    )  # fmt: skip


def _require_exact(db: Database, said: Sequence[str], asked: Sequence[str]) -> None:
    """Against a plain look through all texts. Raises :class:`RuntimeError`."""
    plain = {}
    for number, text in enumerate(said):
        each = _article(number, text)
        parts = [each.title or "", *(part.text or "" for part in each.paragraphs)]
        plain[each.info_code] = fold("\n".join(parts))
    for query in random.Random(1).sample(asked, min(100, len(asked))):
        word = fold(query)
        scanned = {code for code, text in plain.items() if word in text}
        sql, values = Filter(query=query).states("info_code")
        if scanned != {code for (code,) in db.conn.execute(sql, values)}:
            raise RuntimeError(f"{query} is found elsewhere than it stands")


def _scan(db: Database, query: str) -> float:
    """Milliseconds that SQLite takes to look at every text."""
    sql = "SELECT info_code FROM articles WHERE instr(paragraphs, ?) OR instr(title, ?)"
    return seconds(lambda: db.conn.execute(sql, (query, query)).fetchall()) * 1000


def _times(db: Database, asked: Sequence[str], order: Order) -> list[float]:
    """Milliseconds of each query, in order of length."""
    taken = []
    for query in asked:
        start = time.perf_counter()
        find(db, Filter(query=query), order=order)
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def _part(taken: Sequence[float], share: float) -> float:
    return taken[int(len(taken) * share)]

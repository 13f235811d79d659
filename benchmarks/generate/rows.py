"""Made-up articles as rows and made-up pages: as many as wanted in seconds, not by a crawl."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from benchmarks.generate.posts import BEGIN, STEP, online
from benchmarks.generate.words import sentence
from crawler.demo.site import post_page
from crawler.parsers.finews import BASE
from pipelines.database.connect import writing
from pipelines.database.rows import json_text, time_text
from pipelines.run import Run
from pipelines.zstd import zstd

_COLUMNS = (
    "info_code", "site", "listing", "source", "title", "digest", "published_at", "published_raw",
    "url", "editor", "tags", "paragraphs", "content_hash", "revision", "first_seen_at",
    "updated_at", "run_id", "parser", "page", "text_hash", "duplicate_group",
)  # fmt: skip
_SOURCES = ("远山日报", "近水证券报", "高峰财经网", "平湖客户端")


def fill(data: Path, count: int, *, seed: int = 1) -> None:
    """Put ``count`` articles of some 850 characters into a new corpus with all that a crawl writes
    beside them: one in ten has a table, two in three have mentions. Every one is alone in its
    group. None is in the search index, which would take ten minutes for a million.
    """
    with Run.open(data, "fill") as run, writing(run.corpus):
        conn = run.corpus.conn
        marks = ", ".join("?" * len(_COLUMNS))
        conn.executemany(
            f"INSERT INTO articles ({', '.join(_COLUMNS)}) VALUES ({marks})",
            _articles(count, run.id, random.Random(seed)),
        )
        conn.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?)",
            (
                (_code(number), "1", f"60{number % 500:04}", "远山股份", "code", at)
                for number in range(count)
                for at in range(number % 3)
            ),
        )
        conn.execute(
            "INSERT INTO entries (site, listing, url, info_code, title, state, first_shown_at,"
            " run_id) SELECT site, listing, url, info_code, title, 'stored', first_seen_at, run_id"
            " FROM articles"
        )
        conn.execute(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at)"
            " SELECT info_code, site, listing, url, first_seen_at FROM articles"
        )


def fill_pages(data: Path, count: int) -> None:
    """Put so many pages of the site into ``pages.db`` as a crawl would, without their articles."""
    at = "2022-06-30T09:00:00+08:00"
    with Run.open(data, "fill") as run, writing(run.pages), writing(run.corpus):
        for each in (made.post for made in online(count)):
            body = post_page(each).encode()
            digest = sha256(body).hexdigest()
            values = ("finews", f"NW{each.slug.removeprefix('NW')}", BASE + each.path)
            run.pages.conn.execute(
                "INSERT INTO bodies VALUES (?, ?)", (digest, zstd.compress(body))
            )
            run.pages.conn.execute(
                "INSERT INTO pages (site, info_code, url, status, headers, sha256, fetched_at,"
                " last_fetched_at) VALUES (?, ?, ?, 200, '[]', ?, ?, ?)",
                (*values, digest, at, at),
            )
            run.corpus.conn.execute(
                "INSERT INTO entries (site, info_code, url, listing, state, first_shown_at)"
                " VALUES (?, ?, ?, 'emnews', 'pending', ?)",
                (*values, at),
            )


def _code(number: int) -> str:
    return f"NW20160101{number:010}"


def _articles(count: int, run_id: int, chance: random.Random) -> Iterator[tuple[object, ...]]:
    texts = [f"{sentence(chance, chance.randint(12, 40))}。" for _ in range(5000)]
    paragraphs = [
        json_text({"kind": "text", "text": "".join(chance.choices(texts, k=2))})
        for _ in range(5000)
    ]
    table = json_text({"kind": "table", "rows": [["营收", "12.5亿元"], ["净利润", "2.1亿元"]]})
    tags = json.dumps(["要闻", "公司"], ensure_ascii=False)
    for number in range(count):
        parts = chance.choices(paragraphs, k=8)
        if number % 10 == 0:
            parts.append(table)
        time = time_text(BEGIN + STEP * number)
        yield (
            _code(number), "eastmoney", "350", _SOURCES[number % len(_SOURCES)],
            texts[number % 5000][:20], texts[number * 7 % 5000] if number % 3 else None,
            time, time, f"https://finance.eastmoney.com/a/{_code(number)[2:]}.html", "编辑甲",
            tags, f"[{','.join(parts)}]", f"1:{number:032x}", 1, time, time, run_id,
            "eastmoney.article/1", f"{number:064x}", f"1:{number:032x}", _code(number),
        )  # fmt: skip

"""A corpus of made-up articles, written as rows: as many as wanted in seconds, not by a crawl."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.generate import SOURCES, sentence
from crawler.parsers.dates import SHANGHAI
from pipelines.database.connect import writing
from pipelines.database.rows import json_text, time_text
from pipelines.run import Run

_COLUMNS = (
    "info_code", "site", "listing", "source", "title", "digest", "published_at", "published_raw",
    "url", "editor", "tags", "paragraphs", "content_hash", "revision", "first_seen_at",
    "updated_at", "run_id", "parser", "page", "text_hash", "duplicate_group",
)  # fmt: skip
#: When the first was published, and how long after each the next.
BEGIN, STEP = datetime(2016, 1, 1, 9, tzinfo=SHANGHAI), timedelta(seconds=310)


def fill(data: Path, count: int, *, seed: int = 20220601) -> None:
    """Put ``count`` articles of some 850 characters into a new corpus, one in ten with a table,
    two in three with mentions; every one is alone in its group, and none can be searched until
    the next run has made the index.
    """
    with Run.open(data, "fill") as run, writing(run.corpus):
        marks = ", ".join("?" * len(_COLUMNS))
        run.corpus.conn.executemany(
            f"INSERT INTO articles ({', '.join(_COLUMNS)}) VALUES ({marks})",
            _articles(count, run.id, random.Random(seed)),
        )
        run.corpus.conn.execute("DELETE FROM search_state")
        run.corpus.conn.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?)",
            (
                (_code(number), "1", f"60{number % 500:04}", "远山股份", "code", at)
                for number in range(count)
                for at in range(number % 3)
            ),
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
            _code(number), "eastmoney", "350", SOURCES[number % len(SOURCES)],
            texts[number % 5000][:20], texts[number * 7 % 5000] if number % 3 else None,
            time, time, f"https://finance.eastmoney.com/a/{_code(number)[2:]}.html", "编辑甲",
            tags, f"[{','.join(parts)}]", f"1:{number:032x}", 1, time, time, run_id,
            "eastmoney.article/1", f"{number:064x}", f"1:{number:032x}", _code(number),
        )  # fmt: skip

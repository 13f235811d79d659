"""Looks at articles by a clock that a test sets, without any site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from crawler.items import Article, Paragraph
from crawler.parsers.dates import SHANGHAI
from pipelines.run import Run

CODE = "NW202206010000000001"
START = datetime(2022, 6, 2, 9, tzinfo=SHANGHAI)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def article(text: str = "正文。", *, code: str = CODE, page: str = "", **parts: Any) -> Article:
    """An article; its page is told from others by ``page``, else by what the article says."""
    given = {
        "site": "finews",
        "page_url": f"https://finews.test/{code}",
        "parser": "finews.post/1",
        "title": "题目",
        "published_at": datetime(2022, 6, 1, 9, tzinfo=SHANGHAI),
        "paragraphs": (Paragraph("text", text),) if text else (),
        "listing": "home",
        "body": f"<p>{text}</p>",
        **parts,
    }
    said = page or repr(sorted((name, value) for name, value in given.items() if name != "parser"))
    return Article(info_code=code, page=sha256(said.encode()).hexdigest(), **given)


@dataclass
class Looks:
    """A run on a data folder; ``seconds`` is what its clock shows after ``START``."""

    run: Run
    seconds: list[float] = field(default_factory=lambda: [0.0])

    def take(self, *articles: Article, after: float = 1) -> dict[str, int]:
        """Look at articles so many seconds later; what it counted."""
        self.seconds[0] += after
        before = dict(self.run.counts)
        for each in articles:
            self.run.store.add(each)
        self.run.store.flush()
        return {
            name: more
            for name, count in self.run.counts.items()
            if (more := count - before.get(name, 0))
        }

    def rows(self, sql: str) -> list[Any]:
        found = self.run.corpus.conn.execute(sql).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]


@contextmanager
def looking(data: Path) -> Iterator[Looks]:
    seconds = [0.0]
    with Run.open(data, "test", clock=lambda: at(seconds[0])) as run:
        yield Looks(run, seconds)
    assert run.error is None

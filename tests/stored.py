"""Data folders for tests of stored pages: all sites crawled, and answers changed in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from pipelines.zstd import zstd
from tests import feeds
from tests.conftest import Program
from tests.eastmoney import make_stories
from tests.eastmoney import serving as serving_stories

#: A page of an article, or a part of one, in the site's layout of 2024.
PART = (
    '<html><body><h1>题目</h1><div class="infos"><div class="item">2026年09月19日 17:46</div>'
    '<div class="item">来源：远山日报</div></div><div id="ContentBody"><p>第{0}页的正文。</p></div>'
    '{1}</body></html>'
)  # fmt: skip
CODE = "NW202609190000000042"
PAGE = "https://finance.eastmoney.com/a/202609190000000042"


def part(number: int, *, last: bool = False) -> bytes:
    link = "" if last else f'<a href="{PAGE}_{number + 1}.html">下一页</a>'
    return PART.format(number, link).encode()


def crawl_all(program: Program, folder: Path) -> None:
    """Fill a data folder from every site: the miniatures, the feeds, stories, post files."""
    from crawler.demo.site import bundled_posts

    program("demo")
    with feeds.serving(feeds.many(12)) as mirror:
        program.clock = feeds.NOW
        program("crawl", "choice", "--replay", mirror.url)
        program.clock = None
    with serving_stories(make_stories(12, ("344", "345"))) as replica:
        program("crawl", "eastmoney", "--listing", "344", "--replay", replica.url, code=None)
    (folder / "_posts").mkdir(parents=True)
    for one in bundled_posts():
        (folder / "_posts" / one.name).write_bytes(one.text.encode())
    (folder / "_posts" / "notice.md").write_text("---\nlayout: post\n---\n没有编号")
    program("ingest", str(folder / "_posts"))


def change(program: Program, sql: str, *values: object, file: str = "pages.db") -> None:
    with closing(sqlite3.connect(program.data / file)) as db, db:
        db.execute(sql, values)


def rewrite(program: Program, url: str, body: bytes) -> None:
    """Let the stored page of an address hold other bytes, under the old hash."""
    change(
        program,
        "UPDATE bodies SET zstd = ? WHERE sha256 = (SELECT sha256 FROM pages WHERE url = ?)",
        zstd.compress(body),
        url,
    )


def said(program: Program, *, but: Sequence[str] = ()) -> list[object]:
    """What all articles say, and their mentions, without when and in which run."""
    names = [
        "info_code", "site", "listing", "source", "title", "digest", "published_at",
        "published_raw", "url", "author", "editor", "tags", "paragraphs", "content_hash",
        "parser", "category", "body", "text_hash", "page",
    ]  # fmt: skip
    columns = ", ".join(name for name in names if name not in but)
    return program.rows(f"SELECT {columns} FROM articles ORDER BY info_code") + program.rows(
        "SELECT * FROM mentions ORDER BY info_code, market, code, evidence, paragraph, name"
    )

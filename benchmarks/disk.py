"""Disk: what an article takes in ``finews.db`` against its text, and its page in ``pages.db``
against the page gzipped.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.crawl import crawl
from benchmarks.figures import Aim, Figure, Spread
from benchmarks.generate.posts import online
from benchmarks.servers import site
from crawler.demo.site import build
from pipelines.database.connect import CORPUS, PAGES, read_corpus, read_pages
from pipelines.zstd import zstd

ARTICLES = 5_000


def measure() -> Iterator[Figure]:
    """After a crawl, with search index, frontier, groups and all other bookkeeping."""
    pages = build(each.post for each in online(ARTICLES))
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), pages) as served:
        data = Path(folder, "data")
        crawl(served, str(data))
        with closing(read_corpus(data).conn) as conn:
            said = conn.execute(
                "SELECT coalesce(title, ''), coalesce(digest, ''),"
                " (SELECT group_concat(coalesce(json_extract(value, '$.text'), ''), '')"
                " FROM json_each(paragraphs)) FROM articles"
            ).fetchall()
        text = sum(len("".join(row).encode()) for row in said)
        with closing(read_pages(data).conn) as conn:
            bodies = [zstd.decompress(body) for (body,) in conn.execute("SELECT zstd FROM bodies")]
        gzipped = sum(len(gzip.compress(body, 6)) for body in bodies)
        yield _figure("finews.db", data / CORPUS, text, "the text in UTF-8", Aim("at most", 2.2))
        yield _figure("pages.db", data / PAGES, gzipped, "the pages gzipped", Aim("at most", 1.0))


def _figure(name: str, file: Path, floor: int, floor_is: str, aim: Aim) -> Figure:
    size = file.stat().st_size
    ours, least, ratio = (
        Spread.once(value) for value in (size / ARTICLES, floor / ARTICLES, size / floor)
    )
    return Figure(f"disk: {name}", "bytes an article", ours, least, floor_is, ratio, aim)

"""Crawl: listing to stored, without a pause, against a Scrapy that does nothing with the same
pages, and beside the spider that one writes first.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, redirect_stdout
from io import StringIO
from pathlib import Path

from benchmarks import peers
from benchmarks.figures import Aim, Figure, Turn, compared
from benchmarks.generate.posts import Made, online
from benchmarks.process import Cost, finews, run
from benchmarks.servers import Site, site
from crawler.cli import main
from crawler.demo.site import build
from pipelines.database.connect import read_corpus
from pipelines.database.rows import time_text

PAGES = 2_000
_CATEGORY = re.compile(r"/category/(.+)\.html")


def measure() -> Iterator[Figure]:
    """Whole processes, with all that they import; what is stored must be right."""
    posts = list(online(PAGES))
    pages = build(each.post for each in posts)
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), pages) as served:
        turns: dict[str, Turn] = {
            "ours": lambda: _checked(served, posts),
            "floor": stock(served, folder, [each.post.path for each in posts]),
        }
        if peers.are_there():
            turns["a naive spider"] = lambda: _naive(served, PAGES)
        yield compared(
            "crawl: listing to stored", "pages/s", PAGES, turns,
            floor_is="Scrapy, stock settings, a callback that does nothing",
            aim=Aim("at least", 1.8),
        )  # fmt: skip


def listings(pages: Mapping[str, bytes]) -> dict[str, str]:
    """The category pages of a site, in which all its posts are: listings by path."""
    found = (_CATEGORY.fullmatch(path) for path in pages)
    names = {each[0]: each[1] for each in found if each}
    return {path: "category/emnews" if name == "emnews" else name for path, name in names.items()}


def job(size: int, folder: Path) -> Callable[[], object]:
    """A crawl of so many pages, in this process; once."""
    pages = build(each.post for each in online(size))
    return lambda: crawl_here(pages, folder)


def crawl_here(pages: Mapping[str, bytes], folder: Path) -> None:
    """The program's crawl of all listings, in this process; Scrapy lets it crawl but once."""
    names = (f"--listing={name}" for name in listings(pages).values())
    with site(folder / "site", pages) as served, redirect_stdout(StringIO()):
        try:
            main(
                ["crawl", "finews", *names, "--replay", served.url, "--data", str(folder), "--json"]
            )
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"the crawl ended with {end.code}") from end


def crawl(served: Site, data: str) -> Cost:
    """``finews crawl`` of all listings."""
    names = (f"--listing={name}" for name in listings(served.pages).values())
    return finews("crawl", "finews", *names, "--replay", served.url, "--data", data, "--json")


def stock(served: Site, folder: str, paths: Sequence[str]) -> Turn:
    """Scrapy as it comes, asking for these pages of the site."""
    file = Path(folder, f"{len(paths)}.json")
    file.write_text(json.dumps([served.address(path) for path in paths]), encoding="utf-8")
    script = str(peers.HERE / "stock.py")
    return lambda: run(sys.executable, script, str(file)).seconds


def _checked(served: Site, posts: Sequence[Made]) -> float:
    with tempfile.TemporaryDirectory() as data:
        taken = crawl(served, data).seconds
        with closing(read_corpus(Path(data)).conn) as conn:
            stored = conn.execute(
                "SELECT info_code, title, published_at, source, digest FROM articles ORDER BY 1"
            ).fetchall()
    truths = (each.truth for each in posts)
    wanted = sorted(
        (true.info_code, true.title, time_text(true.published_at), true.source, true.digest)
        for true in truths
        if true.published_at
    )
    if stored != wanted:
        raise RuntimeError(f"the crawl stored {len(stored)} rows, not all of them right")
    return taken


def _naive(served: Site, pages: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "naive.db")
        start = json.dumps([served.address(path) for path in listings(served.pages)])
        taken = run(str(peers.PYTHON), str(peers.HERE / "naive.py"), str(file), start).seconds
        with closing(sqlite3.connect(file)) as conn:
            (stored,) = conn.execute("SELECT count(*) FROM articles").fetchone()
        if stored != pages:
            raise RuntimeError(f"the naive spider stored {stored} rows")
    return taken

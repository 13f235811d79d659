"""Reparse: stored pages to their articles by two processes, against a bare parse by one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.figures import Aim, Figure, compared, seconds
from benchmarks.generate.posts import online
from benchmarks.generate.rows import fill_pages
from benchmarks.parse import SITE, floor
from crawler.cli.reread import reread
from crawler.demo.site import post_page
from pipelines.database.connect import read_corpus, read_pages, writing
from pipelines.database.pages import StoredPages
from pipelines.run import Run

PAGES = 20_000
_FLOOR = 4_000  # pages whose bare parse is timed


def measure() -> Iterator[Figure]:
    """Articles that are there already: with nothing new about them, then read by another parser.
    Before, all of them are new.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        fill_pages(data, PAGES)
        bodies = [post_page(each.post) for each in online(_FLOOR)]
        share = PAGES / _FLOOR
        turns = {
            "ours": lambda: _reparse(data, "unchanged"),
            "floor": lambda: share * seconds(lambda: [floor(each, SITE) for each in bodies]),
        }
        floor_is, aim = "lxml.html and 4 XPaths, one process; ours are two", Aim("at least", 0.6)
        figure = partial(
            compared, unit="pages/s", amount=PAGES, turns=turns, floor_is=floor_is, aim=aim
        )
        _reparse(data, "new")
        yield figure("reparse: nothing new")
        turns["ours"] = lambda: _aged(data)
        yield figure("reparse: by another parser")


def job(size: int, folder: Path) -> Callable[[], object]:
    """So many stored pages, to be read by this process."""
    data = folder / f"data{size}"
    fill_pages(data, size)
    return lambda: _read(data, 1)


def _aged(data: Path) -> float:
    with Run.open(data, "age") as run, writing(run.corpus):
        run.corpus.conn.execute("UPDATE sightings SET content_hash = '1:0'")
        run.corpus.conn.execute("UPDATE articles SET parser = 'finews.post/0'")
    return _reparse(data, "unchanged")


def _reparse(data: Path, counted: str) -> float:
    taken = seconds(lambda: _read(data, 2))
    with closing(read_corpus(data).conn) as conn:
        (found,) = conn.execute(
            f"SELECT {counted} FROM runs WHERE command = 'bench' ORDER BY id DESC LIMIT 1"
        ).fetchone()
    if found != PAGES:
        raise RuntimeError(f"{found} of {PAGES} were {counted}")
    return taken


def _read(data: Path, processes: int) -> None:
    with Run.open(data, "bench") as run:
        stored = StoredPages(read_corpus(data), read_pages(data))
        if not reread(run, stored.groups(), processes):
            raise RuntimeError("the program failed at a page")

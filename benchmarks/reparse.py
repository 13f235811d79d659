"""Reparse: stored pages to their articles, with one process and with two, against the floor."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from benchmarks.generate import posts
from benchmarks.parse import floor
from crawler.cli.reread import reread
from crawler.demo.site import post_page
from crawler.parsers.finews import BASE
from pipelines.database.connect import read_corpus, read_pages, writing
from pipelines.database.pages import StoredPages
from pipelines.run import Run

if sys.version_info >= (3, 14):
    from compression.zstd import compress
else:
    from backports.zstd import compress

PAGES = 50_000
_FLOOR = 4_000  # pages whose bare parse is timed, before and after


def measure() -> Iterator[tuple[str, str]]:
    """Once all is new, then nothing is, then every article is read by another parser."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        sample = fill(data)
        floors = [_floor(sample)]
        jobs = (
            ("all new", 2, "new"),
            ("nothing new", 1, "unchanged"),
            ("nothing new", 2, "unchanged"),
            ("all read anew", 2, "unchanged"),
        )
        speeds = []
        for what, processes, counted in jobs:
            if what == "all read anew":
                _age(data)
            speed = _speed(data, processes, counted)
            speeds.append((f"reparse, {what}, {processes} process(es), pages/s", speed))
        floors.append(_floor(sample))
        base = sum(floors) / len(floors)
        for name, speed in speeds:
            yield name, f"{speed:,.0f}"
            yield "  of the floor's pages/s in one process", f"{speed / base:.2f}"
        yield "  floor: lxml.html and 4 XPaths, pages/s", f"{base:,.0f}"


def fill(data: Path, count: int = PAGES) -> list[bytes]:
    """Put pages into ``pages.db`` as a crawl would, without their articles; some of them."""
    sample = []
    with Run.open(data, "fill") as run, writing(run.pages), writing(run.corpus):
        for number, each in enumerate(posts(count)):
            body = post_page(each).encode()
            digest, code = sha256(body).hexdigest(), each.slug.removeprefix("NW")
            values = ("finews", f"NW{code}", BASE + each.path)
            run.pages.conn.execute("INSERT INTO bodies VALUES (?, ?)", (digest, compress(body)))
            run.pages.conn.execute(
                "INSERT INTO pages (site, info_code, url, status, headers, sha256, fetched_at,"
                " last_fetched_at) VALUES (?, ?, ?, 200, '[]', ?, '2022-06-30T09:00:00+08:00',"
                " '2022-06-30T09:00:00+08:00')",
                (*values, digest),
            )
            run.corpus.conn.execute(
                "INSERT INTO entries (site, info_code, url, listing, state, first_shown_at)"
                " VALUES (?, ?, ?, 'emnews', 'pending', '2022-06-30T09:00:00+08:00')",
                values,
            )
            if number < _FLOOR:
                sample.append(body)
    return sample


def _age(data: Path) -> None:
    """Let an older parser have read all."""
    with Run.open(data, "age") as run, writing(run.corpus):
        run.corpus.conn.execute("UPDATE sightings SET content_hash = '1:0'")
        run.corpus.conn.execute("UPDATE articles SET parser = 'finews.post/0'")


def _speed(data: Path, processes: int, counted: str) -> float:
    start = time.perf_counter()
    with Run.open(data, "bench") as run:
        stored = StoredPages(read_corpus(data), read_pages(data))
        holds = reread(run, stored.groups(), processes)
    seconds = time.perf_counter() - start
    if not holds or run.counts[counted] != PAGES:
        raise RuntimeError(f"the reparse is wrong: {run.counts}")
    return PAGES / seconds


def _floor(sample: list[bytes]) -> float:
    start = time.perf_counter()
    for body in sample:
        floor(body)
    return len(sample) / (time.perf_counter() - start)

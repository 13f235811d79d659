"""Ingest: post files to rows, against a bare parse of the same bodies with four XPaths."""

from __future__ import annotations

import statistics
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import lxml.html
from lxml import etree

from benchmarks.generate import posts
from benchmarks.process import finews
from crawler.cli.ingest import read
from pipelines.run import Run

POSTS = 20_000
_ROUNDS = 5
_TIMED = 4_000
_FLOOR = [
    etree.XPath(path) for path in ("//p//text()", "//strong/text()", "//a/@href", "//img/@src")
]


def measure() -> Iterator[tuple[str, str]]:
    """The whole way into SQLite in one process; memory of the program for 2,000 and 20,000."""
    with tempfile.TemporaryDirectory() as folder:
        few = zipped(Path(folder, "timed.zip"), _TIMED)
        bodies = [each.text.rpartition("---\n")[2] for each in posts(_TIMED)]
        ours, floor = [], []
        for number in range(_ROUNDS):
            floor.append(_floor(bodies))
            ours.append(_ours(few, Path(folder, str(number))))
        ratios = [a / b for a, b in zip(ours, floor, strict=True)]
        yield "ingest: post files to rows, posts/s", f"{_TIMED / statistics.median(ours):,.0f}"
        yield "  floor: lxml.html and 4 XPaths", f"{_TIMED / statistics.median(floor):,.0f}"
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        yield "  times the floor's time", spread
        for count in (POSTS // 10, POSTS):
            path = zipped(Path(folder, f"{count}.zip"), count)
            data = Path(folder, f"data{count}")
            seconds, peak = finews("ingest", str(path), "--data", str(data), "--json")
            yield f"ingest of {count:,} by the program, s; peak MB", f"{seconds:.1f}; {peak:.0f}"


def zipped(path: Path, count: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for each in posts(count):
            archive.writestr(f"_posts/{each.name}", each.text)
    return path


def _ours(path: Path, data: Path) -> float:
    start = time.perf_counter()
    with Run.open(data, "bench") as run:
        read(path, run)
    seconds = time.perf_counter() - start
    if run.error or run.counts["new"] != _TIMED or run.counts["failed"]:
        raise RuntimeError(f"the ingest is wrong: {run.counts}")
    return seconds


def _floor(bodies: list[str]) -> float:
    start = time.perf_counter()
    for body in bodies:
        tree = lxml.html.fromstring(body)
        for path in _FLOOR:
            path(tree)
    return time.perf_counter() - start

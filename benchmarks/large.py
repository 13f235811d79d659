"""A corpus of 1,000,000 articles: memory of a crawl and of exports, and how soon the status is
told.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import export
from benchmarks.crawl import crawl
from benchmarks.figures import ROUNDS, Aim, Figure, Spread
from benchmarks.generate.posts import online
from benchmarks.generate.rows import fill
from benchmarks.process import finews
from benchmarks.servers import site
from crawler.demo.site import build

STORED = 1_000_000
_CRAWLED = 500


def measure() -> Iterator[Figure]:
    """Whole processes, by the system's own account. The crawl comes last, since it stores more."""
    pages = build(each.post for each in online(_CRAWLED, seed=2))
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), pages) as served:
        data, empty = Path(folder, "data"), Path(folder, "empty")
        fill(data, STORED)
        taken = [_status(data) for _ in range(ROUNDS)]
        name = f"start: finews status of {STORED:,}"
        yield Figure(name, "s", Spread.of(taken), aim=Aim("at most", 0.5))
        yield from export.memory(data, STORED)
        peaks = {each: crawl(served, str(each)).peak for each in (empty, data)}
        spread = Spread.once(peaks[data] - peaks[empty])
        name = f"memory: crawl, {STORED:,} stored"
        yield Figure(name, "MB more", spread, aim=Aim("at most", 30))


def job(size: int, folder: Path) -> Callable[[], object]:
    """The program's status of so many articles."""
    fill(folder, size)
    return lambda: _status(folder)


def _status(data: Path) -> float:
    return finews("status", "--data", str(data), "--json").seconds

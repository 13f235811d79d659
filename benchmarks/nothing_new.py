"""A crawl that finds nothing new: 40 listings of a site of which all is stored, among 200,000."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.crawl import crawl, crawl_here, listings, stock
from benchmarks.figures import Aim, Figure, Spread, compared
from benchmarks.generate.posts import online
from benchmarks.generate.rows import fill
from benchmarks.servers import Site, site
from crawler.demo.site import build

STORED, SHOWN = 200_000, 2_000
_FEW = 200


def measure() -> Iterator[Figure]:
    """Whole processes; the server has ETags, so that no body need come."""
    pages = build(each.post for each in online(SHOWN))
    paths = sorted(listings(pages))
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), pages) as served:
        data = str(Path(folder, "data"))
        fill(Path(data), STORED - SHOWN)
        crawl(served, data)
        sizes: list[int] = []
        yield compared(
            "crawl: nothing new", "listings/s", len(paths),
            {"ours": lambda: _checked(served, data, sizes), "floor": stock(served, folder, paths)},
            floor_is="the listings alone, by Scrapy with stock settings",
            aim=Aim("at most", 1.3),
        )  # fmt: skip
        if sizes:
            spread = Spread.of(sizes)
            yield Figure("crawl: nothing new, bodies", "bytes", spread, aim=Aim("at most", 0))


def job(size: int, folder: Path) -> Callable[[], object]:
    """A crawl that finds nothing new, with so many stored; in this process, once."""
    fill(folder, size)
    pages = build(each.post for each in online(_FEW))
    with site(folder, pages) as served:
        crawl(served, str(folder))
    return lambda: crawl_here(pages, folder)


def _checked(served: Site, data: str, sizes: list[int]) -> float:
    """The seconds of one crawl, which asks for the listings alone; notes how large they came."""
    before = len(served.asked())
    taken = crawl(served, data).seconds
    asked = [each for each in served.asked()[before:] if each.path != "/robots.txt"]
    if served.log.exists():
        if sorted(each.path for each in asked) != sorted(listings(served.pages)):
            raise RuntimeError(f"it asked for {len(asked)} pages")
        sizes.append(sum(each.bytes for each in asked))
    return taken

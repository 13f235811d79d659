"""Parse: a whole post page to its article, against lxml's parse and four XPaths of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import lxml.html
from lxml import etree

from crawler.demo.site import build, bundled_posts
from crawler.parsers.charset import decode
from crawler.parsers.finews import BASE, PostPage
from pipelines.dedupe import text_hash

_ROUNDS = 7
_TIMES = 20
_FLOOR = [
    etree.XPath(path)
    for path in (
        "//div[@class='wrapper']/section/h1/text()",
        "//div[@class='wrapper']/section/small/text()",
        "//div[@class='wrapper']/section/p//text()",
        "//p[@class='em_media']//text()",
    )
]


def measure() -> Iterator[tuple[str, str]]:
    """The figure, the floor and their ratio, each the median of seven rounds in turn."""
    pages = [
        (BASE + path, body)
        for path, body in build(bundled_posts()).items()
        if path.count("/") == 5 and "sitenews" not in path
    ] * _TIMES
    ours, floors = [], []
    for _ in range(_ROUNDS):
        floors.append(_seconds(lambda: [floor(body) for _, body in pages]))
        ours.append(_seconds(lambda: [_whole(url, body) for url, body in pages]))
    ratios = [a / b for a, b in zip(ours, floors, strict=True)]
    yield "parse: page to article, pages/s", f"{len(pages) / statistics.median(ours):,.0f}"
    yield "  floor: lxml.html and 4 XPaths", f"{len(pages) / statistics.median(floors):,.0f}"
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    yield "  times the floor's time", spread


def _whole(url: str, body: bytes) -> str | None:
    return text_hash(PostPage(decode(body, "", url=url), url).article())


def floor(body: bytes) -> list[object]:
    tree = lxml.html.fromstring(body.decode())
    return [path(tree) for path in _FLOOR]


def _seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start

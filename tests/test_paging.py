"""A user's own spider on a listing with pages: the frontier walks, stops, and leaves no hole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Program
from tests.replica import Answer, Replica, serving

CODES = [f"NW20220601{number:010}" for number in range(60, 0, -1)]
HOST = "paged.test"


def pages(codes: list[str]) -> dict[str, bytes | Answer]:
    """Ten codes a page, the newest first; articles are bare texts."""
    site: dict[str, bytes | Answer] = {f"/a/{code}": f"题 {code}".encode() for code in codes}
    for number in range(0, len(codes), 10):
        lines = codes[number : number + 10]
        more = number + 10 < len(codes)
        site[f"/list/{number // 10 + 1}"] = "\n".join([*lines, "more" if more else ""]).encode()
    return site


@pytest.fixture
def paged(finews: Program, tmp_path: Path) -> Iterator[tuple[Program, Replica]]:
    package = tmp_path / "ownproject"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(
        "from tests.fast_settings import *\nSPIDER_MODULES = ['ownproject.spider']\n"
    )
    (package / "spider.py").write_text(SPIDER, encoding="utf-8")
    finews.env["PYTHONPATH"] += f":{tmp_path}"
    finews.env["SCRAPY_SETTINGS_MODULE"] = "ownproject.settings"
    with serving(pages(CODES[20:])) as replica:
        replica.host = HOST
        yield finews, replica


SPIDER = """
from dataclasses import replace
from crawler.items import Article, Entry, Listing
from crawler.spiders.listing import ListingSpider

class Paged(ListingSpider):
    name = "paged"

    @classmethod
    def listings(cls):
        return [Listing("paged", "all", "https://paged.test/list/1")]

    def parse_listing(self, response, listing):
        lines = response.text.split()
        for code in lines:
            if code != "more":
                yield Entry("paged", "all", f"https://paged.test/a/{code}", code)
        if "more" in lines:
            page = listing.page + 1
            yield replace(listing, url=f"https://paged.test/list/{page}", page=page)

    def parse_article(self, response, entry):
        yield Article(entry.info_code, "paged", entry.url, "paged/1", title=response.text)
"""


def crawl(paged: tuple[Program, Replica], *args: str, code: int = 0) -> list[str]:
    """Crawl; the listing pages asked for."""
    program, replica = paged
    replica.log.clear()
    program.json("crawl", "paged", "--replay", replica.url, *args, code=code)
    return [path for path in replica.log if path.startswith("/list/")]


def test_first_walk_goes_to_the_end(paged: tuple[Program, Replica]) -> None:
    assert crawl(paged) == [f"/list/{n}" for n in (1, 2, 3, 4)]
    assert paged[0].rows("SELECT count(*) FROM articles") == [40]
    assert paged[0].rows("SELECT outcome, pages, entries, new FROM walks") == [("end", 4, 40, 40)]


def test_next_walk_stops_at_known_ground(paged: tuple[Program, Replica]) -> None:
    crawl(paged)
    assert crawl(paged) == ["/list/1"]
    paged[1].pages.update(pages(CODES[8:]))  # 12 new ones push the others down
    assert crawl(paged) == ["/list/1", "/list/2", "/list/3"]
    assert paged[0].rows("SELECT count(*) FROM articles") == [52]


def test_full_walks_all_again(paged: tuple[Program, Replica]) -> None:
    crawl(paged)
    assert len(crawl(paged, "--full")) == 4


def test_an_early_stop_hides_no_hole(paged: tuple[Program, Replica]) -> None:
    """Bounded to two pages, the walk leaves a hole; the next one must go past what it knows."""
    assert crawl(paged, "--max-pages", "2") == ["/list/1", "/list/2"]
    assert paged[0].rows("SELECT outcome FROM walks") == ["limit"]
    assert crawl(paged) == [f"/list/{n}" for n in (1, 2, 3, 4)]
    assert paged[0].rows("SELECT count(*) FROM articles") == [40]


def test_a_page_that_fails_leaves_the_walk_open(paged: tuple[Program, Replica]) -> None:
    whole = paged[1].pages["/list/3"]
    paged[1].pages["/list/3"] = Answer(status=500)
    crawl(paged, code=3)
    assert paged[0].rows("SELECT outcome FROM walks") == ["failed"]
    paged[1].pages["/list/3"] = whole
    assert crawl(paged) == [f"/list/{n}" for n in (1, 2, 3, 4)]
    assert paged[0].rows("SELECT count(*) FROM articles") == [40]
    assert paged[0].json("failures") == []


def test_an_unknown_listing_is_a_usage_error(paged: tuple[Program, Replica]) -> None:
    program, _ = paged
    done = program.run(program.command("crawl", "paged", "--listing", "none"))
    assert done.returncode == 2
    assert "paged has no listing 'none'; it has all" in done.stderr

"""Eastmoney by the program itself: every article once, whatever its lists and pages do."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from crawler.demo.eastmoney import Layout, Route
from crawler.demo.eastmoney.answers import Value
from crawler.demo.server import Answer, Request, serve
from crawler.demo.site import build, post
from crawler.items import Entry, Failure
from crawler.parsers.eastmoney import article_url
from crawler.parsers.eastmoney.catalogue import catalogue
from crawler.scope import Scope
from pipelines.database.connect import writing
from pipelines.run import Run
from tests import replica as blog
from tests.conftest import ROOT, Program
from tests.eastmoney import (
    FAST,
    NEWEST,
    EastmoneyReplica,
    Story,
    make_stories,
    make_story,
    serving,
)
from tests.test_guest import impatient

COLUMNS = tuple(name for name, each in catalogue(20).items() if each.default and name != "7x24")
LISTS, FLASH = "np-listapi.eastmoney.com", "np-weblist.eastmoney.com"
ARTICLES, PAGES = "newsinfo.eastmoney.com", "finance.eastmoney.com"
FEW = make_stories(12, ("345",))


def crawl(finews: Program, site: EastmoneyReplica, *args: str, code: int | None = 0) -> Any:
    """Crawl; the summary. The replica's logs begin anew."""
    site.log.clear()
    site.robots_log.clear()
    return finews.json("crawl", "eastmoney", "--replay", site.url, *args, code=code)


def column(finews: Program, site: EastmoneyReplica, name: str, *args: str, code: int = 0) -> Any:
    return crawl(finews, site, "--listing", name, *args, code=code)


def codes(stories: Sequence[Story]) -> set[str]:
    return {f"NW{story.code}" for story in stories}


def stored(finews: Program) -> set[str]:
    return set(finews.rows("SELECT info_code FROM articles"))


def seen_in(finews: Program) -> dict[str, set[str]]:
    """The listings that each article was seen in."""
    seen: dict[str, set[str]] = {}
    for code, listing in finews.rows("SELECT info_code, listing FROM sightings"):
        seen.setdefault(code, set()).add(listing)
    return seen


def last_walks(finews: Program) -> dict[str, str | None]:
    """How the walks of the last run ended."""
    sql = "SELECT listing, outcome FROM walks WHERE run_id = (SELECT max(id) FROM runs)"
    return dict(finews.rows(sql))


def asked_of(site: EastmoneyReplica, host: str) -> list[str]:
    return [each.target for each in site.log if each.host == host]


def served(site: EastmoneyReplica, url: str) -> str:
    """The fingerprint of the bytes that the replica gives for a public address."""
    with urlopen(f"{site.url}/{url.partition('://')[2]}") as answer:
        return sha256(answer.read()).hexdigest()


def later(minutes: int, number: int, columns: Sequence[str] = ("350",)) -> Story:
    """A story so many minutes after the newest."""
    return make_story(5_000_000 + number, NEWEST + timedelta(minutes=minutes), columns, ())


class Broken(EastmoneyReplica):
    """Renames keys in the JSON of some articles; some pages of lists answer with a status."""

    def __init__(self, stories: Sequence[Story]) -> None:
        super().__init__(stories)
        self.lost_keys: dict[str, str] = {}
        self.lost_pages: dict[tuple[str, int], int] = {}
        self.lost_cursors: int | None = None
        self.lost_parts: set[int] = set()
        self.lost_articles: dict[str, int] = {}

    def article(self, story: Story) -> Value:
        value = super().article(story)
        key = self.lost_keys.get(story.code, "")
        for holder in (value, value["data"]):
            if key in holder:
                holder[f"new_{key}"] = holder.pop(key)
        return value

    def _trouble(self, request: Request, route: Route) -> Answer | None:
        lost = route.kind == "page" and route.number in self.lost_parts
        status = 404 if lost else self.lost_pages.get((route.kind, route.number))
        if route.kind == "fast" and request.query.get("sortEnd"):
            status = self.lost_cursors
        if route.kind == "article":
            status = self.lost_articles.get(route.name)
        return super()._trouble(request, route) if status is None else Answer(status=status)


@contextmanager
def breaking(stories: Sequence[Story]) -> Iterator[Broken]:
    site = Broken(stories)
    with serve(site.answer) as site.url:
        yield site


def test_every_article_of_every_column_once_while_stories_arrive(finews: Program) -> None:
    """Pages shift by three with each list that is read; nothing is asked for twice."""
    stories = make_stories(100, COLUMNS)
    with serving(stories) as site:
        site.arriving = 3
        summary = crawl(finews, site)
        assert (summary["outcome"], summary["failed"]) == ("finished", 0)
        assert summary["found"] == summary["new"] == len(site.articles)
        assert len(site.articles) == len(set(site.articles))
        assert codes(stories) <= stored(finews)
        seen = seen_in(finews)
        for story in stories:
            expected = {*story.columns, *(["7x24"] if story.fast else [])}
            assert seen[f"NW{story.code}"] == expected
        assert last_walks(finews) == dict.fromkeys((*COLUMNS, "7x24"), "end")
        assert site.pages == []
        assert {each.host for each in site.log} == {LISTS, FLASH, ARTICLES}
        assert all("&req_trace=" in each and "req_trace=&" not in each for each in site.lists)

        first = set(site.articles)
        site.arriving = 0
        summary = crawl(finews, site)
        assert first.isdisjoint(site.articles)
        assert len(site.articles) == len(set(site.articles)) == summary["new"] > 0
        assert stored(finews) == codes(site.stories)

        summary = crawl(finews, site)
        assert site.articles == []
        assert (summary["found"], summary["new"], summary["changed"]) == (0, 0, 0)
    assert finews.rows("SELECT count(*), count(DISTINCT info_code) FROM articles") == [
        (len(site.stories),) * 2
    ]


def test_a_column_of_thousands_and_then_its_news_only(finews: Program) -> None:
    """What is new on top and what an editor put 25 places down, by a few pages of 40."""
    stories = make_stories(1500, ("349", "350", "351"))
    with serving(stories) as site:
        column(finews, site, "350")
        listed = [story for story in stories if "350" in story.columns]
        assert stored(finews) == codes(listed)
        assert len(site.articles) == len(listed)
        assert len(site.lists) == -(-len(listed) // 20) > 30

        new = [later(minutes, minutes) for minutes in (3, 2, 1)]
        displaced = later(-30, 4)
        site.stories[:0] = new
        site.stories.insert(site.stories.index(listed[22]), displaced)
        summary = column(finews, site, "350")
        assert summary["new"] == 4
        assert set(site.articles) == {story.code for story in (*new, displaced)}
        assert len(site.lists) <= 8
    assert last_walks(finews) == {"350": "known"}


def test_since_ends_where_the_list_is_certainly_past_it(finews: Program) -> None:
    """Sixty old stories on top, one pinned, all others up to 30 places from their own."""
    stories = make_stories(500, ("350",))
    years_ago = [NEWEST - timedelta(days=400 + number) for number in range(60)]
    top = [make_story(9000 + n, shown, ("350",), ()) for n, shown in enumerate(years_ago)]
    by_time = sorted((story.shown for story in stories), reverse=True)
    since, earlier = by_time[100], by_time[260]
    with serving([*top, *stories]) as site:
        wanted = [story for story in stories if story.shown >= since]
        summary = column(finews, site, "350", "--since", since.isoformat())
        assert set(site.articles) == {story.code for story in wanted}
        assert stored(finews) == codes(wanted)
        assert summary["new"] == 101
        assert last_walks(finews) == {"350": "since"}
        last = max(site.stories.index(story) for story in wanted)
        assert last < 20 * len(site.lists) <= last + 100 + 2 * 20 < 400

        # A range that begins earlier lies behind what is known.
        wanted = [story for story in stories if story.shown >= earlier]
        column(finews, site, "350", "--since", earlier.isoformat())
        assert len(site.articles) == len(wanted) - 101
    assert stored(finews) == codes(wanted)


def test_what_lies_outside_is_not_asked_for(finews: Program) -> None:
    """By the time that the list tells, also of the fast news."""
    stories = make_stories(80, ("350",))
    times = sorted(story.shown for story in stories)
    since, until = times[30], times[60]
    bounds = ("--since", since.isoformat(), "--until", until.isoformat())
    with serving(stories) as site:
        crawl(finews, site, "--listing", "350", "--listing", "7x24", *bounds)
        wanted = [story for story in stories if since <= story.shown <= until]
        assert sorted(site.articles) == sorted(story.code for story in wanted)
    assert stored(finews) == codes(wanted)


def test_what_other_routes_brought_is_not_asked_for(finews: Program, tmp_path: Path) -> None:
    """Stored from a post file or the blog, under either form of its number."""
    stories = make_stories(10, ("350",))
    posts, page = [stories[4].code, f"NW{stories[6].code}"], f"NW{stories[8].code}"
    folder = tmp_path / "posts"
    folder.mkdir()
    for number in posts:
        made = post(number, title="博客所存", date="2026-09-18 10:00:00 +0800")
        (folder / made.name).write_text(made.text, encoding="utf-8")
    finews("ingest", str(folder))
    made = post(page, title="网站所存", date="2026-09-18 10:00:00 +0800")
    with blog.serving(build([made])) as site_of_posts:
        finews.crawl(site_of_posts.url)
    before = finews.rows("SELECT * FROM articles ORDER BY info_code")
    assert len(before) == 3
    with serving(stories) as site:
        summary = column(finews, site, "350")
        assert summary["found"] == summary["new"] == 7
        known = {stories[index].code for index in (4, 6, 8)}
        assert known.isdisjoint(site.articles)
        for code in known:
            routes = finews.rows(
                "SELECT listing, url FROM sightings WHERE site = 'eastmoney' AND info_code = ?",
                f"NW{code}",
            )
            assert routes == [("350", article_url(f"NW{code}"))]
        column(finews, site, "350")
        assert site.articles == []
    kept = finews.rows("SELECT * FROM articles WHERE site <> 'eastmoney' ORDER BY info_code")
    assert kept == before


def test_what_lacks_its_time_or_title_is_filled_once(finews: Program, tmp_path: Path) -> None:
    stories = make_stories(10, ("350",))
    timeless = post(f"NW{stories[4].code}", title="没有时间", date="")
    untitled = post(f"NW{stories[6].code}", title="", date="2026-09-18 10:00:00 +0800")
    for made, name in ((timeless, f"2026-09-18-NW{stories[4].code}.md"), (untitled, untitled.name)):
        (tmp_path / name).write_text(made.text, encoding="utf-8")
        finews("ingest", str(tmp_path / name))
    lacking = "SELECT count(*) FROM articles WHERE title IS NULL OR published_at IS NULL"
    assert finews.rows(lacking) == [2]
    with serving(stories) as site:
        summary = column(finews, site, "350")
        assert (summary["new"], summary["filled"], summary["changed"]) == (8, 2, 0)
        assert len(site.articles) == len(set(site.articles)) == 10
        column(finews, site, "350")
        assert site.articles == []
    assert finews.rows(lacking) == [0]
    told = finews.json("show", f"NW{stories[4].code}")
    assert datetime.fromisoformat(told["published_at"]) == stories[4].shown
    assert finews.json("show", f"NW{stories[6].code}")["title"] == stories[6].title


def test_vanished_and_missing_articles_are_given_up_after_one_look(finews: Program) -> None:
    """One at the JSON and one at the page. Fast news without a page tells itself, by one."""
    bare = [
        replace(make_story(7000 + n, NEWEST - timedelta(minutes=n), (), (FAST,)), own_page=False)
        for n in range(3)
    ]
    stories = make_stories(20, ("350",))
    gone, lost = [story for story in stories if not story.fast][5:7]
    with serving([*stories, *bare]) as site:
        site.vanished, site.missing = {gone.code}, {lost.code}
        summary = crawl(finews, site, "--listing", "350", "--listing", "7x24", code=3)
        assert (summary["new"], summary["failed"]) == (21, 2)
        assert len(site.articles) == len(set(site.articles)) == 23
        assert sorted(site.pages) == sorted([gone.code, lost.code])
        failures = finews.json("failures")
        assert {each["info_code"] for each in failures} == codes([gone, lost])
        assert [each["next_try_at"] for each in failures] == [None, None]
        crawl(finews, site, "--listing", "350", "--listing", "7x24")
        assert site.articles == site.pages == []
    for story in bare:
        told = finews.json("show", f"NW{story.code}")
        assert told["parser"] == "eastmoney.fast-2026/1"
        assert (told["title"], told["url"]) == (story.title, None)
        assert datetime.fromisoformat(told["published_at"]) == story.shown
        assert [each["text"] for each in told["paragraphs"]] == [
            story.summary.removeprefix(f"【{story.title}】")
        ]


def test_a_list_of_another_layout_fails_and_names_the_field(finews: Program) -> None:
    with serving(FEW) as site:
        for key, field in {
            "list": "data.list",
            "showTime": "data.list[].showTime",
            "code": "code",
            "data": "data",
        }.items():
            site.rename = {key: f"new_{key}"}
            (failure,) = column(finews, site, "345", code=3)["failures"]
            assert (failure["site"], failure["listing"]) == ("eastmoney", "345")
            assert failure["reason"] == "layout-changed"
            assert re.search(rf"\bno {re.escape(field)}[; ]", failure["message"])
            assert failure["url"] == f"https://{site.lists[0]}"
            assert failure["page"] == served(site, failure["url"])
            kept = "SELECT sha256 FROM bodies WHERE sha256 = ?"
            assert finews.rows(kept, failure["page"], file="pages.db") == [failure["page"]]
            assert last_walks(finews) == {"345": "failed"}
            assert finews.rows("SELECT 1 FROM entries UNION SELECT 1 FROM articles") == []
        site.rename = {}
        column(finews, site, "345")
    assert stored(finews) == codes(FEW)
    assert finews.json("failures") == []
    assert last_walks(finews) == {"345": "end"}


def test_a_list_without_its_total_is_read_and_the_field_is_named(finews: Program) -> None:
    """Nobody knows then where it ends."""
    stories = make_stories(45, ("345",))
    with serving(stories) as site:
        site.rename = {"totle_hits": "total_hits"}
        (failure,) = column(finews, site, "345", code=3)["failures"]
        assert (failure["site"], failure["reason"]) == ("eastmoney", "layout-changed")
        assert "totle_hits" in failure["message"]
        assert failure["page"]
        site.rename = {}
        column(finews, site, "345")
    assert stored(finews) == codes(stories)
    assert finews.json("failures") == []


# By the story's place in the column.
KEYS = {
    2: "success",
    3: "data",
    4: "Art_Code",
    5: "Art_Title",
    6: "Art_ShowTime",
    7: "Art_Content",
    8: "",
}
NAMED = {**{n: f"data.{key}" for n, key in KEYS.items()}, 2: "success", 3: "data"}
NAMED[8] = "data.Art_Content"  # it is there, and says nothing


def test_an_article_of_another_layout_is_no_row_and_is_read_once_it_is_mended(
    finews: Program,
) -> None:
    with breaking(FEW) as site:
        site.lost_keys = {FEW[n].code: key for n, key in KEYS.items()}
        site.emptied = {FEW[8].code}
        site.challenge = {PAGES}
        summary = column(finews, site, "345", code=3)
        assert (summary["new"], summary["failed"]) == (5, 7)
        assert stored(finews) == codes(FEW) - codes([FEW[n] for n in KEYS])
        failures = {each["info_code"]: each for each in summary["failures"]}
        assert len(failures) == 7
        for number in KEYS:
            code = f"NW{FEW[number].code}"
            failure = failures[code]
            assert (failure["site"], failure["reason"]) == ("eastmoney", "layout-changed")
            assert f"no {NAMED[number]};" in failure["message"]
            assert failure["url"] == article_url(code)
            assert failure["page"] == served(site, failure["url"])
            assert finews.rows(
                "SELECT sha256 FROM pages WHERE url = ?", failure["url"], file="pages.db"
            ) == [failure["page"]]
        site.lost_keys, site.emptied = {}, set()
        summary = column(finews, site, "345")
        assert summary["new"] == 7
    assert stored(finews) == codes(FEW)
    assert finews.json("failures") == []


def test_a_changed_layout_is_told_even_where_the_page_brings_the_article(finews: Program) -> None:
    """Which field, of which URL: else nobody would ever mend it."""
    with breaking(FEW) as site:
        site.lost_keys = {FEW[n].code: key for n, key in KEYS.items()}
        site.emptied = {FEW[8].code}
        summary = column(finews, site, "345", code=3)
        assert (summary["new"], summary["failed"]) == (12, 7)
        assert stored(finews) == codes(FEW)
        assert sorted(site.pages) == sorted(FEW[n].code for n in KEYS)
        pages = "SELECT info_code FROM articles WHERE parser LIKE 'eastmoney.page-2024/%'"
        assert set(finews.rows(pages)) == codes([FEW[n] for n in KEYS])
        told = {each["info_code"]: each["message"] for each in summary["failures"]}
        assert set(told) == codes([FEW[n] for n in KEYS])
        for number in KEYS:
            assert f"no {NAMED[number]};" in told[f"NW{FEW[number].code}"]
        site.lost_keys, site.emptied = {}, set()
        column(finews, site, "345")
    assert finews.json("failures") == []


def test_a_challenge_on_all_hosts_brings_nothing_and_spoils_nothing(finews: Program) -> None:
    stories = make_stories(40, COLUMNS)
    with serving(stories) as site:
        site.challenge = {LISTS, FLASH, ARTICLES, PAGES}
        summary = crawl(finews, site, code=3)
        assert (summary["found"], summary["new"]) == (0, 0)
        failures = finews.json("failures")
        assert {each["listing"] for each in failures} == {*COLUMNS, "7x24"}
        assert {each["reason"] for each in failures} == {"layout-changed"}
        assert all(each["page"] and "data." in each["message"] for each in failures)
        assert len(site.log) <= 2 * 8
        (page,) = finews.rows("SELECT DISTINCT sha256 FROM bodies", file="pages.db")
        assert {each["page"] for each in failures} == {page}
        assert last_walks(finews) == dict.fromkeys((*COLUMNS, "7x24"), "failed")
        assert finews.rows("SELECT 1 FROM entries UNION SELECT 1 FROM articles") == []
        site.challenge = set()
        crawl(finews, site)
    assert stored(finews) == codes(stories)
    assert finews.json("failures") == []
    assert last_walks(finews) == dict.fromkeys((*COLUMNS, "7x24"), "end")


def test_a_page_that_fails_in_the_middle_of_a_column_leaves_no_hole(finews: Program) -> None:
    """What lies behind it is read by the next run; a 404 is no end where a total is told."""
    stories = make_stories(90, ("345",))
    with breaking(stories) as site:
        for status in (404, 500):
            site.lost_pages = {("column", 3): status}
            summary = column(finews, site, "345", code=3)
            assert len(stored(finews)) == 40
            assert [each["reason"] for each in summary["failures"]] == [f"http-{status}"]
            assert last_walks(finews) == {"345": "failed"}
        site.lost_pages = {}
        column(finews, site, "345")
    assert stored(finews) == codes(stories)
    assert finews.json("failures") == []


def test_failures_of_a_list_are_over_when_the_list_is_read(finews: Program) -> None:
    """The fast news' next page has another address when news has come; the list is the same."""
    stories = make_stories(120, ("350",))
    with breaking(stories) as site:
        site.lost_cursors = 500
        column(finews, site, "7x24", code=3)
        assert last_walks(finews) == {"7x24": "failed"}
        site.lost_cursors = None
        site.stories.insert(0, replace(later(5, 1), fast=(FAST,)))
        column(finews, site, "7x24")
    assert last_walks(finews) == {"7x24": "end"}
    assert stored(finews) == codes([story for story in site.stories if story.fast])
    assert finews.json("failures") == []


def test_columns_are_read_from_their_pages_where_the_interface_refuses(
    finews: Program, tmp_path: Path
) -> None:
    """All of the default columns but one, which has none."""
    impatient(finews, tmp_path, "FINEWS_RESTS = [600]")
    stories = make_stories(100, COLUMNS)
    with serving(stories) as site:
        site.no_api = {LISTS}
        summary = crawl(finews, site, code=3)
        paged = set(COLUMNS) - {"345"}
        assert [each["host"] for each in summary["resting"]] == [LISTS]
        assert [each["listing"] for each in summary["failures"]] == ["345"]
        shown = [story for story in stories if paged & set(story.columns) or story.fast]
        assert stored(finews) == codes(shown)
        assert len(site.articles) == len(shown)
        assert site.pages == []
        seen = seen_in(finews)
        for story in shown:
            expected = (paged & set(story.columns)) | ({"7x24"} if story.fast else set())
            assert seen[f"NW{story.code}"] == expected
        # They do not reach as far as the column: no ground is whole behind them.
        expected_walks = dict.fromkeys(paged, "limit") | {"345": "failed", "7x24": "end"}
        assert last_walks(finews) == expected_walks
        site.no_api = set()
        finews.write("UPDATE hosts SET rests_until = last_refused_at")  # it is over
        crawl(finews, site, code=3)  # it may be that it refuses now and then
        crawl(finews, site)
    assert stored(finews) == codes(stories)
    assert finews.json("failures") == []


def test_one_column_from_its_pages_is_no_failure(finews: Program) -> None:
    stories = make_stories(50, ("350",))
    with serving(stories) as site:
        site.no_api = {LISTS}
        column(finews, site, "350")
        assert stored(finews) == codes(stories)
        assert finews.json("failures") == []
        since = sorted(story.shown for story in stories)[40]
        site.stories.insert(0, later(1, 1))
        summary = column(finews, site, "350", "--since", f"{since:%Y-%m-%d}")
    assert summary["new"] == 1


SAME = "SELECT info_code, title, published_at, source, paragraphs FROM articles ORDER BY 1"


@pytest.fixture(scope="module")
def by_json(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the JSON says of eighteen stories."""
    finews = Program(tmp_path_factory.mktemp("json"))
    with serving(make_stories(18, ("350",))) as site:
        column(finews, site, "350")
    return finews.rows(SAME)


@pytest.mark.parametrize(
    ("layout", "parts", "parser"),
    [
        ("current", 1, "eastmoney.page-2024/1"),
        ("older", 1, "eastmoney.page-2020/1"),
        ("current", 3, "eastmoney.page-2024/1"),
    ],
)
def test_articles_come_from_their_pages_where_the_interface_has_none(
    finews: Program, by_json: list[Any], layout: Layout, parts: int, parser: str
) -> None:
    """In whatever layout, on however many pages: the same words as the JSON, to the second."""
    stories = make_stories(18, ("350",))
    with breaking(stories) as site:
        site.layout, site.parts = layout, parts
        site.lost_articles = {story.code: 404 for story in stories}
        summary = column(finews, site, "350")
        assert (summary["new"], summary["failed"]) == (18, 0)
        assert len(site.articles) == 18
        assert len(site.pages) == 18 if parts == 1 else len(site.pages) > 30
        column(finews, site, "350")
        assert site.articles == site.pages == []
    assert finews.rows("SELECT DISTINCT parser FROM articles") == [parser]
    assert finews.rows(SAME) == by_json


def test_articles_come_from_their_pages_where_the_interface_refuses_for_ever(
    finews: Program, tmp_path: Path
) -> None:
    impatient(finews, tmp_path, "FINEWS_RESTS = [600]")
    stories = make_stories(30, ("350",))
    with serving(stories) as site:
        site.no_api = {ARTICLES}
        summary = column(finews, site, "350", code=3)
        assert (summary["new"], summary["failed"]) == (30, 0)
        assert [each["host"] for each in summary["resting"]] == [ARTICLES]
        assert len(asked_of(site, ARTICLES)) == 3
        assert sorted(site.pages) == sorted(story.code for story in stories)
        again = column(finews, site, "350", code=3)
        assert again["alarms"] == [{"rule": "rest", "subject": "eastmoney"}]
        assert site.articles == site.pages == []
    assert stored(finews) == codes(stories)


def test_half_of_an_article_is_none_and_its_json_is_tried_again(finews: Program) -> None:
    with breaking(FEW[3:9]) as site:
        site.parts, site.lost_parts = 2, {2}
        site.lost_articles = {story.code: 500 for story in FEW}
        summary = column(finews, site, "345", code=3)
        assert summary["failed"] >= 4
        assert len(stored(finews)) == 6 - summary["failed"]
        site.lost_articles = {}
        column(finews, site, "345")
    assert stored(finews) == codes(FEW[3:9])
    assert finews.json("failures") == []


Corpus = dict[str, list[Any]]
KILLED = make_stories(60, ("345", "350"))
THREE = ("--listing", "345", "--listing", "350", "--listing", "7x24")


def bad(site: EastmoneyReplica) -> None:
    site.vanished, site.missing = {KILLED[12].code}, {KILLED[17].code}


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, corpus_of: Callable[[Program], Corpus]
) -> Corpus:
    """The corpus of a run that was never killed."""
    finews = Program(tmp_path_factory.mktemp("whole"))
    with serving(KILLED) as site:
        bad(site)
        crawl(finews, site, *THREE, code=3)
    return corpus_of(finews)


@pytest.mark.parametrize("requests", [2, 7, 30])
def test_killed_and_run_again_it_ends_as_if_nothing_had_been(
    finews: Program, whole: Corpus, corpus_of: Callable[[Program], Corpus], requests: int
) -> None:
    with serving(KILLED) as site:
        bad(site)
        site.delay = 0.02
        process = subprocess.Popen(
            finews.command("crawl", "eastmoney", "--replay", site.url, *THREE),
            cwd=ROOT,
            env=finews.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 30
        while len(site.log) < requests and process.poll() is None and time.monotonic() < until:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        site.delay = 0
        crawl(finews, site, *THREE, code=3)
    assert corpus_of(finews) == whole
    assert finews.rows("SELECT outcome FROM runs ORDER BY id") == [None, "finished"]
    assert finews.rows("PRAGMA integrity_check") == ["ok"]


@pytest.mark.parametrize("first", ["", "345", "7x24"])
@pytest.mark.parametrize("how", ["missing", "vanished"])
def test_what_a_list_tells_itself_is_kept_whichever_list_was_read_first(
    finews: Program, how: str, first: str
) -> None:
    """Of two whose address is gone the fast news tells one: that is no failure, unless the
    column alone had been read.
    """
    both = ("345", "350")
    item, lost = make_story(2, NEWEST, both, (FAST,)), make_story(1, NEWEST, both, ())
    with serving([item, lost]) as site:
        setattr(site, how, {item.code, lost.code})
        if first:
            column(finews, site, first, code=0 if first == "7x24" else 3)
        summary = crawl(finews, site, *THREE, code=None)
        assert (summary["new"], summary["failed"]) == ((0, 1) if first == "7x24" else (1, 1))
        site.log.clear()
        crawl(finews, site, *THREE)
        assert site.articles == site.pages == []
    (found,) = finews.rows("SELECT info_code, listing, parser FROM articles")
    assert found == (f"NW{item.code}", "7x24", "eastmoney.fast-2026/1")
    assert seen_in(finews) == {f"NW{item.code}": {*both, "7x24"}}
    states = finews.rows("SELECT listing, info_code, state FROM entries ORDER BY info_code, 1")
    assert states == [
        *((name, f"NW{lost.code}", "failed") for name in both),
        *((name, f"NW{item.code}", "stored") for name in (*both, "7x24")),
    ]
    (failure,) = finews.json("failures")
    assert (failure["info_code"], failure["listing"]) == (f"NW{lost.code}", "345")


def test_what_a_list_shows_while_its_article_is_asked_for_is_owed_when_that_fails(
    tmp_path: Path,
) -> None:
    """It may tell the article itself, which those who ask could not know."""
    column, beside, flash = (
        Entry("eastmoney", name, "https://eastmoney.example/1", "NW202609189200000001")
        for name in ("345", "350", "7x24")
    )
    flash = replace(flash, told=(("kind", "fast"),))
    with Run.open(tmp_path, "test") as run:
        frontier = run.frontier("eastmoney")
        with writing(run.corpus):
            frontier.show([column, beside], Scope())
            (asked,) = frontier.take(9)
            assert asked == replace(column, elsewhere=(beside,))
            frontier.show([flash], Scope())
        told = {"listing": asked.listing, "info_code": asked.info_code}
        run.store.add(Failure(asked.site, asked.url, "http-404", "gone", retry=False, **told))
        run.store.flush()
        with writing(run.corpus):
            assert [each.listing for each in frontier.take(9)] == ["7x24"]


class Untimed(EastmoneyReplica):
    """Its articles have a page only, which tells no time that can be read."""

    def _article(self, code: str) -> Answer:
        return Answer(status=404)

    def _page(self, route: Route) -> Answer:
        text = super()._page(route).body.decode()
        return Answer(re.sub(r"[0-9]{4}年[0-9]{2}月[0-9]{2}日 [0-9:]{5}", "刚刚", text).encode())


def test_an_article_that_stays_incomplete_is_not_asked_for_by_every_run(finews: Program) -> None:
    """Two columns show it; each of their addresses was tried, in the one way and the other."""
    replica = Untimed([make_story(1, NEWEST, ("344", "345"), ())])
    with serve(replica.answer) as replica.url:
        names = ("--listing", "344", "--listing", "345")
        summary = crawl(finews, replica, *names)
        assert (summary["new"], summary["incomplete"]) == (1, 1)
        assert (len(replica.articles), len(replica.pages)) == (1, 1)
        crawl(finews, replica, *names)
        assert (replica.articles, replica.pages) == ([], [])
    assert finews.rows("SELECT DISTINCT state FROM entries") == ["stored"]

"""The main job, by the program itself against a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crawler.demo.site import build, bundled_posts, post
from pipelines.database.lock import RunLock
from tests.conftest import Program
from tests.replica import Answer, Replica, serving

BASE = "https://finews.withounder.com"
ARTICLES = 16  # of the miniature: 18 posts, one notice, one article by two routes
DEMO = ARTICLES + 7  # eight stories of Eastmoney, one of them an article of the blog too


@pytest.fixture
def miniature() -> Iterator[Replica]:
    with serving(build(bundled_posts())) as replica:
        yield replica


def test_first_crawl_stores_every_article_once(finews: Program, miniature: Replica) -> None:
    summary = finews.crawl(miniature.url)
    assert (summary["found"], summary["new"], summary["failed"]) == (ARTICLES, ARTICLES, 0)
    assert summary["outcome"] == "finished"
    assert finews.rows("SELECT count(*), count(DISTINCT info_code) FROM articles") == [
        (ARTICLES, ARTICLES)
    ]
    assert len(miniature.articles()) == len(set(miniature.articles())) == ARTICLES
    assert finews.rows("SELECT DISTINCT state FROM entries ORDER BY 1") == ["skipped", "stored"]


def test_notice_without_info_code_is_skipped_and_told(finews: Program, miniature: Replica) -> None:
    url = f"{BASE}/sitenews/2021/12/01/welcome.html"
    assert finews.crawl(miniature.url)["skipped_urls"] == [url]
    assert not any("welcome" in path for path in miniature.log)
    assert url in finews("crawl", "finews", "--replay", miniature.url)


def test_second_crawl_asks_for_no_article_and_changes_nothing(
    finews: Program, miniature: Replica, corpus_of: Callable[[Program], Any]
) -> None:
    finews.crawl(miniature.url)
    before, times = corpus_of(finews), finews.rows("SELECT updated_at FROM articles")
    miniature.log.clear()
    summary = finews.crawl(miniature.url)
    assert miniature.articles() == []
    assert len(miniature.listings()) == len(set(miniature.listings())) == 7  # one a listing
    assert (summary["found"], summary["new"], summary["changed"]) == (0, 0, 0)
    assert corpus_of(finews) == before
    assert finews.rows("SELECT updated_at FROM articles") == times


def test_a_new_post_costs_one_article_request(finews: Program, miniature: Replica) -> None:
    finews.crawl(miniature.url)
    new = post("202206159100009999", title="新的一篇", date="2022-06-15 10:00:00 +0800")
    miniature.pages.update(build([*bundled_posts(), new]))
    miniature.log.clear()
    assert finews.crawl(miniature.url)["new"] == 1
    assert miniature.articles() == [new.path]


def test_category_pages_are_discovered_from_the_trailers(
    finews: Program, miniature: Replica
) -> None:
    finews.crawl(miniature.url)
    found = finews.rows("SELECT name FROM listings ORDER BY rowid")
    assert found[:3] == ["home", "emnews", "feed"]
    assert {"cailianshe", "zhengquanshibao·egongsi"} <= set(found[3:])
    assert finews.rows("SELECT DISTINCT outcome FROM walks") == ["end"]


def test_every_route_of_an_article_is_a_sighting(finews: Program, miniature: Replica) -> None:
    finews.crawl(miniature.url)
    routes = finews.rows(
        "SELECT listing, url FROM sightings WHERE info_code = 'NW202205319100001010'"
    )
    assert {url.rpartition("/")[2] for _, url in routes} == {
        "202205319100001010.html",
        "NW202205319100001010.html",
    }
    assert {"emnews", "cailianshe"} <= {listing for listing, _ in routes}


def test_same_text_under_another_code_is_marked(finews: Program, miniature: Replica) -> None:
    finews.crawl(miniature.url)
    marked = finews.rows(
        "SELECT info_code, same_text_as FROM articles WHERE same_text_as IS NOT NULL"
    )
    assert [set(pair) for pair in marked] == [{"NW202206029100001414", "NW202206029100001515"}]


def test_every_answer_is_in_pages_db(finews: Program, miniature: Replica) -> None:
    finews.crawl(miniature.url)
    kept = finews.rows("SELECT page FROM articles")
    known = finews.rows("SELECT sha256 FROM pages WHERE status = 200", file="pages.db")
    assert set(kept) <= set(known)
    assert finews.rows("SELECT count(*) FROM pages", file="pages.db") == [ARTICLES + 7]


def test_only_the_listing_that_was_asked_for(finews: Program, miniature: Replica) -> None:
    summary = finews.crawl(miniature.url, "--listing", "cailianshe")
    assert miniature.listings() == ["/category/cailianshe.html"]
    assert summary["new"] == 2
    assert finews.rows("SELECT DISTINCT listing FROM articles") == ["cailianshe"]


def test_since_and_until_bound_what_is_fetched(finews: Program, miniature: Replica) -> None:
    finews.crawl(miniature.url, "--since", "2022-05-31", "--until", "2022-06-01")
    days = finews.rows("SELECT DISTINCT substr(published_at, 1, 10) FROM articles ORDER BY 1")
    assert days == ["2022-05-31", "2022-06-01"]
    assert finews.rows("SELECT count(DISTINCT info_code) FROM entries WHERE state = 'outside'") == [
        ARTICLES - 2
    ]
    assert finews.crawl(miniature.url)["new"] == ARTICLES - 2  # nothing is lost by the bound


def test_full_looks_again_and_keeps_what_was(finews: Program, miniature: Replica) -> None:
    finews.crawl(miniature.url)
    path = "/emnews/2021/12/08/202112089100000101.html"
    page = miniature.pages[path]
    assert isinstance(page, bytes)
    miniature.pages[path] = page.replace("恢复生产".encode(), "恢复生产（更新）".encode())
    summary = finews.crawl(miniature.url, "--full")
    assert (summary["new"], summary["changed"], summary["unchanged"]) == (0, 1, ARTICLES - 1)
    code = "NW202112089100000101"
    assert finews.rows("SELECT revision FROM articles WHERE info_code = ?", code) == [2]
    ((revision, title),) = finews.rows(
        "SELECT revision, title FROM revisions WHERE info_code = ?", code
    )
    assert revision == 1
    assert "更新" not in title


def test_scrapy_commands_work_with_the_same_pipelines(finews: Program, miniature: Replica) -> None:
    assert finews.scrapy("list").stdout.split() == ["choice", "eastmoney", "finews"]
    check = finews.scrapy("check")
    assert check.returncode == 0, check.stderr
    assert "Ran 5 contracts" in check.stderr
    assert not finews.data.exists()
    settings = ("-s", f"FINEWS_DATA={finews.data}", "-s", f"FINEWS_REPLAY={miniature.url}")
    done = finews.scrapy("crawl", "finews", *settings, "-a", "listing=cailianshe,emnews")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert finews.rows("SELECT command, outcome, new FROM runs") == [
        ("scrapy crawl finews", "finished", 13)
    ]


def test_redirects_of_the_mirror_stay_in_the_mirror(finews: Program, miniature: Replica) -> None:
    old, new = "/emnews/2021/12/08/202112089100000101.html", "/moved.html"
    miniature.pages[new] = miniature.pages[old]
    for target in (f"/finews.withounder.com{new}", f"{miniature.url}/finews.withounder.com{new}"):
        miniature.pages[old] = Answer(status=302, headers={"Location": target})
        finews.crawl(miniature.url, "--full")
    assert miniature.log.count(new) == 2
    assert finews.rows("SELECT url FROM pages WHERE url LIKE '%moved%'", file="pages.db") == [
        f"{BASE}{new}"
    ]


def test_a_host_that_is_not_there(finews: Program) -> None:
    with serving({}) as gone:
        url = gone.url
    summary = finews.crawl(url, code=3)
    assert {each["reason"] for each in summary["failures"]} == {"refused"}
    assert finews.rows("SELECT DISTINCT outcome FROM walks") == ["failed"]
    with serving(build(bundled_posts())) as back:
        miniature_url = back.url
        assert finews.crawl(miniature_url)["failed"] == 0
    assert finews.json("failures") == []  # resolved, not forgotten
    assert len(finews.rows("SELECT url FROM failures WHERE resolved_at IS NOT NULL")) == 3


def test_plain_output_is_lines_a_person_understands(finews: Program, miniature: Replica) -> None:
    text = finews("crawl", "finews", "--replay", miniature.url)
    assert text.startswith(f"Done: {ARTICLES} new of {ARTICLES} articles found; 1 without title")
    text = finews("crawl", "finews", "--replay", miniature.url)
    assert text.startswith("Done: nothing new; 1 skipped; 7 requests.")


def test_robots_txt_is_obeyed(finews: Program, miniature: Replica) -> None:
    miniature.pages["/robots.txt"] = b"User-agent: finews\nDisallow: /emnews/\n"
    summary = finews.crawl(miniature.url, code=3)
    assert not any(path.startswith("/emnews/") for path in miniature.log)
    assert {each["reason"] for each in summary["failures"]} == {"robots"}


def test_demo_twice(finews: Program) -> None:
    first = finews("demo")
    assert f"{DEMO} new of {DEMO}" in first
    assert "Exported to" in first
    lines = (finews.data / "news.jsonl").read_text(encoding="utf-8").splitlines()
    assert len([json.loads(line) for line in lines]) == DEMO
    assert "nothing new" in finews("demo")


def test_scrapy_on_a_locked_folder_says_so_and_asks_for_nothing(
    finews: Program, miniature: Replica
) -> None:
    with RunLock(finews.data) as lock:
        lock.acquire()
        settings = ("-s", f"FINEWS_DATA={finews.data}", "-s", f"FINEWS_REPLAY={miniature.url}")
        done = finews.scrapy("crawl", "finews", *settings)
    assert "another run" in done.stderr
    assert "Traceback" not in done.stderr
    assert miniature.log == []

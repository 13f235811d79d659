"""What the replica of Eastmoney plays, so that the tests that stand on it mean what they say."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from lxml import html

from crawler.demo.eastmoney import (
    article_answer,
    article_page,
    bundled_stories,
    column_answer,
    column_page,
    fast_answer,
)
from crawler.demo.server import Answer, serve
from crawler.demo.site import bundled_posts
from tests.conftest import ROOT
from tests.eastmoney import EastmoneyReplica, make_stories, serving

SAMPLES = ROOT.parent / "shared" / "samples" / "eastmoney"
COLUMNS = ("344", "345", "350")
LISTS, ARTICLES = "np-listapi.eastmoney.com", "newsinfo.eastmoney.com"
FAST, PAGES = "np-weblist.eastmoney.com", "finance.eastmoney.com"
STORIES = make_stories(120, COLUMNS)
STORY = next(story for story in STORIES if story.source)

Got = tuple[int, bytes]


@pytest.fixture
def replica() -> Iterator[EastmoneyReplica]:
    with serving(STORIES) as found:
        yield found


def connect(url: str, timeout: float = 10) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(url.partition("://")[2], timeout=timeout)


def get(url: str, path: str, timeout: float = 10) -> Got:
    """Ask on a connection of its own for ``HOST/PATH?QUERY``."""
    with closing(connect(url, timeout)) as connection:
        connection.request("GET", f"/{path}")
        answer = connection.getresponse()
        return answer.status, answer.read()


def select(page: str, path: str) -> Any:
    return html.fromstring(page).xpath(path)


def column(replica: EastmoneyReplica, page: int, size: int = 20, name: str = "344") -> Any:
    path = "comm/web/getNewsByColumns?client=web&req_trace=1"
    path += f"&column={name}&page_index={page}&page_size={size}"
    return json.loads(get(replica.url, f"{LISTS}/{path}")[1])["data"]


def fast(replica: EastmoneyReplica, end: str, size: int = 10) -> Any:
    path = f"comm/web/getFastNewsList?req_trace=1&fastColumn=102&sortEnd={end}&pageSize={size}"
    return json.loads(get(replica.url, f"{FAST}/{path}")[1])["data"]


def article(replica: EastmoneyReplica, code: str = STORY.code) -> Got:
    return get(replica.url, f"{ARTICLES}/kuaixun/v2/api/article/{code}?guid=1")


def page(replica: EastmoneyReplica, code: str = STORY.code) -> Got:
    return get(replica.url, f"{PAGES}/a/{code}.html")


def codes(data: Any) -> list[str]:
    return [item["code"] for item in data["list"]]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real answers are not part of finews")
def test_answers_have_the_keys_and_types_of_real_ones() -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items()}
        return [shape(value[0])] if isinstance(value, list) else type(value)

    def real(name: str) -> Any:
        return shape(json.loads((SAMPLES / name).read_text(encoding="utf-8")))

    for story in bundled_stories():
        assert shape(article_answer(story)) == real("article-202609183878840472.json")
        listed = shape(column_answer([story], 1, 20, 9000))
        assert listed == real("getNewsByColumns-344-page1.json")
    assert column_answer([], 1, 20, 9000)["data"]["totle_hits"] == 5000


def test_made_up_stories_stand_nearly_in_order_and_overlap() -> None:
    assert make_stories(120, COLUMNS) == STORIES
    assert make_stories(120, COLUMNS, seed=2) != STORIES
    assert len({story.code for story in STORIES}) == 120
    spread = [len(story.columns) for story in STORIES]
    assert [spread.count(n) for n in (1, 2, 3)] == [71, 36, 13]
    assert STORIES[2].shown.year == 2019
    rest = [story for story in STORIES if story is not STORIES[2]]
    places = {id(story): at for at, story in enumerate(sorted(rest, key=lambda s: s.shown)[::-1])}
    moved = [abs(places[id(story)] - at) for at, story in enumerate(rest)]
    assert 10 < max(moved) <= 30


def test_the_bundled_stories_meet_the_bundled_posts() -> None:
    posts = {re.sub(r"\D", "", post.slug) for post in bundled_posts()}
    assert len({story.code for story in bundled_stories()} & posts) == 1


def test_pages_of_a_column_hold_all_its_stories_once(replica: EastmoneyReplica) -> None:
    pages = [column(replica, number) for number in range(1, 6)]
    listed = [story.code for story in STORIES if "344" in story.columns]
    assert [code for each in pages for code in codes(each)] == listed
    assert pages[0]["totle_hits"] == len(listed)
    assert pages[4]["list"] == []
    assert column(replica, 1, size=500)["page_size"] == 200
    assert get(replica.url, f"{LISTS}/comm/web/getNewsByColumns?column=344")[0] == 403
    assert len(replica.lists) == len(replica.log) == 7


def test_pages_shift_when_stories_arrive(replica: EastmoneyReplica) -> None:
    replica.arriving = 3
    first, second = codes(column(replica, 1)), codes(column(replica, 2))
    assert second[:3] == first[-3:]
    assert codes(column(replica, 1, name="350"))[:6] == codes(column(replica, 1))[3:9]


def test_the_cursor_of_the_fast_news_does_not_shift(replica: EastmoneyReplica) -> None:
    replica.arriving = 3
    seen, end = [], ""
    while found := (data := fast(replica, end))["fastNewsList"]:
        seen += [item["code"] for item in found]
        end = data["sortEnd"]
    expected = sorted((s for s in STORIES if s.fast), key=lambda s: s.shown, reverse=True)
    assert seen == [story.code for story in expected]
    bare = fast_answer([bundled_stories()[4]], "", 20)["data"]["fastNewsList"][0]
    assert bare["code"] == "202609189100000404"


@pytest.mark.parametrize(("status", "seen"), [(403, 403), (429, 429), ("reset", 0), ("empty", 200)])
def test_a_throttle_begins_after_exactly_so_many_and_ends(
    replica: EastmoneyReplica, status: Any, seen: int
) -> None:
    replica.throttle(after=2, status=status, for_requests=3, hosts={ARTICLES})
    bodies = []
    for _ in range(7):
        try:
            bodies.append(article(replica)[1])
        except ConnectionError:
            bodies.append(b"")
        assert column(replica, 1)["list"]
    assert [bool(body) for body in bodies] == [True, True, False, False, False, True, True]
    asked = [each.status for each in replica.log if each.host == ARTICLES]
    assert asked == [200, 200, seen, seen, seen, 200, 200]
    assert replica.articles == [STORY.code] * 7


def test_a_throttle_says_when_to_come_back(replica: EastmoneyReplica) -> None:
    replica.throttle(status=429, for_seconds=600, retry_after=7)
    with closing(connect(replica.url)) as connection:
        for path in (f"/{ARTICLES}/x", f"/{LISTS}/x"):
            connection.request("GET", path)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["Retry-After"], answer.read()) == (429, "7", b"")
    replica.relent()
    assert article(replica)[0] == 200


def test_a_reset_is_one_and_a_stall_says_nothing(replica: EastmoneyReplica) -> None:
    replica.throttle(status="reset", for_requests=1)
    with pytest.raises(ConnectionResetError):
        article(replica)
    replica.throttle(status="stall", for_requests=1)
    with pytest.raises(TimeoutError):
        get(replica.url, f"{ARTICLES}/kuaixun/v2/api/article/{STORY.code}", timeout=0.2)
    replica.throttle(status="empty", for_requests=2)
    assert column(replica, 3)["list"] == []
    assert fast(replica, "")["fastNewsList"] == []


def test_articles_that_are_not_as_they_should(replica: EastmoneyReplica) -> None:
    gone, lost, bare = (story.code for story in STORIES[5:8])
    replica.vanished, replica.missing, replica.emptied = {gone}, {lost}, {bare}
    assert json.loads(article(replica, gone)[1])["success"] == 0
    assert (page(replica, gone)[0], article(replica, lost)[0], page(replica, lost)[0]) == (404,) * 3
    assert json.loads(article(replica, bare)[1])["data"]["Art_Content"] == ""
    assert article(replica, "202609180000000000")[0] == 404
    replica.rename = {"Art_Content": "Content", "showTime": "time"}
    told = json.loads(article(replica)[1])["data"]
    assert (told["Content"], "Art_Content" in told) == (STORY.body, False)
    assert "time" in column(replica, 1)["list"][0]
    assert replica.pages == [gone, lost]


def test_titles_change_from_some_request_on(replica: EastmoneyReplica) -> None:
    replica.edited, replica.edited_after = {STORY.code: "新标题"}, 2
    titles = [json.loads(article(replica)[1])["data"]["Art_Title"] for _ in range(3)]
    assert titles == [STORY.title, STORY.title, "新标题"]
    listed = column(replica, 1, size=200, name="344,345,350")["list"]
    assert [each["title"] for each in listed if each["code"] == STORY.code] == ["新标题"]
    assert len(listed) == 120


def test_hosts_that_want_none_of_us(replica: EastmoneyReplica) -> None:
    replica.no_api, replica.challenge = {ARTICLES}, {PAGES}
    replica.robots = {PAGES: "User-agent: *\nDisallow: /a/\n"}
    status, body = page(replica)
    assert (article(replica)[0], status, b"captcha" in body) == (403, 200, True)
    assert get(replica.url, f"{PAGES}/robots.txt") == (200, replica.robots[PAGES].encode())
    assert get(replica.url, f"{LISTS}/robots.txt")[0] == 404
    assert (len(replica.log), len(replica.robots_log)) == (2, 2)


def test_article_pages_in_both_layouts_and_parts(replica: EastmoneyReplica) -> None:
    story = next(story for story in bundled_stories() if story.original_title)
    current, older = article_page(story), article_page(story, "older")
    items = select(current, '//div[@class="infos"]/div/text()')
    assert items == ["2026年09月18日 18:20", "澜州市财政局网站"]
    original = select(current, 'string(//div[@class="zwothers"])')
    assert original.strip() == f"原标题：{story.original_title}"
    assert select(older, 'string(//div[@class="newsContent"]/h1)') == story.title
    replica.parts = 2
    parts = [
        get(replica.url, f"{PAGES}/a/{name}.html")[1] for name in (STORY.code, f"{STORY.code}_2")
    ]
    assert [b"em_media" in part for part in parts] == [False, True]
    assert [f"{STORY.code}_2.html".encode() in part for part in parts] == [True, True]
    assert get(replica.url, f"{PAGES}/a/{STORY.code}_3.html")[0] == 404
    assert get(replica.url, f"{PAGES}/news/1344,{STORY.code}.html")[0] == 200


def test_column_pages_tell_no_year(replica: EastmoneyReplica) -> None:
    status, body = get(replica.url, f"{PAGES}/a/ccjdd_2.html")
    times = select(body.decode(), '//*[@id="newsListContent"]/li//p[@class="time"]/text()')
    assert (status, len(times)) == (200, 20)
    assert all(re.fullmatch(r"\s*\d\d月\d\d日 \d\d:\d\d\s*", time) for time in times)
    assert get(replica.url, f"{PAGES}/a/ccjdd_9.html")[0] == 404
    assert b"newsTr0" not in column_page([], 1, "ccjdd").encode()


def test_a_cut_answer_ends_before_its_promise() -> None:
    promised = "10 bytes read, 90 more expected"
    with (
        serve(lambda _: Answer(b"x" * 100, cut=10)) as url,
        pytest.raises(http.client.IncompleteRead, match=promised),
    ):
        get(url, "example.com/")


def test_a_connection_is_kept_and_paths_are_read() -> None:
    def echo(request: Any) -> Answer:
        told = (request.host, request.path, request.query, request.target, request.headers["X"])
        return Answer(repr(told).encode())

    date = "Wed, 31 May 2023 16:05:00 GMT"
    with serve(echo, date=date) as url, closing(connect(url)) as connection:
        sockets: list[socket.socket] = []
        for _ in range(2):
            connection.request("GET", "/example.com:81/%E6%B8%AF?a=1&b=", headers={"X": "y"})
            answer = connection.getresponse()
            assert answer.headers["Date"] == date
            told = ("example.com:81", "/港", {"a": "1", "b": ""}, "/%E6%B8%AF?a=1&b=", "y")
            assert answer.read().decode() == repr(told)
            sockets.append(connection.sock)
        assert sockets[0] is sockets[1]

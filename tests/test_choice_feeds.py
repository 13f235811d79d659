"""The JSON feeds: what their items and texts say, and a crawl of them over real HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.http import Response

from crawler.errors import LayoutChanged, NotAnArticle
from crawler.items import Article, Entry
from crawler.parsers import choice
from crawler.parsers.dates import SHANGHAI
from crawler.spiders.choice import ChoiceSpider, answered_at
from tests import feeds
from tests.conftest import ROOT, Program
from tests.feeds import FEEDS, SHARE, Mirror, bare, code, item, serving, text_path
from tests.replica import Answer

NOW = feeds.NOW


@pytest.fixture
def finews(finews: Program) -> Program:
    """A program whose clock agrees with that of the feeds."""
    finews.clock = NOW
    return finews


URL = "http://feed.test/list"


def entries(feed: str, *items: object, at: datetime = NOW) -> list[Entry]:
    return choice.parse_listing(json.dumps({FEEDS[feed][1]: items}), URL, feed, at)


def entry(feed: str, **changes: Any) -> Entry:
    (found,) = entries(feed, item(feed, 7, **changes))
    return found


def article(feed: str, text: object, **changes: Any) -> Article:
    return choice.parse_article(json.dumps(text), entry(feed, **changes))


# What an item says


def test_an_item_of_102() -> None:
    found = entry("102")
    assert (found.site, found.listing, found.info_code) == ("choice", "102", code(7))
    assert found.url == f"http://{text_path(7)}"
    assert found.title == "第7号消息"
    assert found.published_at == datetime(2023, 5, 31, 10, 0, 7, tzinfo=SHANGHAI)
    assert dict(found.told) == {
        "feed": "102",
        "title": "第7号消息",
        "digest": "第7号摘要。（甲乙社）",
        "published_raw": "2023-05-31 10:00:07",
        "published_at": "2023-05-31T10:00:07+08:00",
        "url": "http://finance.eastmoney.com/news/1345,202305310000000007.html",
    }


@pytest.mark.parametrize(
    ("feed", "source"), [("45", "甲乙日报"), ("37", "丙丁网"), ("38", "丙丁网"), ("39", "丙丁网")]
)
def test_an_item_of_the_other_feeds(feed: str, source: str) -> None:
    found = entry(feed)
    assert (found.listing, found.info_code, found.title) == (feed, code(7), "第7号消息")
    told = dict(found.told)
    assert (told["source"], told["published_raw"]) == (source, "2023-05-31 10:00:07")
    assert told.keys() == {"feed", "title", "published_raw", "published_at", "source"}


@pytest.mark.parametrize("feed", FEEDS)
def test_every_field_may_be_empty_missing_or_of_another_type(feed: str) -> None:
    whole = item(feed, 7)
    keys = [name for name in whole if name.lower() not in ("infocode", "id")]
    for value in ("", " \u3000", None, 5, 1.5, True, [], ["x"], {"a": "b"}, ...):
        for name in keys:
            (found,) = entries(feed, item(feed, 7, **{name: value}))
            assert found.info_code == code(7)
        (found,) = entries(feed, item(feed, 7, **dict.fromkeys(keys, value)))
        assert (found.title, found.published_at, found.day) == (None, None, None)
        assert found.told == (("feed", feed),)


@pytest.mark.parametrize("value", ["", None, 5, True, [], {}, "NW2023", code(7) + "1", ...])
def test_an_item_without_a_code_spoils_no_other(value: object) -> None:
    codeless = item("102", 8, infoCode=value, id=value)
    found = entries("102", item("102", 7), codeless, None, "x", 3, [], {}, item("102", 9))
    assert [each.info_code for each in found] == [code(7), *[None] * 6, code(9)]
    assert found[1].url == codeless["url_w"]
    # The same in every run: an entry is remembered by its address.
    assert {each.url for each in found[2:7]} == {f"http://{FEEDS['102'][0]}#item"}


def test_a_code_stands_under_any_of_its_names() -> None:
    assert entry("102", infoCode="").info_code == code(7)
    assert entry("102", infoCode=..., id=int(code(7)[2:])).info_code == code(7)
    assert entry("37", infoCode=..., infocode=code(7)).info_code == code(7)


@pytest.mark.parametrize(
    ("digest", "cut"),
    [
        ("【标题】正文。", "正文。"),
        ("【标题】前文【又一题】后文。", "后文。"),
        ("没有括号。", "没有括号。"),
        ("【标题】", None),
        ("】 \u3000后文 ", "后文"),
        ("【没有闭合", "【没有闭合"),
    ],
)
def test_the_digest_is_what_follows_the_last_bracket(digest: str, cut: str | None) -> None:
    assert dict(entry("102", digest=digest).told).get("digest") == cut


@pytest.mark.parametrize(
    ("raw", "at", "expected"),
    [
        ("今天 16:25", "2023-05-31T18:00:00", "2023-05-31T16:25:00"),
        ("昨天 16:25", "2023-05-31T18:00:00", "2023-05-30T16:25:00"),
        ("今天16:25", "2023-05-31T18:00:00", "2023-05-31T16:25:00"),
        ("今天 6:05", "2023-05-31T18:00:00", "2023-05-31T06:05:00"),
        # At midnight, at the turn of a month and of a year.
        ("今天 00:00", "2023-06-01T00:00:00", "2023-06-01T00:00:00"),
        ("昨天 23:59", "2023-06-01T00:00:00", "2023-05-31T23:59:00"),
        ("昨天 00:00", "2023-01-01T00:00:01", "2022-12-31T00:00:00"),
        # An answer that was made just before midnight and came just after.
        ("今天 23:59", "2023-06-01T00:00:02", "2023-05-31T23:59:00"),
        # The feed's clock is a little ahead.
        ("今天 16:25", "2023-05-31T16:24:30", "2023-05-31T16:25:00"),
        ("2023-05-31 16:25", "2023-06-01T00:00:00", "2023-05-31T16:25:00"),
    ],
)
def test_times_of_the_minute(raw: str, at: str, expected: str) -> None:
    answered = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    for zone in (SHANGHAI, UTC):
        (found,) = entries("45", item("45", 7, showtime=raw), at=answered.astimezone(zone))
        told = dict(found.told)
        assert told["published_at"] == f"{expected}+08:00"
        assert told["published_raw"] == raw
        # The listing does not tell the second, so a bound by time goes by the day.
        assert (found.published_at, found.day) == (None, date.fromisoformat(expected[:10]))


@pytest.mark.parametrize(
    "raw",
    ["今天", "今天 25:00", "前天 10:00", "16:25", "2023-02-30 10:00", "2023-05-31", "刚刚",
     "0001-01-01 00:00:00", "今天 16:25 x"],
)  # fmt: skip
def test_a_time_that_cannot_be_read_keeps_its_text(raw: str) -> None:
    found = entry("45", showtime=raw)
    assert (found.published_at, found.day) == (None, None)
    assert dict(found.told)["published_raw"] == raw
    assert "published_at" not in dict(found.told)


def test_when_a_server_answered() -> None:
    def says(date: str) -> datetime:
        return answered_at(Response("http://a.test/", headers={"Date": date} if date else None))

    assert says(feeds.DATE) == NOW
    assert says("Wed, 31 May 2023 16:05:00 -0000") == NOW
    for broken in ("", "yesterday", "Fri, 31 Dec 9999 23:59:59 GMT"):
        assert abs((says(broken) - datetime.now(SHANGHAI)).total_seconds()) < 60


def test_addresses_are_built_from_hosts_and_count() -> None:
    urls = {name: each.url for name, each in choice.Feeds().listings().items()}
    assert urls == {name: f"http://{path}" for name, (path, _) in FEEDS.items()}
    moved = choice.Feeds("a.test", "b.test:81", "https://c.test/", 500)
    urls = {name: each.url for name, each in moved.listings().items()}
    assert urls["45"] == "http://a.test/web/webapi?type=45&count=500&newsid=1"
    assert urls["38"] == (
        "http://b.test:81/information/newmarket/web/webapi?marketType=38&count=500"
    )
    assert moved.text_url(code(7)) == f"https://c.test/NewsData/GetNewsText.do?id={code(7)}"
    assert [each.name for each in ChoiceSpider.listings()] == list(FEEDS)


@pytest.mark.parametrize("feed", FEEDS)
def test_an_answer_of_another_shape_names_its_list(feed: str) -> None:
    name = FEEDS[feed][1]
    deep = "[" * 100_000
    for text in ("", "<html>", "[]", "3", "null", "{}", "NaN", f'{{"{name}": {{}}}}',
                 f'{{"{name}": null}}', f'{{"{name}": "x"}}', f'{{"{name}": [', deep,
                 f'{{"{name}": {deep}', "9" * 10_000):  # fmt: skip
        with pytest.raises(LayoutChanged, match=f"has no {name}") as caught:
            choice.parse_listing(text, URL, feed, NOW)
        assert caught.value.url == URL
    assert entries(feed) == []


# What a text says


def test_an_article_of_102() -> None:
    html = feeds.body(7)
    found = article("102", {"content": html, "text": "<p>不要</p>"})
    assert (found.info_code, found.site, found.parser) == (code(7), "choice", "choice.text/1")
    assert found.page_url == f"http://{text_path(7)}"
    assert found.url == "http://finance.eastmoney.com/news/1345,202305310000000007.html"
    assert (found.title, found.digest) == ("第7号消息", "第7号摘要。（甲乙社）")
    assert found.published_at == datetime(2023, 5, 31, 10, 0, 7, tzinfo=SHANGHAI)
    assert found.published_raw == "2023-05-31 10:00:07"
    assert (found.source, found.category, found.tags) == ("戊己报", "emnews", ())
    assert [each.text for each in found.paragraphs] == ["正文第7段，同比增长7%。", "第二段。"]
    assert found.body == html


@pytest.mark.parametrize("feed", ["45", "37", "38", "39"])
def test_an_article_of_the_other_feeds(feed: str) -> None:
    found = article(feed, {"content": "<p>不要</p>", "text": feeds.body(7)})
    assert found.url == f"{SHARE}{code(7)}"
    assert (found.digest, found.category, found.source) == (None, None, "戊己报")
    assert found.paragraphs[0].text == "正文第7段，同比增长7%。"


@pytest.mark.parametrize("feed", ["102", "45", "38"])
def test_the_other_form_stands_in_for_an_empty_one(feed: str) -> None:
    for empty in ("", " \r\n", None, ...):
        for first, second in (("content", "text"), ("text", "content")):
            text = {first: empty, second: "<p>有</p>"}
            found = article(feed, {k: v for k, v in text.items() if v is not ...})
            assert [each.text for each in found.paragraphs] == ["有"]
            assert found.body == "<p>有</p>"


def test_a_text_that_is_empty_leaves_the_title() -> None:
    found = article("102", {"content": "", "text": ""})
    assert (found.title, found.paragraphs, found.body) == ("第7号消息", (), None)


def test_the_source_by_its_evidence() -> None:
    def source(feed: str, html: str, **changes: Any) -> str | None:
        return article(feed, {"content": html, "text": html}, **changes).source

    assert source("45", feeds.body(7)) == "戊己报"
    assert source("45", "<p>文</p>") == "甲乙日报"
    assert source("39", "<p>文</p>") == "丙丁网"
    assert source("102", "<p>文</p>") == "甲乙社"
    assert source("45", "<p>文。（庚辛社）</p>", **{"from": ""}) == "庚辛社"
    assert source("102", "<p>文</p>", digest="【题】文") is None


def test_an_original_that_is_no_address_is_none() -> None:
    for value in ("", "javascript:alert(1)", "x", 5):
        assert article("102", {"content": "文"}, url_w=value).url == f"{SHARE}{code(7)}"


def test_an_article_by_its_code_alone() -> None:
    (found,) = entries("102", bare("102", 7))
    read = choice.parse_article('{"content": "<p>文</p>"}', found)
    assert (read.title, read.published_at, read.published_raw) == (None, None, None)
    assert (read.digest, read.source) == (None, None)


@pytest.mark.parametrize(
    "text",
    ["", "<html>busy</html>", "[]", '"x"', "{}", '{"title": "x"}', '{"content": 5}',
     '{"content": {"a": 1}, "text": []}', '{"content": ' + "[" * 100_000, "[" * 100_000],
)  # fmt: skip
def test_a_text_of_another_shape_names_its_field(text: str) -> None:
    with pytest.raises(LayoutChanged, match="no content or text"):
        choice.parse_article(text, entry("102"))


def test_hostile_tables_in_tables() -> None:
    with pytest.raises(NotAnArticle, match="too deeply"):
        article("102", {"content": "<table><tr><td>a</td><td>" * 3000})


def test_an_entry_without_a_code_has_no_article() -> None:
    (codeless,) = entries("102", {})
    with pytest.raises(NotAnArticle):
        choice.parse_article('{"content": "x"}', codeless)


def test_half_characters_become_what_validation_refuses() -> None:
    """JSON can say them, SQLite cannot take them."""
    found = article("102", {"content": "<p>a\ud800\x00</p>"}, title="题\udfff\x00")
    assert found.title == "题\ufffd"
    assert found.paragraphs[0].text == "a\ufffd"
    assert found.body == "<p>a\ufffd</p>"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats()
    | st.text(st.characters(exclude_categories=()))  # halves of characters too
    | st.sampled_from([code(7), "今天 16:25", "昨天 99:99", "【】", "2023-05-31 10:00:00", "http://["]),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(
        st.sampled_from(["records", "nodeList", "record", "infoCode", "infocode", "id", "title",
                         "digest", "showtime", "datetime", "url_w", "from", "medianame",
                         "content", "text"]) | st.text(max_size=3), each, max_size=6),
    max_leaves=30,
)  # fmt: skip


@settings(deadline=None)
@given(_JSON, st.sampled_from(sorted(FEEDS)))
def test_no_json_raises_but_a_page_error(value: Any, feed: str) -> None:
    found = [entry(feed)]
    for text in (json.dumps(value), json.dumps({FEEDS[feed][1]: [value, {"infoCode": value}]})):
        with suppress(LayoutChanged):
            found += choice.parse_listing(text, URL, feed, NOW)
    for each in found:
        json.dumps([each.url, dict(each.told)], ensure_ascii=False).encode()  # SQLite takes it
        for text in (json.dumps(value), json.dumps({"content": value})):
            with suppress(LayoutChanged, NotAnArticle):
                choice.parse_article(text, each)


@settings(deadline=None)
@given(st.text(), st.sampled_from(sorted(FEEDS)))
def test_no_text_raises_but_a_page_error(text: str, feed: str) -> None:
    with suppress(LayoutChanged):
        choice.parse_listing(text, URL, feed, NOW)
    with suppress(LayoutChanged):
        choice.parse_article(text, entry(feed))


# A crawl

#: 12 articles by 14 routes, one of them bare, and two items that are none.
ITEMS: dict[str, list[object]] = {
    "102": [item("102", 1), bare("102", 2), item("102", 3), None, item("102", 4)],
    "45": [item("45", 5), item("45", 3), item("45", 6, showtime="昨天 16:25")],
    "37": [item("37", 7), {"title": "无号", "medianame": "某网"}, item("37", 8)],
    "38": [item("38", 9), item("38", 10, medianame=["x"], title=9)],
    "39": [item("39", 11), item("39", 8), item("39", 12)],
}
CODES = [code(number) for number in range(1, 13)]


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with serving(feeds.build(dict(ITEMS), range(1, 13))) as found:
        yield found


def crawl(program: Program, mirror: Mirror, *args: str, exits: int = 0) -> Any:
    return program.json("crawl", "choice", "--replay", mirror.url, *args, code=exits)


def rows_of(program: Program, corpus_of: Callable[[Program], Any]) -> Any:
    told = program.rows("SELECT listing, url, told FROM entries ORDER BY 1, 2")
    parts = program.rows("SELECT info_code, category, body FROM articles ORDER BY 1")
    return {**corpus_of(program), "told": told, "parts": parts}


def test_every_article_of_all_feeds_once(finews: Program, mirror: Mirror) -> None:
    summary = crawl(finews, mirror)
    assert (summary["found"], summary["new"], summary["failed"]) == (12, 12, 0)
    assert sorted(mirror.texts()) == CODES
    assert set(mirror.log) >= {path for path, _ in FEEDS.values()}
    assert finews.rows("SELECT info_code FROM articles ORDER BY 1") == CODES
    assert finews.rows("SELECT name, url FROM listings ORDER BY rowid") == [
        (name, f"http://{path}") for name, (path, _) in FEEDS.items()
    ]


def test_a_code_in_two_feeds_is_one_row_with_both_sightings(
    finews: Program, mirror: Mirror
) -> None:
    crawl(finews, mirror)
    sql = "SELECT listing, url FROM sightings WHERE info_code = ? ORDER BY listing"
    url = f"http://{text_path(3)}"
    assert finews.rows(sql, code(3)) == [("102", url), ("45", url)]
    assert [listing for listing, _ in finews.rows(sql, code(8))] == ["37", "39"]
    assert finews.rows("SELECT count(*) FROM sightings") == [14]


def test_what_the_feed_told_is_in_the_row(finews: Program, mirror: Mirror) -> None:
    crawl(finews, mirror)
    sql = (
        "SELECT title, digest, published_at, published_raw, url, source, category, parser, listing"
        " FROM articles WHERE info_code = ?"
    )
    assert finews.rows(sql, code(1)) == [
        (
            "第1号消息", "第1号摘要。（甲乙社）",
            "2023-05-31T10:00:01+08:00", "2023-05-31 10:00:01",
            "http://finance.eastmoney.com/news/1345,202305310000000001.html", "戊己报", "emnews",
            "choice.text/1", "102",
        )
    ]  # fmt: skip
    assert finews.rows(sql, code(6)) == [
        (
            "第6号消息", None, "2023-05-31T16:25:00+08:00", "昨天 16:25", f"{SHARE}{code(6)}",
            "戊己报", None, "choice.text/1", "45",
        )
    ]  # fmt: skip
    linked = "SELECT count(*) FROM mentions WHERE info_code = ?"
    assert finews.rows(linked, code(1)) == [1]  # the form with links
    assert finews.rows(linked, code(6)) == [0]


def test_empty_fields_are_null_and_incomplete(finews: Program, mirror: Mirror) -> None:
    summary = crawl(finews, mirror)
    assert summary["incomplete"] == 2
    lacking = "SELECT info_code FROM articles WHERE title IS NULL ORDER BY 1"
    assert finews.rows(lacking) == [code(2), code(10)]
    assert finews.rows(
        "SELECT title, published_at, published_raw, digest, url FROM articles WHERE info_code = ?",
        code(2),
    ) == [(None, None, None, None, f"{SHARE}{code(2)}")]


def test_items_without_a_code_are_skipped_and_told(finews: Program, mirror: Mirror) -> None:
    skipped = crawl(finews, mirror)["skipped_urls"]
    assert skipped == [
        f"http://{FEEDS['102'][0]}#item",
        f"http://{FEEDS['37'][0]}#%E6%97%A0%E5%8F%B7",
    ]
    assert crawl(finews, mirror)["skipped_urls"] == skipped
    assert finews.rows("SELECT count(*) FROM entries WHERE state = 'skipped'") == [2]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"<html>busy</html>", "layout-changed"),
        (b'{"title": "x"}', "layout-changed"),
        (b'{"content": ' + b"[" * 100_000, "layout-changed"),
        (Answer(status=404), "http-404"),
        (Answer(b'{"content": "x"}', cut=5), "truncated"),
    ],
)
def test_a_broken_text_fails_alone(
    finews: Program, mirror: Mirror, broken: bytes | Answer, reason: str
) -> None:
    mirror.pages[text_path(5)] = broken
    summary = crawl(finews, mirror, exits=3)
    assert (summary["new"], summary["failed"]) == (11, 1)
    (failure,) = summary["failures"]
    assert (failure["info_code"], failure["reason"]) == (code(5), reason)
    assert failure["url"] == f"http://{text_path(5)}"
    if reason == "layout-changed":
        assert "content or text" in failure["message"]


@pytest.mark.parametrize("feed", ["102", "45", "38"])
@pytest.mark.parametrize("broken", [b"<html>busy</html>", b'{"list": []}', b"[" * 100_000])
def test_a_feed_of_another_shape_is_a_failure_that_names_the_field(
    finews: Program, mirror: Mirror, feed: str, broken: bytes
) -> None:
    path, name = FEEDS[feed]
    whole, mirror.pages[path] = mirror.pages[path], broken
    (failure,) = crawl(finews, mirror, exits=3)["failures"]
    assert (failure["url"], failure["reason"]) == (f"http://{path}", "layout-changed")
    assert f"no {name}" in failure["message"]
    assert finews.rows("SELECT name FROM listings ORDER BY rowid") == [
        each for each in FEEDS if each != feed
    ]
    mirror.pages[path] = whole
    assert crawl(finews, mirror)["failed"] == 0
    assert finews.json("failures") == []
    assert finews.rows("SELECT info_code FROM articles ORDER BY 1") == CODES


def test_a_second_run_asks_for_no_text(
    finews: Program, mirror: Mirror, corpus_of: Callable[[Program], Any]
) -> None:
    crawl(finews, mirror)
    before = rows_of(finews, corpus_of)
    mirror.log.clear()
    assert crawl(finews, mirror)["found"] == 0
    assert mirror.texts() == []
    assert sorted(mirror.log) == sorted(path for path, _ in FEEDS.values())
    mirror.pages[FEEDS["45"][0]] = feeds.feed_answer("45", [item("45", 13), item("45", 5)])
    mirror.pages |= feeds.texts([13])
    assert rows_of(finews, corpus_of) == before
    assert crawl(finews, mirror)["new"] == 1
    assert mirror.texts() == [code(13)]


def test_one_listing_and_bounds(finews: Program, mirror: Mirror) -> None:
    assert crawl(finews, mirror, "--listing", "38", "--listing", "45")["new"] == 5
    assert finews.rows("SELECT DISTINCT listing FROM articles ORDER BY 1") == ["38", "45"]
    since = crawl(finews, mirror, "--since", "2023-05-31T10:00:09")
    # The bare one tells no time; what is before the bound is kept for later.
    assert since["new"] == 3
    assert finews.rows("SELECT count(*) FROM entries WHERE state = 'outside'") == [5]
    done = finews.run(finews.command("crawl", "choice", "--listing", "46"))
    assert done.returncode == 2
    assert "choice has no listing '46'; it has 102, 45, 37, 38, 39" in done.stderr


def test_a_host_that_moved_costs_nothing_twice(finews: Program, mirror: Mirror) -> None:
    def moved(*args: str) -> None:
        hosts = ("FEED_HOST=a.test", "MARKET_FEED_HOST=b.test:81", "TEXT_HOST=c.test", "COUNT=500")
        options = [part for each in hosts for part in ("-s", f"CHOICE_{each}")]
        options += ["-s", f"FINEWS_DATA={finews.data}", "-s", f"FINEWS_REPLAY={mirror.url}"]
        done = finews.scrapy("crawl", "choice", *options, *args)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr

    def at_home(path: str) -> str:
        home = (("a.test/", feeds.FEED), ("b.test:81/", feeds.MARKET), ("c.test/", feeds.TEXT))
        for host, old in home:
            path = path.replace(f"{old.partition('/')[0]}/", host)
        return path.replace("count=100", "count=500")

    finews.clock = None  # Scrapy by itself knows no other
    mirror.pages[text_path(5)] = Answer(status=503)
    crawl(finews, mirror, exits=3)
    finews.write("UPDATE failures SET next_try_at = '2000-01-01T00:00:00+08:00'")
    good = feeds.texts([5])
    mirror.pages = {at_home(path): page for path, page in (mirror.pages | good).items()}
    mirror.log.clear()
    moved()
    assert mirror.texts() == [code(5)]
    assert mirror.log[0] == f"c.test/NewsData/GetNewsText.do?id={code(5)}"
    assert sorted(mirror.log[1:]) == sorted(at_home(path) for path, _ in FEEDS.values())
    assert finews.json("failures") == []
    assert finews.rows("SELECT count(*) FROM sightings") == [14]
    assert finews.rows("SELECT count(*) FROM listings") == [5]
    # What fails where a feed stands now is over when it answers there.
    broken = at_home(FEEDS["45"][0])
    whole, mirror.pages[broken] = mirror.pages[broken], b"busy"
    moved()
    assert [each["url"] for each in finews.json("failures")] == [f"http://{broken}"]
    mirror.pages[broken] = whole
    moved()
    assert finews.json("failures") == []


def kill_at(program: Program, mirror: Mirror, requests: int) -> None:
    """Crawl until the mirror has had so many requests, then SIGKILL."""
    process = subprocess.Popen(
        program.command("crawl", "choice", "--replay", mirror.url),
        cwd=ROOT,
        env=program.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while len(mirror.log) < requests and process.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("requests", [2, 6, 40, 250])
def test_killed_in_the_middle(
    finews: Program, tmp_path: Path, corpus_of: Callable[[Program], Any], requests: int
) -> None:
    pages = feeds.many(300)
    pages[text_path(4)] = b"busy"
    whole = Program(tmp_path / "whole")
    with serving(pages) as mirror:
        crawl(whole, mirror, exits=3)
        mirror.log.clear()
        mirror.delay = 0.003
        kill_at(finews, mirror, requests)
        mirror.delay = 0
        crawl(finews, mirror, exits=3)
    assert rows_of(finews, corpus_of) == rows_of(whole, corpus_of)
    assert finews.rows("SELECT count(*) FROM articles") == [299]


def test_what_the_feeds_told_survives_a_kill(
    finews: Program, tmp_path: Path, mirror: Mirror, corpus_of: Callable[[Program], Any]
) -> None:
    """The feeds have moved on when the next run comes: only the frontier knows the titles."""
    whole = Program(tmp_path / "whole")
    whole.clock = NOW
    crawl(whole, mirror)
    mirror.log.clear()
    mirror.delay = 0.02
    kill_at(finews, mirror, 7)
    assert finews.rows("SELECT count(*) FROM articles")[0] < 12
    assert finews.rows("SELECT count(*) FROM entries") == [16]
    mirror.delay = 0
    mirror.pages |= {path: feeds.feed_answer(name, []) for name, (path, _) in FEEDS.items()}
    crawl(finews, mirror)
    assert rows_of(finews, corpus_of) == rows_of(whole, corpus_of)

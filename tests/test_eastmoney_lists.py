"""Eastmoney's listings: what pages in their five shapes show, where they go on, what is none."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler import infocode
from crawler.errors import EmptyAnswer, LayoutChanged, NotAnArticle, PageError, TruncatedPage
from crawler.items import Entry, Listing
from crawler.parsers.dates import SHANGHAI
from crawler.parsers.eastmoney import SITE, article_url, page_url
from crawler.parsers.eastmoney.lists import ListPage, catalogue, parse_listing

COLUMNS = catalogue(20)
COLUMN = COLUMNS["350"].listing
FAST = COLUMNS["7x24"].listing
PUSH = COLUMNS["push-745"].listing
PC = COLUMNS["pc-345"].listing
HTML = replace(COLUMN, url=COLUMNS["350"].page or "")
JSON = {"column": COLUMN, "fast": FAST, "push": PUSH, "pc": PC}
AT = datetime(2026, 9, 19, 1, 9, 8, tzinfo=SHANGHAI)
MS = 1789751348000  # the same moment


def code(number: int) -> str:
    return f"NW20260919{number:010}"


def item(kind: str, number: int, **changes: Any) -> dict[str, Any]:
    """An item of a shape; a change to ``...`` takes the field out."""
    digits = code(number)[2:]
    page = f"http://finance.eastmoney.com/a/{digits}.html"
    shapes: dict[str, dict[str, Any]] = {
        "column": {
            "summary": f"【第{number}题】摘要。", "image": "", "code": digits, "np_dst": "CMS",
            "showTime": "2026-09-19 01:09:08", "uniqueUrl": page, "title": f"第{number}题",
            "mediaName": "甲乙报", "url": f"http://finance.eastmoney.com/news/1345,{digits}.html",
        },
        "fast": {
            "code": digits, "title": f"第{number}题", "summary": f"【第{number}题】摘要。",
            "showTime": "2026-09-19 01:09:08", "titleColor": 0, "realSort": "1789", "share": 3,
            "pinglun_Num": 0, "stockList": ["116.00700", "1.600519"], "image": [],
        },
        "push": {
            "code": digits, "title": f"第{number}题", "digest": f"【第{number}题】摘要。",
            "simtitle": "", "titlecolor": "3", "showtime": "2026-09-19 01:09:08",
            "ordertime": "2026-09-18 01:09:08", "pushtime": "2026-09-19 01:20:00", "url": page,
            "image": "", "author": "丙丁", "source": "甲乙报", "sort": MS, "type": 0,
        },
        "pc": {
            "infoCode": f"NW{digits}", "showDateTime": MS, "title": f"第{number}题",
            "content": f"【第{number}题】摘要。", "source": "甲乙报",
        },
    }  # fmt: skip
    whole = shapes[kind] | changes
    return {name: value for name, value in whole.items() if value is not ...}


def answer(kind: str, items: object, **changes: Any) -> str:
    """An answer of a shape around ``items``; changes are of the object that holds the list."""
    if kind == "pc":
        whole = {
            "condition": None,
            "count": 20,
            "totalPages": 0,
            "items": items,
            "totalCount": 7224,
        }
        return json.dumps(whole | changes)
    if kind == "fast":
        data = {"sortEnd": "1789-5", "index": 0, "total": 900, "size": 20, "fastNewsList": items}
    else:
        data = {"page_index": 1, "list": items, "totle_hits": 5000, "page_size": 20}
    status = (
        {"success": 1, "error": None} if kind == "push" else {"code": "1", "message": "success"}
    )
    return json.dumps({"req_trace": "1", **status, "data": data | changes})


def entries(kind: str, *items: object) -> tuple[Entry, ...]:
    return parse_listing(answer(kind, items), JSON[kind]).entries


# The catalogue


def test_addresses_as_the_site_gives_them() -> None:
    urls = {name: each.listing.url for name, each in catalogue(200).items()}
    assert urls["350"] == (
        "https://np-listapi.eastmoney.com/comm/web/getNewsByColumns?client=web&biz=web_news_col"
        "&column=350&order=1&needInteractData=0&page_index=1&page_size=200&req_trace=finews"
    )
    assert urls["7x24"] == (
        "https://np-weblist.eastmoney.com/comm/web/getFastNewsList?client=web&biz=web_724"
        "&fastColumn=102&sortEnd=&pageSize=200&req_trace=finews"
    )
    assert urls["7x24-118"] == urls["7x24"].replace("102", "118")
    assert urls["push-745"] == (
        "https://np-listapi.eastmoney.com/cms/pushlist?column=745&client=PC&page_index=1"
        "&page_size=200&req_trace=finews"
    )
    assert urls["pc-345"] == (
        "https://eminfo.eastmoney.com/pc_news/News/GetNewsList?searchType=001&columnCode=345"
        "&p=1&pagesize=200"
    )
    assert len(set(urls.values())) == len(urls)


def test_every_listing_is_the_sites_first_page() -> None:
    for name, column in COLUMNS.items():
        assert (column.listing.site, column.listing.name, column.listing.page) == (SITE, name, 1)
        assert column.listing.title is None or column.listing.title.strip()
        assert column.page is None or column.page.startswith("https://")
    assert [name for name, each in COLUMNS.items() if each.default] == (
        ["344", "345", "350", "351", "353", "349", "355", "7x24"]
    )
    assert len(COLUMNS) == 37 + 14 + 2


@pytest.mark.parametrize(
    ("name", "title", "page"),
    [
        ("344", "财经导读", "https://finance.eastmoney.com/a/ccjdd.html"),
        ("345", "要闻", None),
        ("436", "美股聚焦", "https://stock.eastmoney.com/a/cmgyw.html"),
        ("408", None, "https://stock.eastmoney.com/a/cbkjj.html"),
        ("535", None, "https://hk.eastmoney.com/a/cgsbd.html"),
        ("781", None, "https://global.eastmoney.com/a/cozsc.html"),
        ("1138", None, "https://enterprise.eastmoney.com/a/ccfgc.html"),
        ("1207", "财经早餐", "https://stock.eastmoney.com/a/czpnc.html"),
        ("7x24", "7×24快讯", None),
        ("7x24-109", None, None),
        ("push-745", None, None),
    ],
)
def test_titles_and_pages(name: str, title: str | None, page: str | None) -> None:
    assert (COLUMNS[name].listing.title, COLUMNS[name].page) == (title, page)


def test_an_address_gives_its_code_back() -> None:
    for url in (article_url(code(7)), page_url(code(7)), page_url(code(7)[2:])):
        assert infocode.read(url) == code(7)


# What an item says


@pytest.mark.parametrize("kind", JSON)
def test_an_item(kind: str) -> None:
    (found,) = entries(kind, item(kind, 7))
    assert (found.site, found.listing) == (SITE, JSON[kind].name)
    assert (found.url, found.info_code) == (article_url(code(7)), code(7))
    assert (found.title, found.published_at, found.day) == ("第7题", AT, None)
    told = {
        "title": "第7题",
        "digest": "摘要。",
        "published_raw": str(MS) if kind == "pc" else "2026-09-19 01:09:08",
        "published_at": "2026-09-19T01:09:08+08:00",
    }
    page = "http://finance.eastmoney.com/a/202609190000000007.html"
    told |= {
        "column": {"source": "甲乙报", "url": page},
        "fast": {"stocks": "116.00700,1.600519", "kind": "fast"},
        "push": {"source": "甲乙报", "url": page, "author": "丙丁"},
        "pc": {"source": "甲乙报"},
    }[kind]
    assert dict(found.told) == told


@pytest.mark.parametrize("kind", JSON)
def test_every_field_may_be_empty_missing_or_of_another_type(kind: str) -> None:
    good = item(kind, 7)
    own = "infoCode" if kind == "pc" else "code"
    names = [name for name in good if name != own]
    for value in ("", " \u3000", None, 1.5, True, [], ["x"], {"a": "b"}, ...):
        for name in names:
            found = entries(kind, good, item(kind, 8, **{name: value}))
            assert [each.info_code for each in found] == [code(7), code(8)]
        _, bare = entries(kind, good, item(kind, 8, **dict.fromkeys(names, value)))
        assert (bare.title, bare.published_at, bare.day) == (None, None, None)
        assert bare.told == ((("kind", "fast"),) if kind == "fast" else ())


@pytest.mark.parametrize("value", ["", None, 5, True, [], {}, "NW2023", code(7) + "1", ...])
@pytest.mark.parametrize("kind", JSON)
def test_an_item_without_a_code_spoils_no_other(kind: str, value: object) -> None:
    own = "infoCode" if kind == "pc" else "code"
    codeless = item(kind, 8, **{own: value, "uniqueUrl": ..., "url": ...})
    others: list[object] = [None, "x", 3, [], {}]
    found = entries(kind, item(kind, 7), codeless, *others, item(kind, 9))
    assert [each.info_code for each in found] == [code(7), *[None] * 6, code(9)]
    # The same in every run, whatever page it stands on: an entry is remembered by its address.
    text = answer(kind, [codeless, item(kind, 9)])
    for listing in (JSON[kind], replace(JSON[kind], url=JSON[kind].url + "&x=2", page=2)):
        assert parse_listing(text, listing).entries[0].url == found[1].url
    assert len({each.url for each in found[2:7]}) == 1
    assert infocode.read(found[1].url) is None


def test_a_code_may_stand_in_the_address_alone() -> None:
    (found,) = entries("column", item("column", 7, code=""))
    assert found.info_code == code(7)
    link = "http://finance.eastmoney.com/x.html"
    _, found = entries("column", item("column", 7), item("column", 8, code="", uniqueUrl=link))
    assert (found.info_code, found.url) == (None, link)


def test_a_code_may_be_a_number() -> None:
    (found,) = entries("column", item("column", 7, code=int(code(7)[2:])))
    assert found.info_code == code(7)


def test_the_address_of_the_page_is_the_first_that_is_one() -> None:
    def url(**changes: Any) -> str | None:
        (found,) = entries("column", item("column", 7, **changes))
        return dict(found.told).get("url")

    assert url(uniqueUrl="") == "http://finance.eastmoney.com/news/1345,202609190000000007.html"
    assert url(uniqueUrl="javascript:x", url="x") is None


@pytest.mark.parametrize(
    ("digest", "cut"),
    [
        ("【标题】正文。", "正文。"),
        (" 【标题】\u3000正文。", "正文。"),
        ("【标题】前文【又一题】后文。", "前文【又一题】后文。"),
        ("【甲【乙】丙】后文。", "丙】后文。"),
        ("没有括号。", "没有括号。"),
        ("前文【题】后文", "前文【题】后文"),
        ("【标题】", "【标题】"),
        ("【标题】 ", "【标题】"),
        ("【没有闭合", "【没有闭合"),
        ("】后文", "】后文"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "name"),
    [("column", "summary"), ("fast", "summary"), ("push", "digest"), ("pc", "content")],
)
def test_the_digest_is_without_the_title(kind: str, name: str, digest: str, cut: str) -> None:
    (found,) = entries(kind, item(kind, 7, **{name: digest}))
    assert dict(found.told).get("digest") == cut


@pytest.mark.parametrize(
    ("value", "stocks"),
    [
        (["116.00700", " 1.600519 ", "90.BK0800"], "116.00700,1.600519,90.BK0800"),
        (["116.00700", 5, None, "x", "1,600519", ""], "116.00700"),
        ([], None),
        (None, None),
        ("116.00700", None),
        (["x"], None),
    ],
)  # fmt: skip
def test_securities_beside_an_item(value: object, stocks: str | None) -> None:
    for kind in ("fast", "column"):
        (found,) = entries(kind, item(kind, 7, stockList=value))
        assert dict(found.told).get("stocks") == stocks


@pytest.mark.parametrize(
    ("kind", "raw", "kept"),
    [
        ("column", "0001-01-01 00:00:00", "0001-01-01 00:00:00"),
        ("column", "2026-13-45 00:00:00", "2026-13-45 00:00:00"),
        ("column", "2026-09-19 01:09", "2026-09-19 01:09"),
        ("fast", "刚刚", "刚刚"),
        ("pc", 0, "0"),
        ("pc", -1, "-1"),
        ("pc", 10**30, str(10**30)),
        ("pc", "今天", "今天"),
        ("pc", 253402300799000 + 1000, "253402300800000"),
    ],
)
def test_a_time_that_cannot_be_read_keeps_its_text(kind: str, raw: object, kept: str) -> None:
    name = {"pc": "showDateTime"}.get(kind, "showTime")
    (found,) = entries(kind, item(kind, 7, **{name: raw}))
    assert (found.published_at, found.day) == (None, None)
    assert dict(found.told)["published_raw"] == kept
    assert "published_at" not in dict(found.told)


def test_the_time_it_was_shown_and_no_other() -> None:
    (found,) = entries("push", item("push", 7, showtime=""))
    assert (found.published_at, dict(found.told).get("published_raw")) == (None, None)


def test_half_characters_become_what_validation_refuses() -> None:
    (found,) = entries("column", item("column", 7, title="题\udfff\x00", mediaName="\x00"))
    assert found.title == "题\ufffd"
    assert "source" not in dict(found.told)


# Where it goes on


def after(kind: str, page: int = 1, items: int = 20, /, **changes: Any) -> Listing | None:
    listing = JSON[kind]
    if page > 1:
        listing = replace(listing, page=page)
    shown = [item(kind, number) for number in range(items)]
    return parse_listing(answer(kind, shown, **changes), listing).next


@pytest.mark.parametrize(
    ("kind", "number", "total"),
    [
        ("column", "page_index", "totle_hits"),
        ("push", "page_index", "totle_hits"),
        ("pc", "p", "totalCount"),
    ],
)
def test_the_next_number_until_the_total(kind: str, number: str, total: str) -> None:
    asked = JSON[kind].url
    assert after(kind) == replace(
        JSON[kind], url=asked.replace(f"&{number}=1&", f"&{number}=2&"), page=2
    )
    third = after(kind, 2)
    assert third and third.page == 3 and f"&{number}=3&" in third.url
    assert after(kind, 2, **{total: 41})
    assert after(kind, 2, **{total: "41"})
    assert after(kind, 2, **{total: 40}) is None
    assert after(kind, 2, **{total: 39}) is None
    assert after(kind, 2, 1, **{total: 40}) is None
    # Without a total there may always be one more.
    for value in (None, "", "x", -1, True, list[object]()):
        assert after(kind, 2, **{total: value})


def test_the_size_is_the_answers_else_as_asked() -> None:
    assert after("column", 3, page_size=10, totle_hits=31)
    assert after("column", 3, page_size=10, totle_hits=30) is None
    for value in (None, 0, "", "x", -5):
        assert after("column", 3, page_size=value, totle_hits=61)
        assert after("column", 3, page_size=value, totle_hits=60) is None
    assert after("column", 3, page_size="10", totle_hits=30) is None


def test_the_cursor_until_it_is_empty_or_the_same() -> None:
    second = after("fast")
    assert second == replace(FAST, url=FAST.url.replace("sortEnd=&", "sortEnd=1789-5&"), page=2)
    text = answer("fast", [item("fast", 7)])
    assert parse_listing(text, second).next is None  # in a circle
    text = answer("fast", [item("fast", 7)], sortEnd="a&b=1 \u4e2d\\1")
    third = parse_listing(text, second).next
    assert third and third.page == 3
    assert third.url == FAST.url.replace("sortEnd=&", "sortEnd=a%26b%3D1%20%E4%B8%AD%5C1&")
    assert parse_listing(text, third).next is None
    for cursor in ("", None):
        assert after("fast", sortEnd=cursor) is None
    number = after("fast", sortEnd=1789)
    assert number and "sortEnd=1789&" in number.url


@pytest.mark.parametrize("cursor", [[], {}, True, 1.5])
def test_a_cursor_of_another_type_is_no_end(cursor: object) -> None:
    with pytest.raises(LayoutChanged) as caught:
        after("fast", sortEnd=cursor)
    assert caught.value.field == "data.sortEnd"


def test_an_empty_page_is_the_end_or_a_refusal() -> None:
    for kind, listing in JSON.items():
        for items in (list[object](), None):
            with pytest.raises(EmptyAnswer) as caught:
                parse_listing(answer(kind, items), listing)
            assert (caught.value.url, caught.value.site) == (listing.url, SITE)
    assert after("fast", 2, 0) is None
    for kind, total in (("column", "totle_hits"), ("push", "totle_hits"), ("pc", "totalCount")):
        third = replace(JSON[kind], page=3)
        assert parse_listing(answer(kind, [], **{total: 40}), third) == ListPage((), None)
        for promised in (41, 5000, 0, None):
            with pytest.raises(EmptyAnswer):
                parse_listing(answer(kind, [], **{total: promised}), third)


@pytest.mark.parametrize("page", [1, 2])
def test_an_answer_without_data_is_a_refusal(page: int) -> None:
    for kind, listing in JSON.items():
        here = replace(listing, page=page)
        for text in ("", " \r\n", "\ufeff"):
            with pytest.raises(EmptyAnswer):
                parse_listing(text, here)
        if kind != "pc":
            with pytest.raises(EmptyAnswer):
                parse_listing('{"code": "1", "success": 1, "data": null}', here)
    with pytest.raises(EmptyAnswer):
        parse_listing("", replace(HTML, page=page))


# What is no list


@pytest.mark.parametrize("kind", JSON)
def test_no_json_or_no_object_names_the_list(kind: str) -> None:
    path = {"fast": "data.fastNewsList", "pc": "items"}.get(kind, "data.list")
    for text in ("<html><title>安全验证</title></html>", "[]", "3", "null", "NaN", '"x"', "{",
                 "[" * 100_000, '{"data": ' + "[" * 100_000, "9" * 10_000):  # fmt: skip
        with pytest.raises(LayoutChanged) as caught:
            parse_listing(text, JSON[kind])
        assert caught.value.field.startswith(f"{path} (")
        assert (caught.value.url, caught.value.site) == (JSON[kind].url, SITE)


@pytest.mark.parametrize(
    ("kind", "answered", "field"),
    [
        ("column", {}, "code"),
        ("column", {"code": "1"}, "data"),
        ("column", {"code": 1, "data": []}, "data"),
        ("column", {"code": 1, "data": "x"}, "data"),
        ("column", {"code": 1, "data": {}}, "data.list"),
        ("column", {"code": 1, "data": {"list": {}}}, "data.list"),
        ("column", {"code": 1, "data": {"list": "x"}}, "data.list"),
        ("fast", {"code": "1", "data": {"list": []}}, "data.fastNewsList"),
        ("push", {"data": {}}, "data.list"),
        ("push", {}, "data"),
        ("pc", {}, "items"),
        ("pc", {"items": {}}, "items"),
    ],
)
def test_a_part_that_is_missing_is_named(kind: str, answered: object, field: str) -> None:
    with pytest.raises(LayoutChanged) as caught:
        parse_listing(json.dumps(answered), JSON[kind])
    assert caught.value.field == field


@pytest.mark.parametrize("status", ["0", 0, "-1", "", None, True, [], {}, 1.5])
def test_a_status_that_is_no_success(status: object) -> None:
    for kind, name in (("column", "code"), ("fast", "code"), ("push", "success")):
        whole = json.loads(answer(kind, [item(kind, 7)]))
        with pytest.raises(LayoutChanged, match=f"has no {name}"):
            parse_listing(json.dumps(whole | {name: status}), JSON[kind])
    assert entries("pc", item("pc", 7))


def test_what_the_host_says_is_in_the_message() -> None:
    text = json.dumps({"code": "-7", "message": "参数错误", "data": None})
    with pytest.raises(LayoutChanged, match=r"code 1 \(it says -7: 参数错误\)"):
        parse_listing(text, COLUMN)


@pytest.mark.parametrize(
    ("kind", "path", "names"),
    [
        ("column", "data.list", ["code", "title", "showTime"]),
        ("fast", "data.fastNewsList", ["code", "title", "showTime", "summary"]),
        ("push", "data.list", ["code", "title", "showtime"]),
        ("pc", "items", ["infoCode", "title", "showDateTime"]),
    ],
)
def test_a_key_that_no_item_has_is_named(kind: str, path: str, names: list[str]) -> None:
    for name in names:
        lacking = [item(kind, number, **{name: ...}) for number in range(3)]
        with pytest.raises(LayoutChanged) as caught:
            entries(kind, *lacking)
        assert caught.value.field == f"{path}[].{name}"
        assert len(entries(kind, *lacking, item(kind, 9))) == 4
    with pytest.raises(LayoutChanged):
        entries(kind, "x", None, 3)


@pytest.mark.parametrize("kind", JSON)
def test_codes_that_cannot_be_read_at_all_are_a_change(kind: str) -> None:
    own = "infoCode" if kind == "pc" else "code"
    unread = [item(kind, n, **{own: f"A{n}", "uniqueUrl": "", "url": ""}) for n in range(3)]
    with pytest.raises(LayoutChanged, match=rf"\[\].{own}"):
        entries(kind, *unread)


# The HTML page of a column


def shown(number: int = 7, time: str = "06月14日 17:56", info: str = " title=【题】全文。") -> str:
    digits = code(number)[2:]
    return (
        f'<li id="newsTr{number}"><div class="image"><a href="x"><img src="//a.test/1.jpg"></a>'
        f'</div><div class="text"><p class="title"><a href="http://finance.eastmoney.com/a/{digits}'
        f'.html" target="_blank">\r\n    第{number}题\r\n  </a></p><p class="info"{info}>全...</p>'
        f'<p class="time">\n {time} </p></div></li>'
    )


def column(*items: str, end: str = "</body></html>") -> str:
    ul = f'<ul id="newsListContent">{"".join(items)}</ul>'
    return f"<html><body><ul><li>菜单</li></ul>{ul}<ul><li>页脚</li></ul>{end}"


def test_an_item_of_the_page() -> None:
    found = parse_listing(column(shown(7), shown(8)), HTML)
    first = found.entries[0]
    assert (first.site, first.listing) == (SITE, "350")
    assert (first.url, first.info_code, first.title) == (article_url(code(7)), code(7), "第7题")
    assert (first.published_at, first.day) == (None, date(2026, 6, 14))
    assert dict(first.told) == {
        "title": "第7题",
        "digest": "全文。",
        "published_raw": "06月14日 17:56",
        "url": "http://finance.eastmoney.com/a/202609190000000007.html",
    }
    assert [each.info_code for each in found.entries] == [code(7), code(8)]
    assert found.next == replace(HTML, url="https://finance.eastmoney.com/a/cgnjj_2.html", page=2)


def test_the_pages_of_a_column_until_an_empty_one() -> None:
    second = parse_listing(column(shown()), HTML).next
    assert second
    third = parse_listing(column(shown()), second).next
    assert third == replace(HTML, url="https://finance.eastmoney.com/a/cgnjj_3.html", page=3)
    assert parse_listing(column(), third) == ListPage((), None)
    with pytest.raises(EmptyAnswer):
        parse_listing(column(), HTML)


@pytest.mark.parametrize(
    ("number", "time", "day"),
    [
        ("20260919", "09月18日 23:59", "2026-09-18"),
        ("20260101", "12月31日 23:59", "2025-12-31"),
        ("20251231", "01月01日 00:01", "2026-01-01"),
        ("20240301", "02月29日 08:00", "2024-02-29"),
        ("20250301", "02月29日 08:00", "2024-02-29"),
        ("20260919", "2025年08月17日 20:16", "2025-08-17"),
        ("20260919", "02月30日 08:00", None),
        ("20260919", "17:56", None),
        ("20260919", "0001年13月01日", None),
    ],
)
def test_the_day_is_of_the_year_that_is_nearest(number: str, time: str, day: str | None) -> None:
    text = column(shown(7, time).replace("20260919", number))
    (found,) = parse_listing(text, HTML).entries
    assert found.day == (date.fromisoformat(day) if day else None)
    assert dict(found.told)["published_raw"] == time


def test_a_summary_that_is_not_cut_short() -> None:
    (found,) = parse_listing(column(shown(info="")), HTML).entries
    assert dict(found.told)["digest"] == "全..."


def test_an_odd_item_spoils_no_other() -> None:
    odd = (
        '<li><p class="title">没有链接</p></li>',
        "<li>广告</li>",
        '<li><p class="title"><a href="http://[">坏</a></p></li>',
    )
    found = parse_listing(column(shown(7), *odd, shown(9)), HTML).entries
    assert [each.info_code for each in found] == [code(7), None, None, None, code(9)]
    assert len({each.url for each in found}) == 4
    assert found[3].title == "坏"


def test_addresses_without_a_scheme() -> None:
    for href in ("//finance.eastmoney.com/a/", "/a/", ""):
        text = column(shown().replace("http://finance.eastmoney.com/a/", href))
        (found,) = parse_listing(text, HTML).entries
        assert found.info_code == code(7)
        assert dict(found.told)["url"] == "https://finance.eastmoney.com/a/202609190000000007.html"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("<html><title>安全验证</title></html>", "#newsListContent"),
        ("busy", "#newsListContent"),
        (column("<li>x</li>", "<li>y</li>"), "#newsListContent li p.title a"),
        (column(shown().replace("time", "date")), "#newsListContent li p.time"),
        (column(shown().replace("20260919", "x")), "#newsListContent li p.title a[href]"),
    ],
)
def test_a_page_that_has_changed(text: str, field: str) -> None:
    with pytest.raises(LayoutChanged) as caught:
        parse_listing(text, HTML)
    assert caught.value.field == field
    assert (caught.value.url, caught.value.site) == (HTML.url, SITE)


def test_a_page_that_breaks_off_in_its_list() -> None:
    whole = column(shown(7), shown(8))
    with pytest.raises(TruncatedPage):
        parse_listing(whole[: whole.index("第8题")], HTML)
    with pytest.raises(NotAnArticle):
        parse_listing(column("<div>" * 3000), HTML)


# Whatever else may come

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats()
    | st.text(st.characters(exclude_categories=()))  # halves of characters too
    | st.sampled_from([code(7), code(7)[2:], "2026-09-19 01:09:08", "【】", "http://[", "1", MS]),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(
        st.sampled_from(["data", "list", "fastNewsList", "items", "code", "infoCode", "title",
                         "showTime", "sortEnd", "totle_hits", "stockList", "url"])
        | st.text(max_size=3), each, max_size=6),
    max_leaves=20,
)  # fmt: skip
_FIELDS = st.sampled_from(sorted({name for kind in JSON for name in item(kind, 1)}))


@settings(deadline=None)
@given(_JSON, st.sampled_from(sorted(JSON)), st.integers(1, 3))
def test_no_json_raises_but_a_page_error(value: Any, kind: str, page: int) -> None:
    listing = replace(JSON[kind], page=page)
    for text in (json.dumps(value), answer(kind, value), answer(kind, [value])):
        with suppress(PageError):
            check(parse_listing(text, listing), listing)


@settings(deadline=None)
@given(st.dictionaries(_FIELDS, _JSON, max_size=6), st.sampled_from(sorted(JSON)), _JSON)
def test_no_field_raises_but_a_page_error(changes: Any, kind: str, more: Any) -> None:
    for text in (
        answer(kind, [item(kind, 7), item(kind, 8, **changes), more]),
        answer(kind, [item(kind, 7)], sortEnd=more, totle_hits=more, page_size=more),
    ):
        with suppress(PageError):
            check(parse_listing(text, JSON[kind]), JSON[kind])


_PIECES = st.sampled_from(
    ["<li>", "</li>", "<ul id='newsListContent'>", "</ul>", "<p class='title'>", "<!--", "</html>",
     "<a href='http://['>", f"<a href='/a/{code(7)[2:]}.html'>题", "</a>", "\0", "<script>",
     "<p class='time'>06月14日 17:56", "<p class='info' title='【题】'>"]
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.lists(_PIECES | st.text(max_size=4), max_size=12).map("".join))
def test_no_text_raises_but_a_page_error(text: str) -> None:
    for listing in (HTML, *JSON.values()):
        with suppress(PageError):
            check(parse_listing(text, listing), listing)


def check(page: ListPage, listing: Listing) -> None:
    """What a page must be whatever it was read from: it goes on, and SQLite takes it."""
    assert page.next is None or page.next.url != listing.url
    for each in page.entries:
        assert each.url
        json.dumps([each.url, dict(each.told)], ensure_ascii=False).encode()
        assert "" not in dict(each.told).values()

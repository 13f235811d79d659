"""Eastmoney's articles: golden answers and pages, what is none, and whatever else may come."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import (
    EmptyAnswer,
    FetchFailed,
    LayoutChanged,
    NotAnArticle,
    PageError,
    TruncatedPage,
)
from crawler.items import Article, Entry, Mention
from crawler.parsers.eastmoney import SITE, article_url, page_url
from crawler.parsers.eastmoney.article import parse_article
from crawler.parsers.eastmoney.flash import read_item
from crawler.parsers.eastmoney.page import ArticlePage, read_pages
from tests.test_golden_pages import FIELDS, value

GOLDEN = Path(__file__).parent / "golden" / "eastmoney"
CASES = sorted(path.stem for path in GOLDEN.glob("*.json"))
CODE = "NW202609199100000101"
PAGE = page_url(CODE)


def entry(code: str | None = CODE, **told: str) -> Entry:
    return Entry(SITE, "344", article_url(code or "NW"), code, told=tuple(told.items()))


@cache
def expected(case: str) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads((GOLDEN / f"{case}.json").read_text(encoding="utf-8"))
    return golden


@cache
def article(case: str) -> Article:
    golden = expected(case)
    told = entry(golden["entry"]["info_code"], **golden["entry"]["told"])
    if "pages" in golden:
        pages = [ArticlePage("".join(each["html"]), each["url"]) for each in golden["pages"]]
        return read_pages(pages, told)
    if "answer" not in golden:
        return read_item(told)
    data = golden["answer"]["data"]
    whole = {**data, "Art_Content": "".join(data["Art_Content"])}
    return parse_article(json.dumps(golden["answer"] | {"data": whole}), told)


# Golden answers and pages


@pytest.mark.parametrize("field", ["parser", *FIELDS])
@pytest.mark.parametrize("case", CASES)
def test_field(case: str, field: str) -> None:
    golden = expected(case)[field]
    if field == "paragraphs":
        golden = [
            {k: tuple(map(tuple, v)) if k == "rows" else v for k, v in p.items()} for p in golden
        ]
    assert value(article(case), field) == golden


@pytest.mark.parametrize("case", CASES)
def test_where_it_was_read(case: str) -> None:
    golden, read = expected(case), article(case)
    assert read.site == SITE
    if "pages" in golden:
        assert read.page_url == golden["pages"][0]["url"]
    else:
        assert read.page_url == article_url(read.info_code)


def test_no_advert_is_a_paragraph_a_picture_or_a_mention() -> None:
    for case in CASES:
        read = article(case)
        said = repr((read.paragraphs, read.mentions))
        for word in ("acttg", "广告位", "点击开户", "em_handle", "领红包", "原标题", "主体"):
            assert word not in said, case


def test_the_body_is_kept_as_it_came_but_for_scripts() -> None:
    kept = article("article-adverts").body or ""
    assert "acttg.eastmoney.com" in kept and "_ueditor_page_break_tag_" in kept
    assert "<script" not in kept
    page = (article("page-2020").body or "").strip()
    assert page.startswith('<div class="b-review">【摘要】')
    assert page.endswith("（责任编辑：DF906）</p>")
    assert (article("page-two-pages").body or "").count("文章主体") == 2
    assert article("flash").body is None


# The JSON of an article


def data(**changes: Any) -> dict[str, Any]:
    fields = {
        "Art_Code": CODE[2:], "Art_Title": "题", "Art_ShowTime": "2026/09/19 01:09:08",
        "Art_Content": "<p>\u3000\u3000文。</p>", **changes,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not ...}


def answer(fields: object, **changes: Any) -> str:
    whole = {"data": fields, "errorcode": 0, "id": "0", "message": "", "success": 1, **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not ...})


def read(told: Entry | None = None, /, **changes: Any) -> Article:
    return parse_article(answer(data(**changes)), told or entry())


def test_the_least_that_an_article_has() -> None:
    found = read()
    assert (found.title, found.published_raw) == ("题", "2026/09/19 01:09:08")
    assert [each.text for each in found.paragraphs] == ["文。"]
    assert (found.source, found.author, found.editor, found.digest, found.url) == (None,) * 5
    assert (found.tags, found.mentions, found.category, found.listing) == ((), (), None, None)


@pytest.mark.parametrize(
    "text",
    ["<html><title>安全验证</title></html>", "[]", '"x"', "null", "NaN", "[" * 100_000,
     '{"success": 1, "data": ' + "[" * 100_000, "9" * 10_000],
)  # fmt: skip
def test_no_json_or_no_object(text: str) -> None:
    with pytest.raises(LayoutChanged, match=r"^the page has no data \(") as caught:
        parse_article(text, entry())
    assert (caught.value.url, caught.value.site) == (article_url(CODE), SITE)


@pytest.mark.parametrize("name", ["Art_Code", "Art_Title", "Art_ShowTime", "Art_Content"])
def test_a_key_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(LayoutChanged) as caught:
        read(**{name: ...})
    assert caught.value.field == f"data.{name}"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (answer(data(), success=...), "success"),
        (answer(...), "data"),
        (answer([]), "data"),
        (answer("x"), "data"),
        (answer({}), "data.Art_Code"),
    ],
)
def test_another_shape_names_its_field(text: str, field: str) -> None:
    with pytest.raises(LayoutChanged) as caught:
        parse_article(text, entry())
    assert caught.value.field == field


@pytest.mark.parametrize(
    "html",
    ["", " \u3000", None, 5, [], "<p></p>", "<p style='display:none'>x</p>", "<!-- x -->",
     "<p>打开微信，</p>", "<p><a href='https://acttg.eastmoney.com/'>x</a></p>"],
)  # fmt: skip
def test_a_body_that_says_nothing(html: object) -> None:
    with pytest.raises(LayoutChanged) as caught:
        read(Art_Content=html)
    assert caught.value.field == "data.Art_Content"


@pytest.mark.parametrize(
    "text",
    [
        answer(None, success=0),
        answer(data(), success=0),
        answer(..., success=0),
        answer(..., success="0"),
        answer(data(), success=False),
        answer(data(), success=None),
    ],
)
def test_an_article_that_is_gone(text: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        parse_article(text, entry())
    assert (caught.value.reason, caught.value.retry) == ("gone", False)
    assert caught.value.url == article_url(CODE)


@pytest.mark.parametrize("text", ["", " \r\n", "\ufeff", answer(None), answer(None, success="1")])
def test_an_answer_that_says_nothing_is_a_refusal(text: str) -> None:
    with pytest.raises(EmptyAnswer) as caught:
        parse_article(text, entry())
    assert (caught.value.url, caught.value.site) == (article_url(CODE), SITE)
    assert caught.value.retry


def test_what_the_site_says_of_one_that_is_gone() -> None:
    with pytest.raises(FetchFailed, match="文章不存在"):
        parse_article(answer(None, success=0, message="文章不存在"), entry())


@pytest.mark.parametrize("code", ["202609199100000102", "", "x", None, 5])
def test_an_answer_about_another_article(code: object) -> None:
    with pytest.raises(NotAnArticle):
        read(Art_Code=code)


def test_an_entry_without_a_code() -> None:
    with pytest.raises(NotAnArticle):
        read(entry(None))
    with pytest.raises(NotAnArticle):
        read_item(entry(None))


def test_hostile_nesting() -> None:
    with pytest.raises(NotAnArticle, match="too deeply"):
        read(Art_Content="<table><tr><td>a</td><td>" * 3000)


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        ("2026/09/19 01:09:08", "2026-09-19T01:09:08+08:00"),
        ("2026-09-19 01:09:08", "2026-09-19T01:09:08+08:00"),
        ("0001/01/01 00:00:00", None),
        ("2026/13/45 01:09:08", None),
        ("2026/09-19 01:09:08", None),
        ("昨天", None),
    ],
)
def test_its_time(raw: str, at: str | None) -> None:
    found = read(entry(published_at="2026-09-18T00:00:00+08:00"), Art_ShowTime=raw)
    assert found.published_raw == raw
    assert (found.published_at and found.published_at.isoformat()) == at


@pytest.mark.parametrize("empty", ["", " \u3000", None, 5, [], {}])
def test_the_listing_fills_what_is_empty(empty: object) -> None:
    told = entry(
        title="列表的题",
        author="甲",
        published_raw="2026-09-18 10:00:00",
        published_at="2026-09-18T10:00:00+08:00",
    )
    found = read(told, Art_Title=empty, Art_ShowTime=empty, Art_Author_Name=empty)
    assert (found.title, found.author) == ("列表的题", "甲")
    assert found.published_raw == "2026-09-18 10:00:00"
    assert found.published_at == datetime.fromisoformat("2026-09-18T10:00:00+08:00")
    found = read(Art_Title=empty, Art_ShowTime=empty, Art_Author_Name=empty)
    assert (found.title, found.published_at, found.published_raw) == (None, None, None)


def test_the_source_by_its_evidence() -> None:
    attributed = "<p>文。（丙丁社）</p><p class='em_media'>（文章来源：戊己报）</p>"
    assert read(Art_Media_Name="甲乙报", Art_Content=attributed).source == "甲乙报"
    assert read(Art_Media_Name="", Art_Content=attributed).source == "戊己报"
    assert read(Art_Content="<p>文。（丙丁社）</p>").source == "丙丁社"
    assert read(Art_Digest="文。（庚辛社）").source == "庚辛社"


@pytest.mark.parametrize(
    ("first", "second", "digest"),
    [
        ("【题】甲。", "乙。", "甲。"),
        ("", "【题】乙。", "乙。"),
        (None, "乙。", "乙。"),
        ("【题】甲。【又】丙。", "", "甲。【又】丙。"),
        ("甲【题】乙。", "", "甲【题】乙。"),
        ("【没有闭合", "", "【没有闭合"),
        ("【题】 \u3000", "", "【题】"),
        ("", "", None),
    ],
)
def test_the_digest(first: str | None, second: str, digest: str | None) -> None:
    assert read(Art_Digest=first, Art_Description=second).digest == digest


def test_the_editor_is_a_line_of_the_body_or_a_number() -> None:
    assert read(Art_Editor_Code="11").editor == "11"
    assert read(Art_Editor_Code="").editor is None
    html = "<p>文。</p><p>责任编辑：某某</p>"
    assert read(Art_Editor_Code="11", Art_Content=html).editor == "某某"


@pytest.mark.parametrize(
    ("first", "second", "url"),
    [
        ("http://a.test/1", "http://a.test/2", "http://a.test/1"),
        ("", "https://a.test/2", "https://a.test/2"),
        ("x", "javascript:x", None),
        (None, 5, None),
    ],
)
def test_the_address_of_its_page(first: object, second: object, url: str | None) -> None:
    assert read(Art_UniqueUrl=first, Art_Url=second).url == url


@pytest.mark.parametrize(
    ("tips", "stocks", "tagged"),
    [
        ('[{"Type": 1, "Code": "105.ABC,0.002991"}]', "", "105.ABC 0.002991"),
        ('[{"Type": 1, "Code": "1.600001"}, {"Code": " 105.ABC ,"}]', "", "105.ABC"),
        ("", "1.600001,116.00001,105.ABC", "116.00001 105.ABC"),
        ('[{"Code": "105.ABC"}]', "105.ABC,106.XYZ", "105.ABC 106.XYZ"),
        ('[{"Code": "105.ABC"}, {"Code": "x,.,1.,.1,1.2.3"}]', "x", "105.ABC"),
        ('[5, null, [], {"Type": 1}, {"Code": 5}, {"Code": ["105.ABC"]}]', "", ""),
        ('[{"Code": "105.ABC"}', "", ""),
        ('{"Code": "105.ABC"}', "", ""),
        ("[" * 100_000, "106.XYZ", "106.XYZ"),
        (["105.ABC"], "", ""),
        ("[Null]", "", ""),
    ],
)
def test_securities_that_nothing_in_the_article_names(
    tips: object, stocks: str, tagged: str
) -> None:
    html = "<p>甲<a data-code='1,600001'>乙</a>丙</p>"
    found = read(entry(stocks=stocks), Art_Content=html, Art_Tip_Info=tips).mentions
    assert found[0] == Mention("1", "600001", "乙", "link", 0)
    assert [f"{m.market}.{m.code}" for m in found[1:]] == tagged.split()
    assert all((m.name, m.evidence, m.paragraph) == (None, "tag", None) for m in found[1:])


def test_half_characters_become_what_validation_refuses() -> None:
    found = read(Art_Title="题\udfff\x00", Art_Content="<p>a\ud800\x00</p>", Art_Keyword="\ud800")
    assert (found.title, found.tags) == ("题\ufffd", ("\ufffd",))
    assert (found.paragraphs[0].text, found.body) == ("a\ufffd", "<p>a\ufffd</p>")


# An HTML page


def page(body: str = "<p>文。</p>", head: str = "", url: str = PAGE, end: str = "</html>") -> str:
    infos = head or (
        "<h1>题</h1><div class='infos'><div class='item'>2026年09月19日 01:09</div></div>"
    )
    assert url
    return f"<html><body>{infos}<div id='ContentBody'>{body}</div></body>{end}"


def pages(*texts: str, told: Entry | None = None) -> Article:
    return read_pages([ArticlePage(text, PAGE) for text in texts], told or entry())


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("<html><head><title>安全验证</title></head></html>", "安全验证"),
        ("<html><title> 404 </title><body>x</body></html>", "404"),
        ("<html></html>", None),
        ("busy", None),
    ],
)
def test_a_page_without_a_body(text: str, called: str | None) -> None:
    with pytest.raises(NotAnArticle, match="div#ContentBody") as caught:
        ArticlePage(text, PAGE)
    assert (caught.value.url, caught.value.site) == (PAGE, SITE)
    assert ("called" in str(caught.value)) is (called is not None)
    assert called is None or called in str(caught.value)


def test_an_empty_page_is_a_refusal() -> None:
    with pytest.raises(EmptyAnswer):
        ArticlePage(" \n", PAGE)


def test_a_page_that_breaks_off() -> None:
    whole = page("<p>文。</p>" * 50)
    ArticlePage(whole + " \n" * 50, PAGE)
    for length in (len(whole) - 1, len(whole) - 300, 40):
        with pytest.raises(TruncatedPage) as caught:
            ArticlePage(whole[:length], PAGE)
        assert (caught.value.url, caught.value.site) == (PAGE, SITE)
    ArticlePage(page(end="</HTML>"), PAGE)


def test_a_page_whose_body_says_nothing() -> None:
    for body in ("", "<p> </p>", "<div class='ad_context'>x</div>"):
        with pytest.raises(LayoutChanged) as caught:
            ArticlePage(page(body), PAGE)
        assert caught.value.field == "div#ContentBody"


@pytest.mark.parametrize(
    ("head", "field"),
    [
        ("<h1>题</h1>", "div.infos > div.item"),
        ("<h1>题</h1><div class='infos'></div>", "div.infos > div.item"),
        ("<div class='infos'><div class='item'>2026年09月19日 01:09</div></div>", "h1 or title"),
        ("<div class='newsContent'><h1>题</h1></div>", "div.time"),
        (
            "<div class='newsContent'><div class='time'>x</div><h1> </h1></div>",
            "div.newsContent h1",
        ),
        ("<div class='time'>2020年09月19日 01:09</div>", "div.newsContent h1"),
    ],
)
def test_a_page_without_its_time_or_title(head: str, field: str) -> None:
    with pytest.raises(LayoutChanged) as caught:
        pages(page(head=head))
    assert caught.value.field == field
    assert (caught.value.url, caught.value.site) == (PAGE, SITE)


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>题一_东方财富网</title><h1>题二</h1>", "题二"),
        ("<title>题一 _ 东方财富网</title><h1> </h1>", "题一"),
        ("<title>题_一_东方财富网</title>", "题_一"),
        ("<title>题一_东方财富网</title><div class='title'>题三</div>", "题三"),
    ],
)
def test_the_title_of_a_page(head: str, title: str) -> None:
    infos = "<div class='infos'><div class='item'>2026年09月19日 01:09</div></div>"
    assert pages(page(head=head + infos)).title == title


@pytest.mark.parametrize(
    ("items", "source"),
    [
        (["来源：甲乙报"], "甲乙报"),
        (["来源: 甲乙报"], "甲乙报"),
        (["甲乙报"], "甲乙报"),
        (["来源："], None),
        (["编辑：某某"], None),
        (["编辑：某某", "来源：甲乙报"], "甲乙报"),
        ([], None),
    ],
)
def test_the_source_of_a_page(items: list[str], source: str | None) -> None:
    shown = "".join(f"<div class='item'>{each}</div>" for each in ("2026年09月19日 01:09", *items))
    head = f"<h1>题</h1><div class='infos'>{shown}</div>"
    assert pages(page(head=head)).source == source
    assert pages(page(head=head), told=entry(source="丙丁报")).source == (source or "丙丁报")
    media = "<p>文。</p><p class='em_media'>（文章来源：戊己报）</p>"
    assert pages(page(media, head=head)).source == "戊己报"


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2026-09-19T01:09:08+08:00", "2026-09-19T01:09:08+08:00"),
        ("2026-09-18T17:09:08+00:00", "2026-09-19T01:09:08+08:00"),
        ("2026-09-19T01:08:59+08:00", "2026-09-19T01:09:00+08:00"),
        ("2026-09-19T01:10:00+08:00", "2026-09-19T01:09:00+08:00"),
        ("2026-09-18T01:09:08+08:00", "2026-09-19T01:09:00+08:00"),
        (None, "2026-09-19T01:09:00+08:00"),
    ],
)
def test_the_second_is_the_listings(told: str | None, at: str) -> None:
    found = pages(page(), told=entry(published_at=told) if told else None)
    assert found.published_raw == "2026年09月19日 01:09"
    assert found.published_at == datetime.fromisoformat(at)


@pytest.mark.parametrize("raw", ["昨天", "2026年13月19日 01:09", "2026年09月19日 01:09:08"])
def test_a_time_that_cannot_be_read_keeps_its_text(raw: str) -> None:
    head = f"<h1>题</h1><div class='infos'><div class='item'>{raw}</div></div>"
    found = pages(page(head=head), told=entry(published_at="2026-09-19T01:09:08+08:00"))
    assert (found.published_raw, found.published_at) == (raw, None)


def test_a_time_that_is_empty_is_the_listings() -> None:
    head = "<h1>题</h1><div class='infos'><div class='item'> </div></div>"
    told = entry(published_raw="x", published_at="2026-09-19T01:09:08+08:00")
    found = pages(page(head=head), told=told)
    assert (found.published_raw, found.published_at) == (
        "x",
        datetime.fromisoformat(told.told[1][1]),
    )


@pytest.mark.parametrize(
    ("here", "href", "found"),
    [
        ("", f"/a/{CODE[2:]}_2.html", True),
        ("", f"{CODE[2:]}_2.html#p", True),
        ("", f"//stock.eastmoney.com/a/{CODE[2:]}_2.html", True),
        ("", f"http://finance.eastmoney.com/a/{CODE[2:]}_2.html", True),
        ("_2", f"/a/{CODE[2:]}_3.html", True),
        ("_9", f"/a/{CODE[2:]}_10.html", True),
        ("", f"/a/{CODE[2:]}_3.html", False),
        ("", f"/a/{CODE[2:]}.html", False),
        ("_2", f"/a/{CODE[2:]}_2.html", False),
        ("_2", f"/a/{CODE[2:]}.html", False),
        ("", "/a/202609199100000102_2.html", False),
        ("", f"http://evil.test/a/{CODE[2:]}_2.html", False),
        ("", f"http://eastmoney.com.evil.test/a/{CODE[2:]}_2.html", False),
        ("", f"javascript:go('{CODE[2:]}_2.html')", False),
        ("", "http://[", False),
        ("", "", False),
    ],
)
def test_the_next_page(here: str, href: str, *, found: bool) -> None:
    url = PAGE.replace(".html", f"{here}.html")
    read = ArticlePage(page(f'<p>文。<a href="{href}">下一页</a></p>'), url).next_url
    assert (read is not None) is found
    assert read is None or (read.startswith("http") and "#" not in read)


def test_a_page_at_an_address_without_a_code_has_no_next() -> None:
    text = page(f"<p>文。<a href='{CODE[2:]}_2.html'>2</a></p>")
    assert ArticlePage(text, "https://finance.eastmoney.com/a/x.html").next_url is None


def test_the_page_of_another_article() -> None:
    other = ArticlePage(page(), page_url("NW202609199100000102"))
    with pytest.raises(NotAnArticle):
        read_pages([other], entry())
    with pytest.raises(NotAnArticle):
        read_pages([ArticlePage(page(), PAGE), other], entry())
    with pytest.raises(NotAnArticle):
        read_pages([ArticlePage(page(), PAGE)], entry(None))


def test_many_pages_keep_every_paragraph_and_its_mentions() -> None:
    texts = [page(f"<p>一{n}</p><p>二<a data-code='1,60000{n}'>名{n}</a></p>") for n in range(5)]
    found = pages(*texts)
    assert len(found.paragraphs) == 10
    assert [(m.code, m.paragraph) for m in found.mentions] == [
        (f"60000{n}", 2 * n + 1) for n in range(5)
    ]
    assert all(m.name and m.name in (found.paragraphs[m.paragraph or 0].text or "")
               for m in found.mentions)  # fmt: skip


# An item of the fast news


def test_an_item_without_a_digest_is_its_title() -> None:
    found = read_item(entry(title="远山股份(002991)：拟回购", stocks="0.002991,1.609902"))
    assert (found.title, found.paragraphs, found.published_at) == (
        "远山股份(002991)：拟回购",
        (),
        None,
    )
    assert [(m.code, m.evidence) for m in found.mentions] == [("002991", "code"), ("609902", "tag")]
    assert (found.source, found.url, found.page_url) == (None, None, article_url(CODE))


def test_the_source_of_an_item() -> None:
    assert read_item(entry(digest="文。（丙丁社）", source="甲乙报")).source == "甲乙报"
    assert read_item(entry(digest="文。（丙丁社）")).source == "丙丁社"
    assert read_item(entry(digest="文。（完）")).source is None


# Whatever else may come

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats()
    | st.text(st.characters(exclude_categories=()))  # halves of characters too
    | st.sampled_from([CODE, CODE[2:], "2026/09/19 01:09:08", "【】", "<p>文</p>", "http://["]),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(
        st.sampled_from(["data", "success", "Art_Code", "Art_Content", "Art_Title", "Code"])
        | st.text(max_size=3), each, max_size=6),
    max_leaves=20,
)  # fmt: skip
_NAMES = ["Art_Title", "Art_ShowTime", "Art_Content", "Art_Media_Name", "Art_Author_Name",
          "Art_Editor_Code", "Art_Digest", "Art_Description", "Art_Keyword", "Art_UniqueUrl",
          "Art_Url", "Art_Tip_Info"]  # fmt: skip


def fits(found: Article) -> None:
    """What an article must be whatever it was read from: storable, nothing empty."""
    json.dumps(
        [found.title, found.digest, found.body, found.tags, found.url], ensure_ascii=False
    ).encode()
    texts = (found.title, found.digest, found.source, found.author, found.editor, found.url)
    assert "" not in texts
    assert found.paragraphs
    for mention in found.mentions:
        assert mention.paragraph is None or mention.paragraph < len(found.paragraphs)


@settings(deadline=None)
@given(_JSON)
def test_no_json_raises_but_a_page_error(value: Any) -> None:
    for text in (json.dumps(value), answer(value), answer(data(), success=value)):
        with suppress(PageError):
            fits(parse_article(text, entry()))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=6))
def test_no_field_raises_but_a_page_error(changes: dict[str, Any]) -> None:
    with suppress(PageError):
        fits(read(**changes))


_PIECES = st.sampled_from(
    ["<p>文", "</p>", "<div class='infos'>", "<div class='item'>", "</div>", "<h1>题", "</h1>",
     "2026年09月19日 01:09", "来源：", "<title>题_东方财富网", "</title>", "<div id='ContentBody'>",
     "<div class='Body'>", "<div class='newsContent'>", "<div class='time'>", "<a href='http://['>",
     f"<a href='{CODE[2:]}_2.html'>", "</a>", "<div class='b-review'>", "<!--", "-->", "<script>",
     "<p class='em_media'>（文章来源：甲）", "<html>", "\0", "<div class='ad_context3'>"]
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.lists(_PIECES | st.text(max_size=4), max_size=14).map("".join), st.booleans())
def test_no_page_raises_but_a_page_error(text: str, whole: bool) -> None:
    with suppress(PageError):
        read_page = ArticlePage(text + "</html>" * whole, PAGE)
        assert read_page.next_url is None or read_page.next_url.endswith("_2.html")
        fits(read_pages([read_page, read_page], entry()))

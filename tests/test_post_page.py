"""Odd post pages, listings and feeds: the whole article or an error, never a part of it."""

from __future__ import annotations

from functools import cache
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.demo.site import Post, build, post
from crawler.errors import LayoutChanged, NotAnArticle, PageError, TruncatedPage
from crawler.items import Article, Entry, Listing
from crawler.parsers.charset import decode
from crawler.parsers.finews import BASE, PAGES, PostPage, parse_listing

DIGITS = "202205312397805897"
CODE = f"NW{DIGITS}"
FIRST, LAST = "甲报讯，两市成交额突破一万亿元。", "乙报讯，北向资金净流入。"


def rendered(one: Post) -> tuple[bytes, str]:
    return build([one])[unquote(one.path)], BASE + one.path


def page(**parts: str | None) -> tuple[str, str]:
    """A made-up post page and its URL."""
    body, url = rendered(post(DIGITS, **parts))  # type: ignore[arg-type]
    return body.decode(), url


def read(**parts: str | None) -> Article:
    return PostPage(*page(**parts)).article()


def texts(article: Article) -> list[str]:
    return [p.plain() for p in article.paragraphs]


@pytest.mark.parametrize("title", ["他说“好”", '他说"好"了', "甲<乙，3>2", "A&B &amp; C", "'", ">"])
def test_a_title_is_read_as_a_browser_shows_it(title: str) -> None:
    article = read(title=title, body=f"<p>{FIRST}</p>")
    assert article.title == title.replace("&amp;", "&")
    assert texts(article) == [FIRST]


@pytest.mark.parametrize(
    "title",
    [
        "<!-- 题",
        *(pytest.param(title) for title in ("若a<b则", "若a<b", "<textarea>")),
    ],
)
def test_a_title_with_a_tag_loses_no_text(title: str) -> None:
    try:
        article = read(title=title, body=f"<p>{FIRST}</p><p>{LAST}</p>")
    except PageError:
        return
    assert (texts(article), article.tags) == ([FIRST, LAST], ("东财滚动新闻",))


def test_an_empty_title_is_none() -> None:
    article = read(title="", body=f"<h1>{FIRST}</h1>")
    assert (article.title, texts(article)) == (None, [FIRST])


@pytest.mark.parametrize("shown", ["", "2022-13-31 15:25:28", "2022-05-31 25:25:28", "昨天"])
def test_an_empty_or_impossible_time_is_none_and_its_text_is_kept(shown: str) -> None:
    text, url = page()
    article = PostPage(text.replace("2022-05-31 15:25:28", shown), url).article()
    assert article.published_at is None
    assert article.published_raw == f"(GMT+8, Asia/Shanghai, CST) {shown}".strip()


def test_a_post_with_an_empty_date_is_read() -> None:
    made = post(DIGITS)
    text, _ = rendered(
        Post(made.name, made.text.replace(": 2022-05-31 15:25:28 +0800", ":  +0800"))
    )
    article = PostPage(text.decode(), f"{BASE}/emnews/2022/05/31/{DIGITS}.html").article()
    assert (article.published_at, article.title) == (None, made.title)


def test_an_empty_body_leaves_the_title() -> None:
    article = read(body="", title="题")
    assert (article.title, article.paragraphs, article.mentions) == ("题", (), ())
    assert article.url == f"http://finance.eastmoney.com/news/1345,{DIGITS}.html"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html></html>",
        "not html",
        "<html><body><h1>403 Forbidden</h1></body></html>",
        "<div class='wrapper'><section></section></div>",
        "<div class='wrapper'><section><p>404</p><small>2022</small></section></div>",
        "<div class='wrapper'><p>no section</p></div></section>",
        build([post(DIGITS)])["/"].decode(),
        build([post(DIGITS)])["/emnews/"].decode(),
        build([post(DIGITS)])["/category/emnews.html"].decode(),
        build([post(DIGITS)])["/feed.xml"].decode(),
    ],
)
def test_another_page_in_place_of_a_post_is_no_article(text: str) -> None:
    with pytest.raises(NotAnArticle):
        PostPage(text, f"{BASE}/emnews/2022/05/31/{DIGITS}.html").article()


def test_a_post_without_any_code_is_no_article() -> None:
    text, _ = page(link="")
    with pytest.raises(NotAnArticle, match="no info code"):
        PostPage(text, f"{BASE}/sitenews/2021/12/01/init.html").article()
    with_link, _ = page()
    assert PostPage(with_link, f"{BASE}/a/2022/05/31/b.html").article().info_code == CODE


WITHIN = (
    "<body><div class='wrapper'><section><small>2022-01-01 00:00:00</small><h1>假</h1>"
    "</section></div>"
)


@pytest.mark.parametrize(
    "between",
    [
        "<section><p>中</p></section>",
        "<div class='wrapper'><p>中</p></div>",
        '<div class="wrapper"><section><p>中</p></section></div>',
        '<body class="x">',
        "<header>中</header><footer>中</footer>",
        "<h1>中</h1><small>tags: <em>假</em></small>",
        "<!-- 注",
        "<p>返回首页</p>",
        *(
            pytest.param(lost)
            for lost in (
                "<section>", "<div>", "</section>", "</div>", "</div></div>", "</body>", "</html>",
                "<textarea>", "<style>", "<script>", "<title>", "<iframe>",
                WITHIN,
            )
        ),
    ],
)  # fmt: skip
def test_markup_of_the_page_inside_a_body_gives_the_whole_or_an_error(between: str) -> None:
    try:
        article = read(title="题", body=f"<p>{FIRST}</p>{between}<p>{LAST}</p>")
    except PageError:
        return
    assert article.title == "题"
    assert (texts(article)[0], texts(article)[-1]) == (FIRST, LAST)
    assert (article.tags, article.source) == (("东财滚动新闻",), "财联社")


BODIES = {
    "html": f"<p>{FIRST}</p><p>{LAST}</p>",
    "plain": f"{FIRST}（新华社）",
    "quotes": f'<p style="x">他说"好"</p><p>{LAST}</p>',
    "sections": f"<section><p>{FIRST}</p></section><p>{LAST}</p>",
}


@cache
def whole(body: str) -> tuple[bytes, str, Article]:
    raw, url = rendered(post(DIGITS, body=BODIES[body], digest="摘要"))
    return raw, url, PostPage(raw.decode(), url).article()


def cut(body: str, end: int) -> Article | None:
    """The article of the first bytes of a page; None when it is refused."""
    raw, url, _ = whole(body)
    try:
        return PostPage(decode(raw[:end], "", url=url), url).article()
    except PageError:
        return None


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["html", "plain", "quotes"]), st.floats(0, 1))
def test_a_page_cut_anywhere_is_whole_or_refused(body: str, part: float) -> None:
    raw, _, article = whole(body)
    assert cut(body, round(part * len(raw))) in (None, article)
    assert cut(body, raw.rindex(b"</section>")) is None
    assert cut(body, len(raw)) == article


def test_a_page_with_sections_in_its_body_cut_anywhere_is_whole_or_refused() -> None:
    raw, _, article = whole("sections")
    assert all(cut("sections", end) in (None, article) for end in range(0, len(raw), 5))


def test_a_page_that_ends_in_its_body_is_truncated() -> None:
    raw, url, _ = whole("html")
    with pytest.raises(TruncatedPage):
        PostPage(raw[: raw.rindex(LAST.encode())].decode(), url)


@pytest.mark.parametrize(
    ("parts", "source"),
    [
        ({"source": "甲报", "body": "<p>文。（乙报）</p>", "digest": "文。（丙报）"}, "甲报"),
        ({"source": None, "body": "<p>文。（乙报）</p>", "digest": "文。（丙报）"}, "乙报"),
        ({"source": None, "body": "<p>文。</p>", "digest": "文。（丙报）"}, "丙报"),
        ({"source": None, "body": "<p>文。</p>", "digest": "文。"}, "丁报"),
        ({"source": None, "body": "<p>文。</p>", "tag": "东财滚动新闻"}, None),
        ({"body": "文。（新华社）"}, "新华社"),
    ],
)
def test_the_nearest_word_about_the_source_wins(
    parts: dict[str, str | None], source: str | None
) -> None:
    assert read(**{"tag": "丁报新闻", **parts}).source == source


BACK = "//finews.withounder.com"


@pytest.mark.parametrize(
    "trailer",
    [
        "",
        "[返回东财滚动新闻](../emnews/)\n[返回首页](../)",
        "[返回东财滚动新闻](//finews.zning.me/emnews/)\n[返回首页](//finews.zning.me/)",
        f"[返回东财滚动新闻]({BACK}/emnews/)｜[返回首页]({BACK}/)",
        f"[返回甲报新闻]({BACK}/jiabao/)｜[返回首页]({BACK}/)",
        f"[返回甲报新闻]({BACK}/category/jiabao.html)｜[返回首页]({BACK}/)",
        f"[返回甲报新闻]({BACK}/category/jiabao.html)\n\n[返回首页]({BACK}/)",
    ],
)
@pytest.mark.parametrize("link", [None, "", "http://hk.eastmoney.com/news/1533,1.html?a=1&b=2"])
def test_no_trailer_is_a_paragraph(trailer: str, link: str | None) -> None:
    text, url = page(body=f"<p>{FIRST}</p>", trailer=trailer, link=link)
    found = PostPage(text, url)
    article = found.article()
    usual = f"http://finance.eastmoney.com/news/1345,{DIGITS}.html"
    assert (texts(article), article.url) == ([FIRST], usual if link is None else link or None)
    listed = [each.name for each in found.listings()]
    assert listed == (["jiabao"] if "category" in trailer else [])


def test_a_body_may_speak_of_going_back() -> None:
    body = f"<p>{FIRST}</p><p>返回首页</p><p><a href='x'>返回</a>原处</p>"
    assert texts(read(body=body)) == [FIRST, "返回首页", "返回原处"]


def listing(*hrefs: str) -> tuple[list[Entry], list[Listing]]:
    items = "".join(f'<li><a href="{href}"> 题 </a></li>' for href in hrefs)
    text = f"<body><div class='wrapper'><section><ul>{items}</ul></section></div></body>"
    return parse_listing(text, PAGES["emnews"], "emnews")


POST = f"/emnews/2022/05/31/{DIGITS}.html"


@pytest.mark.parametrize(
    "host", ["", BASE, "//finews.zning.me", "http://finnews.zning.me", "../.."]
)
def test_a_post_is_known_by_its_path_on_any_host(host: str) -> None:
    [entry], others = listing(f" {host}{POST} ")
    assert (entry.url, entry.info_code, entry.title) == (BASE + POST, CODE, "题")
    assert (str(entry.day), entry.published_at, others) == ("2022-05-31", None, [])


@pytest.mark.parametrize(
    "href",
    ["", " ", "#", "?", "/", "/emnews/", "javascript:void(0)", "mailto:a@b.test", "/2022/05/31/",
     "https://finance.eastmoney.com/a/202205312397805897.html", "/x/2022/5/31/a.html", "\ufffd",
     *(pytest.param(odd)
       for odd in ("http://[", "//[x]/2022/05/31/a.html", "http://\uff41\u2100b/"))],
)  # fmt: skip
def test_other_links_are_no_entries_and_hide_none(href: str) -> None:
    entries, others = listing(href, POST)
    assert ([entry.info_code for entry in entries], others) == ([CODE], [])


def test_an_odd_link_in_a_body_hides_no_listing() -> None:
    text, url = page(body="<p><a href='http://['>甲</a></p>", category="jiabao", tag="甲报新闻")
    assert [each.name for each in PostPage(text, url).listings()] == ["jiabao"]


def test_an_impossible_day_is_none_and_a_linked_category_is_a_listing() -> None:
    [entry], [category] = listing(
        f"/emnews/2022/13/45/{DIGITS}.html", "/category/zhengquan%C2%B7e.html"
    )
    assert (entry.day, entry.info_code) == (None, CODE)
    assert category.name == "zhengquan·e"
    assert category.url == f"{BASE}/category/zhengquan%C2%B7e.html"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", LayoutChanged),
        ("<html><body>503</body></html>", LayoutChanged),
        ("<div class='wrapper'><section><ul><li><a href='/a", TruncatedPage),
        (f"<div class='wrapper'><section><ul><li><a href='{POST}'>题</a>", TruncatedPage),
    ],
)
def test_a_page_that_is_no_whole_listing(text: str, error: type[PageError]) -> None:
    with pytest.raises(error):
        parse_listing(text, PAGES["emnews"], "emnews")


def feed(entry: str, doctype: str = "") -> list[Entry]:
    text = f'{doctype}<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>'
    return parse_listing(text, PAGES["feed"], "feed")[0]


def atom(time: str = "2022-05-31T15:25:28+08:00", title: str = "题", href: str = POST) -> str:
    link = f'<link href="{href}" rel="alternate"/>'
    return f"<entry><title>{title}</title>{link}<published>{time}</published></entry>"


def test_the_feed_tells_the_second_in_shanghai() -> None:
    for time in ("2022-05-31T15:25:28+08:00", "2022-05-31T07:25:28Z", " 2022-05-31T07:25:28+00:00"):
        [entry] = feed(atom(time))
        assert entry.published_at
        assert entry.published_at.isoformat() == "2022-05-31T15:25:28+08:00"


@pytest.mark.parametrize(
    "time",
    ["", "x", "2022-05-31T15:25:28", "2022-13-31T15:25:28Z",
     *(pytest.param(far)
       for far in ("9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+10:00"))],
)  # fmt: skip
def test_a_feed_time_that_tells_no_moment_is_none(time: str) -> None:
    assert [(e.info_code, e.published_at) for e in feed(atom(time))] == [(CODE, None)]


def test_entries_without_a_link_or_to_elsewhere_are_skipped() -> None:
    assert feed("<entry/>" + atom(href="") + atom(href="https://a.test/") + "<updated/>") == []


def test_external_entities_are_not_resolved(tmp_path: pytest.TempPathFactory) -> None:
    doctype = f'<!DOCTYPE feed [<!ENTITY x SYSTEM "{__file__}">]>'
    [entry] = feed(atom(title="题&x;"), doctype)
    assert entry.title == "题"


def test_entities_that_multiply_end_soon() -> None:
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    try:
        [entry] = feed(atom(title="题&l11;"), f'<!DOCTYPE feed [<!ENTITY l0 "哈">{lol}]>')
    except PageError:
        return
    assert entry.title == "题"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", TruncatedPage),
        ("<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>题", TruncatedPage),
        ("<html><body>503</body></html>", LayoutChanged),
        ("<feed></feed>", LayoutChanged),
        ("<rss><channel/></rss>", LayoutChanged),
        ("<feed xmlns='http://www.w3.org/2005/Atom'><title>&nbsp;</title></feed>", LayoutChanged),
        ("<feed><entry></feed>", LayoutChanged),
        ("<feed>\x01</feed>", LayoutChanged),
    ],
)
def test_a_feed_that_is_none(text: str, error: type[PageError]) -> None:
    with pytest.raises(error):
        parse_listing(text, PAGES["feed"], "feed")


@settings(deadline=None)
@given(st.text(max_size=30), st.sampled_from(["/", "/emnews/", "/feed.xml"]))
def test_arbitrary_pages_give_a_page_error_at_most(noise: str, path: str) -> None:
    text = build([post(DIGITS)])[path].decode().replace("两市", noise)
    for part in (text, noise):
        try:
            entries, _ = parse_listing(part, BASE + path, "x")
        except PageError:
            continue
        assert {entry.info_code for entry in entries} <= {CODE}


def test_loose_text_behind_the_title_is_not_lost() -> None:
    raw, url = rendered(post("202206019100000001", title="题", date="2022-06-01 09:00:00 +0800"))
    text = raw.decode().replace("<h1>题</h1>", "<h1>题</h1>没有标签的正文")
    article = PostPage(text, url).article()
    assert article.paragraphs[0].text == "没有标签的正文"
    assert article.title == "题"

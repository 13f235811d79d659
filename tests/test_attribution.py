"""Who an article is attributed to, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.parsers.attribution import read_closing, read_editor, read_media, read_tags
from crawler.parsers.body import read_body
from crawler.parsers.html import parse


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("（文章来源：远山日报）", "远山日报"),
        ("(文章来源:远山日报)", "远山日报"),
        ("（文章来源： 远山日报 ）", "远山日报"),
        ("（文章来源：\u3000远山日报\u3000）", "远山日报"),
        ("（来源：远山日报）", "远山日报"),
        ("文章来源：远山日报", "远山日报"),
        ("（文章来源：远山时报·e公司）", "远山时报·e公司"),
        ("（文章来源：远山报道 21远山APP）", "远山报道 21远山APP"),
        ("（文章来源：远山证券(香港)）", "远山证券(香港)"),
        ("（文章来源：远山证券（香港）研究部）", "远山证券（香港）研究部"),
        ("（文章来源：）", None),
        ("（文章来源：远山日报）编者按", None),
        ("图片来源：远山公司官网", None),
        ("（图片来源：远山公司官网）", None),
        ("资料来源：远山研究院", None),
        ("文章来源不明", None),
        ("", None),
    ],
)
def test_an_attribution_line_names_its_medium(line: str, name: str | None) -> None:
    assert read_media(line) == name


def test_a_linked_name_is_read_whole() -> None:
    line = (
        '<p class="em_media">（文章来源：远山<span id="bk_90.BK0473"><a class="keytip" '
        'data-code="90,BK0473">证券</a></span><span id="bkquote_90.BK0473"></span>报）</p>'
    )
    body = read_body([parse(line)])
    assert (body.source, body.paragraphs, body.found) == ("远山证券报", [], [])


def test_the_attribution_of_its_class_wins() -> None:
    body = read_body([parse("<p>（来源：甲报）</p><p class='em_media'>（文章来源：乙报）</p>")])
    assert (body.source, body.paragraphs) == ("乙报", [])


@pytest.mark.parametrize(
    "text",
    [
        "图片来源：远山公司官网",
        "责任编辑制度改革今日启动",
        "（记者李一报道）今日启动",
        "（来源：远山海关）数据显示，出口增长8%（同比）",
        "文章来源：远山日报。据悉，改革今日启动。",
        "责任编辑：李一介绍说，改革今日启动。",
    ],
)
def test_prose_that_begins_like_a_credit_stays(text: str) -> None:
    body = read_body([parse(f"<p>甲</p><p>{text}</p><p>乙</p>")])
    assert [p.text for p in body.paragraphs] == ["甲", text, "乙"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("（责任编辑：李一）", "李一"),
        ("责任编辑:DF150", "DF150"),
        ("(责任编辑： 李一 )", "李一"),
        ("（责任编辑：）", None),
        ("责任编辑", None),
        ("编辑：李一", None),
    ],
)
def test_an_editors_line_names_the_editor(line: str, name: str | None) -> None:
    assert read_editor(line) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("出口增长8.4%。（新华社）", "新华社"),
        ("出口增长8.4%。(央视新闻)", "央视新闻"),
        ("出口增长8.4%。（央视新闻客户端） ", "央视新闻客户端"),
        ("“出口增长。”（财联社）", "财联社"),
        ("出口增长8.4%（财联社）", "财联社"),
        ("出口增长！（21远山）", "21远山"),
        ("出口增长。（远山时报·e公司）", "远山时报·e公司"),
        ("出口增长。（远山报道 21远山APP）", "远山报道 21远山APP"),
        ("（新华社）", "新华社"),
    ],
)
def test_closing_brackets_name_the_medium(text: str, name: str) -> None:
    assert read_closing(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "出口增长8.4%。",
        "（新华社）出口增长8.4%。",
        "每10股派1元(含税)",
        "每10股派1元。（含税）",
        "出口增长。（完）",
        "出口增长。（未完待续）",
        "出口增长。（记者李一）",
        "出口增长。（记者 李一 张二）",
        "出口增长。（编辑李一）",
        "出口增长。（远山股份 002752）(002752)",
        "远山股份(002752)",
        "远山股份（002752.SZ）",
        "出口增长（同比）",
        "出口增长。（单位：亿元）",
        "出口增长。（8.4%）",
        "出口增长。（远山，近水）",
        "出口增长。（这是一句很长很长很长很长的补充说明）",
        "出口增长。（总台央视记者 李一）",
        "出口增长。（远山证券报记者李一）",
        "出口增长。（实习生李一）",
        "详见公司公告（年报）",
        "详见公司公告（季报）",
    ],
)
def test_closing_brackets_that_name_no_medium(text: str) -> None:
    assert read_closing(text) is None


@pytest.mark.parametrize(
    ("tags", "source"),
    [
        (["界面新闻新闻"], "界面新闻"),
        (["每日经济新闻新闻"], "每日经济新闻"),
        (["财联社新闻"], "财联社"),
        (["远山报道", "21远山APP新闻"], "远山报道 21远山APP"),
        (["东财滚动新闻"], None),
        (["站长消息"], None),
        (["新闻"], None),
        ([""], None),
        ([], None),
    ],
)
def test_a_tag_is_its_source_and_one_more_word(tags: list[str], source: str | None) -> None:
    assert read_tags(tags) == source


names = st.text("远山日报网社新闻·eA1", min_size=1, max_size=8)


@settings(deadline=None)
@given(names, st.sampled_from(["（{}）", "({})"]), st.sampled_from(["文章来源：", "来源:"]))
def test_any_name_survives_its_brackets(name: str, brackets: str, word: str) -> None:
    assert read_media(brackets.format(word + name)) == name
    assert read_tags([f"{name}新闻"]) == (None if name == "东财滚动" else name)


@settings(deadline=None)
@given(st.text() | st.text("（()）来源：文章责任编辑 \u3000\n。"))
def test_arbitrary_text_gives_a_name_or_none(text: str) -> None:
    for read in (read_media, read_editor, read_closing):
        assert read(text) != ""

"""Adverts are no paragraphs, on any site; prose that quotes them is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.parsers import adverts
from crawler.parsers.body import Body, read_body
from crawler.parsers.html import parse

PROMOTION = "在东方财富看资讯行情，选东方财富证券一站式开户交易"
STEPS = ("打开微信，", "点击底部的“发现”", "使用“扫一扫”", "即可将网页分享至朋友圈")
ADVERT = "https://acttg.eastmoney.com/pub/x?a=1&b=2"


def read(text: str) -> Body:
    return read_body([parse(text)])


def said(text: str) -> list[str]:
    return [each.text or each.url or "table" for each in read(text).paragraphs]


@pytest.mark.parametrize(
    "advert",
    [
        "<div class='ad_context3'><script>show(3)</script>广告<p>点击</p></div>",
        "<div class='ad_context'>广告</div>",
        "<div class='left ad_context12 x'>广告<table><tr><td>1<td>2</table></div>",
        "<p class='ad_context'>广告</p>",
        "<ul class='ad_context4'><li>广告</li></ul>",
        "<table class='ad_context4'><tr><td>广告<td>广告</table>",
        "<center><span class='ad_context'>广告</span></center>",
        f"<p><a href='{ADVERT}'><img src='https://a.test/D1_w690h389.jpg'></a></p>",
        f"<p style='text-align:center;'><a href='{ADVERT}'>开<b>户</b></a></p>",
        "<p><a href='//acttg.eastmoney.com/x'>开户<img src='//a.test/1.jpg'></a></p>",
        "<p><img src='https://a.test/1.jpg' class='em_handle_adv_close' /></p>",
        "<p><img src='https://a.test/1.jpg' class='a em_handle_adv_close b' /></p>",
        f"<p>\u3000\u3000{PROMOTION}&gt;&gt;</p>",
        f"<p><a href='https://acttg.eastmoney.com/x'>{PROMOTION}&gt;&gt;</a></p>",
        f"<p><a href='https://other.test/'><strong>{PROMOTION}</strong></a>&gt;&gt;</p>",
        f"<p>{PROMOTION}</p>",
        f"<p>{PROMOTION}＞＞</p>",
        "<p>在东方财富看资讯行情, 选东方财富证券一站式开户交易 &gt;&gt;</p>",
        "<p>\u3000<a class='toplink' href='https://ai.test/'>全新助理，立即体验</a></p>",
        "".join(f"<p>{step}</p>" for step in STEPS),
        "".join(f"<p>\u3000{step} </p>" for step in STEPS).replace("“", '"').replace("”", '"'),
        f"<p>{'<br />'.join(STEPS)}</p>",
        f"<p>{'<br>'.join(STEPS)}。</p>".replace("“", "「").replace("”", "」"),
        f"<p>{''.join(STEPS)}。</p>",
        f"<p>{STEPS[0]}<br>{STEPS[1]}</p><p>{STEPS[2]}{STEPS[3]}</p>",
        "<p>_ueditor_page_break_tag_</p>",
        "<hr class='pagebreak' />",
    ],
)
def test_what_is_no_paragraph(advert: str) -> None:
    assert said(f"<p>甲</p>{advert}<p>乙</p>") == ["甲", "乙"]
    assert said(f"<div><div>甲{advert}</div>乙</div>") == ["甲", "乙"]
    assert said(advert) == []
    in_table = said(f"<table><tr><td>{advert}<p>甲</p>{advert}</td></tr></table>")
    assert in_table == ["甲"]


@pytest.mark.parametrize(
    "text",
    [
        "他写道：“打开微信，点击底部的‘发现’，使用‘扫一扫’即可将网页分享至朋友圈。”",
        "打开微信，他看到了那条消息。",
        "打开微信，点击底部的“发现”，就能看到入口。",
        "点击底部的“发现”按钮",
        "使用“扫一扫”付款的人多了。",
        "使用扫一扫",
        "即可将网页分享至朋友圈，或发给好友",
        "即可将网页分享至朋友圈。打开微信，",
        f"{PROMOTION}，是一句广告词。",
        f"公司称，{PROMOTION}>>",
        f"“{PROMOTION}>>”",
        "在东方财富看资讯行情",
        "在",
        "打",
        "_ueditor_page_break_tag_ 是什么",
        "即",
        "ad_context3",
        "见 https://acttg.eastmoney.com/pub/x",
    ],
)
def test_prose_that_quotes_them_stays(text: str) -> None:
    assert said(f"<p>{text}</p>") == [text]


@pytest.mark.parametrize(
    "html",
    [
        "<div class='load_context3'>甲</div>",
        "<div class='bad_context'>甲</div>",
        "<div id='ad_context3'>甲</div>",
        "<p class='toplinks'>甲</p>",
        "<p><a href='https://eastmoney.com/acttg'>甲</a></p>",
        "<p><a href='https://finance.eastmoney.com/a/202609190000000001.html'>甲</a></p>",
        "<p><a name='acttg.eastmoney.com'>甲</a></p>",
    ],
)
def test_what_only_looks_like_one(html: str) -> None:
    assert said(html) == ["甲"]


def test_text_around_an_advert_in_a_sentence_stays_together() -> None:
    link = f"<a href='{ADVERT}'>点此<b>开户</b></a>"
    assert said(f"<p>甲{link}乙<span class='ad_context'>广告</span>丙</p>") == ["甲乙丙"]


def test_an_advert_names_no_security() -> None:
    link = "<a data-code='1,600001' href='http://quote.eastmoney.com/unify/r/1.600001'>乙</a>"
    chart = "<img src='https://q.test/GetPic.aspx?nid=0.002752&imageType=k'>"
    later = "<span data-code='1,600001'>乙</span>"  # a link cannot stand in a link
    inside = f"<div class='ad_context3'>{link}{chart}</div><a href='{ADVERT}'>{later}{chart}</a>"
    assert read(f"<p>甲</p>{inside}").found == []
    links = f"<p><a href='{ADVERT}' data-code='1,600001'>乙</a>甲</p>"
    assert read(links).found == []
    # Nor does a link that stood in the promotion belong to the next paragraph.
    promotion = PROMOTION.replace("证券", "<a data-code='90,BK0473'>证券</a>")
    assert read(f"<p>{promotion}</p><p>甲</p>").found == []


def test_a_page_break_keeps_what_is_around_it() -> None:
    assert said("<p>甲</p>_ueditor_page_break_tag_<p>乙</p><hr/>丙<hr>丁") == [
        "甲",
        "乙",
        "丙",
        "丁",
    ]


def test_the_editors_line_is_still_known() -> None:
    body = read("<p>甲</p><p>责任编辑：某某</p><p class='res-edit'>（责任编辑：7）</p>")
    assert ([each.text for each in body.paragraphs], body.editor) == (["甲"], "某某")


def test_long_lines_take_no_time() -> None:
    start = time.process_time()
    for text in (PROMOTION + ">" * 10**6, "打开微信，" + " " * 10**6, STEPS[0] * 10**5):
        assert not adverts.is_line(text)
        assert len(said(f"<p>{text}x</p>")) == 1
    assert time.process_time() - start < 1


@settings(deadline=None)
@given(st.text(st.sampled_from("在打点使即甲，。“”_>"), min_size=1, max_size=12))
def test_short_texts_are_not_adverts(text: str) -> None:
    assert not adverts.is_line(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from(STEPS), min_size=1, unique=True), st.sampled_from(["", " ", "\n"]))
def test_steps_of_the_footer_in_order(steps: list[str], between: str) -> None:
    in_order = sorted(steps, key=STEPS.index) == steps
    assert adverts.is_line(between.join(steps)) is in_order

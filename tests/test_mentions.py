"""The securities an article names: codes in brackets, links, charts, and what is none of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import Mention, Paragraph
from crawler.parsers.body import read_body
from crawler.parsers.html import parse
from crawler.parsers.mentions import collect, read_chart, read_code, read_link

Short = tuple[str, str, str | None]


def found(*texts: str, title: str | None = None, digest: str | None = None) -> list[Short]:
    paragraphs = [Paragraph("text", text) for text in texts]
    mentions = collect(paragraphs, [], title=title, digest=digest)
    return [(m.market, m.code, m.name) for m in mentions]


def in_html(html: str) -> tuple[Mention, ...]:
    body = read_body([parse(html)])
    return collect(body.paragraphs, body.found, title=None, digest=None)


@pytest.mark.parametrize(
    ("token", "security"),
    [
        ("600519", "1.600519"),
        ("601318", "1.601318"),
        ("688981", "1.688981"),
        ("900901", "1.900901"),
        ("510300", "1.510300"),
        ("113050", "1.113050"),
        ("000001", "0.000001"),
        ("002752", "0.002752"),
        ("300750", "0.300750"),
        ("301001", "0.301001"),
        ("200002", "0.200002"),
        ("159915", "0.159915"),
        ("123001", "0.123001"),
        ("830799", "0.830799"),
        ("920001", "0.920001"),
        ("000300.SH", "1.000300"),
        ("399006.SZ", "0.399006"),
        ("600519.SS", "1.600519"),
        ("430047.BJ", "0.430047"),
        ("SH600519", "1.600519"),
        ("SZ:002752", "0.002752"),
        ("SH：600519", "1.600519"),
        ("9869.HK", "116.09869"),
        ("00700.HK", "116.00700"),
        ("HK0700", "116.00700"),
        ("ABC.N", "106.ABC"),
        ("ABC.O", "105.ABC"),
        ("NASDAQ:ABCD", "105.ABCD"),
        ("NYSE：A", "106.A"),
    ],
)
def test_a_code_names_its_market(token: str, security: str) -> None:
    assert read_code(token) == tuple(security.split("."))


HALF_WIDE = pytest.param("600５１９")


@pytest.mark.parametrize(
    "token",
    ["", "202205", "202112", "199912", "2022", "1234", "600", "60051", "6005191", "６００５１９",
     HALF_WIDE,
     "600519.HK", "123456.HK", "1234.SH", "ABC.SH", "ABC.HK", "600519.O", "NYSE:600519",
     "600519元", "126456", "770001", "GDP", "A股", "600519.XX"],
)  # fmt: skip
def test_what_is_no_code(token: str) -> None:
    assert read_code(token) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("远山股份(002752)涨停", [("0", "002752", "远山股份")]),
        ("远山股份（002752）涨停", [("0", "002752", "远山股份")]),
        ("昨日，远山股份( 002752.SZ )涨停", [("0", "002752", "远山股份")]),
        ("ST远山(600000)", [("1", "600000", "ST远山")]),
        ("*ST远山(600000)", [("1", "600000", "*ST远山")]),
        ("某某·近水股份(600000)", [("1", "600000", "某某·近水股份")]),
        ("TCL远山(000100)", [("0", "000100", "TCL远山")]),
        ("远山-U(688001)", [("1", "688001", "远山-U")]),
        ("(600519)涨停", [("1", "600519", None)]),
        ("涨10(600519)", [("1", "600519", None)]),
        ("远山（688001.SH，02158.HK）", [("1", "688001", "远山"), ("116", "02158", "远山")]),
        ("远山（ABC.N、9866.HK/600519）", [
            ("106", "ABC", "远山"), ("116", "09866", "远山"), ("1", "600519", "远山")]),
        ("远山(002752.SZ，最新价：23.21元)", [("0", "002752", "远山")]),
        ("远山(600001)、近水(600002)", [("1", "600001", "远山"), ("1", "600002", "近水")]),
        ("远山(600001)又是远山(600001)", [("1", "600001", "远山")]),
        ("这是一句没有标点而又很长的话远山(600001)", [("1", "600001", None)]),
        ("同比增长(202205)、去年(2021)、净利(600万元)、(6005191)", []),
        ("公司（简称：远山）与(GDP)", []),
        ("远山(600001", []),
        ("远山600001)", []),
        ("远山（SZ 002752，收盘价：23元）", [("0", "002752", "远山")]),
        ("远山（NYSE: ABC）", [("106", "ABC", "远山")]),
    ],
)  # fmt: skip
def test_codes_in_brackets(text: str, expected: list[Short]) -> None:
    assert found(text) == expected


def test_the_name_is_known_from_where_it_begins_a_clause() -> None:
    text = "近水证券发布研报称，维持远山家居(002572.SZ，最新价：23.21元)买入评级。"
    assert found(text, "点评：远山家居近一个月上涨。") == [("0", "002572", "远山家居")]


def test_half_a_sentence_is_no_name() -> None:
    text = "昨日记者从有关部门获悉远山股份(600519)涨停"
    assert found(text, digest="记者从有关部门获悉远山股份涨停") == [("1", "600519", None)]


def test_codes_of_the_head_come_last_and_only_when_the_body_lacks_them() -> None:
    mentions = collect(
        [Paragraph("text", "远山(600001)")],
        [],
        title="远山(600001)、近水(600002)",
        digest="高峰(600003)",
    )
    assert [(m.code, m.name, m.paragraph) for m in mentions] == [
        ("600001", "远山", 0),
        ("600002", "近水", None),
        ("600003", "高峰", None),
    ]


def test_a_table_cell_may_name_a_code() -> None:
    rows = (("名称", "涨幅"), ("远山(600001)", "1%"))
    mentions = collect([Paragraph("table", rows=rows)], [], title=None, digest=None)
    assert [(m.code, m.name, m.paragraph) for m in mentions] == [("600001", "远山", 0)]


@pytest.mark.parametrize(
    ("data_code", "href", "security"),
    [
        ("1,600160", None, ("1", "600160")),
        ("90,BK0493", "http://quote.eastmoney.com/unify/r/90.BK0493", ("90", "BK0493")),
        ("116,00700", None, ("116", "00700")),
        ("105,ABC_D", None, ("105", "ABC_D")),
        ("002353", "http://quote.eastmoney.com/r/0.002353", ("0", "002353")),
        ("002752|0|2", "http://quote.eastmoney.com/unify/r/0.002752", ("0", "002752")),
        (None, "https://quote.eastmoney.com/sh600519.html", ("1", "600519")),
        (None, "http://quote.eastmoney.com/sz399001.html", ("0", "399001")),
        (None, "http://quote.eastmoney.com/us/ABCD.html", None),
        (None, "http://data.eastmoney.com/bbsj/", None),
        ("", "", None),
        ("1,", None, None),
        ("1,600160 ", None, None),
    ],
)
def test_links_new_and_old(
    data_code: str | None, href: str | None, security: tuple[str, str] | None
) -> None:
    assert read_link(data_code, href) == security


@pytest.mark.parametrize(
    ("src", "security"),
    [
        ("https://webquoteklinepic.eastmoney.com/GetPic.aspx?nid=0.002752&imageType=k", "0.002752"),
        ("https://webquotepic.eastmoney.com/GetPic.aspx?imageType=r&nid=1.601088", "1.601088"),
        ("//webquotepic.eastmoney.com/GetPic.aspx?nid=105.ABC&token=1", "105.ABC"),
        ("https://webquotepic.eastmoney.com/GetPic.aspx?imageType=r#nid=1.601088", None),
        ("https://webquotepic.eastmoney.com/GetPic.aspx?uid=1.601088", None),
        ("https://dfscdn.dfcfw.com/download/D2500000000000000000_w1h1.jpg", None),
    ],
)
def test_charts(src: str, security: str | None) -> None:
    assert read_chart(src) == (tuple(security.split(".")) if security else None)


def test_charts_links_and_codes_keep_the_order_of_reading() -> None:
    mentions = in_html(
        "<p>引言</p><!-- EM_StockImg_Start --><p><a href='http://quote.eastmoney.com/unify/r/1.600002'"
        " data-code='600002|1|2'><img src='https://q.test/GetPic.aspx?nid=1.600002&token=x'></a></p>"
        "<p>远山(600001)与加<span data-code='106,ABC'>近水</span>态、"
        "<span data-code='106,ABC'>近水</span>、高峰(600003)</p>"
    )
    assert mentions == (
        Mention("1", "600002", None, "chart", None),
        Mention("1", "600001", "远山", "code", 1),
        Mention("106", "ABC", "近水", "link", 1),
        Mention("1", "600003", "高峰", "code", 1),
    )


def test_a_link_before_the_brackets_gives_the_name() -> None:
    mentions = in_html("<p>维持<a data-code='1,600001'>远山股份</a>(600001)评级</p>")
    assert [(m.name, m.evidence) for m in mentions] == [("远山股份", "link"), ("远山股份", "code")]


def test_an_empty_link_is_no_mention_here_or_in_the_next_paragraph() -> None:
    assert in_html("<p><a data-code='1,600001'></a></p><p>远山</p>") == ()


@pytest.mark.parametrize(
    "text",
    [
        "远山，" * 20_000 + "(600001)",
        "（" * 60_000,
        "(600001)" * 3_000,
        "（" + " " * 60_000,
        "".join(map(chr, range(0x4E00, 0x9F00))) * 3 + "(600001)",
    ],
    ids=["clauses", "brackets", "codes", "blanks", "run"],
)  # fmt: skip
def test_long_texts_take_no_time(text: str) -> None:
    start = time.process_time()
    found(text)
    assert time.process_time() - start < 2


pieces = st.lists(
    st.text(max_size=5)
    | st.sampled_from(
        ["(", "（", "）", ")", "600519", "002752.SZ", "，", " ", "远山", "NYSE:", "."]
    )
).map("".join)


@settings(deadline=None)
@given(st.lists(pieces, max_size=3), pieces, pieces)
def test_arbitrary_text_never_raises(texts: list[str], title: str, digest: str) -> None:
    for market, code, name in found(*texts, title=title, digest=digest):
        assert market.isdigit() and code.isalnum() and name != ""

"""Shapes of a body's HTML and the paragraphs they make."""

from __future__ import annotations

import html
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import Paragraph
from crawler.parsers.body import Body, read_body
from crawler.parsers.html import parse, without_scripts

Shape = tuple[str, object]


def read(text: str) -> Body:
    return read_body([parse(text)])


def shapes(text: str) -> list[Shape]:
    return [(p.kind, p.text or p.rows or p.url) for p in read(text).paragraphs]


def texts(text: str) -> list[str | None]:
    return [p.text for p in read(text).paragraphs]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>C<span><a>PPI</a></span><span></span>B</p>", ["CPPIB"]),
        ("<p>甲<strong>乙</strong><em>丙</em>丁</p>", ["甲乙丙丁"]),
        ("<p>甲 <b>乙</b> 丙</p>", ["甲 乙 丙"]),
        ("<p>甲<wbr>乙</p>", ["甲乙"]),
        ("<p>甲</p><p>乙</p>", ["甲", "乙"]),
        ("<p>甲</p>\r\n <p>乙</p>", ["甲", "乙"]),
        ("<p>甲\r\n   乙</p>", ["甲 乙"]),
        ("<p>甲  乙\t丙</p>", ["甲  乙\t丙"]),
        ("<p>\u3000\u3000甲\u3000乙 &nbsp;</p>", ["甲\u3000乙"]),
        ("<p>\u200b\ufeff甲\u2060</p>", ["甲"]),
        ("<p></p><p> </p><p>\u3000&nbsp;</p><p><br></p><p><b></b></p>", []),
        ("<p>甲<br>乙</p>", ["甲\n乙"]),
        ("<p>甲<br /> 乙 <br />丙</p>", ["甲\n乙\n丙"]),
        ("<p>甲<br><br>乙</p>", ["甲", "乙"]),
        ("<p>甲<br> &nbsp;\n<br>乙</p>", ["甲", "乙"]),
        ("<p>甲<br><!-- x --><br>乙</p>", ["甲", "乙"]),
        ("<p>甲<b><br></b><i><br></i>乙</p>", ["甲", "乙"]),
        ("<p><br><br>甲<br></p>", ["甲"]),
        ("甲<p>乙</p>丙", ["甲", "乙", "丙"]),
        ("<p>甲<p>乙<div>丙<p>丁", ["甲", "乙", "丙", "丁"]),
        ("<p>甲<strong>乙</p><p>丙</p>", ["甲乙", "丙"]),
        ("<p>甲</b></p></div></span><p>乙</p>", ["甲", "乙"]),
        ("<div>甲<div>乙<p>丙</p>丁</div>戊</div>", ["甲", "乙", "丙", "丁", "戊"]),
        ("<pre>甲\n乙</pre>", ["甲 乙"]),
        ("<p>甲</p><!-- 注 --><p>乙</p>", ["甲", "乙"]),
        ("<p>甲<!-- 注 -->乙</p>", ["甲乙"]),
        ("<p>甲</p><!-- <p>乙</p><p>丙</p>", ["甲", "乙", "丙"]),
        ("<p>甲</p><!-- 一 --><!-- <p>乙</p><!-- 二 --><p>丙</p>", ["甲", "丙"]),
        ("<p>甲<script>var a = '<p>x</p>';</script>乙<style>p {}</style>丙</p>", ["甲乙丙"]),
        ("<p>甲</p><noscript><p>x</p></noscript><template>x</template><p>乙</p>", ["甲", "乙"]),
        ("<p style='display:none;height:1px'>x<br /></p><p>甲</p>", ["甲"]),
        ("<p STYLE='Display : None'>x</p><div style='visibility:hidden'><p>x</p></div>甲", ["甲"]),
        ("<p>&lt;甲&gt; &amp;amp; &#x4e2d;&#20013; &ldquo;乙&rdquo;</p>", ["<甲> &amp; 中中 “乙”"]),
        ("<p>甲&乙 &nosuch; a<3</p>", ["甲&乙 &nosuch; a<3"]),
        ("<p>甲\0乙</p><p>丙</p>", ["甲乙", "丙"]),
        ("<p>甲</p><p class='em_media'>（文章来源：某报）</p>", ["甲"]),
        ("<p>甲</p><p class='res-edit'>（责任编辑：某某）</p>", ["甲"]),
        ("", []),
        ("甲", ["甲"]),
        ("<!-- 注 -->", []),
        pytest.param("<p>甲--></p><!-- <p>乙</p>", ["甲-->", "乙"]),
        pytest.param("甲<p class='em_media'>（文章来源：某报）</p>乙", ["甲", "乙"]),
        pytest.param("<p>甲<span style='display:none'>x</span>乙</p>", ["甲乙"]),
        pytest.param("<p>甲&#0;乙</p>", ["甲乙"]),
    ],
)  # fmt: skip
def test_paragraphs(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<h3 class='emh3'><strong>甲</strong></h3>", [("heading", "甲")]),
        ("<p><strong>一、</strong> <b>甲</b></p>", [("heading", "一、 甲")]),
        ("<p><strong>甲</strong> &nbsp;</p>", [("heading", "甲")]),
        ("<p><span><strong>甲</strong></span></p>", [("heading", "甲")]),
        ("<p style='text-align:center'><strong>甲</strong></p>", [("heading", "甲")]),
        ("<p><strong>甲</strong>：乙</p>", [("text", "甲：乙")]),
        ("<p><strong></strong>甲</p>", [("text", "甲")]),
        ("<p><strong>甲</strong><br>乙</p>", [("text", "甲\n乙")]),
        ("<p><strong>甲</strong><br><br>乙</p>", [("heading", "甲"), ("text", "乙")]),
        ("<p style='text-align: center;'>甲</p><p>乙</p>", [("caption", "甲"), ("text", "乙")]),
        ("<center>甲</center>乙", [("caption", "甲"), ("text", "乙")]),
        ("<p style='text-align:right'>某局</p>", [("text", "某局")]),
        ("<blockquote>甲<p>乙</p></blockquote>丙",
         [("quote", "甲"), ("quote", "乙"), ("text", "丙")]),
        ("<blockquote><strong>甲</strong></blockquote>", [("quote", "甲")]),
        ("<ul><li>甲<li><b>乙</b><ol><li>丙</li></ol></ul>丁",
         [("list", "甲"), ("list", "乙"), ("list", "丙"), ("text", "丁")]),
        ("<dl><dt>甲</dt><dd>乙</dd></dl>", [("text", "甲"), ("list", "乙")]),
    ],
)  # fmt: skip
def test_kinds(source: str, expected: list[Shape]) -> None:
    assert shapes(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<table><tr><th>名</th><th>额</th></tr><tr><td>甲<b>乙</b></td><td> 1 </td></tr></table>",
         [("table", (("名", "额"), ("甲乙", "1")))]),
        ("<p>前<table><tr><td>甲<td>乙<tr><td><td></table>后",
         [("text", "前"), ("table", (("甲", "乙"),)), ("text", "后")]),
        ("<table><tr><td>甲</td><td></td></tr></table>", [("table", (("甲", ""),))]),
        ("<table><tr><td> </td><td></td></tr></table>甲", [("text", "甲")]),
        ("<table><tr><td><p>甲</p><p><b>乙</b></p></td></tr></table>",
         [("text", "甲"), ("heading", "乙")]),
        pytest.param("<table><tr><td><p>甲</p><table><tr><td>1</td><td>2</td></tr></table></td></tr>"
                     "</table>", [("text", "甲"), ("table", (("1", "2"),))]),
        pytest.param("<table><caption>表一</caption><tr><td>甲</td><td>乙</td></tr></table>",
                     [("caption", "表一"), ("table", (("甲", "乙"),))]),
        pytest.param("<table><tr><td>1.5<br>2.5</td><td><p>甲</p><p>乙</p></td></tr></table>",
                     [("table", (("1.5\n2.5", "甲\n乙"),))]),
        pytest.param("<table><tr><td><img src='https://a.test/1.jpg'></td><td>甲</td></tr></table>",
                     [("table", (("", "甲"),)), ("image", "https://a.test/1.jpg")]),
    ],
)  # fmt: skip
def test_tables(source: str, expected: list[Shape]) -> None:
    assert sorted(shapes(source), key=str) == sorted(expected, key=str)


def test_a_nested_table_says_nothing_twice() -> None:
    inner = "<table><tr><td>1</td><td>2</td></tr></table>"
    [table] = read(f"<table><tr><td>甲{inner}</td><td>乙</td></tr></table>").paragraphs
    assert [table.plain().count(each) for each in "甲12乙"] == [1, 1, 1, 1]


def test_a_picture_parts_the_text_around_it() -> None:
    source = "<p>甲<img src='https://a.test/D1_w640h360.jpg' width='9' alt=' 图 '>乙</p>"
    assert read(source).paragraphs == [
        Paragraph("text", "甲"),
        Paragraph("image", url="https://a.test/D1_w640h360.jpg", width=640, height=360, alt="图"),
        Paragraph("text", "乙"),
    ]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("src='//a.test/1.jpg' width='80%' height='x'", Paragraph("image", url="https://a.test/1.jpg")),
        ("src=' http://a.test/1.jpg ' width='80px' height='60' alt=''",
         Paragraph("image", url="http://a.test/1.jpg", width=80, height=60)),
        ("src='https://a.test/1_w9h9.jpg' orginial_src='https://a.test/1_w90h80_o.jpg'",
         Paragraph("image", url="https://a.test/1_w90h80_o.jpg", width=90, height=80)),
    ],
)  # fmt: skip
def test_pictures(attributes: str, expected: Paragraph) -> None:
    assert read(f"<center><img {attributes}></center>").paragraphs == [expected]


@pytest.mark.parametrize(
    "src",
    ["", " ", "data:image/png;base64,AAAA", "javascript:alert(1)", "/local.jpg", "blob:https://a",
     "https://q.test/GetPic.aspx?nid=0.002752&imageType=k"],
)  # fmt: skip
def test_what_is_no_picture(src: str) -> None:
    assert texts(f"<p>甲<img src='{src}'>乙</p><img>") == ["甲乙"]


@pytest.mark.parametrize("tag", ["div", "b", "span", "blockquote", "font"])
def test_deep_nesting_loses_nothing(tag: str) -> None:
    deep = f"<p>甲</p>{f'<{tag}>' * 2000}乙{f'</{tag}>' * 2000}<p>丙</p>"
    assert texts(deep) == ["甲", "乙", "丙"]


SENTENCE = "昨日两市成交额突破一万亿元，"


@pytest.mark.parametrize(
    ("source", "count"),
    [
        (f"<p>{SENTENCE * 25_000}</p>", 1),
        (f"<p>{SENTENCE}</p>" * 10_000, 10_000),
        (f"<p>{'甲<b>乙</b><br>' * 20_000}</p>", 1),
        pytest.param(f"<p>甲{' ' * 18_000}乙\n丙</p>", 1),
        pytest.param(f"<p>甲{'<!--' * 10_000}</p>", 1),
    ],
    ids=["a megabyte", "paragraphs", "breaks", "blanks", "comments"],
)
def test_long_bodies_take_no_time(source: str, count: int) -> None:
    start = time.process_time()
    assert len(read(source).paragraphs) == count
    assert time.process_time() - start < 1


# Words as news has them; not "（", "(", "文", "责": with these an attribution may begin.
words = st.text("昨日两市成交额ABC019<>&\"'。，％ ", min_size=1, max_size=6)
inline = st.sampled_from(["", "strong", "span", "b", "a", "em", "font", "u"])
plain = st.lists(st.tuples(inline, words), min_size=1, max_size=5).filter(
    lambda pieces: bool("".join(text for _, text in pieces).strip())
)


@settings(deadline=None)
@given(st.lists(plain, max_size=4))
def test_inline_tags_change_no_text(paragraphs: list[list[tuple[str, str]]]) -> None:
    source = "".join(
        "<p>" + "".join(
            f"<{tag}>{html.escape(text)}</{tag}>" if tag else html.escape(text)
            for tag, text in pieces
        ) + "</p>"
        for pieces in paragraphs
    )  # fmt: skip
    expected = ["".join(text for _, text in pieces).strip() for pieces in paragraphs]
    assert texts(source) == expected


fragments = st.sampled_from(
    ["<p>", "</p>", "<br>", "<strong>", "</strong>", "<div>", "</div>", "<table><tr><td>", "<td>",
     "</table>", "<li>", "<blockquote>", "<!--", "-->", "<img src='//a.test/1.jpg'>", "<script>",
     "<a data-code='1,600001'>", "</a>", "&nbsp;", "&#13;", "<p class='em_media'>", "（来源：",
     "\u3000", "</section>", "<body>", "<", "&", "\r\n", "<textarea>", "<center>", "<svg>", "\0"]
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.lists(fragments | st.text(max_size=4), max_size=12).map("".join))
def test_arbitrary_text_gives_no_empty_paragraph_and_no_outer_blanks(source: str) -> None:
    for paragraph in read(source).paragraphs:
        if paragraph.kind == "image":
            assert paragraph.url == "https://a.test/1.jpg"
        elif paragraph.kind == "table":
            assert paragraph.rows and all(any(row) for row in paragraph.rows)
            assert all(cell == cell.strip() for row in paragraph.rows for cell in row)
        else:
            assert paragraph.text and paragraph.text == paragraph.text.strip()


@pytest.mark.parametrize("quote", ['"', "'", ""])
@pytest.mark.parametrize("script", ["javascript:alert(1)", " JavaScript:go(`x`)", "vbscript:x"])
def test_a_script_in_a_link_takes_no_text_with_it(quote: str, script: str) -> None:
    source = (
        f'<p>看<a href={quote}{script}{quote}>这里</a>以及<a href="https://x.test/">那里</a>。</p>'
    )
    left = without_scripts(source)
    assert "script:" not in left.lower()
    assert texts(left) == ["看这里以及那里。"]

"""Bytes to text: the right text or an error, never other text."""

from __future__ import annotations

import codecs
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import PageError, TruncatedPage, UnreadableText
from crawler.parsers.charset import decode

TEXT = "<p>昨日两市成交额连续第三个交易日突破一万亿元，北向资金净流入超过百亿元。</p>"
RARE = "<p>姓名里常有镕、喆两字，旧字符集里却没有它们。</p>"
TRADITIONAL = "<p>昨日兩市成交額連續第三個交易日突破一萬億元，北向資金淨流入。</p>"
UTF8_META = '<meta charset="utf-8">'


def header(charset: str) -> str:
    return f"text/html; charset={charset}" if charset else ""


def read(body: bytes, charset: str = "") -> str:
    return decode(body, header(charset), url="https://a.test/")


@pytest.mark.parametrize("charset", ["", "utf-8", "gbk", "big5", "iso-8859-1", "nonsense"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_utf_8_is_read_as_such_whatever_it_claims(charset: str, mark: bytes) -> None:
    assert read(mark + TEXT.encode(), charset) == TEXT


@pytest.mark.parametrize("charset", ["", "gbk", "GB2312", "gb18030", "utf-8", "iso-8859-1", "x"])
@pytest.mark.parametrize("meta", ["", UTF8_META, '<meta charset="gb2312">'])
@pytest.mark.parametrize("text", [TEXT, RARE])
def test_gbk_is_read_with_and_without_and_against_its_declaration(
    text: str, meta: str, charset: str
) -> None:
    assert read((meta + text).encode("gbk"), charset) == meta + text


def test_a_gb2312_page_may_hold_four_byte_characters() -> None:
    text = f"{TEXT}\U00020087"
    assert read(text.encode("gb18030"), "gb2312") == text


@pytest.mark.parametrize(
    ("charset", "meta"),
    [
        ("big5", ""),
        ("", '<meta charset="big5">'),
        ("", '<meta http-equiv="Content-Type" content="text/html; charset=big5">'),
        ("utf-8", '<meta charset="big5">'),
        pytest.param("", ""),
    ],
)
def test_big5_is_read_or_refused(charset: str, meta: str) -> None:
    text = meta + TRADITIONAL
    try:
        assert read(text.encode("big5"), charset) == text
    except UnreadableText:
        assert not (charset == "big5" or meta)


@pytest.mark.parametrize(
    "charset",
    [
        "utf-16",
        "utf-7",
        "idna",
        "mbcs",
        "中文",
        "iso-8859-15",
        "windows-1254",
        "koi8-r",
        "unicode_escape",
        "hex",
        "rot13",
        "undefined",
    ],
)
def test_gbk_under_an_absurd_claim_is_read_or_refused(charset: str) -> None:
    with suppress(UnreadableText):
        assert read(TEXT.encode("gbk"), charset) == TEXT


def test_nul_in_a_declaration_breaks_nothing() -> None:
    assert read(b'<meta charset="g\0bk">' + TEXT.encode("gbk")).endswith(TEXT)


@pytest.mark.parametrize("charset", ["", "utf-8", "gbk"])
@pytest.mark.parametrize("damage", [b"\xff", b"\x80", b" ", b"\xe4"])
def test_utf_8_with_one_damaged_byte_is_refused(damage: bytes, charset: str) -> None:
    body = TEXT.encode()
    for at in range(len("<p>"), len(body) - len("</p>"), 3):  # each first byte of a character
        with pytest.raises(UnreadableText):
            read(body[:at] + damage + body[at + (damage != b"\xe4") :], charset)


@pytest.mark.parametrize("charset", ["", "utf-8", "gbk"])
@pytest.mark.parametrize("lost", [5, 6])
def test_utf_8_cut_off_inside_a_character_is_truncated(lost: int, charset: str) -> None:
    with pytest.raises(TruncatedPage):
        read(TEXT.encode()[:-lost], charset)


@pytest.mark.parametrize("body", [b"\xff\xfe\xff\xff", b"caf\xe9 noir", b"\x80", b"\x81 \x81"])
def test_bytes_that_are_no_text_are_refused(body: bytes) -> None:
    with pytest.raises(UnreadableText) as caught:
        read(body)
    assert caught.value.url == "https://a.test/"


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["", "utf-8", "gbk", "big5", "x"]))
def test_random_bytes_are_text_or_a_page_error(body: bytes, charset: str) -> None:
    with suppress(PageError):
        assert "\ufffd" not in read(body, charset) or "\ufffd".encode() in body


# Short GBK text can be valid UTF-8 by chance (each character fits one time in six),
# so the promise is for texts of the length of a page: no two characters the same here.
hanzi = st.integers(0x4E00, 0x9FA5).map(chr)
page_long = st.lists(hanzi, min_size=40, max_size=80, unique=True).map("".join)


@settings(deadline=None)
@given(page_long, st.sampled_from(["", "utf-8", "gbk", "iso-8859-1"]))
def test_gb_18030_text_of_some_length_is_itself_or_refused(text: str, charset: str) -> None:
    with suppress(UnreadableText):
        assert read(text.encode("gb18030"), charset) == text


@settings(deadline=None)
@given(st.text(), st.sampled_from(["", "utf-8", "gbk", "big5", "iso-8859-1", "nonsense"]))
def test_any_utf_8_text_is_itself(text: str, charset: str) -> None:
    assert read(text.encode(), charset) == text.removeprefix("\ufeff")

"""The identity of an article: one canonical code, whatever form it comes in."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.infocode import read

DIGITS = "202205312397805897"
CODE = f"NW{DIGITS}"

# {} is the bare number.
FORMS = (
    "{}",
    "NW{}",
    "nw{}",
    "  NW{}\n",
    "NW{}.html",
    "2022-05-31-{}.md",
    "2022-05-31-NW{}.md",
    "-{}.md",
    "_posts/2022-05-31-NW{}.md",
    "old_post/2022-05-31-{}.md",
    "https://finews.withounder.com/emnews/2022/05/31/{}.html",
    "https://finews.withounder.com/jiemianxinwen/2022/05/31/NW{}.html",
    "https://finews.withounder.com/zhengquanshibao%C2%B7egongsi/2022/05/31/NW{}.html",
    "http://finnews.zning.me/emnews/2022/05/31/{}.html",
    "//finews.zning.me/emnews/2022/05/31/{}.html",
    "/emnews/2022/05/31/{}.html",
    "/emnews/2022/05/31/{}.html/",
    "http://finews.zning.xyz/html_News/NewsShare.html?infoCode=NW{}",
    "http://choicewzp1.eastmoney.com/html_News/NewsShare.html?infocode=nw{}",
    "http://finews.zning.xyz/html_News/NewsShare.html?from=app&INFOCODE=NW{}#top",
    "NewsShare.html?infoCode=NW{}",
    "https://choicew2z.eastmoney.com/info/information/detail.html?infocode=NW{}",
    "http://app.jg.eastmoney.com/NewsData/GetNewsText.do?id=NW{}&cid=1234567890123456",
    "http://choicewzp1.eastmoney.com/NewsData/GetNewsText.do?cid=7&id={}",
    "https://newsinfo.eastmoney.com/kuaixun/v2/api/content/getnews?newsid={}&newstype=1",
    "https://newsinfo.eastmoney.com/kuaixun/v2/api/article/{}?guid=20220531",
    "http://finance.eastmoney.com/news/1345,{}.html",
    "http://stock.eastmoney.com/news/11158,{}.html",
    "http://hk.eastmoney.com/news/1533,{}.html",
    "http://mss.eastmoney.com/news/11382,{}.html",
    "https://finance.eastmoney.com/a/{}.html",
    "https://stock.eastmoney.com/a/{}.html?tr=1",
    "https://global.eastmoney.com/a/{}.html#comments",
    "https://bond.eastmoney.com/a/{}.html?x=1#y",
    "https://wap.eastmoney.com/a/{}.html",
    "finance.eastmoney.com/a/{}.html",
)  # fmt: skip

REFUSED = (
    "",
    "NW",
    "20220531239780589",
    "2022053123978058971",
    "NW20220531239780589",
    "NW2022053123978058971",
    "ANW202205312397805897",
    "202205312397805897X",
    "２０２２０５３１２３９７８０５８９７",
    "NW２０２２０５３１２３９７８０５８９７",
    "２０２２０５３１2397805897",
    "202202302397805897",
    "202213012397805897",
    "202205002397805897",
    "000005312397805897",
    "198905312397805897",
    "999905312397805897",
    "202205312397805897 202205312397805898",
    "/a/202205312397805897,202205312397805898.html",
    "https://dfscdn.dfcfw.com/download/D2522020531239780589_w640h360.jpg",
    "https://dfscdn.dfcfw.com/download/D2202205312397805897_w640h360_o.jpg",
    "D2202205312397805897_w640h360.jpg",
    "https://finews.withounder.com/sitenews/2021/12/01/init.html",
    "https://finews.withounder.com/category/jiemianxinwen.html",
    "https://finance.eastmoney.com/a/cgnjj_2.html",
    "http://finews.zning.xyz/html_News/NewsShare.html?infoCode=",
    "http://finews.zning.xyz/html_News/NewsShare.html?infoCode=NW2022",
    "http://finews.zning.xyz/NewsShare.html?trace=202205312397805897",
    "https://202205312397805897.example.test/",
    "http://[/a/202205312397805897.html",
    "http://\uff41\u2100b/202205312397805897.html",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_to_the_one_code(form: str) -> None:
    assert read(form.format(DIGITS)) == CODE


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_code_is_refused(text: str) -> None:
    assert read(text) is None


def test_the_same_code_twice_is_one_code() -> None:
    assert read(f"2022-05-31-{DIGITS}-NW{DIGITS}.md") == CODE


def test_the_date_of_the_folder_is_not_the_date_of_the_code() -> None:
    assert read(f"https://finews.withounder.com/emnews/2022/06/02/{DIGITS}.html") == CODE


codes = st.builds(
    lambda day, number: f"{day:%Y%m%d}{number:010}",
    st.dates(date(1990, 1, 1), date(2099, 12, 31)),
    st.integers(0, 10**10 - 1),
)


@settings(deadline=None)
@given(codes, st.sampled_from(FORMS))
def test_any_code_survives_any_form(digits: str, form: str) -> None:
    assert read(form.format(digits)) == f"NW{digits}"


@settings(deadline=None)
@given(codes, st.integers(0, 9), st.sampled_from(FORMS[:-12]))
def test_a_digit_more_or_less_is_no_code(digits: str, extra: int, form: str) -> None:
    assert read(f"{digits}{extra}") is None
    assert read(form.format(digits[:-1])) is None


noise = st.lists(
    st.text(max_size=8)
    | st.sampled_from(("http://", "//", "[", "]", "?id=", "&infoCode=", "#", "%", DIGITS, CODE))
).map("".join)


@settings(deadline=None)
@given(noise)
def test_arbitrary_text_never_raises_and_reads_to_a_canonical_code_or_none(text: str) -> None:
    code = read(text)
    assert code is None or (len(code) == 20 and code.startswith("NW20") and read(code) == code)

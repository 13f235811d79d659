"""Eastmoney's real answers, where they are at hand: no texts of theirs stand here.

What they say is held against the same bytes read in another way; facts are by reading them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from crawler.items import Article, Entry
from crawler.parsers.eastmoney import article_url
from crawler.parsers.eastmoney.article import parse_article
from crawler.parsers.eastmoney.lists import ListPage, catalogue, parse_listing
from tests.conftest import ROOT

SAMPLES = ROOT.parent / "shared" / "samples" / "eastmoney"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="real answers are not in finews")

CODE = "NW202609183878840472"
LISTS = {
    "344": "getNewsByColumns-344-page1.json",
    "push-745": "pushlist-745-page1.json",
    "pc-345": "GetNewsList-345-page1.json",
}

# By reading the article: market.code, evidence, paragraph.
MENTIONS = [
    *(f"{each} chart -" for each in (
        "100.DJIA", "100.NDX", "100.SPX", "100.FTSE", "100.GDAXI", "100.FCHI",
        "105.MSTR", "105.COIN", "106.CRCL",
    )),
    "90.BK1211 link 13",
    "105.NVDA link 16",
    "90.BK0800 link 16",
    "105.TSLA link 20",
    "0.300024 link 20",
    "105.AMZN link 22",
    "90.BK0800 link 24",
]  # fmt: skip
HEADLINES = (4, 6, 8, 10, 12, 15, 17, 19, 21, 23)  # links to other articles; all but 15 are bold


@cache
def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


@cache
def told() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(sample(f"article-{CODE[2:]}.json"))["data"]
    return data


@cache
def article() -> Article:
    (entry,) = (each for each in page("344").entries if each.info_code == CODE)
    return parse_article(sample(f"article-{CODE[2:]}.json"), entry)


def digest(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()


class Blocks(HTMLParser):
    """The texts of ``<p>`` and ``<h3>`` that are not hidden, by a parser that finews has not."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.blocks: list[tuple[str, str]] = []
        self.advert = self.hidden = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("p", "h3"):
            self.hidden = "display:none" in (values.get("style") or "")
            self.blocks.append((tag, ""))
        elif tag == "a":
            self.advert = "acttg" in (values.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        self.advert = self.advert and tag != "a"

    def handle_data(self, data: str) -> None:
        if self.blocks and not self.hidden and not self.advert:
            tag, text = self.blocks[-1]
            self.blocks[-1] = tag, text + data

    def said(self) -> list[tuple[str, str]]:
        return [(tag, text.strip()) for tag, text in self.blocks if text.strip()]


@cache
def blocks() -> list[tuple[str, str]]:
    return Blocks(told()["Art_Content"]).said()


# The article


def test_twenty_five_paragraphs() -> None:
    assert len(article().paragraphs) == 25
    assert [tag for tag, _ in blocks()].count("h3") == 2
    assert len(blocks()) == 25


@pytest.mark.parametrize("index", range(25))
def test_the_text_of_a_paragraph(index: int) -> None:
    assert digest(article().paragraphs[index].text) == digest(blocks()[index][1])


@pytest.mark.parametrize("index", range(25))
def test_the_kind_of_a_paragraph(index: int) -> None:
    # Another article's headline, bold in its link, is text.
    heading = blocks()[index][0] == "h3"
    assert article().paragraphs[index].kind == ("heading" if heading else "text")


def test_the_headlines_that_are_links_belong_to_the_text() -> None:
    texts = [article().paragraphs[index].text or "" for index in HEADLINES]
    assert all(texts)
    for text in texts:
        at = told()["Art_Content"].index(f"{text}<")
        assert "eastmoney.com/a/2026091838" in told()["Art_Content"][at - 160 : at]


def test_no_advert_no_chart_and_no_picture() -> None:
    said = repr((article().paragraphs, article().mentions, article().images))
    assert article().images == ()
    for word in ("acttg", "em_handle", "GetPic", "D24832930842412850501", "http"):
        assert word not in said


def test_the_body_is_kept_as_it_came() -> None:
    assert digest(article().body) == digest(told()["Art_Content"])


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("info_code", lambda: CODE),
        ("site", lambda: "eastmoney"),
        ("parser", lambda: "eastmoney.article-2026/1"),
        ("page_url", lambda: article_url(CODE)),
        ("title", lambda: told()["Art_Title"]),
        ("published_at", lambda: datetime.fromisoformat("2026-09-19T01:09:08+08:00")),
        ("published_raw", lambda: "2026/09/19 01:09:08"),
        ("digest", lambda: told()["Art_Digest"]),
        ("source", lambda: "东方财富Choice数据"),
        ("author", lambda: None),
        ("editor", lambda: "11"),
        ("url", lambda: f"http://finance.eastmoney.com/a/{CODE[2:]}.html"),
        ("tags", lambda: tuple(told()["Art_Keyword"].split(","))),
        ("category", lambda: None),
    ],
)
def test_a_field(field: str, expected: Any) -> None:
    assert getattr(article(), field) == expected()


def test_ten_tags() -> None:
    assert len(article().tags) == 10


@pytest.mark.parametrize("index", range(len(MENTIONS)))
def test_a_mention(index: int) -> None:
    found = article().mentions[index]
    place = "-" if found.paragraph is None else found.paragraph
    assert f"{found.market}.{found.code} {found.evidence} {place}" == MENTIONS[index]


def test_no_other_mention() -> None:
    assert len(article().mentions) == len(MENTIONS)


def test_a_linked_name_stands_in_its_paragraph() -> None:
    for each in article().mentions:
        if each.evidence == "link":
            assert each.paragraph is not None and each.name
            assert each.name in (article().paragraphs[each.paragraph].text or "")


def test_what_the_site_lists_beside_it_is_named_in_it() -> None:
    listed = [code for tip in json.loads(told()["Art_Tip_Info"]) for code in tip["Code"].split(",")]
    assert len(listed) == 6
    assert set(listed) <= {f"{m.market}.{m.code}" for m in article().mentions}


# The lists


@cache
def page(name: str) -> ListPage:
    listing = catalogue(40 if name == "push-745" else 20)[name].listing
    return parse_listing(sample(LISTS[name]), listing)


@cache
def items(name: str) -> list[dict[str, Any]]:
    whole = json.loads(sample(LISTS[name]))
    found: list[dict[str, Any]] = whole["items"] if name == "pc-345" else whole["data"]["list"]
    return found


def pairs() -> list[tuple[str, int]]:
    counts = {"344": 20, "push-745": 40, "pc-345": 20}
    return [(name, index) for name, count in counts.items() for index in range(count)]


def test_every_item_is_an_entry() -> None:
    for name in LISTS:
        assert len(page(name).entries) == len(items(name))
        assert len({each.info_code for each in page(name).entries}) == len(items(name))


def test_they_go_on() -> None:
    after = {name: page(name).next for name in LISTS}
    for name, number in (("344", "page_index=2"), ("push-745", "page_index=2"), ("pc-345", "p=2")):
        following = after[name]
        assert following and following.page == 2
        assert f"&{number}&" in following.url
    first = catalogue(20)["344"].listing
    for last, more in ((249, True), (250, False)):
        at = replace(first, page=last)
        assert (parse_listing(sample(LISTS["344"]), at).next is not None) is more


def known(entry: Entry) -> dict[str, str]:
    return dict(entry.told)


@pytest.mark.parametrize(("name", "index"), pairs())
class TestEntries:
    def test_code(self, name: str, index: int) -> None:
        item = items(name)[index]
        code = item.get("infoCode") or f"NW{item['code']}"
        assert page(name).entries[index].info_code == code
        assert page(name).entries[index].url == article_url(code)

    def test_title(self, name: str, index: int) -> None:
        entry, title = page(name).entries[index], items(name)[index]["title"].strip()
        assert (entry.title, known(entry)["title"]) == (title, title)

    def test_time(self, name: str, index: int) -> None:
        entry, item = page(name).entries[index], items(name)[index]
        raw = item.get("showTime") or item.get("showtime") or item["showDateTime"]
        if name == "pc-345":
            at = datetime.fromtimestamp(raw / 1000, UTC)
        else:
            at = datetime.fromisoformat(f"{raw}+08:00")
        assert entry.published_at == at
        assert entry.published_at.isoformat()[-6:] == "+08:00"
        assert known(entry)["published_raw"] == str(raw)

    def test_source(self, name: str, index: int) -> None:
        entry, item = page(name).entries[index], items(name)[index]
        assert known(entry)["source"] == (item.get("mediaName") or item["source"])

    def test_author(self, name: str, index: int) -> None:
        entry, item = page(name).entries[index], items(name)[index]
        assert known(entry).get("author") == (item.get("author") or None)

    def test_digest(self, name: str, index: int) -> None:
        entry, item = page(name).entries[index], items(name)[index]
        told = item.get("summary") or item.get("digest") or item["content"]
        text = told.split("】", 1)[1] if told.startswith("【") else told
        assert digest(known(entry)["digest"]) == digest(text.strip())
        assert not known(entry)["digest"].startswith("【")

    def test_url(self, name: str, index: int) -> None:
        entry, item = page(name).entries[index], items(name)[index]
        assert known(entry).get("url") == (item.get("uniqueUrl") or item.get("url"))
        assert {"kind", "stocks"}.isdisjoint(known(entry))

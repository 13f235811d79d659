"""What must not be stored: times to come, nothing at all, text in the wrong charset."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import Untrusted
from crawler.items import Article, Mention, Paragraph
from crawler.parsers.dates import SHANGHAI
from pipelines.validate import check, incomplete, mojibake

NOW = datetime(2022, 5, 31, 12, 0, tzinfo=SHANGHAI)
TEXT = "昨日两市成交额连续第三个交易日突破一万亿元，北向资金净流入超过百亿元，新能源板块领涨。"


def article(
    *paragraphs: str,
    title: str | None = None,
    digest: str | None = None,
    published_at: datetime | None = None,
) -> Article:
    return Article(
        info_code="NW202205312397805897",
        site="finews",
        page_url="https://a.test/x.html",
        parser="finews.post/1",
        title=title,
        digest=digest,
        published_at=published_at,
        paragraphs=tuple(Paragraph("text", text) for text in paragraphs),
    )


def refused(bad: Article) -> str:
    with pytest.raises(Untrusted) as caught:
        check(bad, NOW)
    assert (caught.value.info_code, caught.value.url) == (bad.info_code, bad.page_url)
    return caught.value.reason


def test_nothing_is_not_stored_but_little_is() -> None:
    assert refused(article(published_at=NOW)) == "no-content"
    check(article(title="题"), NOW)
    check(article("文"), NOW)


def test_a_time_may_be_a_little_ahead_and_no_more() -> None:
    slack = timedelta(minutes=10)
    check(article(TEXT, published_at=NOW + slack), NOW)
    check(article(TEXT, published_at=datetime(1990, 1, 1, tzinfo=SHANGHAI)), NOW)
    late = article(TEXT, published_at=NOW + slack + timedelta(seconds=1))
    assert refused(late) == "future-time"


def test_incomplete_lacks_title_or_time() -> None:
    assert incomplete(article(TEXT, title="题"))
    assert incomplete(article(TEXT, published_at=NOW))
    assert not incomplete(article(title="题", published_at=NOW))


def misread(text: str, charset: str, source: str = "utf-8") -> str:
    return text.encode(source).decode(charset, "ignore")


SPOILT = [
    misread(TEXT, "gb18030"),
    misread(TEXT, "gbk"),
    misread("央行宣布下调存款准备金率", "gb18030"),
    misread(TEXT, "latin-1"),
    misread(TEXT, "cp1252"),
    misread("《公告》：“成交额”——", "cp1252"),
    TEXT.encode("gb18030").decode("utf-8", "replace"),
    f"{TEXT}\ufffd{TEXT}",
    f"{TEXT * 20}{misread(TEXT, 'latin-1')}",
    pytest.param("锟斤拷锟斤拷锟斤拷锟斤拷"),
    pytest.param(misread(TEXT, "latin-1", "gbk")),
    pytest.param(misread(misread(TEXT, "latin-1"), "latin-1")),
    pytest.param(f"{TEXT * 50}{misread(TEXT, 'gb18030') * 20}"),
]


@pytest.mark.parametrize("spoilt", SPOILT)
def test_mojibake_is_refused_in_title_and_text(spoilt: str) -> None:
    assert refused(article(spoilt)) == "mojibake"
    assert refused(article(TEXT[:4], title=spoilt)) == "mojibake"


def test_mojibake_is_refused_in_the_digest() -> None:
    assert refused(article(TEXT, digest=f"{TEXT}\ufffd")) == "mojibake"


def test_mojibake_is_refused_in_a_table() -> None:
    table = Paragraph("table", rows=((misread(TEXT, "latin-1"), "1"),))
    bad = Article("NW202205312397805897", "finews", "https://a.test/", "x/1", paragraphs=(table,))
    assert refused(bad) == "mojibake"


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT,
        "昨日兩市成交額連續第三個交易日突破一萬億元，北向資金淨流入。",
        "镕喆堃淼垚赟犇骉，罕见的人名用字。",
        "锟铻是古书里的剑名，斤斤计较，拷问。",
        "Stocks rose “sharply” on Tuesday — up 3% – after the Fed’s decision…",
        "Café, résumé, naïve façade: « déjà vu » à l’été, élève créée, où Noël…",
        "é è ê ë ä å æ ç, Å Ä Ö ß ü ñ ¿¡ £ € ¥ ° ± ² ³ µ ½ × ÷ © ® ™",
        "Überraschend: größere Verkäufe, Erträge für Händler “später” • Ärger",
        "東京株式市場では日経平均株価が三日続けて上昇し、カタカナとひらがなもある。",
        "서울 증시는 사흘째 올랐다. Рынок вырос на три процента. Η αγορά ανέβηκε.",
        "┌──┬──┐│甲│乙│└──┴──┘ ■□●○★☆→←↑↓①②③ⅠⅡ㈠㎡℃‰",
        "🚀📈🇨🇳👨‍👩‍👧 涨停 🎉",
        "\ue000 \u200b \u3000 \u00a0 ﹏ ＡＢＣ１２３",
        "x = [1, 2]; y → z; α β γ; ∑∫√≈≠≤≥",
    ],
)
def test_harmless_text_is_stored(text: str) -> None:
    assert mojibake(text) is None
    check(article(f"文{text}", title=text[:20] or None, digest=text), NOW)


COMMON = (
    "的一是了在不有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而"
    "方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好"
    "应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向"
    "道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特"
    "件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处"
)
news = st.lists(st.sampled_from(COMMON), min_size=40, max_size=120).map("".join)


@settings(deadline=None)
@given(news, st.sampled_from(["", "，", " 8.4% ", "\n"]))
def test_chinese_is_never_called_mojibake(text: str, mark: str) -> None:
    assert mojibake(f"{text[:20]}{mark}{text[20:]}") is None


@settings(deadline=None)
@given(news, st.sampled_from(["gb18030", "gbk", "latin-1", "cp1252"]))
def test_misread_chinese_is_always_called_mojibake(text: str, charset: str) -> None:
    assert mojibake(misread(text, charset))


@pytest.mark.parametrize("half", ["\ud83d", "题\udc00目"])
def test_half_a_character_is_quarantined_wherever_it_stands(half: str) -> None:
    """No table takes it: as a feed's JSON may hold it, where a spider hands it on as it is."""
    whole = article(TEXT, title="题")
    assert refused(article(TEXT, title=half)) == "mojibake"
    assert refused(article(half)) == "mojibake"
    assert refused(replace(whole, source=half)) == "mojibake"
    assert refused(replace(whole, tags=("a", half))) == "mojibake"
    assert refused(replace(whole, body=half)) == "mojibake"
    mention = Mention("1", "600519", half, "tag", None)
    assert refused(replace(whole, mentions=(mention,))) == "mojibake"
    table = Paragraph("table", rows=(("a", half),))
    assert refused(replace(whole, paragraphs=(table,))) == "mojibake"
    check(replace(whole, source="😀\x00"), NOW)

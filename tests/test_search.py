"""What a query finds: against a plain scan of the texts, and by its language."""

from __future__ import annotations

import random
import sqlite3
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opencc import OpenCC

from benchmarks.generate.words import queries, texts
from crawler.errors import StoreError
from crawler.items import Article, Mention, Paragraph
from crawler.parsers.dates import SHANGHAI
from pipelines.database import search
from pipelines.database.connect import read_corpus, writing
from pipelines.database.search import Found, Order, find
from pipelines.database.search_index import rebuild
from pipelines.database.select import Filter, count
from pipelines.run import Run
from pipelines.search.fold import fold
from pipelines.search.marks import marked, snippet
from pipelines.search.query import Query, Words, parse

CONVERTER = OpenCC("t2s")
BEGIN = datetime(2024, 1, 1, 9, tzinfo=SHANGHAI)
ORDERS: tuple[Order, ...] = ("newest", "rank")
_CHARACTERS = "ab1２Ａ股证證涨，。 .%é\u3000"


def article(number: int, title: str | None = None, *said: str, **more: object) -> Article:
    values = {
        "published_at": BEGIN + timedelta(minutes=number),
        "paragraphs": tuple(Paragraph("text", each) for each in said),
        **more,
    }
    code = f"NW20240101{number:010}"
    return Article(code, "eastmoney", f"https://x.test/{code}", "test/1", title=title, **values)  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Run.open(tmp_path, "test", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as run:
        yield run


def take(run: Run, *articles: Article) -> None:
    for each in articles:
        run.store.add(each)
    run.store.flush()


def found(run: Run, query: str | None, **more: object) -> list[str]:
    """The titles, in the order in which they are given."""
    got = find(run.corpus, Filter(query=query, **more), limit=1000)  # type: ignore[arg-type]
    return titles(got)


def titles(found: Found) -> list[str]:
    return ["".join(piece for piece, _ in hit.title) for hit in found.hits]


@cache
def plain_character(char: str) -> str:
    """Width, case and traditional forms by Unicode and OpenCC alone: none of our code."""
    is_wide = unicodedata.east_asian_width(char) in "FH"
    char = unicodedata.normalize("NFKC" if is_wide else "NFC", char)
    return " " if char.isspace() else CONVERTER.convert(char.lower())


def plain(text: str) -> str:
    return "".join(map(plain_character, text))


def test_random_queries_find_what_a_plain_scan_finds(run: Run) -> None:
    said = list(texts(800, length=300))
    cut = [(text[:15], *(text[at : at + 90] for at in range(15, len(text), 90))) for text in said]
    take(run, *(article(number, *parts) for number, parts in enumerate(cut)))
    scan = sqlite3.connect(":memory:")
    scan.execute("CREATE TABLE plain (info_code, said)")
    stored = run.corpus.conn.execute(
        "SELECT info_code, title, (SELECT group_concat(value ->> 'text', char(10))"
        " FROM json_each(paragraphs)) FROM articles"
    )
    rows = ((code, plain(f"{title or ''}\n{words}")) for code, title, words in stored)
    scan.executemany("INSERT INTO plain VALUES (?, ?)", rows)
    asked = queries(said, 300)
    assert len(asked) == 300
    for query in asked:
        found = scan.execute("SELECT info_code FROM plain WHERE instr(said, ?)", (plain(query),))
        scanned = {code for (code,) in found}
        got = find(run.corpus, Filter(query=query), limit=2000)
        assert {hit.info_code for hit in got.hits} == scanned, query
        assert count(run.corpus, Filter(query=query)) == len(scanned)
    scan.close()


texts_of = st.text(_CHARACTERS, min_size=1, max_size=9)


@given(st.lists(texts_of, min_size=1, max_size=4), texts_of.filter(str.strip))
def test_the_index_finds_a_part_of_a_text_and_nothing_else(said: list[str], part: str) -> None:
    from pipelines.search.grams import indexed

    word = Words(fold(part.strip()))
    db = sqlite3.connect(":memory:")
    db.execute(_TABLE)
    folded = [fold(each) for each in said]
    db.execute("INSERT INTO search VALUES (?, '')", (indexed(folded),))
    hit = db.execute("SELECT count(*) FROM search WHERE search MATCH ?", (word.match,)).fetchone()
    db.close()
    assert hit == (word.holds(folded),)
    assert word.holds(folded) == any(word.text in each for each in folded)


def _table() -> str:
    from sqlite_utils import Database

    from pipelines.database import schema

    db = Database(memory=True)
    schema.corpus.apply(db)
    (sql,) = db.conn.execute("SELECT sql FROM sqlite_master WHERE name = 'search'").fetchone()
    return str(sql)


_TABLE = _table()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("降准", "央行宣布降准"),
        ("准", "央行宣布降准"),
        ("A股", "Ａ股上涨"),
        ("ａ股", "A股上涨"),
        ("300750", "宁德时代(300750)"),
        ("0075", "宁德时代(300750)"),
        ("(300", "宁德时代(300750)"),
        ("GDP", "一季度gdp增长"),
        ("ＧＤＰ", "一季度GDP增长"),
        ("国务院", "國務院常務會議"),
        ("證券", "证券市场"),
        ("12.5%", "增长12.5%。"),
        ("，公司", "昨日，公司公告"),
        ("*", "注*号"),
        ('"', '所谓"新"'),
        ("'", "it's"),
        ("AND", "P AND L"),
        ("é", "café"),
        ("𠮷", "𠮷野家"),
        ("🚀", "涨🚀了"),
        ("a\u200bb", "a\u200bb"),
    ],
)
def test_a_query_finds(run: Run, query: str, says: str) -> None:
    take(run, article(1, "有", says), article(2, "无", "别的"))
    assert found(run, query) == ["有"]
    take(run, article(3, says))
    assert found(run, query) == [says, "有"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("涨公", "上涨。公司"),
        ("降准", "下降"),
        ("上涨公司", "公司上涨"),
        ("3007", "300 7"),
        ("1", "①²½"),
    ],
)
def test_a_query_does_not_find(run: Run, query: str, says: str) -> None:
    take(run, article(1, "无", says))
    assert found(run, query) == []


def test_a_phrase_does_not_reach_into_the_next_paragraph(run: Run) -> None:
    take(run, article(1, "上", "涨停", "板块"), article(2, "涨", "停"))
    for query in ("停板", "上涨", "涨停板", "涨停"):
        assert found(run, query) == (["上"] if query == "涨停" else [])


def test_what_is_searched(run: Run) -> None:
    table = Paragraph("table", rows=(("营收", "甲亿"), ("净利", "乙亿")))
    picture = Paragraph("image", url="https://x.test/庚.png", alt="丁图")
    take(run, article(1, "丙题", digest="戊摘", paragraphs=(table, picture)))
    for query in ("丙", "戊", "营收", "乙亿", "丁图"):
        assert found(run, query) == ["丙题"], query
    for query in ("庚", "png", "table", "rows", "营收甲亿", "kind"):
        assert found(run, query) == [], query


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("甲 乙", ["甲乙"]),
        ("甲 AND 乙", ["甲乙"]),
        ("甲 OR 丙", ["丙", "甲乙", "甲"]),
        ("（甲　ＯＲ　丙）　NOT　乙", ["丙", "甲"]),
        ("ｔｅ＊", ["tesla"]),
        ("＂b c＂", ["b c"]),
        ("甲 NOT 乙", ["甲"]),
        ("甲 OR 丙 NOT 乙", ["丙", "甲乙", "甲"]),
        ("(甲 OR 丙) NOT 乙", ["丙", "甲"]),
        ("甲 NOT 乙 NOT 丙", ["甲"]),
        ("甲 (乙 OR 丙)", ["甲乙"]),
        ("(甲乙)", []),  # without an operator brackets are text
        ("tesl*", ["tesla"]),
        ("te*", ["tesla"]),
        ("esl*", []),
        ("esl", ["tesla"]),
        ('"b c"', ["b c"]),
        ("“b c”", ["b c"]),
        ("c b", ["b c"]),
        ('"c b"', []),
    ],
)
def test_the_language_of_queries(run: Run, query: str, wanted: list[str]) -> None:
    take(
        run, *(article(at, title) for at, title in enumerate(("甲", "甲乙", "丙", "tesla", "b c")))
    )
    assert sorted(found(run, query)) == sorted(wanted)


@pytest.mark.parametrize(
    "query",
    ["", " ", "甲 AND", "OR 甲", "甲 OR (乙", "甲) OR 乙", "NOT 甲", "甲 AND OR 乙", "x" * 1001],
)
def test_what_cannot_be_meant_is_a_sentence(run: Run, query: str) -> None:
    with pytest.raises(ValueError, match="the query"):
        find(run.corpus, Filter(query=query))


def outcome(text: str) -> Query | str:
    try:
        return parse(text)
    except ValueError as error:
        return str(error)


@given(
    st.text(max_size=30)
    | st.lists(st.sampled_from(["甲", "AND", "OR", "NOT", "(", ")", '"', "*"])).map(" ".join)
)
def test_any_text_is_a_query_or_a_sentence(text: str) -> None:
    read = outcome(text)
    if isinstance(read, str):
        assert read.startswith("the query")
        # Only what has operators, or nothing at all, cannot be meant.
        assert not text.strip() or set(text.split()) & {"AND", "OR", "NOT"} or "(" in text
    else:
        assert list(read.words())
        assert all(word.holds([word.text]) for word in read.words())


def test_long_queries(run: Run) -> None:
    take(run, article(1, "甲乙"))
    for joined in (" ", " AND ", " OR ", " NOT 丙 NOT "):
        query = joined.join(["甲"] + ["乙"] * ((990 - 1) // (len(joined) + 1)))
        assert found(run, query) == ([] if "NOT" in joined else ["甲乙"])
    assert found(run, "(" * 40 + "甲 OR 丁" + ")" * 40) == ["甲乙"]
    with pytest.raises(ValueError, match="brackets"):
        find(run.corpus, Filter(query="(" * 60 + "甲 OR 丁" + ")" * 60))


def test_the_newest_come_first_to_the_second(run: Run) -> None:
    chance = random.Random(1)
    order = list(range(200))
    chance.shuffle(order)
    times = {number: BEGIN + timedelta(minutes=37 * number) for number in order}
    for number in order:  # in batches of their own, in no order
        take(run, article(number, f"{number}", "甲", published_at=times[number]))
    take(run, article(900, "无", "甲", published_at=None))
    wanted = [str(number) for number in sorted(order, reverse=True)]
    assert found(run, "甲") == [*wanted, "无"]
    assert found(run, None) == [*wanted, "无"]
    paged = [
        titles(find(run.corpus, Filter(query="甲"), limit=7, offset=at)) for at in range(0, 201, 7)
    ]
    assert [title for page in paged for title in page] == [*wanted, "无"]


def test_more_tells_whether_there_is_a_next_page(run: Run) -> None:
    take(run, *(article(number, "甲") for number in range(5)))
    for order in ("newest", "rank"):
        assert find(run.corpus, Filter(query="甲"), limit=3, order=order).more
        assert not find(run.corpus, Filter(query="甲"), limit=5, order=order).more
        assert not find(run.corpus, Filter(query="甲"), limit=3, offset=3, order=order).more
        assert find(run.corpus, Filter(query="甲"), limit=3, offset=9, order=order).hits == ()


def test_ranked_by_how_well_they_answer(run: Run) -> None:
    take(
        run,
        article(1, "别的", "央行降准，" + "无关的话" * 50),
        article(2, "央行降准", "全面实施" + "无关的话" * 50),
        article(3, "别的二", "降准、降准、降准，" + "无关的话" * 50),
    )
    got = titles(find(run.corpus, Filter(query="降准"), order="rank"))
    assert got == ["央行降准", "别的二", "别的"]


def test_filters_narrow_a_search(run: Run) -> None:
    mention = (Mention("1", "600519", "贵州茅台", "code", 0),)
    take(
        run,
        article(1, "一", "降准", source="甲社", mentions=mention),
        article(2, "二", "降准", source="乙社"),
        article(3, "三", "升准", source="甲社"),
    )
    first = BEGIN + timedelta(minutes=1)
    for order in ("newest", "rank"):
        for wanted, selected in (
            (Filter(sources=("甲社",)), ["一"]),
            (Filter(securities=("1.600519",)), ["一"]),
            (Filter(evidence=("chart",)), []),
            (Filter(since=first + timedelta(seconds=1)), ["二"]),
            (Filter(until=first), ["一"]),
            (Filter(sites=("posts",)), []),
            (Filter(among=("NW202401010000000002",)), ["二"]),
            (Filter(among=()), []),
        ):
            got = find(run.corpus, replace(wanted, query="降准"), order=order)
            assert titles(got) == selected, (order, wanted)


@pytest.mark.parametrize("few", [0, 20_000])  # asked of each hit, or looked up before
def test_a_filter_counts_before_the_ranked_are_cut(
    run: Run, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "RANKED", 3)
    monkeypatch.setattr(search, "_FEW", few)
    take(run, article(1, "旧", "降准", source="乙社"))
    take(run, *(article(number, f"新{number}", "降准", source="甲社") for number in range(2, 9)))
    old = BEGIN + timedelta(minutes=1)
    for wanted in (
        Filter(sources=("乙社",)),
        Filter(until=old),
        Filter(sources=("乙社",), until=old),
    ):
        for order in ORDERS:
            got = find(run.corpus, replace(wanted, query="降准"), order=order)
            assert titles(got) == ["旧"], (order, wanted)
    ranked = find(run.corpus, Filter(query="降准", sources=("甲社",)), order="rank")
    assert sorted(titles(ranked)) == ["新6", "新7", "新8"]  # the newest of those that are wanted


@pytest.mark.parametrize("few", [0, 20_000])
def test_filters_and_pages_by_either_way(
    run: Run, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_FEW", few)
    monkeypatch.setattr(search, "_FIRST", 2)
    at = {n: BEGIN + timedelta(hours=5 * n) for n in range(60)}
    take(run, *(article(n, f"{n}", "降准", published_at=at[n], source="甲乙"[n % 2]) for n in at))
    wanted = Filter(query="降准", sources=("甲",), since=at[7], until=at[41])
    for order in ORDERS:
        parts = [find(run.corpus, wanted, order=order, limit=4, offset=n) for n in range(0, 24, 4)]
        every = [title for part in parts for title in titles(part)]
        assert sorted(every, key=int) == [str(n) for n in range(8, 42, 2)]
        assert order == "rank" or every == sorted(every, key=int, reverse=True)
    assert count(run.corpus, wanted) == 17


def test_old_times_and_none(run: Run) -> None:
    take(
        run,
        article(1, "一九〇〇", "降准", published_at=datetime(1900, 1, 1, tzinfo=SHANGHAI)),
        article(2, "无", "降准", published_at=None),
        article(3, "今", "降准"),
    )
    assert found(run, "降准") == ["今", "一九〇〇", "无"] == found(run, None)
    ranked = find(run.corpus, Filter(query="降准"), order="rank")
    assert sorted(titles(ranked)) == sorted(["今", "一九〇〇", "无"])


@pytest.mark.parametrize(
    ("sql", "hit"),
    [
        ('UPDATE articles SET paragraphs = \'[{"kind":"text","text":5}]\'', False),
        ("UPDATE articles SET paragraphs = '{'", False),
        ("UPDATE articles SET paragraphs = 'null'", False),
        ('UPDATE articles SET paragraphs = \'[{"kind":"text","text":"降准\\ud800"}]\'', True),
        ('UPDATE articles SET paragraphs = \'[{"kind":"table","rows":[[null]]}]\'', False),
        ('UPDATE articles SET paragraphs = \'[{"kind":"text","word":1}]\'', False),
        ("UPDATE articles SET title = CAST(x'ff' AS TEXT)", False),
        ("UPDATE articles SET title = x'ff', published_at = x'ff'", True),
        ("UPDATE articles SET published_at = 'gestern'", True),
    ],
)
def test_a_row_that_another_tool_broke_stops_no_search(run: Run, sql: str, hit: bool) -> None:
    take(run, article(1, "坏", "降准"), article(2, "好", "降准"))
    with writing(run.corpus):
        run.corpus.conn.execute(f"{sql} WHERE info_code LIKE '%1'")
    rebuild(run.corpus)
    for order in ORDERS:
        codes = [
            hit.info_code[-1] for hit in find(run.corpus, Filter(query="降准"), order=order).hits
        ]
        assert sorted(codes) == (["1", "2"] if hit else ["2"])
    assert len(find(run.corpus, Filter()).hits) == 2
    then = Filter(query="降准", as_of=datetime(2026, 1, 1, tzinfo=UTC))
    assert "NW202401010000000002" in {each.info_code for each in find(run.corpus, then).hits}


def test_a_search_beside_a_writer_reads_one_state(run: Run) -> None:
    """Each revision has the word and another day: there is always one hit, of that revision."""
    take(run, article(1, "第0版", "降准"))
    stop = threading.Event()
    wrong: list[object] = []
    asked = Counter[str]()

    def ask() -> None:
        db = read_corpus(run.data)
        while not stop.is_set():
            for order in ORDERS:
                got = find(db, Filter(query="降准"), order=order)
                asked[order] += 1
                if len(got.hits) != 1 or ("降准", True) not in got.hits[0].snippet:
                    wrong.append(got)
        db.close()

    reader = threading.Thread(target=ask)
    reader.start()
    for number in range(1, 150):
        take(run, article(1, f"第{number}版", "降准", published_at=BEGIN + timedelta(days=number)))
    stop.set()
    reader.join()
    assert wrong == []
    assert min(asked.values()) > 5


def test_one_of_each_group_of_near_duplicates(run: Run) -> None:
    text = "央行今日宣布下调存款准备金率，释放长期资金约五千亿元，支持实体经济发展。"
    take(run, article(1, "原", text), article(2, "转", text), article(3, "另", "降下调"))
    assert found(run, "下调") == ["另", "转", "原"]
    assert found(run, "下调", dedupe="near") == ["另", "原"]
    ranked = find(run.corpus, Filter(query="下调", dedupe="near"), order="rank")
    assert sorted(titles(ranked)) == sorted(["另", "原"])


def test_marks() -> None:
    words = [*parse("A股 上涨").words()]
    assert marked("Ａ股a股上涨", words) == (("Ａ股a股上涨", True),)
    assert marked("國內", [*parse("国").words()]) == (("國", True), ("內", False))
    assert marked("无", words) == (("无", False),)
    assert marked("", words) == ()
    long = "甲" * 300 + "降准" + "乙" * 300
    pieces = snippet(["别的", long], [*parse("降准").words()])
    text = "".join(piece for piece, _ in pieces)
    assert ("降准", True) in pieces
    assert len(text) == 162
    assert text.startswith("…甲")
    assert text.endswith("乙…")
    assert snippet([], words) == ()
    assert snippet(["头一段", "第二段"], []) == (("头一段", False),)


def test_without_an_index_a_search_says_so(run: Run) -> None:
    take(run, article(1, "甲"))
    run.corpus.conn.execute("DELETE FROM search_state")
    for asked in (
        lambda: find(run.corpus, Filter(query="甲")),
        lambda: count(run.corpus, Filter(query="甲")),
    ):
        with pytest.raises(StoreError, match="--rebuild"):
            asked()
    assert found(run, None) == ["甲"]

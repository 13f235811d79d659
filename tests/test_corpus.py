"""The corpus from Python; the filters, against reading everything and choosing by hand."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.errors import StoreError
from crawler.items import Mention, Paragraph
from crawler.parsers.dates import SHANGHAI
from pipelines.corpus import Article, Corpus
from pipelines.fields import COLUMNS
from tests.conftest import ROOT, Program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    made = Program(tmp_path_factory.mktemp("corpus") / "data")
    made("demo")
    codes = made.rows("SELECT info_code FROM articles ORDER BY published_at, info_code")
    with closing(sqlite3.connect(made.data / "finews.db")) as db, db:
        for number, code in enumerate(codes):  # first seen a day apart, in another order
            seen = f"2026-11-{1 + number * 7 % 23:02}T09:00:00+08:00"
            db.execute(
                "UPDATE articles SET first_seen_at = ?, updated_at = ? WHERE info_code = ?",
                (seen, seen, code),
            )
        db.execute("UPDATE sightings SET first_seen_at = '2026-11-01T00:00:00+08:00'")
        db.execute("UPDATE articles SET published_at = NULL WHERE info_code = ?", (codes[3],))
        db.execute("DELETE FROM regroupings")
    return made


@pytest.fixture(scope="module")
def corpus(program: Program) -> Corpus:
    return Corpus(program.data)


@pytest.fixture(scope="module")
def everything(corpus: Corpus) -> list[Article]:
    return list(corpus)


def test_articles_are_typed_whole_and_in_order(corpus: Corpus) -> None:
    assert len(corpus) == 23
    article = corpus.get("NW202205209100000505")
    assert article
    assert article.published_at == datetime(2022, 5, 20, 18, 5, 40, tzinfo=SHANGHAI)
    assert article.published_at.tzinfo is SHANGHAI
    assert article.source == "上海证券报"
    assert article.tags == ("东财滚动新闻",)
    assert article.author is None
    assert article.paragraphs[1] == Paragraph("heading", "晨星锂业在手订单翻番")
    assert article.mentions[1] == Mention("0", "009871", "晨星锂业", "link", 0)
    assert article.text.split("\n")[1] == "晨星锂业在手订单翻番"
    assert article.first_in_group is True
    tables = [each for one in corpus for each in one.paragraphs if each.rows]
    assert tables
    assert all(isinstance(row, tuple) for each in tables for row in each.rows or ())
    times = [each.published_at for each in corpus if each.published_at]
    assert times == sorted(times)
    assert len(times) == 22
    assert corpus.get("NW209900000000000000") is None


def test_the_file_itself_may_be_named(program: Program) -> None:
    assert len(Corpus(program.data / "finews.db")) == 23
    assert len(Corpus(str(program.data))) == 23


def test_no_corpus_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no corpus"):
        len(Corpus(tmp_path))


def test_an_iteration_sees_one_state_and_holds_no_lock(program: Program) -> None:
    with closing(sqlite3.connect(program.data / "finews.db")) as db:
        articles = iter(Corpus(program.data))
        first = next(articles)
        db.execute("UPDATE articles SET title = 'changed'")
        db.commit()
        titles = [first.title, *(each.title for each in articles)]
        assert "changed" not in titles
        for code, title in zip(
            [each.info_code for each in Corpus(program.data)], titles, strict=True
        ):
            db.execute("UPDATE articles SET title = ? WHERE info_code = ?", (title, code))
        db.commit()


def test_frames_have_every_field_and_right_times(corpus: Corpus, everything: list[Article]) -> None:
    table = corpus.to_arrow()
    assert table.column_names == list(COLUMNS)
    assert table.num_rows == 23
    frame = corpus.to_pandas()
    for article, time in zip(everything, frame["published_at"], strict=True):
        assert (time.to_pydatetime() if str(time) != "NaT" else None) == article.published_at
    assert str(frame["published_at"].dtype) == "datetime64[ms, Asia/Shanghai]"
    none = corpus.select(source="nobody")
    assert none.to_arrow().schema == table.schema
    assert len(none.to_pandas()) == 0


def test_the_examples_of_the_documents_run(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "dataset.md").read_text(encoding="utf-8")
    monkeypatch.chdir(program.data.parent)
    program("export", str(program.data.parent / "news.csv"))
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 2
    for each in examples:
        exec(each, {})
    assert "articles\n" in capsys.readouterr().out


def test_a_time_that_is_not_over_is_refused(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="not over"):
        corpus.select(as_of="2999-01-01")
    with pytest.raises(ValueError, match="no day or time"):
        corpus.select(since="yesterday")


# --- filters: each by the option, and by a plain reading of every article ------------------------


def has(article: Article, query: str) -> bool:
    texts = [article.title, article.digest]
    for each in article.paragraphs:
        texts += [each.text, each.alt, *(cell for row in each.rows or () for cell in row)]
    return any(query.lower() in text.lower() for text in texts if text)


def named(article: Article, *names: str) -> bool:
    return any(f"{m.market}.{m.code}" in names or m.code in names for m in article.mentions)


def by(article: Article, *evidence: str) -> bool:
    return any(mention.evidence in evidence for mention in article.mentions)


def day(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=SHANGHAI)  # type: ignore[misc, arg-type]


def published(article: Article, start: datetime, end: datetime) -> bool:
    return article.published_at is not None and start <= article.published_at < end


SEEN, EVER, NEVER = day(2026, 11, 10, 9), day(1990, 1, 1), day(2100, 1, 1)
TWO, CODES = ("财联社", "新华社"), ("0.009871", "1.609002")
Choice = tuple[str, dict[str, Any], Callable[[Article], bool]]
#: The option, what Python calls it, and what it means.
CHOICES: dict[str, Choice] = {
    "since": (
        "--since 2022-05-23",
        {"since": "2022-05-23"},
        lambda a: published(a, day(2022, 5, 23), NEVER),
    ),
    "until": (
        "--until 2022-05-31",
        {"until": date(2022, 5, 31)},
        lambda a: published(a, EVER, day(2022, 6, 1)),
    ),
    "seen-since": (
        "--seen-since 2026-11-10T09:00:00",
        {"seen_since": SEEN},
        lambda a: a.first_seen_at >= SEEN,
    ),
    "seen-until": (
        "--seen-until 2026-11-10T01:00:00Z",
        {"seen_until": SEEN.astimezone(UTC)},
        lambda a: a.first_seen_at <= SEEN,
    ),
    "source": (
        "--source 财联社 --source 新华社",
        {"source": TWO},
        lambda a: a.source in TWO,
    ),
    "site": (
        "--site eastmoney",
        {"site": "eastmoney"},
        # The blog's text of one of them is the fuller.
        lambda a: a.site == "eastmoney" or a.info_code == "NW202206149100001616",
    ),
    "code": ("--code 009871", {"code": "009871"}, lambda a: named(a, "009871")),
    "code and market": (
        "--code 0.009871 --code 1.609002",
        {"code": CODES},
        lambda a: named(a, *CODES),
    ),
    "code of another market": ("--code 1.009871", {"code": "1.009871"}, lambda _: False),
    "evidence": (
        "--evidence chart,tag",
        {"evidence": ("chart", "tag")},
        lambda a: by(a, "chart", "tag"),
    ),
    "query": ("--query 锂", {"query": "锂"}, lambda a: has(a, "锂")),
    "query in Latin": ("--query a股", {"query": "a股"}, lambda a: has(a, "a股")),
    "query of a kind": ("--query text", {"query": "text"}, lambda a: has(a, "text")),
    "query with a quote": ('--query "', {"query": '"'}, lambda a: has(a, '"')),
    "query of any": ("--query %", {"query": "%"}, lambda a: has(a, "%")),
    "min paragraphs": (
        "--min-paragraphs 3",
        {"min_paragraphs": 3},
        lambda a: len(a.paragraphs) >= 3,
    ),
}
#: Of one kind at most; evidence is about the code where one is named, see below.
some = st.lists(
    st.sampled_from(sorted(CHOICES)),
    unique_by=lambda name: name.split()[0].replace("evidence", "code"),
    max_size=4,
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(some)
def test_filters_narrow_as_a_plain_reading_does(corpus: Corpus, names: list[str]) -> None:
    wanted = {name: value for each in names for name, value in CHOICES[each][1].items()}
    expected = [a.info_code for a in corpus if all(CHOICES[name][2](a) for name in names)]
    chosen = corpus.select(**wanted)
    assert [each.info_code for each in chosen] == expected
    assert len(chosen) == len(expected)
    # And as of now, by the other way through the tables.
    then = corpus.select(**wanted, as_of="2026-11-24")
    assert [each.info_code for each in then] == expected


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_the_option_means_what_python_means(
    program: Program, corpus: Corpus, tmp_path: Path, name: str
) -> None:
    option, wanted, _ = CHOICES[name]
    told = program.json("export", str(tmp_path / "a.jsonl"), *option.split(" "))
    assert told["articles"] == len(corpus.select(**wanted))


def test_evidence_is_that_of_the_code(corpus: Corpus, everything: list[Article]) -> None:
    chosen = corpus.select(code="009871", evidence="chart")
    expected = [
        a.info_code
        for a in everything
        if any(m.code == "009871" and m.evidence == "chart" for m in a.mentions)
    ]
    assert [each.info_code for each in chosen] == expected
    assert expected
    ways = {m.evidence for a in everything for m in a.mentions if m.code == "009871"}
    assert ways > {"chart"}


def test_listings_are_those_that_showed_it(program: Program, corpus: Corpus) -> None:
    shown = "SELECT DISTINCT info_code FROM sightings WHERE site = 'finews' AND listing = 'home'"
    codes = program.rows(shown)
    assert codes
    assert {each.info_code for each in corpus.select(listing="home")} == {*codes}
    assert len(corpus.select(listing="home", site="eastmoney")) == 0


@pytest.mark.parametrize(
    "options",
    [
        "--evidence guess",
        "--code 1.60 --code !",
        "--min-paragraphs 0",
        "--dedupe all",
        "--seen-since 2022-02-01 --seen-until 2022-01-01",
    ],
)
def test_wrong_filters_are_exit_2(program: Program, options: str) -> None:
    done = program.run(program.command("export", "x.csv", *options.split()))
    assert (done.returncode, done.stdout) == (2, "")
    done = program.run(program.command("export", "x.csv", "--query", " "))
    assert done.returncode == 2


class TestDedupe:
    @pytest.fixture
    def corpus(self, tmp_path: Path) -> Corpus:
        """The same text by two sources, a copy with a lead, and another article."""
        from crawler.demo.site import build, post
        from tests.replica import serving

        made = Program(tmp_path / "data")
        story = "".join(
            f"<p>晨星锂业第{n}号项目今日正式开工建设，总投资十二亿元。</p>" for n in range(9)
        )
        copy = f"<p>本报讯，消息如下所示，请看全文。</p>{story}"
        other = "<p>远洲航运公告，拟收购两艘散货船，交易尚需审批。</p>"
        texts = (("首发", story), ("加导语", copy), ("原文", story), ("别的", other))
        posts = [
            post(
                f"20220{month}209100000001",
                title=title,
                date=f"2022-0{month}-20 09:00:00 +0800",
                body=body,
            )
            for month, (title, body) in enumerate(texts, start=5)
        ]
        with serving(build(posts)) as replica:
            made.crawl(replica.url)
        return Corpus(made.data)

    def titles(self, corpus: Corpus, **wanted: Any) -> list[str | None]:
        return [each.title for each in corpus.select(**wanted)]

    def test_of_the_same_text_the_first_stays(self, corpus: Corpus) -> None:
        assert self.titles(corpus) == ["首发", "加导语", "原文", "别的"]
        assert self.titles(corpus, dedupe="exact") == ["首发", "加导语", "别的"]
        assert self.titles(corpus, dedupe="near") == ["首发", "别的"]

    def test_it_is_the_first_of_what_was_chosen(self, corpus: Corpus) -> None:
        assert self.titles(corpus, dedupe="near", since="2022-06-01") == ["加导语", "别的"]
        assert self.titles(corpus, dedupe="near", query="晨星", since="2022-07-01") == ["原文"]

    def test_as_of_a_time_it_is_the_same(self, corpus: Corpus) -> None:
        import time

        time.sleep(1.1)
        now = datetime.now(SHANGHAI).replace(microsecond=0)
        time.sleep(1.1)
        for way in ("none", "exact", "near"):
            assert self.titles(corpus, dedupe=way, as_of=now) == self.titles(corpus, dedupe=way)


@pytest.mark.parametrize(
    "wrong",
    [
        {"evidence": "bogus"},
        {"evidence": "chart,code"},
        {"code": "不"},
        {"code": 600519},
        {"site": None},
        {"source": [1]},
        {"min_paragraphs": -1},
        {"min_paragraphs": "2"},
        {"dedupe": "fuzzy"},
        {"query": " "},
        {"query": "\ud800"},
        {"since": "2022-02-01", "until": "2022-01-01"},
        {"until": "9999-12-31T23:59:59-05:00"},
    ],
)
def test_what_cannot_be_meant_is_a_value_error(corpus: Corpus, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        corpus.select(**wrong)


def test_no_code_is_no_article(corpus: Corpus, tmp_path: Path) -> None:
    assert corpus.get("") is None
    assert corpus.get("nonsense") is None
    found = corpus.get("https://finance.eastmoney.com/a/202205209100000505.html")
    assert found
    assert found.info_code == "NW202205209100000505"
    (tmp_path / "news.csv").write_text("a", encoding="utf-8")
    with pytest.raises(StoreError, match="is no corpus"):
        Corpus(tmp_path / "news.csv")


def test_show_names_the_near_duplicates(tmp_path: Path) -> None:
    made = Program(tmp_path / "data")
    made("demo")
    first, copy = "NW202206029100001515", "NW202206029100001414"
    assert made.json("show", first)["near_duplicates"] == [copy]
    assert made.json("show", copy)["near_duplicates"] == [first]
    assert made.json("show", "NW202205209100000505")["near_duplicates"] == []
    assert f"this one came first\n  {copy}" in made("show", first)

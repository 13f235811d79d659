"""Corpora merged by ``finews ingest``: equal to one crawled whole; again, nothing changes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler.cli import ingest as cli
from crawler.demo.site import build, bundled_posts, post
from crawler.items import Entry, Failure, Listing
from crawler.parsers.dates import SHANGHAI
from crawler.scope import Scope
from pipelines.database import history, schema, select
from pipelines.database.connect import read_corpus, writing
from pipelines.database.coverage import Span
from pipelines.database.merging import Merging
from pipelines.database.other import opened
from pipelines.database.select import Filter
from pipelines.database.verify import problems
from pipelines.fields import COLUMNS
from tests import eastmoney, old, replica, searching
from tests.conftest import Program
from tests.eastmoney import make_stories
from tests.kills import blog, posts
from tests.looks import CODE, article, at, looking

Corpus = Callable[[Program], dict[str, list[Any]]]
BEGIN = datetime(2026, 11, 20, 9, tzinfo=SHANGHAI)


def rows(program: Program, *, but: tuple[str, ...] = ("runs",)) -> dict[str, list[Any]]:
    """All that stands in both files, but for what is of SQLite and of the runs themselves."""
    found: dict[str, list[Any]] = {}
    for file in ("finews.db", "pages.db"):
        names = program.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%search%'"
            " AND name NOT LIKE 'sqlite%'",
            file=file,
        )
        for name in sorted(set(names) - set(but)):
            found[name] = program.rows(f"SELECT * FROM {name}", file=file)
    return found


def sound(program: Program) -> None:
    assert list(problems(program.data)) == []
    assert searching.terms(program.data) == searching.whole(program.data)


def merged(program: Program, *others: Program, code: int = 0) -> dict[str, Any]:
    """Merge, and again, which changes nothing; what the first time told."""
    paths = [str(other.data / "finews.db") for other in others]
    told = program.json("ingest", *paths, code=code)
    before = rows(program)
    again = program.json("ingest", *paths, code=code)
    assert rows(program) == before
    assert again["new"] == again["changed"] == again["filled"] == 0
    sound(program)
    return dict(told)


def copy(program: Program, name: str) -> Program:
    return Program(shutil.copytree(program.data, program.data.with_name(name)))


@contextmanager
def finews_site(*, later: bool) -> Iterator[str]:
    made = posts(range(30), "（更正）" if later else "")
    with replica.serving(blog(made)) as server:
        yield server.url


@contextmanager
def eastmoney_site(*, later: bool) -> Iterator[str]:
    stories = make_stories(40, ("350", "344", "345"), 2)
    with eastmoney.serving(stories) as server:
        if later:
            server.edited = {
                each.code: f"{each.title}（更新）" for each in stories if "344" in each.columns
            }
        yield server.url


HALVES = (("zhengquan", "jiaohangbao", "emnews"), ("zhengquan", "caixunwang", "emnews"))


@pytest.mark.parametrize(
    ("site", "serving", "halves"),
    [
        ("finews", finews_site, HALVES),
        ("eastmoney", eastmoney_site, (("350", "344"), ("344", "345"))),
    ],
)
def test_two_corpora_merged_are_one_crawled_whole(
    tmp_path: Path, corpus_of: Corpus, site: str, serving: Any, halves: tuple[tuple[str, ...], ...]
) -> None:
    one, other, whole = (Program(tmp_path / name) for name in ("one", "other", "whole"))
    for later, half in enumerate(halves):
        names = [word for name in half for word in ("--listing", name)]
        with serving(later=bool(later)) as url:
            for program in ((one, other)[later], whole):
                program.clock = BEGIN + timedelta(hours=later)
                program("crawl", site, *names, "--replay", url, code=None)
                program.clock = None
    expected = corpus_of(whole)
    assert expected["revisions"]
    assert expected["failures"] or site != "finews"
    backwards = copy(other, "backwards")
    told = merged(backwards, one)
    assert told["new"] and told["changed"] and told["filled"]  # known earlier than it knew
    told = merged(one, other)
    assert told["new"] and told["changed"] and told["unchanged"]
    for program in (one, backwards):
        found = corpus_of(program)
        for name, there in expected.items():
            assert found[name] == there, name
    when = "SELECT info_code, substr(first_seen_at, 1, 13), substr(updated_at, 1, 13)"
    for program in (one, backwards):
        assert program.rows(f"{when} FROM articles ORDER BY 1") == whole.rows(
            f"{when} FROM articles ORDER BY 1"
        )


CODES = tuple(f"NW20220601000000000{number}" for number in range(1, 7))


def merge(data: Path, other: Path, after: float = 1000) -> dict[str, int]:
    """Merge in this process, by the clock of :mod:`tests.looks`; what was counted."""
    with looking(data) as looks:
        looks.seconds[0] = after
        cli.merge(other / "finews.db", looks.run)
        return {name: count for name, count in looks.run.counts.items() if count}


def known(data: Path, second: float | None = None) -> dict[str, tuple[Any, ...]]:
    """What is known of each article, but by which run, perhaps as of a second."""
    wanted = Filter(as_of=None if second is None else at(second))
    columns = tuple(name for name in (*COLUMNS, "body") if name != "run_id")
    with closing(read_corpus(data)) as db:
        return {row["info_code"]: tuple(row) for row in select.rows(db, wanted, columns)}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two corpora: articles of either, of both by one address, of both by two."""
    one, other = tmp_path / "one", tmp_path / "other"
    mine, theirs, shared, edited, routes, late = CODES
    text = "两个语料库都有的一段话，说的是同一件事情，从头到尾一字不差。"
    file: dict[str, Any] = {
        "site": "posts",
        "page_url": "_posts/a.md",
        "parser": "posts/1",
        "tags": ("乙",),
    }
    with looking(one) as looks:
        looks.take(article("甲", code=mine), after=10)
        looks.take(article("甲二", code=mine), after=2)  # 12
        looks.take(article("同", code=shared), after=2)  # 14
        looks.take(article("旧的话", code=edited, source="新华社"), after=2)  # 16
        looks.take(article("短", code=routes, tags=("甲",)), after=2)  # 18
        looks.take(article(text, code=late, published_at=at(-200_000)), after=22)  # 40
    with looking(other) as looks:
        looks.take(article("同", code=shared), after=5)
        looks.take(article(text, code=theirs), after=4)  # 9
        looks.take(article("新的", code=edited, source="新华社"), after=16)  # 25
        looks.take(article("长得多的一段话", code=routes, title=None, **file), after=2)  # 27
    return one, other


def test_as_of_a_time_both_know_what_either_knew(two: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = two
    before = {data: [known(data, second) for second in range(45)] for data in two}
    back = shutil.copytree(other, tmp_path / "back")
    assert merge(one, other) == {
        "found": 4, "new": 1, "changed": 1, "filled": 2, "incomplete": 1,
    }  # fmt: skip
    merge(back, two[0])
    assert known(one) == known(back)
    where = [name for name in COLUMNS if name != "run_id"].index("duplicate_group")
    for second in range(45):
        then = known(one, second)
        assert then == known(back, second)
        was = before[one][second], before[other][second]
        assert then.keys() == was[0].keys() | was[1].keys()
        for code, row in then.items():
            knew = [each[code] for each in was if code in each]
            if len(knew) == 1 and code not in (CODES[1], CODES[5]):
                assert row == knew[0], (second, code)
            assert row[where] in then, "a group is named by an article that is known then"
    _, theirs, _, edited, routes, late = CODES
    with closing(read_corpus(one)) as db:
        states = {code: history.states(db, code) for code in CODES}
    told = [(each["change"], each["seen_at"][17:19]) for each in states[edited]]
    assert told == [("new", "16"), ("revised", "25")]
    joined = states[routes]
    assert [(each["change"], each["seen_at"][17:19]) for each in joined] == [
        ("new", "18"), ("filled", "27"), ("filled", "27"),
    ]  # fmt: skip
    assert joined[-1]["title"] == "题目"
    assert joined[-1]["tags"] == ["乙", "甲"]
    assert joined[-1]["paragraphs"][0]["text"] == "长得多的一段话"
    assert joined[1]["title"] is None  # as the other had it
    assert states[late][0]["same_text_as"] == theirs  # which was seen first
    assert known(one, 39)[theirs][where] == theirs
    assert known(one, 40)[theirs][where] == late  # which was published first


def test_merged_again_or_with_what_it_was_made_of_nothing_changes(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    one, other = two
    earlier = shutil.copytree(one, tmp_path / "earlier")
    merge(one, other)
    program = Program(one)
    before = rows(program)
    for each in (other, earlier):
        counts = merge(one, each, 2000)
        assert counts.keys() - {"found", "incomplete"} == {"unchanged"}
        assert rows(program) == before
    with looking(other) as looks:  # it goes on, and only that comes
        looks.take(article("新的", code=CODES[3], source="证券报"), after=1500)
    assert merge(one, other, 2000) == {"found": 4, "filled": 1, "unchanged": 3, "incomplete": 1}
    sound(program)


def test_what_one_owes_and_the_other_has_is_owed_no_more(tmp_path: Path) -> None:
    """And what both owe still is, once; a failure is the newer one."""
    states = {
        "one": ("pending", "failed", "pending", "pending", "outside"),
        "other": ("stored", "stored", "failed", "pending", "pending"),
    }
    data = {name: tmp_path / name for name in states}
    for number, (name, wanted) in enumerate(states.items()):
        with looking(data[name]) as looks, writing(looks.run.corpus):
            frontier = looks.run.frontier("finews")
            entries = [
                Entry("finews", "home", f"https://finews.test/{code}", code, title="题目")
                for code in CODES[:5]
            ]
            looks.seconds[0] = 10 * number
            frontier.add_listing(Listing("finews", "home", "https://finews.test/"))
            frontier.show(entries[:4], Scope())
            frontier.show(entries[4:], Scope(until=None if number else at(-9)))
            looks.run.corpus.conn.execute("UPDATE entries SET state = 'outside' WHERE id = 5")
            for entry, state in zip(entries, wanted, strict=True):
                looks.run.corpus.conn.execute(
                    "UPDATE entries SET state = ? WHERE url = ?",
                    ("pending" if state in ("stored", "failed") else state, entry.url),
                )
        with looking(data[name]) as looks:
            looks.seconds[0] = 20 + number
            for entry, state in zip(entries, wanted, strict=True):
                if state == "stored":
                    looks.run.store.add(article(code=entry.info_code or "", title=entry.title))
                if state == "failed":
                    looks.run.store.add(
                        Failure(
                            "finews", entry.url, "http-404", "gone", False, "home", entry.info_code
                        )
                    )
            looks.run.store.flush()
    back = shutil.copytree(data["other"], tmp_path / "back")
    merge(data["one"], data["other"])
    merge(back, data["one"])
    for folder in (data["one"], back):
        program = Program(folder)
        assert program.rows("SELECT state FROM entries ORDER BY id") == [
            "stored", "stored", "failed", "pending", "pending",
        ]  # fmt: skip
        sql = "SELECT info_code, resolved_at IS NULL FROM failures ORDER BY info_code"
        assert program.rows(sql) == [(CODES[1], 0), (CODES[2], 1)]
        assert program.rows("SELECT count(*) FROM sightings") == [2]
        sound(program)


@pytest.mark.parametrize("owes", [False, True])
def test_coverage_is_united_and_what_is_owed_is_not_covered(tmp_path: Path, owes: bool) -> None:
    """The spans that a walk read are taken up when nothing of its listing is owed."""
    one, other = tmp_path / "one", tmp_path / "other"
    day = "2022-05-{:02}T00:00:00+08:00"
    for data, spans in ((one, [(1, 4), (8, 9)]), (other, [(3, 6), (20, 21)])):
        with looking(data) as looks, writing(looks.run.corpus):
            looks.run.corpus.conn.executemany(
                "INSERT INTO coverage VALUES ('finews', 'home', ?, ?)",
                [(day.format(start), day.format(end)) for start, end in spans],
            )
            looks.run.frontier("finews").add_listing(Listing("finews", "home", "x"))
    with looking(other) as looks, writing(looks.run.corpus):
        walk = looks.run.ledger.begin_walk("finews", "home")
        looks.run.ledger.end_walk(walk, "known", Span(day.format(6), day.format(8)))
    if owes:
        with looking(one) as looks, writing(looks.run.corpus):
            owed = Entry("finews", "home", f"https://finews.test/{CODE}", CODE)
            looks.run.frontier("finews").show([owed], Scope())
    merge(one, other)
    program = Program(one)
    found = [("01", "06"), ("08", "09"), ("20", "21")] if owes else [("01", "09"), ("20", "21")]
    sql = "SELECT substr(from_at, 9, 2), substr(to_at, 9, 2) FROM coverage ORDER BY 1"
    assert program.rows(sql) == found
    assert program.rows("SELECT count(*) FROM walks") == [0]
    sound(program)


def small(folder: Path) -> Program:
    """A corpus of two articles, one of which was revised."""
    with looking(folder) as looks:
        looks.take(article("甲"), article("丙", code=CODES[1]))
        looks.take(article("乙"))
    return Program(folder)


def refused(finews: Program, path: Path, code: int = 1) -> str:
    """Merge what cannot be; the sentence. Nothing is taken, and nothing is left behind."""
    done = finews.run(finews.command("ingest", str(path)))
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert not (finews.data / "merging").exists()
    if code == 1:
        assert finews.rows("SELECT count(*) FROM articles") == [0]
    return done.stderr


def change(program: Program, sql: str) -> None:
    with closing(sqlite3.connect(program.data / "finews.db")) as db, db:
        db.create_function("words_hash", 1, len)  # an index may call it
        db.execute(sql)


def test_what_is_no_corpus_of_this_version_is_refused(finews: Program, tmp_path: Path) -> None:
    plain = tmp_path / "plain.db"
    with closing(sqlite3.connect(plain)) as db:
        db.execute("CREATE TABLE articles (info_code TEXT)")
    assert f"{plain} is no corpus of finews" in refused(finews, plain)
    other = small(tmp_path / "other")
    path = other.data / "finews.db"
    whole = path.read_bytes()
    change(other, "INSERT INTO _sqlite_migrations VALUES (99, 'finews', 'm999_x', '2030-01-01')")
    assert "was made by a newer finews (it has m999_x)" in refused(finews, path)
    path.write_bytes(whole[: len(whole) // 2])
    assert "finews db verify" in refused(finews, path)
    path.write_bytes(whole[:100])
    assert "cannot be read" in refused(finews, path)
    for wrong in (b"", b"junk"):
        path.write_bytes(wrong)
        assert str(path) in refused(finews, path)
    path.write_bytes(whole)
    change(other, "UPDATE articles SET published_at = 'yesterday'")
    told = refused(finews, path)
    assert f"{path} is not sound, and is not merged" in told
    assert "published_at 'yesterday'" in told
    path.write_bytes(whole)
    assert "is the corpus itself" in refused(other, path, 2)
    assert "is the corpus itself" in refused(other, other.data, 2)


def test_a_broken_article_is_a_failure_and_the_others_come(finews: Program, tmp_path: Path) -> None:
    other = small(tmp_path / "other")
    change(other, f"UPDATE articles SET tags = 'x' WHERE info_code = '{CODES[1]}'")
    told = finews.json("ingest", str(other.data), code=3)
    assert (told["new"], told["failed"], told["found"]) == (1, 1, 2)
    (failure,) = finews.json("failures")
    assert failure["url"] == f"finews.db!/{CODES[1]}"
    assert failure["reason"] == "broken-row"
    assert failure["message"] == "holds in tags what is not what data/README.md says"
    sound(finews)
    change(other, f"UPDATE articles SET tags = NULL WHERE info_code = '{CODES[1]}'")
    assert finews.json("ingest", str(other.data))["new"] == 1
    assert finews.json("failures") == []
    for sql in (
        "UPDATE revisions SET paragraphs = '[{}]'",
        "UPDATE articles SET source = CAST(x'ff' AS TEXT)",
        "UPDATE articles SET author = x'00'",
        "UPDATE articles SET title = 'another' WHERE revision = 1",
        "UPDATE mentions SET paragraph = 7",
    ):
        bad, fresh = copy(other, "bad"), Program(tmp_path / "fresh")
        change(bad, f"INSERT INTO mentions VALUES ('{CODES[0]}', '1', '600519', NULL, 'tag', NULL)")
        change(bad, sql)
        assert merge(fresh.data, bad.data)["failed"]
        assert set(fresh.rows("SELECT reason FROM failures")) == {"broken-row"}
        sound(fresh)
        shutil.rmtree(bad.data)
        shutil.rmtree(fresh.data)


def test_without_its_pages_the_corpus_comes_alone(finews: Program, tmp_path: Path) -> None:
    other = small(tmp_path / "other")
    (other.data / "pages.db").unlink()
    path = (other.data / "finews.db").rename(tmp_path / "copy.db")
    told = finews.json("ingest", str(path))
    assert told["new"] == 2
    sound(finews)
    with looking(finews.data) as looks:  # of which another route keeps the page
        looks.take(article("甲", site="posts", page_url="a.md", author="张三"), after=9e7)
    sound(finews)


def test_other_routes_merged_are_what_their_files_give(
    finews: Program, tmp_path: Path, corpus_of: Corpus
) -> None:
    folder = tmp_path / "_posts"
    folder.mkdir()
    for one in bundled_posts():
        (folder / one.name).write_bytes(one.text.encode())
    with replica.serving(build(bundled_posts())) as server:
        finews.crawl(server.url)
    whole, files = copy(finews, "whole"), Program(tmp_path / "files")
    for program in (whole, files):
        program("ingest", str(folder))
    merged(finews, files)
    for name in ("articles", "mentions", "sightings", "revisions"):
        assert corpus_of(finews)[name] == corpus_of(whole)[name], name


def test_files_and_corpora_in_one_command(finews: Program, tmp_path: Path) -> None:
    """Copies are found whichever way they came."""
    other, folders = tmp_path / "other", [tmp_path / "first", tmp_path / "second"]
    text = "三篇文章里都有的同一段话，说的是同一件事情，从头到尾一字不差。"
    with looking(other) as looks:
        looks.take(article(text))
    for number, folder in enumerate(folders, start=2):
        folder.mkdir()
        one = post(f"20220601000000000{number}", title="题", date="2022-06-03 09:00:00 +0800",
                   body=f"<p>{text}</p>")  # fmt: skip
        (folder / one.name).write_text(one.text, encoding="utf-8")
    told = finews.json("ingest", str(folders[0]), str(other), str(folders[1]))
    assert (told["found"], told["new"]) == (3, 3)
    assert finews.rows("SELECT DISTINCT duplicate_group FROM articles") == [CODE]
    sound(finews)


def test_a_damaged_body_is_a_failure(finews: Program, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with replica.serving(blog(posts(range(6)))) as server:
        Program(other).crawl(server.url, code=3)
    with closing(sqlite3.connect(other / "pages.db")) as db, db:
        url, digest = db.execute("SELECT url, sha256 FROM pages WHERE info_code > ''").fetchone()
        db.execute("UPDATE bodies SET zstd = x'00' WHERE sha256 = ?", (digest,))
    assert finews.json("ingest", str(other), code=3)["failed"] == 1
    assert f"finews.db!/{url}" in [each["url"] for each in finews.json("failures")]
    sound(finews)


@pytest.mark.parametrize("version", old.names(schema.corpus)[:-1])
def test_an_older_corpus_is_migrated_as_a_copy(tmp_path: Path, version: str) -> None:
    other, ours = tmp_path / "other", tmp_path / "ours"
    path = old.restore(other, "finews", version)
    old.mend(path)
    pages = old.restore(other, "pages", old.names(schema.pages)[0])
    before = path.read_bytes(), pages.read_bytes()
    counts = merge(ours, other)
    assert counts["new"] == counts["found"]
    assert (path.read_bytes(), pages.read_bytes()) == before
    assert not (ours / "merging").exists()
    program = Program(ours)
    had = Program(other).rows("SELECT count(*) FROM revisions")
    assert program.rows("SELECT count(*) FROM revisions") == had
    stood = rows(program)
    assert merge(ours, other)["unchanged"] == counts["found"]
    assert rows(program) == stood


def test_one_that_is_being_written_is_merged_as_of_one_moment(tmp_path: Path) -> None:
    other, ours = tmp_path / "other", tmp_path / "ours"
    with looking(other) as looks:
        looks.take(article("甲"))
        assert (other / "finews.db-wal").exists()
        with looking(ours) as mine, opened(other / "finews.db", ours) as there:
            looks.take(article("丙", code=CODES[1]))
            merging = Merging(
                mine.run.corpus, mine.run.pages, there,
                run_id=mine.run.id, clock=mine.run.clock, counts=mine.run.counts,
            )  # fmt: skip
            assert merging.run() == []
            assert mine.run.counts["new"] == 1
    assert merge(ours, other) == {"found": 2, "new": 1, "unchanged": 1}
    sound(Program(ours))


def test_pages_of_one_body_come_together(tmp_path: Path) -> None:
    """The same file in two folders: two pages, and one body for both."""
    one, other, third = (Program(tmp_path / name) for name in ("one", "other", "third"))
    made = posts(range(1))[0]
    for name in ("a", "b"):
        (tmp_path / "files" / name).mkdir(parents=True)
        (tmp_path / "files" / name / made.name).write_bytes(made.text.encode())
    one("ingest", str(tmp_path / "files"))
    other("ingest", str(one.data))
    third("ingest", str(other.data))
    for each in (one, other, third):
        assert each.rows("SELECT count(*) FROM pages", file="pages.db") == [2]
        assert each.rows("SELECT count(*) FROM bodies", file="pages.db") == [1]


def test_the_file_of_pages_is_not_taken_for_a_corpus(finews: Program, tmp_path: Path) -> None:
    other = Program(tmp_path / "other")
    other("demo")
    done = finews.run(finews.command("ingest", str(other.data / "pages.db")))
    assert done.returncode == 1
    assert "holds pages only; name the finews.db beside it" in done.stderr

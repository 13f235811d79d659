"""``finews search`` as a person and a machine use it."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from crawler.cli.search import _print_hit
from pipelines.database.lock import RunLock
from pipelines.database.search import Hit
from pipelines.run import Run
from tests.conftest import Program
from tests.test_search import article


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Program:
    program = Program(tmp_path_factory.mktemp("demo") / "data")
    program("demo")
    return program


@pytest.fixture
def hostile(tmp_path: Path) -> Program:
    with Run.open(tmp_path / "data", "test") as run:
        run.store.add(article(1, "题\x1b[31m目", "正\x07文\x9b0m", url="javascript:\x1b]8;;x"))
    return Program(tmp_path / "data")


def test_hits_stand_out_and_lines_fit(demo: Program) -> None:
    shown = demo("search", "锂盐")
    assert "晨星锂业：拟与蓝岸电池共建【锂盐】项目" in shown
    assert (
        "NW202205209100000505  http://finance.eastmoney.com/news/1354,202205209100000505.html"
        in shown
    )
    first = shown.splitlines()[1]
    assert first.startswith("2026-09-18 20:31  近水证券报")
    assert all(cell_len(line) <= 80 or "http" in line for line in shown.splitlines())


def test_words_beside_each_other_need_no_quotes(demo: Program) -> None:
    assert demo("search", "晨星", "锂盐") == demo("search", "晨星 锂盐")
    assert demo("search", "锂盐", "NOT", "拟与").count("NW2") == 1


def test_json_tells_where_the_hits_are(demo: Program) -> None:
    found = demo.json("search", "ＧＤＰ OR 锂盐", "--sort", "rank")
    assert found["more"] is False
    hit = found["hits"][0]
    assert set(hit) == {
        "info_code", "site", "source", "title", "title_hits", "published_at", "url", "snippet",
        "snippet_hits", "duplicate_group",
    }  # fmt: skip
    assert [hit["title"][start:end] for start, end in hit["title_hits"]] == ["锂盐"]
    assert [hit["snippet"][start:end] for start, end in hit["snippet_hits"]] == ["锂盐"]


def test_pages_of_hits(demo: Program) -> None:
    whole = [hit["info_code"] for hit in demo.json("search", "。", "--limit", "100")["hits"]]
    assert len(whole) > 10
    paged = []
    for offset in range(0, len(whole) + 4, 4):
        part = demo.json("search", "。", "--limit", "4", "--offset", str(offset))
        paged += [hit["info_code"] for hit in part["hits"]]
        assert part["more"] == (offset + 4 < len(whole))
    assert paged == whole
    assert "There are more: --offset 4." in demo("search", "。", "--limit", "4")
    assert demo("search", "。", "--offset", "500") == "Nothing from number 501 on.\n"


@pytest.mark.parametrize(
    "narrowing",
    [
        ("--source", "上海证券报"),
        ("--code", "0.009871", "--evidence", "code"),
        ("--since", "2022-05-01", "--until", "2022-05-31"),
        ("--site", "eastmoney"),
        ("--min-paragraphs", "3"),
        ("--dedupe", "near"),
    ],
)
def test_a_search_and_an_export_find_the_same(
    demo: Program, tmp_path: Path, narrowing: tuple[str, ...]
) -> None:
    for query in ("锂", "晨星 公告", "锂 NOT 项目"):
        demo("export", str(tmp_path / "x.jsonl"), "--query", query, *narrowing)
        lines = (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()
        found = demo.json("search", query, "--limit", "100", *narrowing)["hits"]
        assert sorted(hit["info_code"] for hit in found) == sorted(
            json.loads(line)["info_code"] for line in lines
        )


def test_as_of_searches_what_it_said_then(finews: Program, tmp_path: Path) -> None:
    post = '---\ntitle: "{}"\ndate: 2022-06-01 10:00:00 +0800\n---\n{}\n'
    folder = tmp_path / "_posts"
    folder.mkdir()
    path = folder / "2022-06-01-NW202206010000000001.md"
    for day, said in (("02", "降准"), ("03", "加息")):
        path.write_text(post.format(f"央行{said}", f"今日{said}。"), encoding="utf-8")
        finews.at(datetime.fromisoformat(f"2026-06-{day}T12:00:00+08:00"), "ingest", str(folder))
    assert len(finews.json("search", "加息")["hits"]) == 1
    assert finews.json("search", "降准")["hits"] == []
    then = finews.json("search", "降准", "--as-of", "2026-06-02")["hits"]
    assert [hit["title"] for hit in then] == ["央行降准"]
    assert finews.json("search", "加息", "--as-of", "2026-06-02")["hits"] == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((), "Name a QUERY"),
        (("甲 AND",), "no word after AND"),
        ((" ",), "the query is empty"),
        (("甲", "--code", "x y"), "is no code"),
        (("甲", "--since", "2022-02-02", "--until", "2022-01-01"), "later than"),
        (("甲", "--limit", "0"), "--limit"),
        (("甲", "--rebuild"), "takes no QUERY"),
    ],
)
def test_what_cannot_be_meant_exits_2(demo: Program, given: tuple[str, ...], told: str) -> None:
    done = demo.run(demo.command("search", *given))
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_corpus(finews: Program) -> None:
    for given in (("甲",), ("--rebuild",)):
        done = finews.run(finews.command("search", *given))
        assert done.returncode == 1
        assert "no corpus" in done.stderr
    assert not finews.data.exists()


def test_rebuild_mends_what_another_tool_did(demo: Program) -> None:
    with closing(sqlite3.connect(demo.data / "finews.db")) as db, db:
        db.execute("DELETE FROM search_state")
    done = demo.run(demo.command("search", "锂"))
    assert done.returncode == 1
    assert "run finews search --rebuild" in done.stderr
    assert demo.run(demo.command("export", "x.csv", "--query", "锂")).returncode == 1
    assert demo("search", "--rebuild") == "23 articles indexed.\n"
    assert demo.json("search", "--rebuild") == {"articles": 23}
    assert demo.json("search", "锂")["hits"]
    assert demo.json("db", "verify")["problems"] == 0


def test_rebuild_waits_for_no_other_run(demo: Program) -> None:
    lock = RunLock(demo.data)
    lock.acquire()
    try:
        assert demo.run(demo.command("search", "--rebuild")).returncode == 4
        assert demo.json("search", "锂")["hits"]  # reading goes on
    finally:
        lock.release()


def test_what_articles_say_moves_no_cursor(hostile: Program) -> None:
    for query in ("题", "正"):
        shown = hostile("search", query)
        assert not set(shown) & set("\x1b\x07\x9b")


def test_on_a_terminal_codes_are_links_and_blanks_stay() -> None:
    printed = io.StringIO()
    screen = Console(file=printed, force_terminal=True, width=80)
    text = (("Ａ股\u3000", False), ("上涨", True))
    _print_hit(Hit("NW1", "posts", None, text, text, None, "https://x.test/1", None), screen)
    shown = printed.getvalue()
    assert "https://x.test/1" in shown.split("\x1b]8;")[1]
    assert shown.count("Ａ股\u3000") == 2
    assert "【" not in shown


def test_help_has_examples(demo: Program) -> None:
    shown = demo("search", "--help")
    assert "finews search 降准" in shown
    assert "--as-of" in shown
    assert max(map(cell_len, shown.splitlines())) <= 80

"""Each earlier state of an article is kept, with what changed it, and can be shown."""

from __future__ import annotations

import os
import pty
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from sqlite_utils import Database

from crawler.items import Mention, Paragraph
from pipelines.database import history, schema
from pipelines.database.rows import time_text
from pipelines.database.select import OWN
from pipelines.database.select import article as stored
from pipelines.merge import Said, content, revised, taken
from tests.conftest import Program
from tests.looks import CODE, Looks, article, at, looking
from tests.test_merge import articles

OLD = "2022-06-02T08:00:00+08:00"
LATER = ("2022-06-02T08:00:01+08:00", "2022-06-02T08:00:02+08:00")
MENTION = (Mention("1", "600519", "贵州茅台", "link", 0),)
FILE = {"site": "posts", "page_url": "_posts/a.md", "parser": "posts/1"}


@pytest.fixture
def looks(tmp_path: Path) -> Any:
    with looking(tmp_path / "data") as made:
        yield made


def changes(looks: Looks) -> list[tuple[str, int]]:
    states = history.states(looks.run.corpus, CODE)
    return [(each["change"], each["revision"]) for each in states]


def test_what_each_kind_of_look_does(looks: Looks) -> None:
    assert looks.take(article("甲")) == {"new": 1}
    assert looks.take(article("甲")) == {"unchanged": 1}
    assert looks.take(article("乙")) == {"changed": 1}
    assert looks.take(article("乙", source="新华社")) == {"unchanged": 1}
    assert looks.take(article("更多的乙", **FILE)) == {"filled": 1}
    one = article("更多的乙", **FILE)
    better = replace(one, parser="posts/2", editor="张三")
    assert looks.take(better) == {"improved": 1}
    assert changes(looks) == [
        ("new", 1), ("revised", 2), ("retouched", 2), ("filled", 2), ("reparsed", 2),
    ]  # fmt: skip
    (now,) = looks.rows("SELECT parser FROM articles")
    assert now == "posts/2"


def test_a_state_is_kept_whole(looks: Looks) -> None:
    looks.take(article("甲", mentions=MENTION, digest="摘要", tags=("甲新闻",)))
    before = stored(looks.run.corpus, CODE)
    assert before
    assert before["mentions"] == [
        {"market": "1", "code": "600519", "name": "贵州茅台", "evidence": "link", "paragraph": 0}
    ]
    looks.take(article("乙"))
    looks.take(article("乙", **FILE, editor="张三"))
    states = history.states(looks.run.corpus, CODE)
    assert {name: states[0][name] for name in (*OWN, "mentions")} == {
        name: before[name] for name in (*OWN, "mentions")
    }
    assert [(each["seen_at"], each["replaced_at"]) for each in states] == [
        (time_text(at(1)), time_text(at(2))),
        (time_text(at(2)), time_text(at(3))),
        (time_text(at(3)), None),
    ]
    assert looks.rows("SELECT body FROM revisions") == ["<p>甲</p>"]


def test_an_advert_changes_nothing(looks: Looks) -> None:
    looks.take(article("甲"))
    before = looks.rows("SELECT * FROM articles")
    look = article("甲", body="<p>甲</p><div class='advert'>1</div>", page="other")
    assert looks.take(look) == {"unchanged": 1}
    assert looks.rows("SELECT * FROM articles") == before
    assert changes(looks) == [("new", 1)]
    assert looks.rows("SELECT page FROM sightings") == [look.page]


def test_a_link_is_no_revision_but_its_mention_is_known_from_then_on(looks: Looks) -> None:
    looks.take(article("甲", mentions=MENTION))
    assert looks.take(article("甲")) == {"unchanged": 1}
    assert changes(looks) == [("new", 1), ("retouched", 1)]
    assert looks.rows("SELECT count(*) FROM revisions") == [0]
    assert [len(each["mentions"]) for each in history.states(looks.run.corpus, CODE)] == [1, 0]


def test_another_parser_that_reads_the_same_changes_nothing(looks: Looks) -> None:
    looks.take(article("甲", page="x"))
    before = looks.rows("SELECT * FROM articles")
    assert looks.take(article("甲", page="x", parser="finews.post/2")) == {"unchanged": 1}
    assert looks.rows("SELECT * FROM articles") == before
    assert looks.rows("SELECT parser FROM sightings") == ["finews.post/2"]


def test_the_same_bytes_by_the_same_parser_were_told_otherwise_by_their_listing(
    looks: Looks,
) -> None:
    looks.take(article("甲", page="x", title="旧题"))
    assert looks.take(article("甲", page="x", title="新题")) == {"changed": 1}


def test_a_better_parser_takes_away_what_the_worse_one_made_up(looks: Looks) -> None:
    looks.take(article("甲", page="x", author="责编"))
    looks.take(article("甲", page="x", parser="finews.post/2"))
    assert looks.rows("SELECT author, revision FROM articles") == [(None, 1)]


def test_a_better_parser_keeps_what_an_earlier_page_told(looks: Looks) -> None:
    looks.take(article("甲", page="x", digest="摘要"))
    looks.take(article("乙", page="y", digest=None))
    looks.take(article("乙", page="y", digest=None, editor="张三", parser="finews.post/2"))
    assert looks.rows("SELECT digest, editor FROM articles") == [("摘要", "张三")]


def test_a_better_parser_of_one_route_keeps_what_the_other_filled(looks: Looks) -> None:
    looks.take(article("正文，很长。", page="x", title="题"))
    looks.take(article("短", title="全部题目", **FILE))
    better = article("正文。", page="x", title="题", parser="finews.post/2")
    assert looks.take(better) == {"improved": 1}
    assert looks.rows("SELECT title, body, parser FROM articles") == [
        ("全部题目", "<p>正文。</p>", "finews.post/2")
    ]


def test_an_old_database_knows_the_page_of_the_row_s_own_route(looks: Looks) -> None:
    looks.take(article("甲", page="x", title="题目乱"))
    with looks.run.corpus.atomic():
        looks.run.corpus.conn.execute("UPDATE sightings SET page = NULL, parser = NULL")
    assert looks.take(article("甲", page="x", parser="finews.post/2")) == {"improved": 1}
    assert looks.rows("SELECT title, revision FROM articles") == [("题目", 1)]


def test_a_clock_set_back_leaves_the_states_in_order(looks: Looks) -> None:
    looks.take(article("甲"), after=100)
    looks.take(article("乙"), after=-50)
    looks.take(article("丙"), after=100)
    states = history.states(looks.run.corpus, CODE)
    assert [each["seen_at"] for each in states] == [time_text(at(s)) for s in (100, 100, 150)]


def test_many_changes_in_one_second_stay_in_order(looks: Looks) -> None:
    looks.take(
        article("甲"),
        article("甲", source="新华社"),
        article("乙", source="新华社"),
        article("乙", source="证券报"),
        article("丙", source="证券报"),
    )
    states = history.states(looks.run.corpus, CODE)
    assert [(each["change"], each["source"]) for each in states] == [
        ("new", None), ("retouched", "新华社"), ("revised", "新华社"), ("retouched", "证券报"),
        ("revised", "证券报"),
    ]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(articles, articles)
def test_alone_a_reparse_gives_what_a_first_parse_gives(old: Any, new: Any) -> None:
    was, now = ({**content(each), "page": "x", "listing": "home"} for each in (old, new))
    now["parser"] = "c/1"
    last = Said("?", "x", was["parser"], only_route=True, only_page=True)
    merged, change = taken(was, now, last)
    same = {name: value for name, value in now.items() if name != "parser"} == {
        name: value for name, value in was.items() if name != "parser"
    }
    assert (merged, change) == ((was, None) if same else (now, "reparsed"))


@settings(deadline=None, max_examples=60)
@given(articles, articles)
def test_a_look_never_changes_the_words_without_a_word(old: Any, new: Any) -> None:
    was, now = content(old), content(new)
    merged, change = taken(was, now, Said("?", "y", was["parser"], False, False))
    words = ("title", "published_at", "digest", "paragraphs")
    assert (change == "revised") == any(merged[name] != was[name] for name in words)
    if change:
        assert merged == revised(was, now)


def test_show_history_tells_what_changed(tmp_path: Path) -> None:
    finews = Program(tmp_path / "data")
    table = Paragraph("table", rows=(("甲", "1"), ("乙", "2")))
    other = Paragraph("table", rows=(("甲", "1"), ("乙", "3")))
    with looking(finews.data) as looks:
        looks.take(article(paragraphs=(Paragraph("text", "第一段。"), table)))
        looks.take(article(paragraphs=(Paragraph("text", "第一段。"), other)), after=3600)
        looks.take(article(paragraphs=(Paragraph("text", "第一段。"), other), source="新华社"))
    assert finews("show", CODE, "--history") == (
        f"""题目
{CODE}

2022-06-02 09:00  first seen, read by finews.post/1

2022-06-02 10:00  revised to revision 2: paragraphs
  @@ -4,2 +4,2 @@
     | 甲 | 1
  -  | 乙 | 2
  +  | 乙 | 3

2022-06-02 10:00  retouched: source
  @@ -2,2 +2,3 @@
   time: 2022-06-01T09:00:00+08:00
  +source: 新华社
   第一段。

3 states.
"""
    )
    found = finews.json("show", CODE, "--history")
    assert [each["change"] for each in found] == ["new", "revised", "retouched"]
    assert found[0]["paragraphs"][1]["rows"] == [["甲", "1"], ["乙", "2"]]
    assert finews.json("show", CODE, "--as-of", "2022-06-02T09:30:00")["revision"] == 1
    done = finews.run(finews.command("show", CODE, "--as-of", "2022-06-02T08:00"))
    assert done.returncode == 1
    assert "is not stored as of 2022-06-02 08:00:00" in done.stderr


def test_the_diff_is_coloured_on_a_terminal_only(tmp_path: Path) -> None:
    finews = Program(tmp_path / "data")
    with looking(finews.data) as looks:
        looks.take(article("甲"))
        looks.take(article("乙"))
    assert "\x1b" not in finews("show", CODE, "--history")
    leader, follower = pty.openpty()
    command = finews.command("show", CODE, "--history")
    with subprocess.Popen(command, env=finews.env, stdout=follower) as process:
        assert process.wait(30) == 0
    os.close(follower)
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert "\x1b[31m-甲" in shown
    assert "\x1b[32m+乙" in shown


def test_a_state_that_an_older_version_did_not_keep_is_told(tmp_path: Path) -> None:
    finews = Program(tmp_path / "data")
    with looking(finews.data) as looks:
        looks.take(article("甲"))
        looks.take(article("甲", editor="张三", **FILE), after=3600)
        looks.take(article("丙", code="NW202206010000000002"))
    with closing(sqlite3.connect(finews.data / "finews.db")) as db, db:
        db.execute("DELETE FROM corrections")
    assert "was not kept" in finews("show", CODE, "--history")
    out = tmp_path / "a.jsonl"
    assert finews.json("export", str(out), "--as-of", "2022-06-02T09:30:00")["not_kept"] == 1
    assert out.read_text() == ""
    done = finews.run(finews.command("export", str(out), "--as-of", "2022-06-02T09:30:00"))
    assert "Left out: 1 that were known by then" in done.stderr
    assert finews.json("export", str(out), "--as-of", "2022-06-03")["not_kept"] == 0


def test_a_database_of_before_keeps_its_revisions(tmp_path: Path) -> None:
    """Revisions of a version that kept less: what it did not keep is null."""
    finews = Program(tmp_path / "data")
    with looking(finews.data) as looks:
        looks.take(article("甲"))
        looks.take(article("乙"), after=60)
    late = ("site", "listing", "published_raw", "parser", "category", "run_id", "mentions", "body")
    with closing(sqlite3.connect(finews.data / "finews.db")) as db, db:
        db.execute(f"UPDATE revisions SET {', '.join(f'{name} = NULL' for name in late)}")
    for name in ("a.jsonl", "a.csv"):
        finews("export", str(tmp_path / name), "--as-of", "2022-06-02T09:00:30")
    finews("export", str(tmp_path / "site"), "--format", "jekyll", "--as-of", "2022-06-02T09:00:30")
    old = finews.json("show", CODE, "--as-of", "2022-06-02T09:00:30")
    assert (old["paragraphs"][0]["text"], old["mentions"], old["parser"]) == ("甲", None, None)
    finews("show", CODE, "--as-of", "2022-06-02T09:00:30")
    finews("show", CODE, "--history")


def test_the_migration_keeps_what_was_kept(tmp_path: Path) -> None:
    """Files of before ``m005_history``, with a state in each table."""
    path = tmp_path / "data" / "finews.db"
    path.parent.mkdir()
    db = Database(sqlite3.connect(path))
    schema.corpus.apply(db, stop_before="m005_history")
    with db.atomic():
        db.conn.execute("INSERT INTO runs (id, command, started_at) VALUES (1, 'crawl', ?)", [OLD])
        db.conn.execute(
            "INSERT INTO articles (info_code, site, paragraphs, content_hash, revision,"
            " first_seen_at, updated_at, run_id, parser) VALUES (?, 'finews', '[]', '1:c', 2,"
            f" '{OLD}', '2022-06-02T08:00:02+08:00', 1, 'p/1')",
            [CODE],
        )
        for table, extra in (("corrections", "'filled', '[]'"), ("revisions", None)):
            columns, values = ("change, mentions, ", f"{extra}, ") if extra else ("", "")
            db.conn.execute(
                f"INSERT INTO {table} ({columns}info_code, revision, site, title, paragraphs,"
                f" content_hash, parser, run_id, seen_at, replaced_at) VALUES ({values}?, 1,"
                " 'finews', ?, '[]', '1:a', 'p/1', 1, ?, ?)",
                [CODE, table, *((OLD, LATER[0]) if extra else LATER)],
            )
    db.close()
    with looking(path.parent) as looks:
        states = history.states(looks.run.corpus, CODE)
    assert [(each["change"], each["title"]) for each in states] == [
        ("new", "corrections"), ("filled", "revisions"), ("revised", None),
    ]  # fmt: skip
    finews = Program(path.parent)
    for title, moment in (("corrections", OLD), ("revisions", LATER[0]), (None, LATER[1])):
        assert finews.json("show", CODE, "--as-of", moment)["title"] == title

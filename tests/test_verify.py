"""``finews db verify``: whatever breaks is named, and what the program makes is content."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from crawler.demo.site import build, post
from pipelines.database import schema
from pipelines.database.lock import RunLock
from pipelines.database.verify import problems
from tests import old
from tests.conftest import ROOT, Program
from tests.kills import blog, posts
from tests.replica import Answer, serving

CODE = "NW202206019100000001"
BODY = "<p>晨星锂业（300750）公告。</p><p>第二段。</p>"


def site(edited: str = "") -> dict[str, bytes | Answer]:
    """Four posts: one that is edited, one whose source changes, one that is gone."""
    made = [
        post(f"20220601910000000{n}", title=f"第{n}号{edited if n == 1 else ''}", body=BODY,
             source="央视新闻" if edited and n == 2 else "新华社")
        for n in range(4)
    ]  # fmt: skip
    pages: dict[str, bytes | Answer] = dict(build(made))
    pages[made[3].path] = Answer(status=404)
    return pages


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Program:
    program = Program(tmp_path_factory.mktemp("crawled") / "data")
    for edited in ("", "（更正）"):
        with serving(site(edited)) as replica:
            program.crawl(replica.url, "--full", code=None)
    return program


@pytest.fixture
def stored(crawled: Program, finews: Program) -> Program:
    shutil.copytree(crawled.data, finews.data)
    return finews


def spoil(program: Program, *statements: str) -> None:
    """Change the two files (``pages.db`` as ``kept``) behind the program's back."""
    with closing(sqlite3.connect(program.data / "finews.db")) as db, db:
        db.execute("ATTACH ? AS kept", (str(program.data / "pages.db"),))
        for each in statements:
            db.execute(each)


def kinds(program: Program, *, quick: bool = False) -> list[str]:
    return sorted({each.kind for each in problems(program.data, quick=quick)})


# For each kind of problem the very thing that breaks; and does --quick see it too?
OF = f"WHERE info_code = '{CODE}'"
BROKEN = [
    ("no-code", f"UPDATE articles SET info_code = '' {OF}", False),
    ("no-content", f"UPDATE articles SET title = NULL, paragraphs = '[]' {OF}", False),
    ("json", f"UPDATE articles SET tags = '[1]' {OF}", False),
    ("json", f"UPDATE articles SET paragraphs = '[{{' {OF}", False),
    ("json", f'UPDATE articles SET paragraphs = \'[{{"kind":"text"}}]\' {OF}', False),
    ("json", "UPDATE revisions SET mentions = 'null'", False),
    ("json", "UPDATE corrections SET paragraphs = '7'", False),
    ("json", "UPDATE entries SET told = '[]' WHERE id = 1", False),
    ("json", "UPDATE kept.pages SET headers = '[[1, 2]]' WHERE id = 1", False),
    ("content-hash", f"UPDATE articles SET title = '假' {OF}", False),
    ("content-hash", "UPDATE revisions SET digest = '假'", False),
    ("content-hash", f"UPDATE articles SET title = CAST(x'ff41' AS TEXT) {OF}", False),
    ("text-hash", f"UPDATE articles SET text_hash = NULL {OF}", False),
    (
        "text-hash",
        f'UPDATE articles SET paragraphs = \'[{{"kind":"text","text":"\\ud83d"}}]\' {OF}',
        False,
    ),
    ("no-code", f"UPDATE articles SET info_code = NULL {OF}", False),
    ("time", f"UPDATE articles SET updated_at = '2022-06-01T09:00:00' {OF}", True),
    ("time", "UPDATE walks SET ended_at = '2022-02-30T09:00:00+08:00' WHERE id = 1", True),
    ("time", "UPDATE kept.pages SET fetched_at = 'yesterday' WHERE id = 1", True),
    ("revisions", "DELETE FROM revisions", True),
    ("revisions", "UPDATE revisions SET revision = 2", True),
    ("stored-entry", "UPDATE entries SET info_code = '12' WHERE state = 'stored'", True),
    ("no-sighting", f"DELETE FROM sightings {OF}", True),
    ("sightings-article", f"UPDATE sightings SET info_code = '12' {OF}", True),
    ("looks-article", f"UPDATE looks SET info_code = '12' {OF}", True),
    ("reference", f"UPDATE mentions SET info_code = '12' {OF}", True),
    ("reference", f"UPDATE articles SET run_id = 99 {OF}", True),
    ("paragraph", f"UPDATE mentions SET paragraph = 2 {OF}", False),
    ("same-text-as", f"UPDATE articles SET same_text_as = '12' {OF}", True),
    ("search", f"UPDATE searched SET content_hash = '12' {OF}", True),
    ("search", f"DELETE FROM searched {OF}", True),
    ("search", "INSERT INTO search (search) VALUES ('delete-all')", True),
    ("search", "DELETE FROM search_data WHERE id > 100", False),
    ("duplicate-group", f"UPDATE articles SET duplicate_group = '12' {OF}", True),
    (
        "failure",
        "UPDATE failures SET url = 'https://x.test/', info_code = '12', listing = 'none'",
        True,
    ),
    ("coverage", "UPDATE coverage SET from_at = '2099-01-01T00:00:00+08:00'", True),
    (
        "coverage",
        "INSERT INTO coverage SELECT site, listing, from_at, '2021' FROM coverage LIMIT 1",
        True,
    ),
    ("body", "UPDATE kept.bodies SET zstd = x'00' WHERE rowid = 1", False),
    (
        "body",
        "UPDATE kept.bodies SET zstd = (SELECT max(zstd) FROM kept.bodies) WHERE rowid = 1",
        False,
    ),
    ("body-lost", "DELETE FROM kept.bodies WHERE rowid = 1", True),
    ("page-lost", f"UPDATE articles SET page = 'none', first_seen_at = '2099' {OF}", True),
]


@pytest.mark.parametrize(("kind", "statement", "quick"), BROKEN)
def test_what_is_broken_is_named(stored: Program, kind: str, statement: str, quick: bool) -> None:
    spoil(stored, statement)
    assert kind in kinds(stored)
    assert (kind in kinds(stored, quick=True)) == quick


def test_what_crawls_make_is_content(crawled: Program) -> None:
    for table in ("revisions", "corrections", "mentions", "looks", "coverage"):
        assert crawled.rows(f"SELECT count(*) FROM {table}") != [0], table
    assert crawled.rows("SELECT count(*) FROM failures WHERE resolved_at IS NULL") == [1]
    assert kinds(crawled) == []
    assert crawled("db", "verify").startswith("All is well in ")


def test_the_demo_is_content_and_what_came_out_of_it_too(finews: Program, tmp_path: Path) -> None:
    finews("demo")
    archive, blog = tmp_path / "pages.warc.gz", tmp_path / "site"
    finews("export", str(archive))
    finews("export", str(blog), "--format", "jekyll")
    again = Program(tmp_path / "again")
    again("ingest", str(archive), str(blog / "_posts"))
    again("reparse")
    finews("pages", "prune", "--older-than", "0d")
    for each in (finews, again):
        assert each.json("db", "verify")["first"] == []


def test_problems_are_told_with_what_to_do_and_stand_in_the_ledger(stored: Program) -> None:
    spoil(stored, f"UPDATE articles SET title = '假' {OF}")
    done = stored.run(stored.command("db", "verify"))
    assert (done.returncode, done.stderr) == (3, "")
    (first, last) = done.stdout.splitlines()
    assert first == (
        f"content-hash: article {CODE} does not say what its content_hash is of;"
        " restore finews.db from a backup."
    )
    assert last.startswith("1 problem in ")
    told = stored.json("db", "verify", code=3)
    assert (told["problems"], told["kinds"]) == (1, {"content-hash": 1})
    row = "SELECT command, outcome, failed, reason FROM runs ORDER BY id DESC LIMIT 1"
    ((command, outcome, failed, reason),) = stored.rows(row)
    assert (command, outcome, failed) == ("db verify", "finished", 1)
    assert f"{reason}." == first.removeprefix("content-hash: ")


def test_of_thousands_alike_the_first_are_told(stored: Program) -> None:
    spoil(
        stored,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
        " INSERT INTO sightings SELECT i, 'x', '', '', '2022-06-01T09:00:00+08:00',"
        " NULL, NULL, NULL FROM n",
    )
    told = stored("db", "verify", code=3).splitlines()
    assert told[-2:] == ["and 2980 more of sightings-article", told[-1]]
    assert told[-1].startswith("3000 problems")
    assert len(told) == 22


def test_pages_made_anew_are_not_missed(stored: Program) -> None:
    """The corpus works without ``pages.db``: what was read before it is no loss of it."""
    for each in stored.data.glob("pages.db*"):
        each.unlink()
    stored.write("UPDATE articles SET first_seen_at = '2022-06-01T09:00:00+08:00'")
    assert stored.json("db", "verify")["problems"] == 0


def overwrite(path: Path, share: float) -> None:
    """Write rubbish over a part of a file, as a broken disk does."""
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * share) // 16384 * 16384)
        file.write(b"rubbish " * 2048)


@pytest.mark.parametrize("name", ["finews.db", "pages.db"])
def test_a_damaged_file_is_told(stored: Program, name: str) -> None:
    with closing(sqlite3.connect(stored.data / name)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    overwrite(stored.data / name, 0.7)
    done = stored.run(stored.command("db", "verify"))
    assert done.returncode == 3
    assert f"damaged: {name} is damaged (" in done.stdout
    assert "from a backup" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["finews.db", "pages.db"])
def test_a_file_that_cannot_be_opened(stored: Program, name: str) -> None:
    overwrite(stored.data / name, 0)
    done = stored.run(stored.command("db", "verify"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{name} cannot be opened" in done.stderr
    assert "restore it from a backup" in done.stderr


def test_under_the_lock_and_without_a_corpus(stored: Program, tmp_path: Path) -> None:
    lock = RunLock(stored.data)
    lock.acquire()
    with lock:
        assert stored.run(stored.command("db", "verify")).returncode == 4
    none = Program(tmp_path / "none")
    for command in (("db",), ("db", "verify"), ("db", "backup", str(tmp_path / "x"))):
        done = none.run(none.command(*command))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("finews: no corpus at ")
    assert not none.data.exists()


def killed(program: Program, url: str, requests: int, log: list[str]) -> None:
    process = subprocess.Popen(
        program.command("crawl", "finews", "--replay", url),
        cwd=ROOT,
        env=program.env,
        stdout=subprocess.DEVNULL,
    )
    while len(log) < requests and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_after_kills_all_is_well(finews: Program) -> None:
    with serving(blog(posts(range(60)))) as replica:
        for requests in (12, 45):
            killed(finews, replica.url, requests, replica.log)
            if (finews.data / "finews.db").is_file():
                assert finews.json("db", "verify")["first"] == []
        finews.crawl(replica.url, code=3)
    assert finews.json("db", "verify")["first"] == []


@pytest.mark.parametrize("version", old.names(schema.corpus))
def test_a_file_of_an_older_version_is_migrated_and_content(finews: Program, version: str) -> None:
    old.mend(old.restore(finews.data, "finews", version))
    old.restore(finews.data, "pages", old.names(schema.pages)[0])
    assert finews.json("db", "verify")["first"] == []


def test_a_corpus_that_was_lost(finews: Program) -> None:
    """The pages are there, and the next crawl began a new one."""
    finews("demo")
    for path in finews.data.glob("finews.db*"):
        path.unlink()
    with closing(sqlite3.connect(finews.data / "pages.db")) as db, db:
        db.execute("UPDATE pages SET fetched_at = '2022-06-01T09:00:00+08:00'")
    finews("ingest", str(finews.data))  # makes a new one
    (problem,) = finews.json("db", "verify", code=3)["first"]
    assert problem["kind"] == "corpus-lost"
    assert "articles from before finews.db was made" in problem["message"]
    finews("reparse")
    assert finews.json("db", "verify")["first"] == []

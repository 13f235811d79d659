"""Many at once on one data folder: one writes, all read, nobody hears of a locked database."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from crawler.demo.site import build
from tests import eastmoney, replica
from tests.conftest import ROOT, Program
from tests.eastmoney import make_stories
from tests.kills import posts

ROUNDS = 2
LOCKED = 4


@contextmanager
def meanwhile(work: Any, path: Path) -> Iterator[None]:
    """Do some work over and over, beside the block; what it raises fails the test."""
    over, errors = Event(), list[BaseException]()

    def again() -> None:
        while not over.is_set():
            try:
                work(path, over)
            except Exception as error:  # noqa: BLE001
                errors.append(error)
                return

    thread = Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert errors == []


def read_for_long(path: Path, over: Event) -> None:
    """A reader in another tool: one transaction, open for two seconds, always the same."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("BEGIN")
        first = db.execute("SELECT count(*) FROM articles").fetchone()
        over.wait(2)
        assert db.execute("SELECT count(*) FROM articles").fetchone() == first


def write_a_little(path: Path, over: Event) -> None:
    """A person's own table in the corpus, written to by another tool."""
    with closing(sqlite3.connect(path, timeout=30)) as db:
        db.execute("CREATE TABLE IF NOT EXISTS notes (text)")
        while not over.is_set():
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("INSERT INTO notes VALUES ('a')")
            time.sleep(0.001)


def start(program: Program, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        program.command(*args),
        cwd=ROOT,
        env=program.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> int:
    out, err = process.communicate(timeout=120)
    assert "locked" not in out + err
    assert "Traceback" not in err
    assert process.returncode in (0, LOCKED), (process.args, out, err)
    if process.returncode == LOCKED:
        assert "another run" in err
    return process.returncode


def told(program: Program) -> dict[str, Any]:
    """What is stored, in whatever order it came."""
    return {
        table: sorted(map(repr, program.rows(f"SELECT {columns} FROM {table}")))
        for table, columns in {
            "articles": "info_code, title, published_at, source, paragraphs, content_hash",
            "mentions": "*",
            "sightings": "info_code, site, listing, url",
            "entries": "site, listing, url, info_code, state",
            "coverage": "*",
        }.items()
    }


def test_two_crawls_an_ingest_an_export_and_readers_at_once(
    finews: Program, tmp_path: Path
) -> None:
    folder = tmp_path / "_posts"
    folder.mkdir()
    (tmp_path / "data").mkdir()
    for one in posts(range(300, 900)):
        (folder / one.name).write_bytes(one.text.encode())
    alone = Program(tmp_path / "alone")
    with (
        replica.serving(build(posts(range(120)))) as blog,
        eastmoney.serving(make_stories(100, ["350"], 5)) as columns,
    ):
        work = [
            ("crawl", "finews", "--replay", blog.url),
            ("crawl", "eastmoney", "--listing", "350", "--replay", columns.url),
            ("ingest", str(folder)),
        ]
        for each in work:
            alone(*each)
        finews("ingest", str(tmp_path / "data"))  # nothing, but there is a corpus to read then
        codes, exported = list[int](), list[int]()
        path = finews.data / "finews.db"
        with meanwhile(read_for_long, path), meanwhile(write_a_little, path):
            for turn in range(ROUNDS):
                order = work[turn:] + work[:turn]
                busy = [start(finews, *each) for each in order]
                while any(each.poll() is None for each in busy):
                    dest = tmp_path / f"{len(exported)}.jsonl"
                    readers = [
                        start(finews, "export", str(dest)),
                        start(finews, "status", "--json"),
                    ]
                    assert [ended(each) for each in readers] == [0, 0]
                    lines = dest.read_text(encoding="utf-8").splitlines()
                    exported.append(len([json.loads(line) for line in lines]))
                codes += [ended(each) for each in busy]
            waiting = [start(finews, *each, "--wait") for each in work]
            assert [ended(each) for each in waiting] == [0, 0, 0]
    assert 0 in codes
    assert LOCKED in codes
    assert exported == sorted(exported)
    assert told(finews) == told(alone)
    for file in ("finews.db", "pages.db"):
        assert finews.rows("PRAGMA integrity_check", file=file) == ["ok"]
    assert finews.rows("SELECT count(*) FROM notes")[0] > 0

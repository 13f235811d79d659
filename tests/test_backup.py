"""``finews db backup``: a copy that is whole and of one moment, while others write."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.database import schema
from pipelines.database.lock import RunLock
from tests import old
from tests.conftest import ROOT, Program
from tests.kills import blog, posts
from tests.replica import serving
from tests.test_verify import overwrite


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Program:
    program = Program(tmp_path_factory.mktemp("crawled") / "data")
    with serving(blog(posts(range(12)))) as replica:
        program.crawl(replica.url, code=3)
    return program


def everything(folder: Path) -> list[str]:
    told = []
    for name in ("finews.db", "pages.db"):
        with closing(sqlite3.connect(f"{(folder / name).as_uri()}?mode=ro", uri=True)) as db:
            told += list(db.iterdump())
    return told


def test_a_copy_says_the_same_and_can_take_its_place(
    crawled: Program, finews: Program, tmp_path: Path
) -> None:
    dest = tmp_path / "backups" / "today"
    lock = RunLock(crawled.data)
    lock.acquire()
    with lock:  # a run is at work
        told = crawled.json("db", "backup", str(dest))
    assert told["files"] == ["finews.db", "pages.db"]
    assert told["bytes"] == sum(each.stat().st_size for each in dest.iterdir())
    assert sorted(each.name for each in dest.iterdir()) == ["finews.db", "pages.db"]
    assert [each.name for each in dest.parent.iterdir()] == ["today"]
    assert everything(dest) == everything(crawled.data)
    shutil.copytree(dest, finews.data)
    assert finews.json("db", "verify")["problems"] == 0
    with serving(blog(posts(range(12)))) as replica:
        assert finews.crawl(replica.url, code=3)["new"] == 0


def test_what_stands_there_is_not_touched(crawled: Program, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = crawled.run(crawled.command("db", "backup", str(tmp_path)))
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not empty; name a folder that does not exist yet" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "To restore: " in crawled("db", "backup", str(empty))


def test_a_copy_that_is_not_sound_is_none(
    crawled: Program, finews: Program, tmp_path: Path
) -> None:
    shutil.copytree(crawled.data, finews.data)
    for name in ("finews.db", "pages.db"):
        with closing(sqlite3.connect(finews.data / name)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    overwrite(finews.data / "finews.db", 0.7)
    done = finews.run(finews.command("db", "backup", str(tmp_path / "dest")))
    assert done.returncode == 1
    assert "is not sound, so it is thrown away: finews.db is damaged" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_beside_a_writer_it_is_of_one_moment(
    crawled: Program, finews: Program, tmp_path: Path
) -> None:
    """Each write here is a page, then an article that names it: no copy has the one alone."""
    shutil.copytree(crawled.data, finews.data)
    over = threading.Event()

    def write() -> None:
        number = 0
        with (
            closing(sqlite3.connect(finews.data / "finews.db", timeout=30)) as corpus,
            closing(sqlite3.connect(finews.data / "pages.db", timeout=30)) as pages,
        ):
            while not over.is_set():
                number += 1
                with pages:
                    pages.execute("INSERT INTO bodies VALUES (?, zeroblob(9000))", (f"p{number}",))
                    pages.execute(
                        "INSERT INTO pages (site, url, status, headers, sha256, fetched_at,"
                        " last_fetched_at) SELECT 'x', ?1, 200, '[]', ?1, fetched_at, fetched_at"
                        " FROM pages LIMIT 1",
                        (f"p{number}",),
                    )
                with corpus:
                    corpus.execute("UPDATE articles SET page = ?", (f"p{number}",))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for turn in range(3):
            finews("db", "backup", str(tmp_path / f"copy{turn}"))
    finally:
        over.set()
        writer.join()
    for turn in range(3):
        with closing(sqlite3.connect(tmp_path / f"copy{turn}" / "finews.db")) as db:
            db.execute("ATTACH ? AS p", (str(tmp_path / f"copy{turn}" / "pages.db"),))
            ((page,),) = db.execute("SELECT DISTINCT page FROM articles").fetchall()
            assert db.execute("SELECT 1 FROM p.bodies WHERE sha256 = ?", (page,)).fetchone()


def test_killed_it_leaves_no_copy_and_the_next_takes_the_rest_away(
    crawled: Program, tmp_path: Path
) -> None:
    dest = tmp_path / "copy"
    command = crawled.command("db", "backup", str(dest))
    process = subprocess.Popen(command, cwd=ROOT, env=crawled.env)
    while not list(tmp_path.iterdir()) and process.poll() is None:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    shutil.rmtree(dest, ignore_errors=True)  # it was faster
    crawled("db", "backup", str(dest))
    assert [each.name for each in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize("version", old.names(schema.corpus)[:2])
def test_before_an_upgrade_the_files_are_copied_as_they_are(
    finews: Program, tmp_path: Path, version: str
) -> None:
    path = old.restore(finews.data, "finews", version)
    before = path.read_bytes()
    finews("db", "backup", str(tmp_path / "copy"))
    assert path.read_bytes() == before
    with closing(sqlite3.connect(tmp_path / "copy" / "finews.db")) as db:
        assert db.execute("SELECT name FROM _sqlite_migrations ORDER BY id DESC").fetchone() == (
            version,
        )

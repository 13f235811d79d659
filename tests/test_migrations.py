"""Older databases: each version from the first on is opened without loss, killed or not."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from crawler.demo.site import build, bundled_posts
from pipelines.database import schema
from tests import old
from tests.conftest import ROOT, Program
from tests.replica import serving

CORPUS = old.names(schema.corpus)
EVERY = [(file, version) for file, of in old.SETS.items() for version in old.names(of)]


def tables(db: sqlite3.Connection) -> dict[str, list[str]]:
    """The columns of each table, but for those of SQLite and of the migrations."""
    found = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"
        " AND name NOT LIKE 'sqlite%'"
    ).fetchall()
    return {name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")] for (name,) in found}


def content(path: Path, of: dict[str, list[str]] | None = None) -> dict[str, list[Any]]:
    """All rows of all tables, in the columns ``of`` an earlier version."""
    with closing(sqlite3.connect(path)) as db:
        return {
            name: sorted(db.execute(f"SELECT {', '.join(columns)} FROM {name}"), key=repr)
            for name, columns in (of or tables(db)).items()
        }


def columns_of(path: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(path)) as db:
        return tables(db)


def shape(db: Database) -> set[tuple[str, str]]:
    """The schema as SQLite keeps it, whitespace aside."""
    rows = db.conn.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {(name, " ".join(sql.split())) for name, sql in rows if "sqlite_m" not in name}


@pytest.fixture
def aged(finews: Program, request: pytest.FixtureRequest) -> Program:
    """A data folder as the version that the test is given left it."""
    old.restore(finews.data, "finews", request.param)
    old.restore(finews.data, "pages", old.names(schema.pages)[0])
    return finews


@pytest.mark.parametrize(("file", "version"), EVERY)
def test_every_version_has_its_fixture_with_a_row_in_every_table(
    tmp_path: Path, file: str, version: str
) -> None:
    assert old.fixture(file, version).is_file(), (
        f"no {old.fixture(file, version)}: a new migration brings its fixture, see CONTRIBUTING.md"
    )
    path = old.restore(tmp_path, file, version)
    assert [name for name, rows in content(path).items() if not rows] == []


@pytest.mark.parametrize(("file", "version"), EVERY)
def test_a_migration_is_never_edited(tmp_path: Path, file: str, version: str) -> None:
    """The migrations up to a version make what they made when it was new."""
    migrations = old.SETS[file]
    fresh = Database(memory=True)
    migrations.ensure_migrations_table(fresh)
    for each in migrations._migrations:
        if each.name in old.names(migrations)[: old.names(migrations).index(version) + 1]:
            each.fn(fresh)
    assert shape(fresh) == shape(Database(old.restore(tmp_path, file, version)))


@pytest.mark.parametrize("aged", CORPUS, indirect=True)
def test_an_older_database_loses_nothing_and_a_crawl_goes_on_with_it(aged: Program) -> None:
    path = aged.data / "finews.db"
    columns, before = columns_of(path), content(path)
    version = aged.rows("SELECT name FROM _sqlite_migrations ORDER BY id DESC")[0]
    if version != CORPUS[-1]:
        done = aged.run(aged.command("status"))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "older version" in done.stderr
    with serving(build(bundled_posts())) as replica:
        assert aged.crawl(replica.url)["failed"] == 0
        asked = len(replica.articles())
        if version == CORPUS[0]:
            aged.crawl(replica.url)
            assert len(replica.articles()) == asked  # and the next one asks for none again
    after = content(path, columns)
    # What tells of a state that the crawl changed: what was owed is stored now.
    changing = {"entries", "failures", "coverage"}
    for name, rows in before.items():
        kept = after[name]
        # The index of a full-text table is laid out as SQLite likes.
        if name not in changing and not name.startswith("search_"):
            assert [row for row in rows if row not in kept] == [], name
            assert len(kept) >= len(rows), name
    owed = "SELECT count(*) FROM entries WHERE state IN ('pending', 'failed')"
    assert aged.rows(owed) == [0]
    assert aged.json("failures") == []
    assert set(aged.rows("SELECT listing FROM coverage")) >= {"emnews", "cailianshe"}
    mentions = "SELECT market, code, name, evidence, paragraph FROM mentions WHERE info_code = ?"
    assert aged.rows(mentions, "NW202205319100001010")[:3] == [
        ("0", "009871", None, "chart", None),
        ("0", "009871", "晨星锂业", "code", 0),
        ("1", "609002", "远洲航运", "link", 1),
    ]
    assert aged.rows("PRAGMA integrity_check") == ["ok"]
    assert aged.rows("PRAGMA foreign_key_check") == []
    assert aged.rows("SELECT count(*) FROM pages", file="pages.db")[0] > asked


def without_runs(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: found for name, found in rows.items() if name != "runs"}


def grow(path: Path, times: int) -> None:
    """So many more mentions, so that a migration takes its time."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO mentions SELECT info_code, market, code, name, 'link', i FROM n, mentions"
            " WHERE evidence = 'code'",
            (times,),
        )


@pytest.mark.parametrize("aged", CORPUS[:-1], indirect=True)
def test_killed_while_it_migrates(aged: Program, tmp_path: Path) -> None:
    path = aged.data / "finews.db"
    grow(path, 30_000)
    columns, before = columns_of(path), content(path)
    empty = tmp_path / "none"
    empty.mkdir()
    again = shutil.copytree(aged.data, tmp_path / "whole")
    Program(again)("ingest", str(empty), code=None)
    half = 0
    for turn in range(20):
        for name in ("finews.db-wal", "finews.db-shm"):
            aged.data.joinpath(name).unlink(missing_ok=True)
        shutil.copy(path, tmp_path / "kept.db")
        process = subprocess.Popen(
            aged.command("ingest", str(empty)), cwd=ROOT, env=aged.env, stdout=subprocess.DEVNULL
        )
        wal = path.with_name("finews.db-wal")
        while process.poll() is None and not wal.exists():
            time.sleep(0.0005)
        time.sleep(10 ** random.Random(turn).uniform(-4, -1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        with closing(sqlite3.connect(path)) as db:
            applied = [row[0] for row in db.execute("SELECT name FROM _sqlite_migrations")]
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        half += applied != CORPUS
        assert without_runs(content(path, columns)) == without_runs(before)
        if applied != CORPUS:
            break
        shutil.copy(tmp_path / "kept.db", path)
    assert half
    aged("ingest", str(empty))
    assert columns_of(path) == columns_of(again / "finews.db")
    assert without_runs(content(path, columns)) == without_runs(before)


@pytest.mark.parametrize("file", list(old.SETS))
def test_a_newer_database_is_refused_and_stays_as_it_is(
    finews: Program, tmp_path: Path, file: str
) -> None:
    """The folder of an old corpus and new pages as well: not one of the two is touched."""
    old.restore(finews.data, "finews", CORPUS[0])
    old.restore(finews.data, "pages", old.names(schema.pages)[0])
    with closing(sqlite3.connect(finews.data / f"{file}.db")) as db, db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " SELECT migration_set, 'm999_future', '2030' FROM _sqlite_migrations LIMIT 1"
        )

    def digests() -> dict[str, str]:
        return {
            each.name: hashlib.sha256(each.read_bytes()).hexdigest()
            for each in finews.data.glob("*.db")
        }

    before = digests()
    commands: list[tuple[str, ...]] = [("ingest", str(tmp_path))]
    if file == "finews":
        commands += [("status",), ("export", str(tmp_path / "a.jsonl"))]
        commands += [("crawl", "finews", "--replay", "http://127.0.0.1:9")]
    for command in commands:
        done = finews.run(finews.command(*command))
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert "made by a newer finews (it has m999_future)" in line
    assert digests() == before
    assert not (tmp_path / "a.jsonl").exists()

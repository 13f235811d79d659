"""The files: schema, migrations, what other tools see, what the documents say."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from crawler.errors import NewerDatabase, StoreError
from pipelines.database import schema
from pipelines.database.connect import open_corpus, open_pages, read_corpus
from pipelines.run import Run
from tests.conftest import BIN, ROOT, Program

# Of the full-text table, SQLite's own.
SHADOWS = {f"search_{part}" for part in ("config", "data", "docsize", "idx")}


def columns(db: Database) -> dict[str, list[str]]:
    return {
        table.name: [column.name for column in table.columns]
        for table in db.tables
        if not table.name.startswith(("_", "sqlite_")) and table.name not in SHADOWS
    }


def test_contract_columns_of_articles(tmp_path: Path) -> None:
    wanted = (
        "info_code, site, listing, source, title, digest, published_at, published_raw, url,"
        " author, editor, tags, paragraphs, content_hash, revision, first_seen_at, updated_at,"
        " run_id, parser"
    )
    found = columns(open_corpus(tmp_path))["articles"]
    assert [name for name in found if name in wanted.split(", ")] == wanted.split(", ")


def test_wal_and_page_size(tmp_path: Path) -> None:
    for db in (open_corpus(tmp_path), open_pages(tmp_path)):
        assert db.conn.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.conn.execute("PRAGMA page_size").fetchone() == (16384,)


def test_opening_twice_migrates_once(tmp_path: Path) -> None:
    open_corpus(tmp_path).close()
    db = open_corpus(tmp_path)
    assert schema.corpus.pending(db) == []


def test_a_migration_that_dies_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(db: Database, script: str) -> None:
        for statement in script.split(";")[:3]:
            db.conn.execute(statement)
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.database.schema.finews_db.run_script", half)
        with pytest.raises(StoreError, match="disk I/O error"):
            open_corpus(tmp_path)
    assert "articles" in columns(open_corpus(tmp_path))


def test_a_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    db = open_corpus(tmp_path)
    with db.atomic():
        db.conn.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('finews', 'm999_future', '2030')"
        )
    db.close()
    for opening in (open_corpus, read_corpus):
        with pytest.raises(NewerDatabase, match="m999_future"):
            opening(tmp_path)


def test_other_tools_open_it(finews: Program) -> None:
    finews("demo")
    path = str(finews.data / "finews.db")
    done = subprocess.run(
        [BIN / "sqlite-utils", "tables", path, "--counts"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"table": "articles", "count": 23' in done.stdout
    query = "SELECT json_extract(paragraphs, '$[0].text') FROM articles WHERE paragraphs <> '[]'"
    assert all(finews.rows(query))


@pytest.mark.parametrize("opened", [open_corpus, open_pages])
def test_data_readme_explains_every_column(tmp_path: Path, opened: object) -> None:
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### `(\w+)`.*?\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    assert callable(opened)
    for table, names in columns(opened(tmp_path)).items():
        cells = re.findall(r"^\| (`[^|]*`) \|", sections[table], re.MULTILINE)
        told = set(re.findall(r"`(\w+)`", " ".join(cells)))
        assert told == set(names), table


def test_readmes_name_every_command() -> None:
    from crawler.cli import COMMANDS

    for name in ("README.md", "README.zh-CN.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "make demo" in text
        assert "make test" in text
        for command in COMMANDS:
            assert f"finews {command}" in text, (name, command)


def test_every_reason_is_explained() -> None:
    from crawler.frontier import fetch

    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    source = "".join(
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("crawler/errors.py", "pipelines/validate.py")
    )
    reasons = set(re.findall(r'reason = "([\w-]+)"', source)) - {"page"}
    reasons |= set(re.findall(r'_untrusted\(\s*article, "([\w-]+)"', source))
    reasons |= {reason for reason, _ in fetch._REASONS.values()} | {"robots", "unexpected", "gone"}
    assert len(reasons) > 12
    for reason in reasons:
        assert f"`{reason}`" in text, reason


def test_a_run_that_dies_of_an_error_is_not_finished(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Run.open(tmp_path, "test"):
        raise ZeroDivisionError("a fault of ours")
    with closing(sqlite3.connect(tmp_path / "finews.db")) as db:
        row = db.execute("SELECT outcome, reason FROM runs").fetchone()
    assert row == ("stopped", "by an error: a fault of ours")

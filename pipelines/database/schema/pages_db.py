"""Migrations of ``pages.db``."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from pipelines.database.schema.script import run_script

pages = Migrations("finews-pages")


@pages()
def m001_pages(db: Database) -> None:
    """Raw answers; identical bytes are kept once."""
    run_script(
        db,
        """
CREATE TABLE bodies (
  sha256 TEXT PRIMARY KEY,     -- of the bytes before compression
  zstd BLOB NOT NULL
);

CREATE TABLE pages (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  info_code TEXT,
  url TEXT NOT NULL,
  status INTEGER NOT NULL,
  headers TEXT NOT NULL,       -- JSON list of [name, value]
  sha256 TEXT NOT NULL REFERENCES bodies(sha256),
  fetched_at TEXT NOT NULL,    -- when these bytes were first answered here
  last_fetched_at TEXT NOT NULL,
  UNIQUE (url, status, sha256)
);
CREATE INDEX pages_by_code ON pages(info_code) WHERE info_code IS NOT NULL;
""",
    )


@pages()
def m002_pruned(db: Database) -> None:
    """Bodies may be dropped by rule, which is no damage: tell the two apart."""
    run_script(
        db,
        """
ALTER TABLE pages ADD COLUMN pruned_at TEXT;     -- when its body was dropped last
""",
    )

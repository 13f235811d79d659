"""JSON Lines: one article a line, lists and mentions nested, unknown fields null."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from sqlite_utils import Database

from pipelines.database.rows import json_text
from pipelines.database.select import Filter, decoded, rows


def write(db: Database, wanted: Filter, file: TextIO, on_row: Callable[[], object]) -> int:
    """Write the selected articles; the number of lines."""
    written = 0
    for row in rows(db, wanted):
        file.write(json_text(decoded(row)) + "\n")
        on_row()
        written += 1
    return written

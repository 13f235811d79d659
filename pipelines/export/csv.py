"""CSV: a header, then one article a row; lists are JSON in a cell, unknown fields empty."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import TextIO

from sqlite_utils import Database

from pipelines.database.select import COLUMNS, Filter, rows


def write(db: Database, wanted: Filter, file: TextIO, on_row: Callable[[], object]) -> int:
    """Write the selected articles; the number of rows below the header."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*COLUMNS, "mentions"))
    written = 0
    for row in rows(db, wanted):
        writer.writerow(tuple(row))
        on_row()
        written += 1
    return written

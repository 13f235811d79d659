"""CSV: a header, then one article a row; lists are JSON in a cell, flags ``True`` or ``False``,
unknown fields empty.

Cells that a spreadsheet would run as a formula are defused: a text that begins with one of
``= + - @``, their full-width forms, a tab or a line break gets ``'`` before it, and so does one
that begins with ``'`` itself. So whoever takes one ``'`` from the beginning of each text that has
one gets what was there. NUL, which no spreadsheet reads, stands as ``␀``.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from typing import BinaryIO

from pipelines.fields import COLUMNS, FIELDS

#: What the first character of a defused text is one of.
RISKY = frozenset("=+-@＝＋－＠\t\r\n'")
_TEXTS = tuple(at for at, field in enumerate(FIELDS) if field.type == "text")
_FLAGS = tuple(at for at, field in enumerate(FIELDS) if field.type == "flag")
_AT_ONCE = 500


def write(
    rows: Iterator[sqlite3.Row],
    file: BinaryIO,
    on_rows: Callable[[int], object],
    *,
    excel: bool = False,
) -> int:
    """Write the articles; the number of rows below the header.

    With ``excel`` a byte order mark stands first, by which Excel knows UTF-8.
    """
    text = TextIOWrapper(file, "utf-8-sig" if excel else "utf-8", newline="")
    plain = csv.writer(text, lineterminator="\n")
    quoting = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(COLUMNS)
    written = 0
    for row in rows:
        cells, breaks = _defused(row)
        (quoting if breaks else plain).writerow(cells)
        written += 1
        if written % _AT_ONCE == 0:
            on_rows(_AT_ONCE)
    on_rows(written % _AT_ONCE)
    text.detach()
    return written


def _defused(row: sqlite3.Row) -> tuple[list[object], bool]:
    """The cells of a row, and whether one holds a CR: the csv module would not quote it."""
    cells, breaks = list(row), False
    for at in _TEXTS:
        if cell := cells[at]:
            if cell[0] in RISKY:
                cells[at] = f"'{cell}"
            if "\x00" in cell:
                cells[at] = cells[at].replace("\x00", "␀")
            breaks = breaks or "\r" in cell
    for at in _FLAGS:
        if cells[at] is not None:
            cells[at] = bool(cells[at])
    return cells, breaks

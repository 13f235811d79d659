"""JSON Lines: one article a line, lists and mentions nested, unknown fields null."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import BinaryIO

_AT_ONCE = 500


def write(lines: Iterator[bytes], file: BinaryIO, on_rows: Callable[[int], object]) -> int:
    """Write the articles; the number of lines."""
    written = 0
    while some := list(islice(lines, _AT_ONCE)):
        file.write(b"\n".join(some) + b"\n")
        on_rows(len(some))
        written += len(some)
    return written

"""How commands print: tables of at most 80 columns for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 80
# Columns that are cut or folded where 80 columns do not hold all.
_GIVE_WAY = ("title", "listing", "url", "value", "command")
_FOLDED = ("url", "value", "from")
_LEAST = 8


def console() -> Console:
    """Standard output, 80 columns wide unless the terminal is narrower."""
    from rich.console import Console  # noqa: PLC0415 -- slow to load, and most print no table

    screen = Console(highlight=False, soft_wrap=False)
    screen.width = min(screen.width, _WIDTH) if screen.is_terminal else _WIDTH
    return screen


def print_json(value: object) -> None:
    """One JSON document, Chinese characters as they are."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any] | str]) -> None:
    """A table; None is shown as a dash. Text is never read as markup. A row that is a text goes
    across all columns.
    """
    from rich.table import Table  # noqa: PLC0415 -- as above
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = list(rows)
    cells = [
        [Text("-" if cell is None else str(cell)) for cell in row]
        for row in rows
        if not isinstance(row, str)
    ]
    screen = console()
    widths = [
        max(Text(name).cell_len, *(row[position].cell_len for row in cells), 0)
        for position, name in enumerate(columns)
    ]
    gives_way = [name in _GIVE_WAY for name in columns]
    # What the others leave, and two blanks between columns.
    fixed = sum(width for width, gives in zip(widths, gives_way, strict=True) if not gives)
    room = screen.width - fixed - 2 * (len(columns) - 1)
    for name, width, gives in zip(columns, widths, gives_way, strict=True):
        table.add_column(
            name,
            width=min(width, max(room // sum(gives_way), _LEAST)) if gives else width,
            no_wrap=name != "url",
            overflow="fold" if name == "url" else "ellipsis",
        )
    for row in cells:
        table.add_row(*row)
    with screen.capture() as printed:
        screen.print(table)
    lines = iter(printed.get().removesuffix("\n").split("\n"))
    if any(isinstance(row, str) for row in rows):  # each other is one line then
        click.echo(next(lines))
        lines = iter([row if isinstance(row, str) else next(lines) for row in rows])
    for line in lines:
        click.echo(line)


def print_diff(before: Sequence[str], after: Sequence[str]) -> None:
    """The lines that differ, with one beside them for context; coloured on a terminal."""
    colours = {"-": "red", "+": "green", "@": "cyan"}
    # Without its head, which names two files.
    for line in islice(unified_diff(before, after, lineterm="", n=1), 2, None):
        click.echo("  " + click.style(line, fg=colours.get(line[0])))


def short_time(text: str | None) -> str | None:
    """A stored time to the minute, ``2022-01-14 15:30``."""
    return text and text[:16].replace("T", " ")

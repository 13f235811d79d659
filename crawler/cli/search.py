"""``finews search``: finds articles by what they say."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click
from rich.cells import set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.text import Text

from crawler.cli import options
from crawler.cli.output import console, print_json, short_time
from pipelines.database.connect import read_corpus, require_corpus
from pipelines.database.search import Found, Hit, Order, find
from pipelines.database.search_index import rebuild
from pipelines.database.select import Filter
from pipelines.run import Run
from pipelines.search.marks import Marked

_SOURCE = 12  # cells
_MOVES = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@click.command("search")
@click.argument("words", nargs=-1, metavar="QUERY")
@options.narrowing
@click.option(
    "--sort",
    "order",
    type=click.Choice(get_args(Order)),
    default="newest",
    show_default=True,
    help="The newest first, or by how well they answer.",
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N")
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N", help="Leave N out first.")
@click.option("--rebuild", "rebuilding", is_flag=True, help="Make the index anew.")
@options.wait
@options.data
@options.json
def command(
    words: tuple[str, ...],
    wanted: Filter,
    order: Order,
    limit: int,
    offset: int,
    rebuilding: bool,
    wait: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Find articles by their title, digest and paragraphs.

    Words beside each other are all looked for, each anywhere, inside longer words too; case,
    full width and traditional forms make no difference. AND, OR and NOT are operators, with
    brackets; "…" keeps blanks in a phrase, tesl* begins a Latin word. A QUERY may be a single
    character.

    The index is kept as articles are stored. --rebuild makes it anew, which is never
    needed but where another tool changed texts.

    \b
    Examples:
      finews search 降准
      finews search 'A股 (上涨 OR 走强) NOT 涨停' --since 2022-05-01
      finews search '"300750"' --source 财联社 --sort rank --json
      finews search --rebuild
    """
    if rebuilding:
        if words:
            raise click.UsageError("--rebuild takes no QUERY")
        count = _rebuild(data, wait=wait)
        print_json({"articles": count}) if as_json else click.echo(f"{count} articles indexed.")
        return
    if not words:
        raise click.UsageError("what is to be found? Name a QUERY")
    try:
        wanted = replace(wanted, query=" ".join(words))
        found = find(read_corpus(data), wanted, order=order, limit=limit, offset=offset)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        print_json({"hits": [_values(hit) for hit in found.hits], "more": found.more})
    else:
        _print(found, offset)


def _rebuild(data: Path, *, wait: bool) -> int:
    require_corpus(data)
    with Run.open(data, "search --rebuild", wait=wait) as run, _watched() as watch:
        return rebuild(run.corpus, watch)


@contextmanager
def _watched() -> Iterator[Any]:
    """A bar on a terminal; the log line that it is being made is enough elsewhere."""
    bar = Progress(BarColumn(30), MofNCompleteColumn(), TimeRemainingColumn(), transient=True)
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    with bar:
        task = bar.add_task("index", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _values(hit: Hit) -> dict[str, Any]:
    """A hit for machines: texts, and the places in them where something was found."""
    return {
        "info_code": hit.info_code,
        "site": hit.site,
        "source": hit.source,
        "title": _plain(hit.title) or None,
        "title_hits": _places(hit.title),
        "published_at": hit.published_at,
        "url": hit.url,
        "snippet": _plain(hit.snippet),
        "snippet_hits": _places(hit.snippet),
        "duplicate_group": hit.duplicate_group,
    }


def _plain(text: Marked) -> str:
    return "".join(piece for piece, _ in text)


def _places(text: Marked) -> list[tuple[int, int]]:
    at, found = 0, []
    for piece, is_hit in text:
        if is_hit:
            found.append((at, at + len(piece)))
        at += len(piece)
    return found


def _print(found: Found, offset: int) -> None:
    if not found.hits:
        click.echo("Nothing found." if not offset else f"Nothing from number {offset + 1} on.")
        return
    screen = console()
    screen.print(Text(f"{'time':<16}  {'source':<12}  title", style="bold"))
    for hit in found.hits:
        _print_hit(hit, screen)
    if found.more:
        click.echo(f"There are more: --offset {offset + len(found.hits)}.")


def _print_hit(hit: Hit, screen: Console) -> None:
    plain = not screen.is_terminal
    title = _styled(hit.title, plain=plain) if hit.title else Text("(no title)")
    time, source = short_time(hit.published_at) or "-", set_cell_size(hit.source or "-", _SOURCE)
    line = Text.assemble(f"{time:<16}  {source}  ", title)
    line.truncate(screen.width, overflow="ellipsis")
    screen.print(line)
    if hit.snippet:
        screen.print(Padding(_styled(hit.snippet, plain=plain), (0, 0, 0, 2), expand=False))
    code, url = hit.info_code, _printable(hit.url or "")
    if plain:
        click.echo(f"  {code}  {url}".rstrip())
    else:
        screen.print(Text.assemble("  ", (code, f"dim link {url}" if url else "dim")))


def _printable(text: str) -> str:
    """Without what moves a terminal's cursor or turns its lines around."""
    return _MOVES.sub("\ufffd", text.replace("\n", " "))


def _styled(text: Marked, *, plain: bool) -> Text:
    """Hits stand out by colour, or in 【】 where there is none."""
    return Text().join(
        Text(f"【{piece}】" if plain else piece, style="black on yellow") if is_hit else Text(piece)
        for piece, is_hit in ((_printable(piece), is_hit) for piece, is_hit in text)
    )

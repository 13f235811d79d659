"""``finews export``: writes a dataset."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from crawler.cli import FAILED, UNEXPECTED, options
from crawler.cli.output import print_json
from pipelines.database import select
from pipelines.database.connect import read_corpus, read_pages
from pipelines.database.pages import StoredPages
from pipelines.export import FORMATS, export, export_pages
from pipelines.export.formats import format_of, is_folder
from pipelines.export.manifest import verify
from pipelines.export.splits import Split, read_splits
from pipelines.export.whole import is_stream


class Splits(click.ParamType[tuple[Split, ...]]):
    """Splits by time: ``train:..2025-06-30,test:``."""

    name = "splits"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Split, ...]:
        try:
            return value if isinstance(value, tuple) else read_splits(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("export")
@click.argument("dest", type=click.Path(path_type=Path))
@click.option("--format", type=click.Choice(sorted(FORMATS)), help="By DEST's ending, if absent.")
@options.selection
@click.option(
    "--split",
    "splits",
    metavar="SPLITS",
    type=Splits(),
    default=(),
    help="Split by time, see below.",
)
@click.option("--excel", is_flag=True, help="csv: begin with the mark by which Excel knows UTF-8.")
@click.option("--prune", is_flag=True, help="jekyll: remove posts that are no more selected.")
@click.option("--verify", "verifying", is_flag=True, help="Check the folder DEST by its manifest.")
@options.data
@options.json
def command(
    dest: Path,
    format: str | None,
    wanted: select.Filter,
    splits: tuple[Split, ...],
    excel: bool,
    prune: bool,
    verifying: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Write the stored articles to DEST, in order of time.

    Files: .jsonl and .csv (with .gz or .zst behind it, if you like), .parquet (needs the
    extra [parquet]), .db (SQLite). Folders: --format parquet without an ending, hf
    (opened by Hugging Face's load_dataset), jekyll (post files), and whatever is split.
    Folders but jekyll have a card, README.md, and a manifest. All appear only when
    they are whole; an older export is replaced.

    Options that may be given several times widen each other, different ones narrow. With
    bounds of time, articles whose time is unknown are left out.

    --split train:..2025-06-30,validation:..2025-12-31,test: splits by time of
    publication. A group of near-duplicates is in one split only: copies that come after
    the end of that split are left out.

    --as-of gives the articles that were first seen by T, each as it was known then; the
    same T gives the same bytes whatever later crawls bring. The other filters look at
    what was known then, too.

    warc (.warc, .warc.gz) is a web archive of the stored pages, listings too, and takes
    of the filters --site alone. It needs the extra [warc].

    \b
    Examples:
      finews export news.jsonl
      finews export known.jsonl --as-of 2022-05-31T09:30:00
      finews export news.csv --since 2022-05-01 --until 2022-05-31 --source 财联社
      finews export maotai.parquet --code 1.600519 --evidence chart,code --dedupe near
      finews export news --format hf --split train:..2025-06-30,test:
      finews export news --verify
      finews export site --format jekyll --prune
      finews export pages.warc.gz --site eastmoney

    Exit codes: 0 done, 1 unexpected error, 2 usage, 3 --verify found a difference.
    """
    if verifying:
        _verify(dest, as_json=as_json)
        return
    format = format or format_of(dest)
    if format is None:
        raise click.UsageError(f"which --format? {dest.name} does not end in one of them")
    _check(dest, format, wanted, splits, excel=excel, prune=prune)
    if format == "warc":
        _export_pages(dest, wanted.sites, data, as_json=as_json)
        return
    db = read_corpus(data)
    lost = select.count_lost(db, wanted.as_of) if wanted.as_of else 0
    with _progress(dest, select.count(db, wanted), hidden=as_json) as on_rows:
        counts = export(db, dest, format, wanted, on_rows, splits=splits, excel=excel, prune=prune)
    if as_json:
        print_json({"dest": str(dest), "format": format, **counts, "not_kept": lost})
        return
    text = f"{counts['articles']} articles in {dest}"
    if format == "jekyll":
        text += f": {counts['written']} files written, {counts['removed']} removed"
    click.echo(f"{text}.", err=is_stream(dest))
    if lost:
        click.echo(
            f"Left out: {lost} that were known by then; an older finews did not keep what"
            " they said, before it changed.",
            err=True,
        )


def _check(
    dest: Path,
    format: str,
    wanted: select.Filter,
    splits: tuple[Split, ...],
    *,
    excel: bool,
    prune: bool,
) -> None:
    """Refuse what does not go together."""
    if prune and format != "jekyll":
        raise click.UsageError("--prune goes with --format jekyll")
    if excel and format != "csv":
        raise click.UsageError("--excel goes with --format csv")
    if splits and format in ("jekyll", "warc"):
        raise click.UsageError(f"--split does not go with --format {format}")
    if splits and format_of(dest):
        raise click.UsageError(f"--split makes a folder; name one, rather than {dest.name}")
    if is_stream(dest) and format in ("sqlite", "parquet"):
        raise click.UsageError(f"--format {format} needs a file, rather than {dest}")
    folder = is_folder(dest, format, split=bool(splits))
    if dest.is_dir() != folder and dest.exists():
        raise click.UsageError(f"{dest} is {'a' if dest.is_dir() else 'no'} folder")
    if format == "warc" and replace(wanted, sites=()) != select.Filter():
        raise click.UsageError("--format warc writes whole pages; of filters it takes --site")


def _verify(dest: Path, *, as_json: bool) -> None:
    try:
        found = verify(dest)
    except OSError as error:
        raise click.UsageError(f"{dest} has no manifest to verify by: {error.strerror}") from error
    if as_json:
        print_json({"dest": str(dest), "differences": found})
    else:
        for each in found:
            click.echo(each)
        click.echo(f"{dest} is {'NOT ' if found else ''}as it was exported.")
    if found:
        sys.exit(FAILED)


def _export_pages(dest: Path, sites: tuple[str, ...], data: Path, *, as_json: bool) -> None:
    stored = StoredPages(read_corpus(data), read_pages(data))
    with _progress(dest, stored.total(sites), hidden=as_json) as on_pages:
        pages = export_pages(stored, dest, sites, lambda: on_pages(1))
    if as_json:
        print_json({"dest": str(dest), "format": "warc", "pages": pages})
    else:
        click.echo(f"{pages} pages in {dest}.")


@contextmanager
def _progress(dest: Path, total: int, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, and a sentence where ``dest`` cannot be written."""
    hidden = hidden or not sys.stderr.isatty()
    try:
        with click.progressbar(
            length=total, file=sys.stderr, label="exporting", hidden=hidden
        ) as bar:
            yield bar.update
    except OSError as error:
        click.echo(f"finews: {dest} cannot be written: {error.strerror or error}", err=True)
        sys.exit(UNEXPECTED)

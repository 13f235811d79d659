"""``finews export``: writes a dataset."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from crawler.cli import UNEXPECTED, options
from crawler.cli.output import print_json
from pipelines.database import select
from pipelines.database.connect import read_corpus, read_pages
from pipelines.database.pages import StoredPages
from pipelines.export import FORMATS, export, export_pages


@click.command("export")
@click.argument("dest", type=click.Path(path_type=Path))
@click.option("--format", type=click.Choice(sorted(FORMATS)), help="By DEST's ending, if absent.")
@options.since
@options.until
@click.option("--source", "sources", metavar="NAME", multiple=True, help="Attributed to NAME.")
@click.option("--site", "sites", metavar="NAME", multiple=True, help="Seen at site NAME.")
@options.as_of
@click.option("--prune", is_flag=True, help="jekyll: remove posts that are no more selected.")
@options.data
@options.json
def command(
    dest: Path,
    format: str | None,
    since: datetime | None,
    until: datetime | None,
    sources: tuple[str, ...],
    sites: tuple[str, ...],
    as_of: datetime | None,
    prune: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Write the stored articles to DEST, in order of time.

    A file (jsonl, csv) appears only when it is whole; an older one is replaced. jekyll
    makes a folder of post files that Jekyll builds a site from, and writes only those
    that differ. --source and --site may be given several times. With --since or
    --until, articles without a time are left out.

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
      finews export site --format jekyll --prune
      finews export pages.warc.gz --site eastmoney
    """
    format = format or dest.name.removesuffix(".gz").rpartition(".")[2]
    if format not in FORMATS:
        raise click.UsageError(f"which --format? {dest.name} does not end in one of them")
    if prune and format != "jekyll":
        raise click.UsageError("--prune goes with --format jekyll")
    if dest.is_dir() != (format == "jekyll") and dest.exists():
        raise click.UsageError(f"{dest} is {'a' if dest.is_dir() else 'no'} folder")
    options.check_order(since, until)
    if format == "warc":
        if since or until or sources or as_of:
            raise click.UsageError("--format warc writes whole pages; of filters it takes --site")
        _export_pages(dest, sites, data, as_json=as_json)
        return
    wanted = select.Filter(since, until, sources, sites, as_of)
    db = read_corpus(data)
    total = select.count(db, wanted)
    lost = select.count_lost(db, as_of) if as_of else 0
    with _progress(dest, total, hidden=as_json) as on_row:
        counts = export(db, dest, format, wanted, on_row, prune=prune)
    if as_json:
        print_json({"dest": str(dest), "format": format, **counts, "not_kept": lost})
        return
    text = f"{counts['articles']} articles in {dest}"
    if format == "jekyll":
        text += f": {counts['written']} files written, {counts['removed']} removed"
    click.echo(f"{text}.")
    if lost:
        click.echo(
            f"Left out: {lost} that were known by then; an older finews did not keep what"
            " they said, before it changed.",
            err=True,
        )


def _export_pages(dest: Path, sites: tuple[str, ...], data: Path, *, as_json: bool) -> None:
    stored = StoredPages(read_corpus(data), read_pages(data))
    with _progress(dest, stored.total(sites), hidden=as_json) as on_page:
        pages = export_pages(stored, dest, sites, on_page)
    if as_json:
        print_json({"dest": str(dest), "format": "warc", "pages": pages})
    else:
        click.echo(f"{pages} pages in {dest}.")


@contextmanager
def _progress(dest: Path, total: int, *, hidden: bool) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, and a sentence where ``dest`` cannot be written."""
    hidden = hidden or not sys.stderr.isatty()
    try:
        with click.progressbar(
            length=total, file=sys.stderr, label="exporting", hidden=hidden
        ) as bar:
            yield lambda: bar.update(1)
    except OSError as error:
        click.echo(f"finews: {dest} cannot be written: {error.strerror}", err=True)
        sys.exit(UNEXPECTED)

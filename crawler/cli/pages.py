"""``finews pages``: the stored pages, and space freed by rule."""

from __future__ import annotations

import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

import click

from crawler.cli import FAILED, options
from crawler.cli.output import print_json, print_table, short_time
from crawler.errors import StoreError
from pipelines.database.connect import PAGES, read_corpus, read_pages, require_corpus
from pipelines.database.prune import Prunable, Pruning, sizes
from pipelines.run import Run, now


@click.group("pages", invoke_without_command=True)
@options.data
@options.json
@click.pass_context
def command(ctx: click.Context, data: Path, as_json: bool) -> None:
    """Show how many pages are stored of each site, and what they take.

    \b
    Examples:
      finews pages
      finews pages prune --older-than 90d --dry-run
    """
    if ctx.invoked_subcommand:
        return
    require_corpus(data)
    found = sizes(read_pages(data))
    if as_json:
        print_json({"file_bytes": _size(data), "sites": found})
        return
    print_table(
        ("site", "pages", "of articles", "bodies", "MB", "first", "last"),
        (
            (
                each["site"],
                each["pages"],
                each["of_articles"],
                each["bodies"],
                _megabytes(each["bytes"]),
                short_time(each["first_fetched_at"]),
                short_time(each["last_fetched_at"]),
            )
            for each in found
        ),
    )
    click.echo(f"{data / PAGES} has {_megabytes(_size(data))} MB.")


@command.command("prune")
@click.option(
    "--older-than",
    type=options.Length("hdw", "12h, 90d or 8w", zero=True),
    required=True,
    metavar="AGE",
    help="Answered last so long ago.",
)
@click.option("--site", "sites", metavar="NAME", multiple=True, help="Only pages of site NAME.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@options.wait
@options.data
@options.json
def prune(
    older_than: timedelta,
    sites: tuple[str, ...],
    dry_run: bool,
    wait: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Drop the bodies of old pages, and make the file smaller.

    Articles stay, and so does what is known of each page: address, headers, times, SHA-256.
    A page without its body cannot be parsed again nor exported. The newest pages of
    articles that failed and are not stored since are kept, however old. While the file is
    made smaller, the disk needs room for what is kept.

    \b
    Examples:
      finews pages prune --older-than 90d
      finews pages prune --older-than 8w --site eastmoney --dry-run

    Exit codes as for finews crawl.
    """
    require_corpus(data)
    before, size = now() - older_than, _size(data)
    if dry_run:
        found = Pruning(read_corpus(data), read_pages(data), before, sites).found()
    else:
        found = _prune(data, before, sites, wait=wait)
    freed = size - _size(data)
    if as_json:
        print_json(
            {
                "pages": found.pages,
                "bodies": found.bodies,
                "bytes": found.bytes,
                "file_bytes": size - freed,
                "freed_bytes": freed,
                "dry_run": dry_run,
            }
        )
        return
    verb = "Would drop" if dry_run else "Dropped"
    click.echo(
        f"{verb} {found.bodies} bodies of {found.pages} pages, {_megabytes(found.bytes)} MB."
    )
    if not dry_run:
        click.echo(
            f"{data / PAGES} had {_megabytes(size)} MB and has {_megabytes(size - freed)} MB."
        )


def _prune(data: Path, before: datetime, sites: tuple[str, ...], *, wait: bool) -> Prunable:
    """Prune in a run of its own; ends the program where that fails or is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    with Run.open(data, " ".join(("pages prune", *sites)), wait=wait) as run:
        run.unfinished.add("prune")
        pruning = Pruning(run.corpus, run.pages, before, sites)
        found = pruning.found()
        try:
            pruning.run(run.clock())
            run.unfinished.clear()
        except StoreError as error:
            run.error = error
        except KeyboardInterrupt:
            pass  # what is gone is gone; to prune again does the rest
    if run.error:
        raise run.error
    if run.unfinished:
        click.echo("Stopped; run it again to go on.", err=True)
        sys.exit(FAILED)
    return found


def _size(data: Path) -> int:
    """The bytes of the file, with what waits in its log."""
    paths = (data / PAGES, data / f"{PAGES}-wal")
    return sum(path.stat().st_size for path in paths if path.exists())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"

"""``finews reparse``: parses stored pages again with today's parsers."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from crawler import infocode
from crawler.cli import options
from crawler.cli.progress import RunProgress
from crawler.cli.reread import reread
from crawler.cli.summary import summarise
from crawler.errors import StoreError
from pipelines.database.connect import read_corpus, read_pages, require_corpus
from pipelines.database.pages import StoredPages
from pipelines.run import Run


@click.command("reparse")
@click.option("--site", "sites", metavar="NAME", multiple=True, help="Only pages of site NAME.")
@click.option("--code", "codes", metavar="CODE", multiple=True, help="Only this article.")
@options.processes
@options.wait
@options.data
@options.json
def command(
    sites: tuple[str, ...],
    codes: tuple[str, ...],
    processes: int,
    wait: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Parse the stored pages of articles again with today's parsers, with no network.

    Of each address the newest page is read. Articles improve in place; what failed before
    and parses now is stored; a page that does not parse any more stands in finews failures,
    and takes nothing from its article. Articles that a crawl is to look at again are left
    to it. Items of the fast news without a page of their own stay as they are.

    \b
    Examples:
      finews reparse
      finews reparse --site eastmoney --processes 2
      finews reparse --code NW202201142248393319

    Exit codes as for finews crawl.
    """
    chosen = tuple(map(_code, codes))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    require_corpus(data)
    holds = True
    with (
        Run.open(data, " ".join(("reparse", *sites, *chosen)), wait=wait) as run,
        RunProgress(run, quiet=as_json),
    ):
        try:
            stored = StoredPages(read_corpus(data), read_pages(data))
            run.counts["found"] = stored.count(sites, chosen)
            holds = reread(run, stored.groups(sites, chosen), processes)
        except StoreError as error:
            run.error = error
        except KeyboardInterrupt:
            pass  # what was read is stored; to read a page again does no harm
    sys.exit(summarise(run, broken=not holds, as_json=as_json))


def _code(text: str) -> str:
    code = infocode.read(text)
    if code is None:
        raise click.UsageError(f"{text!r} holds no info code (NW and 18 digits)")
    return code

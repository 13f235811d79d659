"""``finews ingest``: reads post files into the corpus."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import click

from crawler import infocode
from crawler.cli import options
from crawler.cli.progress import RunProgress
from crawler.cli.summary import summarise
from crawler.errors import BrokenPost, NotAnArticle, PageError, StoreError
from crawler.files import SITE, PostFile, read_files
from crawler.items import Failure, Page
from crawler.parsers.charset import decode
from crawler.parsers.posts import parse_post
from pipelines.run import Run
from pipelines.store import Record
from pipelines.validate import checked

_SAVE = 1000  # files after which the counts in the ledger are brought up to date
_PATH = click.Path(exists=True, path_type=Path)


@click.command("ingest")
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH...",
)
@options.wait
@options.data
@options.json
def command(paths: tuple[Path, ...], wait: bool, data: Path, as_json: bool) -> None:
    """Read post files: single ones, folders (recursively), .zip, .tar, .tar.gz.

    Archives are read as streams and never unpacked. The same article in several files
    is one row: the fuller one fills what the others lack, whatever their order.

    \b
    Examples:
      finews ingest _posts old_post
      finews ingest finews-main.zip

    Exit codes as for finews crawl.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    names = " ".join(path.name for path in paths)
    with (
        Run.open(data, f"ingest {names}", wait=wait) as run,
        RunProgress(run, quiet=as_json),
    ):
        try:
            for path in paths:
                read(path, run)
            run.store.flush()
        except StoreError as error:
            run.error = error
        except KeyboardInterrupt:
            run.unfinished.add(SITE)  # what was read is stored; to read a file again does no harm
    if not run.counts["found"] and not run.skipped:
        click.echo(f"No post files (.md) in {names}.", err=True)
    sys.exit(summarise(run, as_json=as_json))


def read(path: Path, run: Run) -> None:
    """Read all post files of a path into the run; the run's store may still hold some."""
    for number, file in enumerate(read_files(path), start=1):
        for record in _records(file, run):
            run.counts["found"] += not isinstance(record, Page)
            run.store.add(record)
        if number % _SAVE == 0:
            run.save()


def _records(file: PostFile, run: Run) -> Iterator[Record]:
    """The page of a file and what became of it; one without an info code is skipped."""
    code = infocode.read(file.name.rpartition("/")[2])
    digest = sha256(file.body).hexdigest()
    if file.error is None:
        yield Page(SITE, file.name, 0, (), file.body, digest, run.clock(), code)
    try:
        if file.error:
            raise file.error
        article = parse_post(decode(file.body, "", url=file.name), file.name)
    except PageError as error:
        if code is None and isinstance(error, BrokenPost | NotAnArticle):
            run.skipped.add(file.name)  # a notice, a README: no article anyway
            return
        yield Failure(
            site=SITE,
            url=file.name,
            reason=error.reason,
            message=str(error),
            retry=False,
            listing=file.listing,
            info_code=code,
            page=None if file.error else digest,
        )
    else:
        yield checked(replace(article, listing=file.listing, page=digest), run.clock())

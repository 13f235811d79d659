"""``finews ingest``: reads post files, web archives and other corpora into the corpus."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

import click

from crawler import reading
from crawler.cli import options, workers
from crawler.cli.progress import RunProgress
from crawler.cli.reread import reread
from crawler.cli.summary import summarise
from crawler.errors import PageError, StoreError
from crawler.files import SITE, PostFile, read_files, web_archives
from crawler.items import Article, Entry, Failure, Page
from crawler.warc import Archived, read_warc
from pipelines.database.connect import CORPUS, writing
from pipelines.database.merging import Merging
from pipelines.database.other import corpus_at, opened
from pipelines.database.pages import MARKED, StoredPages
from pipelines.draft import Draft
from pipelines.run import Run
from pipelines.store import Record
from pipelines.validate import checked

_CHUNK = 50  # files that are read at a time
_CHUNK_BYTES = 1 << 20
_SAVE = 20  # chunks after which the counts in the ledger are brought up to date
_ALONE = 40  # chunks that one process reads in the time that others take to begin
_PATH = click.Path(exists=True, path_type=Path)

#: Post files, and when they are read.
_Chunk: TypeAlias = tuple[datetime, list[PostFile]]


class _Outcome(NamedTuple):
    """What became of some files: records for the store, and names of those that are no posts."""

    records: list[Record]
    skipped: list[str]


@click.command("ingest")
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH...",
)
@options.processes
@options.wait
@options.data
@options.json
def command(paths: tuple[Path, ...], processes: int, wait: bool, data: Path, as_json: bool) -> None:
    """Read post files: single ones, folders (recursively), .zip, .tar, .tar.gz; and the
    pages of articles in web archives, .warc, .warc.gz, with the extra [warc].

    Archives are read as streams and never unpacked. The same article in several files
    is one row: the fuller one fills what the others lack, whatever their order. Of a web
    archive, listings and pages of other sites are skipped.

    Another corpus, the finews.db of another data folder or that folder, is merged: all
    that it knows, with its times. Its pages come too if its pages.db stands beside it;
    else reparse has nothing to read of them. It is never written to.

    \b
    Examples:
      finews ingest _posts old_post
      finews ingest finews-main.zip
      finews ingest pages.warc.gz
      finews ingest /mnt/other/data

    Exit codes as for finews crawl.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    own = data / CORPUS
    for path in paths:
        if own.exists() and (other := corpus_at(path)) and other.samefile(own):
            raise click.UsageError(f"{path} is the corpus itself; name another, or another --data")
    names, holds = " ".join(path.name for path in paths), True
    with (
        Run.open(data, f"ingest {names}", wait=wait) as run,
        RunProgress(run, quiet=as_json),
    ):
        run.unfinished.add(SITE)
        try:
            for path in paths:
                if other := corpus_at(path):
                    merge(other, run)
                    continue
                read(path, run, processes)
                for archive in web_archives(path):
                    holds &= read_archive(archive, run)
            run.store.flush()
            run.unfinished.discard(SITE)
        except StoreError as error:
            run.error = error
        except KeyboardInterrupt:
            pass  # what was read is stored; to read a file again does no harm
    if not (run.counts["found"] or run.skipped or run.error):
        told = "No post files (.md), pages of articles or articles of a corpus"
        click.echo(f"{told} in {names}.", err=True)
    sys.exit(summarise(run, broken=not holds, as_json=as_json))


def read(path: Path, run: Run, processes: int = 1) -> None:
    """Read all post files of a path into the run; the run's store may still hold some.

    Where there are many, so many processes parse them, and this one writes.
    """
    files = _chunks(read_files(path), run)
    with closing(_outcomes(files, processes)) as outcomes:
        for number, outcome in enumerate(outcomes, start=1):
            for record in outcome.records:
                run.counts["found"] += not isinstance(record, Page)
                run.store.add(record)
            run.skipped.update(outcome.skipped)
            if number % _SAVE == 0:
                run.save()


def _chunks(files: Iterator[PostFile], run: Run) -> Iterator[_Chunk]:
    chunk, size = list[PostFile](), 0
    for file in files:
        chunk.append(file)
        size += len(file.body)
        if len(chunk) >= _CHUNK or size >= _CHUNK_BYTES:
            yield run.clock(), chunk
            chunk, size = [], 0
    if chunk:
        yield run.clock(), chunk


def _outcomes(chunks: Iterator[_Chunk], processes: int) -> Generator[_Outcome, None, None]:
    """What became of files, in their order."""
    # A few are read before a process has begun.
    yield from map(_outcome, islice(chunks, _ALONE if processes > 1 else None))
    if first := next(chunks, None):
        yield from workers.results(_begin, chain([first], chunks), processes)


def _begin() -> Callable[[_Chunk], _Outcome]:
    return _drafted


def _drafted(chunk: _Chunk) -> _Outcome:
    """What became of files, worked out as far as a process can that knows no corpus."""
    found = _outcome(chunk)
    records = (Draft.of(r, new=True) if isinstance(r, Article) else r for r in found.records)
    return found._replace(records=[*records])


def _outcome(chunk: _Chunk) -> _Outcome:
    now, files = chunk
    outcome = _Outcome([], [])
    for file in files:
        _read(file, now, outcome)
    return outcome


def _read(file: PostFile, now: datetime, outcome: _Outcome) -> None:
    """The page of a file and what became of it; one without an info code is skipped."""
    entry = reading.post_entry(file.name)
    if file.error:
        outcome.records.append(_failed(file.error, entry))
        return
    digest = sha256(file.body).hexdigest()
    page = Page(SITE, file.name, 0, (), file.body, digest, now, entry.info_code)
    outcome.records.append(page)
    found = reading.read(page, entry)
    if found is None:
        outcome.skipped.append(file.name)  # a notice, a README: no article anyway
    else:
        outcome.records.append(found if isinstance(found, Failure) else checked(found, now))


def merge(path: Path, run: Run) -> None:
    """Merge the corpus at ``path`` into that of the run."""
    run.store.flush()
    with opened(path, run.data) as other:
        merging = Merging(
            run.corpus,
            run.pages,
            other,
            run_id=run.id,
            clock=run.clock,
            counts=run.counts,
        )
        run.gaps += merging.run()
    run.store.refresh()


def read_archive(path: Path, run: Run) -> bool:
    """Read a web archive into the run: all its pages first, then the newest of each article.

    False when the program failed at one. An article is first seen now: we did not know it
    before. Where a page is stored that was answered later, that is the one that counts.
    """
    stored = StoredPages(run.corpus, run.pages)
    stored.unmark()
    for found in read_warc(path):
        if found.error:
            run.counts["found"] += 1
            run.store.add(_failed(found.error, found.entry, path.name))
        elif found.page is None:
            run.foreign += 1
        else:
            _keep(found, run, stored)
    run.store.flush()
    run.counts["found"] += stored.count(which=MARKED)
    return reread(run, stored.groups(which=MARKED), processes=1)


def _keep(found: Archived, run: Run, stored: StoredPages) -> None:
    """Store a page of an archive, and what its listing told of the article."""
    assert found.page and found.entry and found.last
    held = stored.last_answer(found.page)
    if held is None:
        run.store.add(found.page)
    if found.last > (held or found.page.fetched_at):
        run.store.add(replace(found.page, fetched_at=found.last))
    stored.mark([found.page.url])
    if found.page.status:
        with writing(run.corpus):
            run.frontier(found.entry.site).tell(found.entry)


def _failed(error: PageError, entry: Entry | None, listing: str | None = None) -> Failure:
    """The failure of a file, which is read again when it is named again."""
    failure = reading.failed(
        error,
        site=entry.site if entry else SITE,
        url=entry.url if entry else error.url,
        listing=entry.listing if entry else listing,
        info_code=entry.info_code if entry else None,
    )
    return replace(failure, retry=False)

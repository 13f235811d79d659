"""``finews db``: the two files of the data folder: are they sound, and a copy of them."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from crawler.cli import FAILED, options
from crawler.cli.output import print_json, print_table
from crawler.errors import Locked, NewerDatabase, StoreError
from pipelines.database import schema
from pipelines.database.backup import backup
from pipelines.database.connect import (
    CORPUS,
    PAGES,
    read_corpus,
    read_pages,
    require_corpus,
)
from pipelines.database.verify import Problem, Watch, problems
from pipelines.run import Run

_SHOWN = 20  # problems of each kind; there may be as many as rows


@click.group("db", invoke_without_command=True)
@options.data
@options.json
@click.pass_context
def command(ctx: click.Context, data: Path, as_json: bool) -> None:
    """Show the two files of the data folder; check them, copy them.

    \b
    Examples:
      finews db
      finews db verify
      finews db backup ../backups/2026-11-25
    """
    if ctx.invoked_subcommand:
        return
    found = [_file(data / CORPUS, read_corpus(data), schema.corpus)]
    if (data / PAGES).is_file():
        found.append(_file(data / PAGES, read_pages(data), schema.pages))
    if as_json:
        print_json(found)
        return
    print_table(
        ("file", "version", "MB", "of them free"),
        (
            (each["file"], each["version"], _megabytes(each["bytes"]), _megabytes(each["free"]))
            for each in found
        ),
    )


def _file(path: Path, db: Database, migrations: Migrations) -> dict[str, Any]:
    sizes = (
        db.conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size")
    )
    free, size = sizes
    return {
        "file": path.name,
        "version": migrations.applied(db)[-1].name,
        "bytes": path.stat().st_size,
        "free": free * size,
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"


class _Tally:
    """The problems that were found: all are counted, the first of each kind kept."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.kept: list[Problem] = []

    def add(self, problem: Problem) -> None:
        self.kinds[problem.kind] += 1
        if self.kinds[problem.kind] <= _SHOWN:
            self.kept.append(problem)


@command.command("verify")
@click.option("--quick", is_flag=True, help="Leave out what reads all texts and unpacks all pages.")
@click.option("--quiet", is_flag=True, help="Print nothing when all is well, as for cron.")
@options.wait
@options.data
@options.json
def verify(quick: bool, quiet: bool, wait: bool, data: Path, as_json: bool) -> None:
    """Check that both files are sound, and that what stands in them fits together.

    SQLite's own checks; then every article, its fingerprints, earlier states and mentions,
    what listings showed, coverage, and every stored page byte by byte. Nothing is mended:
    each problem is a sentence that says what to do. A run that was killed leaves none.

    \b
    Examples:
      finews db verify
      finews db verify --quick --json

    Exit codes: 0 all is well, 1 a file cannot be read or written, 2 usage, 3 there are
    problems, or it was stopped, 4 another run is at work.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    require_corpus(data)
    tally = _Tally()
    with (
        _advice(),
        Run.open(data, "db verify", wait=wait) as run,
        _watching(as_json or quiet) as watch,
    ):
        run.unfinished.add("verify")
        try:
            for each in problems(data, quick=quick, watch=watch):
                tally.add(each)
                run.counts["failed"] += 1
            run.unfinished.clear()
        except KeyboardInterrupt:
            pass
        if tally.kept:
            run.finding = tally.kept[0].message
    if run.error:
        raise run.error
    code = FAILED if run.unfinished or tally.kept else 0
    if code or not quiet:
        _tell(run, tally, quick=quick, as_json=as_json)
    sys.exit(code)


@contextmanager
def _advice() -> Iterator[None]:
    """Say what to do where a file cannot even be opened."""
    try:
        yield
    except (Locked, NewerDatabase):
        raise
    except StoreError as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        told = f"{error}; where the file is damaged, restore it from a backup"
        raise StoreError(told, error.path) from error


def _tell(run: Run, tally: _Tally, *, quick: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "run": run.id,
                "outcome": run.outcome,
                "quick": quick,
                "problems": tally.kinds.total(),
                "kinds": dict(tally.kinds),
                "first": [{"kind": each.kind, "message": each.message} for each in tally.kept],
            }
        )
        return
    for each in tally.kept:
        click.echo(f"{each.kind}: {each.message}.")
    for kind, count in tally.kinds.items():
        if count > _SHOWN:
            click.echo(f"and {count - _SHOWN} more of {kind}")
    total = tally.kinds.total()
    if run.unfinished:
        click.echo(f"Stopped before its end; {total} problems so far.")
    elif total:
        click.echo(f"{total} problem{'s' if total > 1 else ''} in {run.data}.")
    else:
        click.echo(f"All is well in {run.data}{', as far as --quick looks' if quick else ''}.")


@command.command("backup")
@click.argument("dest", type=click.Path(path_type=Path))
@options.data
@options.json
def copy(dest: Path, data: Path, as_json: bool) -> None:
    """Copy both files into the new folder DEST, while a run may be at work.

    The copy is of one moment. It is written aside, checked as by "db verify --quick", and
    named DEST when it is whole. A folder that holds anything is not written to.

    \b
    Example:
      finews db backup ../backups/2026-11-25
    """
    with _watching(as_json) as watch:
        names = backup(data, dest, lambda what, done: watch(f"{what}, percent", done))
    size = sum((dest / name).stat().st_size for name in names)
    if as_json:
        print_json({"dest": str(dest), "files": names, "bytes": size})
        return
    click.echo(f"{' and '.join(names)}, {_megabytes(size)} MB, in {dest}.")
    click.echo("To restore: let no run be at work, move the data folder away, and copy this")
    click.echo("one to its place. Runs of a later time are then unknown; the next crawl goes on.")


@contextmanager
def _watching(quiet: bool) -> Iterator[Watch]:
    """Shows on a terminal what is being done; tells nobody elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("beginning", total=None)

        def watch(what: str, done: int) -> None:
            bar.update(task, description=f"{what} {done:,}" if done else what)

        yield watch

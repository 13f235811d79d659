"""``finews runs``: what each run did, and all that is known of one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import click

from crawler.cli import UNEXPECTED, options
from crawler.cli.output import print_json, print_table, short_time
from crawler.config import Log
from crawler.config_file import load
from crawler.log import lines_of
from pipelines.database import runs
from pipelines.database.connect import read_corpus
from pipelines.database.ledger import COUNTS
from pipelines.database.lock import is_held
from pipelines.run import now

_COLUMNS = (
    "run", "started", "took", "command", "outcome", "new", "chg", "fail", "req", "MB", "ref",
)  # fmt: skip


@click.command("runs")
@click.argument("show", required=False, metavar="[SHOW]")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="The last N.",
)
@click.option("--all", "unfolded", is_flag=True, help="A line for runs with nothing due, too.")
@options.data
@options.json
def command(show: str | None, limit: int, unfolded: bool, data: Path, as_json: bool) -> None:
    """List the last runs, the newest last; or SHOW one, by its number or as "last": its
    walks, failures, and what it logged.

    chg are changed articles, fail failures, req requests, ref requests that a host turned
    away. A run that was killed could not say how it ended; the next one went on with its
    work.

    \b
    Examples:
      finews runs --limit 50
      finews runs last
    """
    if show is None:
        _list(data, limit, unfolded=unfolded, as_json=as_json)
        return
    if show != "last" and not show.isdecimal():
        raise click.UsageError(f"{show!r} is no number of a run, and not 'last'")
    number = None if show == "last" else int(show)
    found = runs.run(read_corpus(data), number, at_work=is_held(data), now=now())
    if found is None:
        click.echo(f"finews: there is no run {show}; see finews runs", err=True)
        sys.exit(UNEXPECTED)
    log = load().settings.log
    found["log"] = list(_of_time(lines_of(log, found["id"]), found)) if log.file else None
    if as_json:
        print_json(found)
    else:
        _print(found, log)


def _list(data: Path, limit: int, *, unfolded: bool, as_json: bool) -> None:
    found = runs.runs(read_corpus(data), at_work=is_held(data))
    if as_json:
        print_json([*islice(found, limit)][::-1])
        return
    lines = [*islice(_lines(found, unfolded=unfolded), limit)][::-1]
    if lines:
        print_table(_COLUMNS, lines)
    else:
        click.echo("No runs yet.")


def _lines(found: Iterable[dict[str, Any]], *, unfolded: bool) -> Iterator[tuple[Any, ...] | str]:
    """The lines of runs, which come the newest first; what had nothing to do stands in one."""
    for idle, group in groupby(found, key=lambda row: not unfolded and runs.is_idle(row)):
        if not idle:
            yield from map(_line, group)
            continue
        last = first = next(group)
        count = 1
        for count, first in enumerate(group, start=2):  # noqa: B007 -- the last of them
            pass
        yield _folded(count, first, last) if count > 1 else _line(last)


def _folded(count: int, first: dict[str, Any], last: dict[str, Any]) -> str:
    begin, end = (str(short_time(each["started_at"])) for each in (first, last))
    end = end[11:] if begin[:10] == end[:10] else end[5:]
    return f"     {count} runs with nothing due, {begin[5:]}–{end}"


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["id"],
        (short_time(row["started_at"]) or "")[5:],
        length(row["took"]),
        row["command"],
        row["state"],
        *(_short(row[name]) for name in ("new", "changed", "failed", "requests")),
        _megabytes(row["bytes"]),
        _short(row["refusals"]),
    )


def length(seconds: int | None) -> str | None:
    """A length of time in a few characters.

    >>> [length(each) for each in (7, 190, 7325, 180_000)]
    ['7s', '3m', '2h02', '50h00']
    """
    if seconds is None:
        return None
    if seconds < 60:
        return f"{seconds}s"
    return f"{seconds // 60}m" if seconds < 3600 else f"{seconds // 3600}h{seconds // 60 % 60:02}"


def _short(count: int) -> str:
    return str(count) if count < 100_000 else f"{count // 1000}k"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}" if size < 1e8 else f"{size / 1e6:.0f}"


def _of_time(lines: Iterable[dict[str, Any]], run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The lines that are of its time: another data folder may have a run of the same number."""
    end = run["ended_at"]
    for line in lines:
        time = str(line.get("time"))[:19]
        if run["started_at"][:19] <= time and (end is None or time <= end[:19]):
            yield line


def _print(run: dict[str, Any], log: Log) -> None:
    click.echo(f"Run {run['id']}: {run['command']}")
    took = f", took {length(run['took'])}" if run["took"] is not None else ""
    click.echo(f"  began {_second(run['started_at'])}{took}: {run['state']}")
    if run["reason"]:
        click.echo(f"  {run['reason']}")
    told = [f"{run[name]:,} {name}" for name in COUNTS if run[name] and name != "bytes"]
    if run["bytes"]:
        told.append(f"{_megabytes(run['bytes'])} MB")
    click.echo(f"  {', '.join(told) or 'nothing to count'}")
    if run["clock_off"] is not None:
        click.echo(f"  clocks of those who answered: {run['clock_off']:+.0f} s from ours")
    if run["walks"]:
        click.echo()
        print_table(
            ("listing", "ended", "pages", "shown", "new", "chg", "fail", "req", "MB", "took"),
            (
                (
                    f"{each['site']} {each['listing']}",
                    each["outcome"],
                    each["pages"],
                    _short(each["entries"]),
                    *(_short(each[name]) for name in ("new", "changed", "failed", "requests")),
                    _megabytes(each["bytes"]),
                    length(each["took"]),
                )
                for each in run["walks"]
            ),
        )
    _print_rest(run)
    _print_log(run["log"], log)


def _print_rest(run: dict[str, Any]) -> None:
    if run["failures"]:
        click.echo("\nFailed, and in no run since")
    for each in run["failures"]:
        mended = "; stored since" if each["resolved_at"] else ""
        click.echo(f"  {each['reason']}{mended}: {each['url']}")
    for each in run["resting"]:
        until = short_time(each["until"])
        click.echo(f"\n{each['host']} refused ({each['reason']}) and rests until {until}.")
    if run["alarms"]:
        click.echo("\nAlarms")
    for each in run["alarms"]:
        verb = "closed" if each["closed_at"] else "opened"
        click.echo(f"  {verb}, {each['rule']} {each['subject']}: {each['message']}".rstrip())


def _print_log(lines: list[dict[str, Any]] | None, log: Log) -> None:
    if lines is None:
        click.echo("\nNo log is kept; set file in [log] of finews.toml to have one.")
        return
    click.echo(f"\nLog, {log.file}" if lines else f"\n{log.file} has no lines of this run.")
    for line in lines:
        mark = "" if line.get("level") == "info" else f"{line.get('level')}: "
        click.echo(f"  {_second(str(line.get('time')))[11:]} {mark}{line.get('message')}")
        if trace := line.get("trace"):
            click.echo(f"    {str(trace).strip().splitlines()[-1]}")


def _second(text: str) -> str:
    """A stored time to the second, ``2022-01-14 15:30:58``."""
    return text[:19].replace("T", " ")

"""``finews status``: what is stored, what ran, what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from crawler.cli import options
from crawler.cli.output import print_json, print_table, short_time
from pipelines.database import report
from pipelines.database.connect import read_corpus
from pipelines.run import now


@click.command("status")
@options.data
@options.json
def command(data: Path, as_json: bool) -> None:
    """Show what is stored, the last run, and each listing's last walk.

    \b
    Example:
      finews status --data data
    """
    found = report.status(read_corpus(data), now())
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    click.echo(
        f"{found['articles']} articles, the newest of "
        f"{short_time(found['newest_published_at']) or 'unknown time'}."
    )
    click.echo(
        f"{found['incomplete']} without title or time, "
        f"{found['same_text']} with the text of another."
    )
    click.echo(
        f"{found['pending']} pending, {found['failures']} failed, "
        f"{found['skipped']} skipped (no info code)."
    )
    if run := found["last_run"]:
        ended = run["outcome"] or "at work, or killed"
        click.echo(
            f"Last run: {run['command']}, {short_time(run['started_at'])}, {ended};\n"
            f"  {run['new']} new, {run['failed']} failed, {run['requests']} requests."
        )
    for each in found["resting"]:
        click.echo(f"{each['host']} refused ({each['reason']}), rests until {each['until'][:16]}.")
    if found["listings"]:
        click.echo()
        print_table(
            ("site", "listing", "articles", "last walk", "ended", "shown", "new"),
            (
                (
                    each["site"],
                    each["listing"],
                    each["articles"],
                    short_time(each["last_walk"]),
                    each["outcome"],
                    each["entries"],
                    each["new"],
                )
                for each in found["listings"]
            ),
        )

"""``finews failures``: what is not stored, and why."""

from __future__ import annotations

from pathlib import Path

import click

from crawler.cli import options
from crawler.cli.output import print_json, short_time
from pipelines.database import report
from pipelines.database.connect import read_corpus


@click.command("failures")
@options.data
@options.json
def command(data: Path, as_json: bool) -> None:
    """List what failed and is not stored since, the newest first.

    A later run tries again what may succeed; "given up" is not asked for any more.
    The answer that came, if one did, is kept in pages.db.

    \b
    Example:
      finews failures --json
    """
    found = report.failures(read_corpus(data))
    if as_json:
        print_json(found)
        return
    for each in found:
        due = short_time(each["next_try_at"])
        again = f"a run after {due} tries again" if due else "given up"
        tries = f"{each['attempts']} run{'s' if each['attempts'] > 1 else ''}"
        click.echo(f"{each['site']}  {each['info_code'] or each['listing'] or '-'}  {each['url']}")
        click.echo(f"    {each['reason']}: {each['message']}")
        click.echo(f"    failed in {tries}, last {short_time(each['last_failed_at'])}; {again}")
    many = "" if len(found) == 1 else "s"
    click.echo(f"{len(found)} failure{many}." if found else "Nothing failed.")

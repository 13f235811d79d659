"""``finews gaps``: of which times a listing is not known to be complete."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from crawler.cli import options
from crawler.cli.crawl import crawl, crawl_settings
from crawler.cli.output import print_json, print_table, short_time
from pipelines.database.connect import read_corpus
from pipelines.database.coverage import gaps

_WHY = {
    "scrolled": "no longer shown when it was read",
    "interrupted": "the walk was broken off",
    "failed": "a page of the listing failed",
    "limit": "cut short, by --max-pages or by pages that reach less far",
    "owed": "articles of it are not stored yet",
}


@click.command("gaps")
@click.option("--site", "sites", metavar="NAME", multiple=True, help="Of site NAME only.")
@click.option("--fill", is_flag=True, help="Crawl the listings that have gaps, back to them.")
@options.replay
@options.wait
@options.data
@options.json
def command(
    sites: tuple[str, ...], fill: bool, replay: str | None, wait: bool, data: Path, as_json: bool
) -> None:
    """List the gaps: times of which a listing is not known to be complete.

    A crawl closes those of a walk that was broken off, or that owes articles, by itself.
    Where a listing showed less than had come since the crawl before, --fill reads it as far
    back as it goes now; what no site shows any more stays a gap.

    \b
    Examples:
      finews gaps
      finews gaps --fill
    """
    found = [each for each in gaps(read_corpus(data)) if not sites or each["site"] in sites]
    if fill and found:
        settings = crawl_settings(data, replay)
        tasks = _tasks(found)
        code = crawl("gaps --fill", lambda _: tasks, settings, wait=wait, as_json=as_json)
        if not as_json:
            left = [each for each in gaps(read_corpus(data)) if not sites or each["site"] in sites]
            _print(left)
        sys.exit(code)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _tasks(found: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """For each site its listings with gaps, and how far back they are to be read."""
    tasks = {}
    for site in dict.fromkeys(each["site"] for each in found):
        own = [each for each in found if each["site"] == site]
        since = min(each["from_at"] or "" for each in own)
        names = dict.fromkeys(each["listing"] for each in own)
        tasks[site] = {"listing": ",".join(names), "since": since}
    return tasks


def _print(found: list[dict[str, Any]]) -> None:
    if not found:
        click.echo("No gaps.")
        return
    print_table(
        ("site", "listing", "from", "to", "why"),
        (
            (
                each["site"],
                each["listing"],
                short_time(each["from_at"]) or "the beginning",
                short_time(each["to_at"]),
                each["why"],
            )
            for each in found
        ),
    )
    for why in dict.fromkeys(each["why"] for each in found):
        click.echo(f"{why}: {_WHY[why]}")

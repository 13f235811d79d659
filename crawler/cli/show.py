"""``finews show``: one article, whole, with its history."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from crawler import infocode
from crawler.cli import UNEXPECTED, options
from crawler.cli.output import print_diff, print_json, short_time
from pipelines.database import history, select
from pipelines.database.connect import read_corpus
from pipelines.lines import differing, line, lines


@click.command("show")
@click.argument("code")
@options.as_of
@click.option("--history", "whole_history", is_flag=True, help="Each state, and what changed.")
@options.data
@options.json
def command(
    code: str, as_of: datetime | None, whole_history: bool, data: Path, as_json: bool
) -> None:
    """Print the article CODE: an info code, its bare 18 digits, or a URL that holds it.

    --history prints its states in order: when each was seen, what changed and how. It was
    "revised" or "retouched" (no title, time, digest or text) by its source, "filled" by
    another route, "reparsed" by a better parser.

    \b
    Examples:
      finews show NW202201142248393319
      finews show https://finance.eastmoney.com/a/202201212257099936.html --json
      finews show NW202201142248393319 --history
    """
    info_code = infocode.read(code)
    if info_code is None:
        raise click.UsageError(f"{code!r} holds no info code (NW and 18 digits)")
    if as_of and whole_history:
        raise click.UsageError("--as-of or --history, not both")
    db = read_corpus(data)
    found: Any = (
        history.states(db, info_code) if whole_history else select.article(db, info_code, as_of)
    )
    if not found:
        then = f" as of {as_of:%Y-%m-%d %H:%M:%S}" if as_of else "; see finews failures"
        click.echo(f"finews: {info_code} is not stored{then}", err=True)
        sys.exit(UNEXPECTED)
    if as_json:
        print_json(found)
    elif whole_history:
        _print_history(found)
    else:
        _print(found)


def _print_history(states: list[dict[str, Any]]) -> None:
    before, known = states[0], states[0]["first_seen_at"]
    click.echo(f"{before['title'] or '(no title)'}\n{before['info_code']}")
    click.echo(f"\n{short_time(known)}  first seen, read by {before['parser'] or '(not kept)'}")
    for state in states:
        if state["seen_at"] != known:
            click.echo("  what it said then was not kept, by an older finews")
        known = state["replaced_at"]
        if state is not before:
            number = f" to revision {state['revision']}" if state["change"] == "revised" else ""
            when = short_time(state["seen_at"])
            click.echo(
                f"\n{when}  {state['change']}{number}: {', '.join(differing(before, state))}"
            )
            print_diff([*lines(before)], [*lines(state)])
        before = state
    click.echo(f"\n{len(states)} state{'s' if len(states) > 1 else ''}.")


def _print(article: dict[str, Any]) -> None:
    click.echo(article["title"] or "(no title)")
    click.echo(f"{article['published_at'] or '(no time)'}  {article['source'] or '(no source)'}")
    click.echo(f"{article['info_code']}  {article['url'] or ''}".rstrip())
    if article["digest"]:
        click.echo(f"\n  {article['digest']}")
    for each in article["paragraphs"]:
        click.echo()
        click.echo(line(each))
    if article["mentions"]:
        click.echo("\nMentions")
        for each in article["mentions"]:
            name = f"{each['market']}.{each['code']}"
            click.echo(f"  {name:<14}{each['evidence']:<7}{each['name'] or '-'}")
    click.echo("\nSeen")
    for each in article["sightings"]:
        click.echo(f"  {each['site']} {each['listing']}  {each['url']}")
    if others := article["near_duplicates"]:
        first = "; this one came first" if article["first_in_group"] else ""
        click.echo(f"\nNear-duplicates, by time{first}")
        for code in others:
            click.echo(f"  {code}")
    if article["same_text_as"]:
        click.echo(f"\nThe same text stood first in {article['same_text_as']}.")

"""``finews show``: one article, whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from crawler import infocode
from crawler.cli import UNEXPECTED, options
from crawler.cli.output import print_json
from pipelines.database import select
from pipelines.database.connect import read_corpus


@click.command("show")
@click.argument("code")
@options.data
@options.json
def command(code: str, data: Path, as_json: bool) -> None:
    """Print the article CODE: an info code, its bare 18 digits, or a URL that holds it.

    \b
    Examples:
      finews show NW202201142248393319
      finews show https://finance.eastmoney.com/a/202201212257099936.html --json
    """
    info_code = infocode.read(code)
    if info_code is None:
        raise click.UsageError(f"{code!r} holds no info code (NW and 18 digits)")
    article = select.article(read_corpus(data), info_code)
    if article is None:
        click.echo(f"finews: {info_code} is not stored; see finews failures", err=True)
        sys.exit(UNEXPECTED)
    if as_json:
        print_json(article)
    else:
        _print(article)


def _print(article: dict[str, Any]) -> None:
    click.echo(article["title"] or "(no title)")
    click.echo(f"{article['published_at'] or '(no time)'}  {article['source'] or '(no source)'}")
    click.echo(f"{article['info_code']}  {article['url'] or ''}".rstrip())
    if article["digest"]:
        click.echo(f"\n  {article['digest']}")
    for each in article["paragraphs"]:
        click.echo()
        if each["kind"] == "table":
            for row in each["rows"]:
                click.echo("  | " + " | ".join(row))
        elif each["kind"] == "image":
            click.echo(f"  [image] {each['url']}")
        else:
            mark = {"heading": "## ", "list": "- ", "quote": "> "}.get(each["kind"], "")
            click.echo(f"{mark}{each['text']}")
    if article["mentions"]:
        click.echo("\nMentions")
        for each in article["mentions"]:
            name = f"{each['market']}.{each['code']}"
            click.echo(f"  {name:<14}{each['evidence']:<7}{each['name'] or '-'}")
    click.echo("\nSeen")
    for each in article["sightings"]:
        click.echo(f"  {each['site']} {each['listing']}  {each['url']}")
    if article["same_text_as"]:
        click.echo(f"\nThe same text stood first in {article['same_text_as']}.")

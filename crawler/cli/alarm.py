"""``finews alarm``: what needs a person, and whether a message of it would arrive."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from crawler.cli import FAILED, UNEXPECTED, options
from crawler.cli.output import console, print_json, short_time
from crawler.config_file import load
from pipelines.alarms.message import trial
from pipelines.alarms.sinks import Delivery, pings, send, sinks
from pipelines.database import outbox
from pipelines.database.connect import open_corpus, read_corpus, writing
from pipelines.health import note
from pipelines.run import now

_CLOSED = timedelta(days=30)
_INDENT = 4  # columns, of a message below its alarm


@click.command("alarm")
@click.option("--all", "closed", is_flag=True, help="Those of the last 30 days that are over too.")
@click.option("--hush", metavar="RULE[:SUBJECT]", help="A person knows: no more reminders.")
@click.option("--test", is_flag=True, help="Send a test to all that is configured.")
@options.data
@options.json
def command(*, closed: bool, hush: str | None, test: bool, data: Path, as_json: bool) -> None:
    """List the open alarms: what needs a person, since when, and why we think so.

    An alarm is told when it opens, daily while it is open, and when it is well again. --hush
    stops the daily reminders of one that is open now; without a subject, of all of its rule.

    --test sends a message to the command, the webhook and the mail addresses that are
    configured, and calls the ping; docs/alarms.md tells how to set them up. Exit codes: 0 all
    arrived, 2 none is configured, 3 some failed.

    \b
    Examples:
      finews alarm
      finews alarm --test
      finews alarm --hush failing:eastmoney
    """
    if sum(map(bool, (closed, hush, test))) > 1:
        raise click.UsageError("--all, --hush and --test do not go together")
    if test:
        sys.exit(_test(as_json=as_json))
    if hush:
        _hush(hush, data)
    found = note.alarms(read_corpus(data), data, now() - _CLOSED if closed else None)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _test(*, as_json: bool) -> int:
    """Try every sink; the exit code."""
    found = load()
    settings = found.settings.alarms
    ready = sinks(settings, found.origin("alarms.webhook")) | pings(settings)
    if not ready:
        raise click.UsageError(
            "nothing is configured: set alarms.command or alarms.mail_to in finews.toml,"
            " or FINEWS_WEBHOOK_URL or FINEWS_PING_URL in the environment"
        )
    message = trial(now())
    done = send({name: [message] for name in ready}, ready, settings.timeout)
    if as_json:
        print_json([{"sink": each.sink, "told": each.told, "error": each.error} for each in done])
    else:
        for each in done:
            click.echo(_line(each))
    return FAILED if any(each.error for each in done) else 0


def _line(delivery: Delivery) -> str:
    return f"{delivery.sink}: {delivery.told or f'failed, {delivery.error}'}"


def _hush(name: str, data: Path) -> None:
    rule, given, subject = name.partition(":")
    read_corpus(data).close()  # an older one is for a run to migrate, under its lock
    db = open_corpus(data)
    with writing(db):
        many = outbox.hush(db, rule, subject if given else None, now())
    db.close()
    if not many:
        click.echo(f"finews: there is no open alarm {name}; finews alarm lists them", err=True)
        sys.exit(UNEXPECTED)


def _print(found: Sequence[dict[str, Any]]) -> None:
    screen = console()
    for each in found:
        parts = [each["rule"], each["subject"], f"since {short_time(each['opened_at'])}"]
        if each["closed_at"]:
            parts.append(f"well again {short_time(each['closed_at'])}")
        elif each["hushed_at"]:
            parts.append("hushed")
        screen.print(Text("  ".join(filter(None, parts))))
        for line in Text(each["message"]).wrap(screen, screen.width - _INDENT):
            screen.print(Text(f"{'':{_INDENT}}{line.plain.rstrip()}"))
    if not any(each["closed_at"] is None for each in found):
        click.echo("No open alarms." if found else "No alarms.")

"""``finews status``: what is stored, what ran, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from crawler.cli import options
from crawler.cli.output import print_json, print_table, short_time
from crawler.cli.together import print_together
from crawler.config_file import load
from pipelines.database import report
from pipelines.database.connect import read_corpus
from pipelines.database.lock import is_held
from pipelines.health import note
from pipelines.run import now

_BARS = "▁▂▃▄▅▆▇█"


@click.command("status")
@options.redis("Show instead those who crawl together by this Redis.")
@options.data
@options.json
def command(redis: str | None, data: Path, as_json: bool) -> None:
    """Show what is stored, what is wrong, the last run, and how each listing stands.

    "today" are the articles published today, "usual" those that such a day has brought by
    this hour; "next" is when finews crawl --due walks it; a day has a bar, today the last.

    \b
    Examples:
      finews status --data data
      finews status --redis redis://10.0.0.5:6379/0
    """
    if redis:
        from crawler.cli.crawl import crawl_settings  # noqa: PLC0415 -- brings Scrapy
        from crawler.exchange.report import state  # noqa: PLC0415 -- of an extra

        silence_s = crawl_settings(data, None).getfloat("FINEWS_SILENCE")
        together = state(redis, silence_s)
        if as_json:
            print_json(together)
        else:
            print_together(together)
        return
    db = read_corpus(data)
    found = report.status(db, now(), load().settings.polling) | {"alarms": note.alarms(db, data)}
    if as_json:
        print_json(found)
    else:
        _print(found, at_work=is_held(data))


def _print(found: dict[str, Any], *, at_work: bool) -> None:
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
        ended = run["outcome"] or ("at work" if at_work else "killed")
        click.echo(
            f"Last run: {run['command']}, {short_time(run['started_at'])}, {ended};\n"
            f"  {run['new']} new, {run['failed']} failed, {run['requests']} requests."
        )
    if found["overdue"]:
        click.echo("  That is long ago: does cron not run, or is it held up?")
    for each in found["resting"]:
        click.echo(f"{each['host']} refused ({each['reason']}), rests until {each['until'][:16]}.")
    for each in found["alarms"]:
        hushed = " (hushed)" if each["hushed_at"] else ""
        told = f"Since {short_time(each['opened_at'])}{hushed}: {each['message']}"
        click.echo(click.wrap_text(told, 80, subsequent_indent="  "))
    for site, listings in groupby(found["listings"], key=lambda each: each["site"]):
        click.echo(f"\n{site}")
        _table(list(listings), now())


def _table(listings: Sequence[dict[str, Any]], at: datetime) -> None:
    print_table(
        ("listing", "walked", "ended", "next", "today", "usual", "newest", "fail", "gaps", "days"),
        (
            (
                each["listing"],
                _moment(each["last_walk"], at),
                each["outcome"],
                _due(each["next_due_at"], at),
                each["today"],
                each["usual"],
                _age(each["newest_published_at"], at),
                each["failures"],
                each["gaps"],
                bar(each["days"]),
            )
            for each in listings
        ),
    )


def bar(counts: Sequence[int]) -> str:
    """A small bar a day.

    >>> bar([0, 1, 5, 10])
    '·▁▄█'
    """
    most = max(counts, default=0)
    return "".join(_BARS[-(-each * len(_BARS) // most) - 1] if each else "·" for each in counts)


def _moment(text: str | None, now: datetime) -> str | None:
    """A stored time: the hour where it is today, else the day."""
    if text is None:
        return None
    return text[11:16] if text[:10] == f"{now:%Y-%m-%d}" else text[5:10]


def _due(text: str, now: datetime) -> str | None:
    return "now" if datetime.fromisoformat(text) <= now else _moment(text, now)


def _age(text: str | None, now: datetime) -> str | None:
    """How long ago a stored time is, in the largest unit that has two of it."""
    if text is None:
        return None
    minutes = (now - datetime.fromisoformat(text)) // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"

"""How ``finews status --redis`` tells of those who crawl together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from crawler.cli.output import print_table, short_time


def print_together(state: Mapping[str, Any]) -> None:
    """Print a state as :func:`crawler.exchange.report.state` gives it."""
    workers, wishes = state["workers"], state["wishes"]
    alive = sum(not each["dead"] for each in workers)
    click.echo(f"Collector: {state['collector'] or 'none is at work; start finews collect'}.")
    click.echo(f"{_many(alive, 'worker')}, {_many(len(wishes), 'crawl')} wanted.")
    oldest = f", the oldest for {state['lag_s']:g} s" if state["outcomes"] else ""
    click.echo(f"{_many(state['outcomes'], 'outcome')} to be stored{oldest}.")
    for each in state["resting"]:
        until = short_time(each["until"])
        click.echo(f"{each['host']} refused ({each['reason']}), rests until {until}.")
    if number := state["dead_letters"]:
        click.echo(f"{_many(number, 'dead letter')}; see finews failures. The newest:")
        for letter in state["newest_dead"][:3]:
            told = f"{short_time(letter['at'])}: {letter['why']}"
            click.echo(click.wrap_text(told, 80, "  ", "    "))
    queues = [each for each in state["queues"] if each["waiting"] or each["in_flight"]]
    if queues:
        click.echo()
        names = ("site", "lane", "waiting", "in_flight")
        print_table(
            ("site", "lane", "waiting", "in flight"), ([each[n] for n in names] for each in queues)
        )
    if workers:
        click.echo()
        print_table(
            ("worker", "site", "since", "done", "holds", "heard"),
            (
                (
                    f"{each.get('machine')}:{each.get('pid')}",
                    each.get("site"),
                    short_time(each.get("began")),
                    each.get("done"),
                    each.get("holds"),
                    f"{each['silent_s']:.0f} s ago" + (" (dead)" if each["dead"] else ""),
                )
                for each in workers
            ),
        )


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

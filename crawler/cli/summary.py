"""What a run did, in words a person understands or as JSON."""

from __future__ import annotations

from typing import Any

import click

from crawler.cli import FAILED, UNEXPECTED
from crawler.cli.output import print_json, short_time
from crawler.errors import StoreError
from pipelines.database import report
from pipelines.database.connect import read_corpus
from pipelines.database.ledger import COUNTS
from pipelines.database.rows import time_text
from pipelines.health.attend import Attended
from pipelines.run import Run

_NOTHING = Attended()


def summarise(
    run: Run,
    attended: Attended = _NOTHING,
    *,
    broken: bool = False,
    as_json: bool,
    quiet: bool = False,
) -> int:
    """Print what a run did, and alarms that it led to; its exit code. ``broken`` says that the
    program itself failed.

    With ``quiet`` the alarms alone are told, that the data folder failed among them.
    """
    failed = run.counts["failed"] or run.unfinished or run.resting or run.gaps
    # That a message does not get through does not fail a crawl.
    wrong = [rule for rule, _ in attended.wrong if rule != "sink"]
    code = FAILED if failed or wrong else 0
    if run.error or broken:
        code = UNEXPECTED
    if run.error and (as_json or not quiet):
        click.echo(f"finews: {run.error}", err=True)
    if not as_json and quiet:
        tell(attended)
        return code
    failures = [] if run.error else _failed(run)
    if as_json:
        print_json(
            {
                "run": run.id,
                "outcome": run.outcome,
                "reason": run.reason,
                "exit_code": code,
                **{name: run.counts[name] for name in COUNTS},
                "skipped_urls": sorted(run.skipped),
                "resting": [
                    {"host": each.host, "until": time_text(each.until), "reason": each.reason}
                    for each in run.resting.values()
                ],
                "gaps": [{"site": site, "listing": listing} for site, listing in run.gaps],
                "failures": failures,
                "alarms": [{"rule": rule, "subject": name} for rule, name in attended.wrong],
                "messages": [{"kind": each.kind, "text": each.text} for each in attended.messages],
            }
        )
        return code
    click.echo(_sentence(run, code))
    for url in sorted(run.skipped):
        click.echo(f"  skipped, no info code: {url}")
    for each in failures[:10]:
        click.echo(f"  failed, {each['reason']}: {each['url']}")
    if len(failures) > 10:
        click.echo(f"  and {len(failures) - 10} more")
    for rest in run.resting.values():
        until = short_time(time_text(rest.until))
        click.echo(f"{rest.host} refused ({rest.reason}) and rests until {until};")
        click.echo("  a run after that goes on with what is owed.")
    for site, listing in run.gaps:
        click.echo(f"A gap: {site} {listing} shows less than came since the last crawl.")
        click.echo(f"  See finews gaps --data {run.data}.")
    if failures:
        click.echo(f"See finews failures --data {run.data} for the reasons.")
    tell(attended)
    return code


def tell(attended: Attended) -> None:
    """Print the messages that a run led to."""
    for message in attended.messages:
        click.echo(f"{message.title}\n  {message.text}")


def _sentence(run: Run, code: int) -> str:
    counts = run.counts
    stored = [f"{counts['new']} new"]
    seen_again = ("changed", "filled", "improved", "unchanged")
    stored += [f"{counts[name]} {name}" for name in seen_again if counts[name]]
    found = f"{', '.join(stored)} of {counts['found']} articles found"
    parts = [found if counts["found"] else "nothing new"]
    if counts["incomplete"]:
        parts.append(f"{counts['incomplete']} without title or time")
    if counts["skipped"]:
        parts.append(f"{counts['skipped']} skipped")
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    if counts["requests"]:
        parts.append(f"{counts['requests']} requests")
    begin = "Stopped; run it again to go on" if run.unfinished else "Done"
    if code == UNEXPECTED:
        begin = "Broken off by an error"
    return f"{begin}: {'; '.join(parts)}."


def _failed(run: Run) -> list[dict[str, Any]]:
    """What failed in this run."""
    try:
        db = read_corpus(run.data)
    except StoreError:
        return []
    found = report.failures(db, run_id=run.id)
    db.close()
    return found

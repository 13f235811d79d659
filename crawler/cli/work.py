"""Being a worker, for the commands that crawl: what ``--redis`` makes of them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import click
from scrapy.settings import Settings

from crawler.cli import FAILED, UNEXPECTED
from crawler.cli.output import print_json
from crawler.cli.process import Process, Tasks
from pipelines.database.ledger import COUNTS, TIME_OVER


def work(
    url: str,
    tasks: Tasks,
    settings: Settings,
    *,
    due: bool = False,
    retry: Mapping[str, Sequence[str]] | None = None,
    as_json: bool = False,
    max_time: timedelta | None = None,
) -> int:
    """Crawl what ``tasks`` say together with all who use this Redis; the exit code.

    Ends when it is done, whoever did it. Prints how it went, nothing with ``due`` where no
    person looks.
    """
    settings.set("FINEWS_REDIS", url, "cmdline")
    settings.set("FINEWS_DUE", due, "cmdline")
    settings.set("FINEWS_RETRY", dict(retry or {}), "cmdline")
    reasons: list[str] = []
    process = Process(settings, reasons.append, max_time.total_seconds() if max_time else None)
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
    crawlers = [process.create_crawler(site) for site in tasks]
    for crawler, arguments in zip(crawlers, tasks.values(), strict=True):
        process.crawl(crawler, **arguments)
    process.run()
    found = [_told(crawler.stats.get_stats()) for crawler in crawlers]
    errors = [each["error"] for each in found if each["error"]]
    crawls = [each["summary"] for each in found if each["summary"]]
    reason = errors[0] if errors else reasons[0] if reasons else None
    code = _code(crawls, whole=len(crawls) == len(tasks), broken=bool(errors), reason=reason)
    counts = {name: sum(each.get(name, 0) for each in crawls) for name in COUNTS}
    asked = sum(each["requests"] for each in found)
    if as_json:
        outcome = "error" if errors else "finished" if len(crawls) == len(tasks) else "stopped"
        print_json(
            {
                "outcome": outcome,
                "reason": reason,
                "exit_code": code,
                **{name: number for name, number in counts.items() if name != "found"},
                "requests_here": asked,
                "crawls": crawls,
            }
        )
    elif not due or sys.stdout.isatty():
        _print(crawls, asked, reason)
    return code


def _told(stats: Mapping[str, Any]) -> dict[str, Any]:
    from crawler.worker.scheduler import ERROR, SUMMARY  # noqa: PLC0415 -- of an extra

    requests = stats.get("downloader/request_count", 0)
    return {"summary": stats.get(SUMMARY), "error": stats.get(ERROR), "requests": requests}


def _code(
    crawls: Sequence[Mapping[str, Any]], *, whole: bool, broken: bool, reason: str | None
) -> int:
    if broken or any(each["outcome"] == "error" for each in crawls):
        return UNEXPECTED
    ended = whole or reason == TIME_OVER
    wrong = any(each["failed"] or each["resting"] or each["gaps"] for each in crawls)
    return FAILED if wrong or not ended else 0


def _print(crawls: Sequence[Mapping[str, Any]], asked: int, reason: str | None) -> None:
    for each in crawls:
        if each["outcome"] == "error":
            click.echo(f"{each['site']}: not crawled, {each['reason']}")
            continue
        parts = [f"{each['new']} new"]
        parts += [
            f"{each[name]} {name}"
            for name in ("changed", "filled", "unchanged", "incomplete", "failed")
            if each[name]
        ]
        click.echo(f"{each['site']}: done by all, {', '.join(parts)}.")
        for host in each["resting"]:
            click.echo(f"  {host} refused and rests; a crawl after that goes on.")
        for listing in each["gaps"]:
            click.echo(f"  A gap: {listing} shows less than came since the last crawl.")
    click.echo(f"{asked} requests here." + (f" Stopped: {reason}." if reason else ""))

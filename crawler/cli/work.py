"""Being a worker, for the commands that crawl: what ``--redis`` makes of them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import click
from scrapy.crawler import Crawler
from scrapy.settings import Settings

from crawler.cli import FAILED, UNEXPECTED
from crawler.cli.output import print_json
from crawler.cli.process import Process, Tasks, is_broken
from crawler.config_file import load
from crawler.log import logging_run
from pipelines.database.ledger import COUNTS, TIME_OVER

# What went wrong is told where it did, with a traceback.
_BROKEN = "unexpected error"


def work(
    url: str,
    tasks: Tasks,
    settings: Settings,
    *,
    due: bool = False,
    retry: Mapping[str, Sequence[str]] | None = None,
    as_json: bool = False,
    verbose: bool = False,
    max_time: timedelta | None = None,
) -> int:
    """Crawl what ``tasks`` say together with all who use this Redis; the exit code.

    Ends when it is done, whoever did it. Prints how it went, nothing with ``due`` where no
    person looks.
    """
    settings.set("FINEWS_REDIS", url, "cmdline")
    settings.set("FINEWS_DUE", due, "cmdline")
    settings.set("FINEWS_RETRY", dict(retry or {}), "cmdline")
    quiet = due and not sys.stdout.isatty()
    reasons: list[str] = []
    with logging_run(lambda: 0, load().settings.log, verbose=verbose, quiet=quiet):
        crawlers = _crawl(tasks, settings, reasons, max_time)
    found = [_told(crawler) for crawler in crawlers]
    errors = [each["error"] for each in found if each["error"]]
    crawls = [each["summary"] for each in found if each["summary"]]
    reason = errors[0] if errors else reasons[0] if reasons else None
    collected = any(each["collected"] for each in found)
    whole = len(crawls) == len(tasks)
    code = _code(crawls, whole=whole or (collected and reason == TIME_OVER), broken=bool(errors))
    for error in dict.fromkeys(errors):
        click.echo(f"finews: {error}", err=True)
    if not (collected or crawls or errors):
        click.echo("finews: nothing was done: nobody collected, or Redis did not answer", err=True)
    counts = {name: sum(each.get(name, 0) for each in crawls) for name in COUNTS}
    asked = sum(each["requests"] for each in found)
    if as_json:
        outcome = "error" if errors else "finished" if whole else "stopped"
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
    elif not quiet:
        _print(crawls, asked, None if errors else reason)
    return code


def _crawl(
    tasks: Tasks, settings: Settings, reasons: list[str], max_time: timedelta | None
) -> list[Crawler]:
    """Run the spiders; ``reasons`` has why they were told to end, if they were."""
    from crawler.worker.scheduler import REASON  # noqa: PLC0415 -- of an extra

    def told(reason: str) -> None:
        reasons.append(reason)
        for crawler in crawlers:
            if crawler.spider:  # else it has not begun
                crawler.stats.set_value(REASON, reason)

    process = Process(settings, told, max_time.total_seconds() if max_time else None)
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
    crawlers = [process.create_crawler(site) for site in tasks]
    for crawler, arguments in zip(crawlers, tasks.values(), strict=True):
        process.crawl(crawler, **arguments)
    process.run()
    return crawlers


def _told(crawler: Crawler) -> dict[str, Any]:
    from crawler.worker.middleware import ERROR  # noqa: PLC0415 -- of an extra
    from crawler.worker.scheduler import COLLECTED, SUMMARY  # noqa: PLC0415

    stats = crawler.stats.get_stats() if crawler.spider else {}
    broken = _BROKEN if is_broken(crawler) else None
    return {
        "summary": stats.get(SUMMARY),
        "collected": bool(stats.get(COLLECTED)),
        "error": stats.get(ERROR) or broken,
        "requests": stats.get("downloader/request_count", 0),
    }


def _code(crawls: Sequence[Mapping[str, Any]], *, whole: bool, broken: bool) -> int:
    if broken or any(each["outcome"] == "error" for each in crawls):
        return UNEXPECTED
    wrong = any(each["failed"] or each["resting"] or each["gaps"] for each in crawls)
    return FAILED if wrong or not whole else 0


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
    many = "" if asked == 1 else "s"
    click.echo(f"{asked} request{many} here." + (f" Stopped: {reason}." if reason else ""))

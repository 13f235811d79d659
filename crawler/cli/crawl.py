"""``finews crawl``: reads sites into the corpus."""

from __future__ import annotations

import logging
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.project import get_project_settings

from crawler.cli import FAILED, UNEXPECTED, options
from crawler.cli.output import print_json
from crawler.cli.progress import CrawlProgress
from crawler.errors import StoreError
from crawler.spiders.listing import ListingSpider
from pipelines.database.connect import read_corpus
from pipelines.database.ledger import COUNTS
from pipelines.run import Run


@click.command("crawl")
@click.argument("sites", nargs=-1, metavar="[SITE]...")
@click.option("--listing", "listings", metavar="NAME", multiple=True, help="Walk only this one.")
@options.since
@options.until
@click.option("--full", is_flag=True, help="Look again at articles that are stored.")
@click.option("--max-pages", type=click.IntRange(1), metavar="N", help="At most N pages a listing.")
@click.option("--replay", metavar="URL", help="Read from a mirror that serves URL/HOST/PATH.")
@click.option("--wait", is_flag=True, help="Wait for another run to end, rather than exit 4.")
@options.data
@options.json
def command(
    sites: tuple[str, ...],
    listings: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    full: bool,
    max_pages: int | None,
    replay: str | None,
    wait: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Crawl SITEs (all, when none is named) into the corpus.

    What is stored is not fetched again; what an earlier run left is fetched first.

    \b
    Examples:
      finews crawl
      finews crawl finews --listing jiemianxinwen --since 2022-05-01
      finews crawl finews --replay http://127.0.0.1:8000

    Exit codes: 0 done, 1 unexpected error, 2 usage, 3 something failed (see finews
    failures) or it was stopped, 4 another run is at work.
    """
    settings = crawl_settings(data, replay)
    loader = SpiderLoader.from_settings(settings)
    chosen = sites or tuple(loader.list())
    for site in chosen:
        if site not in loader.list():
            raise click.UsageError(f"no site {site!r}; there is {', '.join(loader.list())}")
        spider = loader.load(site)
        assert issubclass(spider, ListingSpider)
        try:
            for name in listings:
                spider.listing(name)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    arguments = {
        "listing": ",".join(listings),
        "since": since.isoformat() if since else "",
        "until": until.isoformat() if until else "",
        "full": "yes" if full else "",
        "max_pages": str(max_pages or ""),
    }
    sys.exit(crawl(chosen, settings, arguments, wait=wait, as_json=as_json))


def crawl_settings(data: Path, replay: str | None) -> Settings:
    """The project's settings with those of one command line."""
    # Not those of whatever Scrapy project the current folder belongs to.
    os.environ.setdefault("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    settings = get_project_settings()
    settings.set("FINEWS_DATA", str(data), "cmdline")
    settings.set("LOG_LEVEL", "ERROR", "cmdline")  # what fails is told by failures
    if replay:
        if not _is_http(replay):
            raise click.UsageError(f"--replay takes an http URL, not {replay!r}")
        settings.set("FINEWS_REPLAY", replay, "cmdline")
    return settings


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def crawl(
    sites: tuple[str, ...],
    settings: Settings,
    arguments: dict[str, str],
    *,
    wait: bool = False,
    as_json: bool = False,
) -> int:
    """Run the spiders of ``sites`` in one run, print its summary; the exit code.

    Scrapy ends with 0 whatever happens, so the code comes from what the run counted.
    """
    data = Path(settings["FINEWS_DATA"])
    with Run.open(data, f"crawl {' '.join(sites)}", wait=wait) as run:
        process = AsyncCrawlerProcess(settings)
        # What these report with tracebacks stands in failures, with its reason.
        for name in ("retry", "robotstxt"):
            logging.getLogger(f"scrapy.downloadermiddlewares.{name}").setLevel(logging.CRITICAL)
        crawlers = [process.create_crawler(site) for site in sites]
        for crawler in crawlers:
            process.crawl(crawler, **arguments)
        with CrawlProgress(run, quiet=as_json):
            process.start()
    broken = any(crawler.stats.get_value("spider_exceptions/count") for crawler in crawlers)
    code = FAILED if run.counts["failed"] or run.unfinished else 0
    if run.error or broken:
        code = UNEXPECTED
    _summarise(run, code, as_json=as_json)
    return code


def _summarise(run: Run, code: int, *, as_json: bool) -> None:
    if run.error:
        click.echo(f"finews: {run.error}", err=True)
    failed = [] if run.error else _failed(run)
    if as_json:
        print_json(
            {
                "run": run.id,
                "outcome": run.outcome,
                "exit_code": code,
                **{name: run.counts[name] for name in COUNTS},
                "skipped_urls": sorted(run.skipped),
                "failures": failed,
            }
        )
        return
    click.echo(_sentence(run, code))
    for url in sorted(run.skipped):
        click.echo(f"  skipped, its link has no info code: {url}")
    for each in failed[:10]:
        click.echo(f"  failed, {each['reason']}: {each['url']}")
    if len(failed) > 10:
        click.echo(f"  and {len(failed) - 10} more")
    if failed:
        click.echo(f"See finews failures --data {run.data} for the reasons.")


def _sentence(run: Run, code: int) -> str:
    counts = run.counts
    stored = [f"{counts['new']} new"]
    stored += [f"{counts[name]} {name}" for name in ("changed", "unchanged") if counts[name]]
    found = f"{', '.join(stored)} of {counts['found']} articles found"
    parts = [found if counts["found"] else "nothing new"]
    if counts["incomplete"]:
        parts.append(f"{counts['incomplete']} without title or time")
    if run.skipped:
        parts.append(f"{len(run.skipped)} skipped")
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    parts.append(f"{counts['requests']} requests")
    begin = "Stopped; the next run goes on" if run.unfinished else "Done"
    if code == UNEXPECTED:
        begin = "Broken off by an error"
    return f"{begin}: {'; '.join(parts)}."


def _failed(run: Run) -> list[dict[str, Any]]:
    """What failed in this run."""
    try:
        db = read_corpus(run.data)
    except StoreError:
        return []
    found = db.conn.execute(
        "SELECT url, reason, message, info_code FROM failures WHERE run_id = ?"
        " AND resolved_at IS NULL ORDER BY id",
        (run.id,),
    )
    names = [each[0] for each in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found]
    db.close()
    return rows

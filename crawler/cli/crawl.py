"""``finews crawl``: reads sites into the corpus."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import click
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.project import get_project_settings

from crawler.cli import LOCKED, options
from crawler.cli.logs import attach
from crawler.cli.progress import RunProgress
from crawler.cli.summary import summarise
from crawler.config_file import load
from crawler.errors import Locked
from crawler.spiders.listing import ListingSpider
from pipelines.run import Run


@click.command("crawl")
@click.argument("sites", nargs=-1, metavar="[SITE]...")
@click.option("--listing", "listings", metavar="NAME", multiple=True, help="Walk only this one.")
@options.since
@options.until
@click.option("--full", is_flag=True, help="Look again at articles that are stored.")
@click.option("--max-pages", type=click.IntRange(1), metavar="N", help="At most N pages a listing.")
@options.replay
@options.wait
@click.option("--quiet", is_flag=True, help="Print nothing when all is well, as for cron.")
@click.option("--verbose", is_flag=True, help="Tell on standard error what happens.")
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
    quiet: bool,
    verbose: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Crawl SITEs (all that are enabled, when none is named) into the corpus.

    What is stored is not fetched again; what an earlier run left is fetched first.

    \b
    Examples:
      finews crawl
      finews crawl finews --listing jiemianxinwen --since 2022-05-01
      finews crawl finews --replay http://127.0.0.1:8000

    Exit codes: 0 done, 1 unexpected error, 2 usage, 3 something failed (see finews
    failures) or it was stopped, 4 another run is at work.
    """
    options.check_order(since, until)
    settings = crawl_settings(data, replay)
    loader = SpiderLoader.from_settings(settings)
    chosen = sites or tuple(settings.getlist("FINEWS_SITES"))
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
    tasks = dict.fromkeys(chosen, arguments)
    try:
        code = crawl(tasks, settings, wait=wait, quiet=quiet, verbose=verbose, as_json=as_json)
    except Locked:
        if not quiet:  # the run before it may take its time
            raise
        code = LOCKED
    sys.exit(code)


def crawl_settings(data: Path, replay: str | None) -> Settings:
    """The project's settings with those of one command line. Raises :class:`BadSettings`."""
    load()  # crawler.settings, as Scrapy loads it, would end the program at a wrong one
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
    sites: Mapping[str, Mapping[str, str]],
    settings: Settings,
    *,
    wait: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    as_json: bool = False,
) -> int:
    """Run the spiders of ``sites``, each with its arguments, in one run, print its
    summary; the exit code. ``quiet`` prints it only where something is not as it should be.
    """
    data, command = Path(settings["FINEWS_DATA"]), f"crawl {' '.join(sites)}"
    with Run.open(data, command, wait=wait) as run:
        attach(run, load().settings.log, command, verbose=verbose)
        broken = work(run, sites, settings, as_json=as_json or quiet)
    return summarise(run, broken=broken, as_json=as_json, quiet=quiet)


def work(
    run: Run, sites: Mapping[str, Mapping[str, str]], settings: Settings, *, as_json: bool
) -> bool:
    """Run the spiders in a run that is open; True when the program itself failed.

    Scrapy ends with 0 whatever happens, so the exit code comes from what the run counted.
    """
    process = AsyncCrawlerProcess(settings)
    # What it reports with a traceback stands in failures, with its reason.
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
    crawlers = [process.create_crawler(site) for site in sites]
    for crawler, arguments in zip(crawlers, sites.values(), strict=True):
        process.crawl(crawler, **arguments)
    with RunProgress(run, quiet=as_json):
        process.start()
    return any(map(_is_broken, crawlers))


def _is_broken(crawler: Crawler) -> bool:
    """Did the program fail, rather than a page? Scrapy logs it and ends with 0."""
    return crawler.spider is None or bool(crawler.stats.get_value("spider_exceptions/count"))

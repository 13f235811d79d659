"""``finews crawl``: reads sites into the corpus."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.project import get_project_settings

from crawler.cli import FAILED, LOCKED, UNEXPECTED, options
from crawler.cli.logs import attach
from crawler.cli.progress import RunProgress
from crawler.cli.summary import summarise, tell
from crawler.config import is_url
from crawler.config_file import load
from crawler.errors import Locked, StoreError
from crawler.frontier.due import due_tasks
from crawler.spiders.listing import ListingSpider
from pipelines.database.connect import CORPUS
from pipelines.database.ledger import TIME_OVER
from pipelines.health.attend import Attended, attend
from pipelines.ready import check
from pipelines.run import Run, now

if TYPE_CHECKING:
    from crawler.cli.process import Tasks

# After that a person should know that a run goes on and on.
_LONG = timedelta(hours=6)


@click.command("crawl")
@click.argument("sites", nargs=-1, metavar="[SITE]...")
@click.option("--listing", "listings", metavar="NAME", multiple=True, help="Walk only this one.")
@options.since
@options.until
@click.option("--full", is_flag=True, help="Look again at articles that are stored.")
@click.option("--max-pages", type=click.IntRange(1), metavar="N", help="At most N pages a listing.")
@click.option("--due", is_flag=True, help="Only what is due by now; for cron, every few minutes.")
@click.option(
    "--max-time",
    type=options.Length("smhd", "90s, 50m or 6h"),
    metavar="TIME",
    help="End after TIME, such as 50m; the next run goes on.",
)
@options.replay
@options.redis("Be a worker: crawl together with others, for finews collect.")
@options.wait
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
    due: bool,
    max_time: timedelta | None,
    replay: str | None,
    redis: str | None,
    wait: bool,
    verbose: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Crawl SITEs (all that are enabled, when none is named) into the corpus.

    What is stored is not fetched again; what an earlier run left is fetched first. With
    --due each listing is read as often as it deserves by its own history, and nothing is
    printed while all is well: alarms only, once each.

    With --redis it writes nothing here: it asks for what finews collect, on the machine that
    has the corpus, gives out, until the crawl is done. Any number may do that at once.

    \b
    Examples:
      finews crawl
      finews crawl --due --max-time 50m
      finews crawl finews --listing jiemianxinwen --since 2022-05-01
      finews crawl finews --replay http://127.0.0.1:8000
      finews crawl --redis redis://10.0.0.5:6379/0

    Exit codes: 0 done, 1 unexpected error, 2 usage, 3 something failed (see finews
    failures), a site looks broken (see finews alarm) or it was stopped, 4 another run is
    at work.
    """
    options.check_order(since, until)
    settings = crawl_settings(data, replay)
    check(load())
    if due and (since or until or full or max_pages):
        told = "--due decides what is read: it takes no --since, --until, --full, --max-pages"
        raise click.UsageError(told)
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
    polling = load().settings.polling
    if redis:
        from crawler.cli.work import work  # noqa: PLC0415 -- brings the rest of Scrapy

        code = work(
            redis, tasks, settings, due=due, as_json=as_json, verbose=verbose, max_time=max_time
        )
        sys.exit(code)
    quiet = due and not sys.stdout.isatty()
    try:
        code = crawl(
            " ".join(("crawl", *(["--due"] if due else []), *chosen)),
            (lambda run: due_tasks(run, tasks, settings, polling)) if due else (lambda _: tasks),
            settings,
            wait=wait,
            as_json=as_json,
            quiet=quiet,
            verbose=verbose,
            max_time=max_time,
        )
    except Locked as error:
        if not quiet:
            raise
        if now() - error.since > _LONG:  # the run before may take its time
            tell(attend(data, load().settings, now, finished=False, held=error))
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
        if not is_url(replay):
            raise click.UsageError(f"--replay takes an http URL, not {replay!r}")
        settings.set("FINEWS_REPLAY", replay, "cmdline")
    return settings


def crawl(
    command: str,
    plan: Callable[[Run], Tasks],
    settings: Settings,
    *,
    wait: bool = False,
    as_json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    max_time: timedelta | None = None,
    alarms: bool = True,
) -> int:
    """Do in one run, called ``command``, what ``plan`` says once it is open, look after the
    alarms, and print a summary; the exit code. Without ``alarms`` it leaves them alone.
    """
    data = Path(settings["FINEWS_DATA"])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    run, broken = None, False
    try:
        with Run.open(data, command, wait=wait) as run:
            attach(run, load().settings.log, command, verbose=verbose, quiet=quiet)
            if tasks := plan(run):
                broken = _work(run, tasks, settings, quiet=as_json or quiet, max_time=max_time)
            else:
                run.idle()
    except KeyboardInterrupt:
        if run is None:
            click.echo("finews: stopped before it began", err=True)
            return FAILED
    except Locked:
        raise
    except (StoreError, sqlite3.Error) as error:
        if not alarms:
            raise
        trouble = (
            error
            if isinstance(error, StoreError)
            else StoreError(f"{data / CORPUS} cannot be read: {error}", data / CORPUS)
        )
        attended = attend(data, load().settings, now, finished=False, trouble=trouble)
        if not quiet:
            raise trouble from error
        tell(attended)
        return UNEXPECTED
    attended = _attend(run, broken=broken) if alarms else Attended()
    return summarise(run, attended, broken=broken, as_json=as_json, quiet=quiet)


def _attend(run: Run, *, broken: bool) -> Attended:
    """Look after the alarms; Ctrl-C ends it, and the next run does the rest."""
    # One that is bounded ends as it should.
    ended = run.outcome == "finished" or run.reason == TIME_OVER
    finished = ended and not broken
    try:
        return attend(run.data, load().settings, run.clock, finished=finished, trouble=run.error)
    except KeyboardInterrupt:
        return Attended()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # only words are left to be said


def _work(
    run: Run, tasks: Tasks, settings: Settings, *, quiet: bool, max_time: timedelta | None
) -> bool:
    """Run the spiders in a run that is open; True when the program itself failed.

    Scrapy ends with 0 whatever happens, so the exit code comes from what the run counted.
    """
    from crawler.cli.process import Process, is_broken  # noqa: PLC0415 -- brings the rest of Scrapy

    settings.set("DOWNLOADER_STATS", False, "cmdline")  # the run counts itself
    process = Process(settings, run.stop, max_time.total_seconds() if max_time else None)
    # What it reports with a traceback stands in failures, with its reason.
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
    if quiet:
        logging.getLogger("crawler.frontier.setbacks").setLevel(logging.CRITICAL)
    crawlers = [process.create_crawler(site) for site in tasks]
    for crawler, arguments in zip(crawlers, tasks.values(), strict=True):
        process.crawl(crawler, **arguments)
    with RunProgress(run, quiet=quiet):
        process.run()
    return any(map(is_broken, crawlers))

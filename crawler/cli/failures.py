"""``finews failures``: what is not stored, and why; ``--retry`` takes it now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from scrapy import Spider
from scrapy.spiderloader import SpiderLoader

from crawler import infocode
from crawler.cli import FAILED, UNEXPECTED, options
from crawler.cli.crawl import crawl, crawl_settings
from crawler.cli.output import print_json, short_time
from crawler.cli.process import Tasks
from crawler.cli.work import work
from crawler.spiders.listing import ListingSpider
from pipelines.database import report
from pipelines.database.connect import read_corpus, writing
from pipelines.database.failures import make_due
from pipelines.run import Run


@click.command("failures")
@click.argument("which", nargs=-1, metavar="[CODE|URL]...")
@click.option("--retry", is_flag=True, help="Try them now, those given up too.")
@options.replay
@options.redis("With --retry, where the corpus is: by workers.")
@options.wait
@options.data
@options.json
def command(
    which: tuple[str, ...],
    retry: bool,
    replay: str | None,
    redis: str | None,
    wait: bool,
    data: Path,
    as_json: bool,
) -> None:
    """List what failed and is not stored since, the newest first; or those of CODE or URL.

    A later run tries again what may succeed; "given up" is not asked for any more.
    The answer that came, if one did, is kept in pages.db.

    --retry asks for them at once, and for what else their sites owe; of listings it walks
    only those that failed. A host that rests is left alone. The summary and the exit
    codes are those of finews crawl. Files are for finews ingest to read again.

    \b
    Examples:
      finews failures --json
      finews failures --retry
      finews failures --retry NW202201142248393319
    """
    if (replay or redis or wait) and not retry:
        raise click.UsageError("--replay, --redis and --wait go with --retry")
    db = read_corpus(data)
    found = _chosen(report.failures(db), which)
    db.close()
    if retry and found:
        sys.exit(_retry(found, data, replay, redis, wait=wait, as_json=as_json))
    if as_json:
        print_json(found)
    else:
        _print(found)


def _chosen(failures: list[dict[str, Any]], which: tuple[str, ...]) -> list[dict[str, Any]]:
    """Those that are named; all, when none is."""
    if not which:
        return failures
    found = []
    for text in which:
        names = (text, infocode.read(text) or text)
        hits = [each for each in failures if each["url"] in names or each["info_code"] in names]
        if not hits:
            click.echo(f"finews: {text} is not among the failures", err=True)
            sys.exit(UNEXPECTED)
        found += [each for each in hits if each not in found]
    return found


def _retry(
    found: list[dict[str, Any]],
    data: Path,
    replay: str | None,
    redis: str | None,
    *,
    wait: bool,
    as_json: bool,
) -> int:
    """Crawl what failed, in one run; the exit code."""
    settings = crawl_settings(data, replay)
    loader = SpiderLoader.from_settings(settings)
    listings: dict[str, set[str]] = {}
    for each in found:
        if each["site"] not in loader.list():
            click.echo(f"{each['url']} is a file: read it again by finews ingest", err=True)
            continue
        names = listings.setdefault(each["site"], set())
        if each["info_code"] is None and _has(loader.load(each["site"]), each["listing"]):
            names.add(each["listing"])
    if not listings:
        return FAILED
    arguments = {
        site: {"owed": "yes", "listing": ",".join(sorted(names))}
        for site, names in listings.items()
    }
    if redis:
        retry = {site: [x["url"] for x in found if x["site"] == site] for site in arguments}
        return work(redis, arguments, settings, retry=retry, as_json=as_json)

    def plan(run: Run) -> Tasks:
        with writing(run.corpus):
            make_due(run.corpus, ((each["site"], each["url"]) for each in found), run.clock())
        return arguments

    return crawl("failures --retry", plan, settings, wait=wait, as_json=as_json)


def _has(spider: type[Spider], listing: str | None) -> bool:
    """Does the site still have the listing that failed?"""
    assert issubclass(spider, ListingSpider)
    try:
        return bool(listing and spider.listing(listing))
    except ValueError:
        return False


def _print(found: list[dict[str, Any]]) -> None:
    for each in found:
        due = short_time(each["next_try_at"])
        again = f"a run after {due} tries again" if due else "given up"
        tries = f"{each['attempts']} run{'s' if each['attempts'] != 1 else ''}"
        click.echo(f"{each['site']}  {each['info_code'] or each['listing'] or '-'}  {each['url']}")
        click.echo(f"    {each['reason']}: {each['message']}")
        click.echo(f"    failed in {tries}, last {short_time(each['last_failed_at'])}; {again}")
    many = "" if len(found) == 1 else "s"
    click.echo(f"{len(found)} failure{many}." if found else "Nothing failed.")

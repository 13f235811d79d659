"""``finews sites``: the sites and listings it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from scrapy.spiderloader import SpiderLoader

from crawler.cli import options
from crawler.cli.crawl import crawl_settings
from crawler.cli.output import print_json, print_table
from crawler.spiders.listing import ListingSpider
from pipelines.database import report
from pipelines.database.connect import CORPUS, read_corpus


@click.command("sites")
@options.data
@options.json
def command(data: Path, as_json: bool) -> None:
    """List the sites and their listings, with those that crawls have discovered.

    Those that are "crawled" are read by finews crawl when no site is named. Naming a
    listing once, by finews crawl SITE --listing NAME, has it crawled from then on.

    \b
    Example:
      finews sites --json
    """
    settings = crawl_settings(data, None)
    loader = SpiderLoader.from_settings(settings)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    off: dict[str, frozenset[str]] = {}
    for site in loader.list():
        spider = loader.load(site)
        assert issubclass(spider, ListingSpider)
        walked = {each.name for each in spider.listings_on(settings)}
        off[site] = spider.listings_off(settings)
        for listing in spider.all_listings():
            found[site, listing.name] = {
                "site": site,
                "listing": listing.name,
                "title": listing.title,
                "crawled": site in settings.getlist("FINEWS_SITES") and listing.name in walked,
                "url": listing.url,
            }
    if (data / CORPUS).is_file():
        for each in report.listings(read_corpus(data)):
            row = {"site": each["site"], "listing": each["listing"], "title": None}
            row = found.setdefault((each["site"], each["listing"]), row | {"url": each["url"]})
            enabled = each["site"] in settings.getlist("FINEWS_SITES")
            row["crawled"] = enabled and each["listing"] not in off.get(each["site"], ())
    if as_json:
        print_json(list(found.values()))
        return
    names = ("site", "listing", "title", "crawled")
    print_table(
        names,
        (
            [("yes" if row[name] else "no") if name == "crawled" else row[name] for name in names]
            for row in found.values()
        ),
    )

"""``finews sites``: the sites and listings it knows."""

from __future__ import annotations

from pathlib import Path

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

    \b
    Example:
      finews sites --json
    """
    loader = SpiderLoader.from_settings(crawl_settings(data, None))
    found = {}
    for site in loader.list():
        spider = loader.load(site)
        assert issubclass(spider, ListingSpider)
        for listing in spider.listings():
            found[site, listing.name] = listing.url
    if (data / CORPUS).is_file():
        for each in report.status(read_corpus(data))["listings"]:
            found.setdefault((each["site"], each["listing"]), each["url"])
    rows = [(site, name, url) for (site, name), url in found.items()]
    if as_json:
        print_json([dict(zip(("site", "listing", "url"), row, strict=True)) for row in rows])
    else:
        print_table(("site", "listing", "url"), rows)

"""What ``finews crawl --due`` has to do: the listings that are due, the sites that owe articles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scrapy.settings import BaseSettings
from scrapy.spiderloader import SpiderLoader

from crawler.config import Polling
from crawler.spiders.listing import ListingSpider
from pipelines.database.due import Due
from pipelines.run import Run


def due_tasks(
    run: Run,
    tasks: Mapping[str, Mapping[str, str]],
    settings: BaseSettings,
    polling: Polling,
) -> dict[str, dict[str, str]]:
    """Of ``tasks``, the arguments of each site's spider, what is due now."""
    loader = SpiderLoader.from_settings(settings)
    found = {}
    for site, arguments in tasks.items():
        spider = loader.load(site)
        assert issubclass(spider, ListingSpider)
        due = Due(run.corpus, site, polling, run.clock())
        named = [name for name in arguments["listing"].split(",") if name]
        if names := due.listings(named or walked(spider, settings, due.known())):
            found[site] = {**arguments, "listing": ",".join(names)}
        elif due.owes():
            found[site] = {**arguments, "listing": "", "owed": "yes"}
    return found


def walked(spider: type[ListingSpider], settings: BaseSettings, known: list[str]) -> Iterator[str]:
    """The names of the listings that crawls of a site walk, of those the corpus knows too."""
    own = [listing.name for listing in spider.listings_on(settings)]
    off = spider.listings_off(settings)
    for name in dict.fromkeys((*own, *known)):
        if name not in off and _is_listing(spider, name):
            yield name


def _is_listing(spider: type[ListingSpider], name: str) -> bool:
    """Does the site still have this listing?"""
    try:
        return bool(spider.listing(name))
    except ValueError:
        return False

"""The JSON feeds behind the public site: five feeds of the newest, each one page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.items import Article, Entry, Listing
from crawler.parsers import choice
from crawler.parsers.dates import SHANGHAI, read_http_date
from crawler.spiders.listing import ListingSpider


class ChoiceSpider(ListingSpider):
    """Walks the feeds where the settings ``CHOICE_…`` say that they stand.

    Listings and entries are known by their addresses at the default hosts; requests go to
    the hosts of the settings. So when a host moves nothing is fetched twice, and what an
    earlier run left is asked for where it stands now.
    """

    name = choice.SITE
    feeds = choice.Feeds()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        settings = crawler.settings
        spider.feeds = choice.Feeds(
            settings.get("CHOICE_FEED_HOST") or choice.FEED_HOST,
            settings.get("CHOICE_MARKET_FEED_HOST") or choice.MARKET_FEED_HOST,
            settings.get("CHOICE_TEXT_HOST") or choice.TEXT_HOST,
            settings.getint("CHOICE_COUNT", choice.COUNT),
        )
        return spider

    @classmethod
    def listings(cls) -> list[Listing]:
        return list(choice.Feeds().listings().values())

    def listing_request(self, listing: Listing) -> Request:
        return super().listing_request(self.feeds.listings().get(listing.name, listing))

    def article_request(self, entry: Entry) -> Request:
        assert entry.info_code
        url = self.feeds.text_url(entry.info_code)
        return super().article_request(entry).replace(url=url)

    def parse_listing(self, response: Response, listing: Listing) -> Iterator[Entry]:
        """Read a feed."""
        text = self.text(response)
        yield from choice.parse_listing(text, listing.url, listing.name, answered_at(response))

    def parse_article(self, response: Response, entry: Entry) -> Iterator[Article]:
        """Read the text of an article."""
        yield choice.parse_article(self.article_text(response, entry), entry)


def answered_at(response: Response) -> datetime:
    """When a server says that it answered, by its ``Date`` header; now, where it does not."""
    time = read_http_date((response.headers.get("Date") or b"").decode("latin-1"))
    return time or datetime.now(SHANGHAI)

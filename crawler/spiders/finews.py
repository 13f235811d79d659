"""The public finews site (a Jekyll blog): home, ``/emnews/``, the feed, category pages."""

from __future__ import annotations

from collections.abc import Iterator

from scrapy.http import Response

from crawler.items import Article, Entry, Listing
from crawler.parsers import finews
from crawler.spiders.listing import ListingSpider


class FinewsSpider(ListingSpider):
    """Walks the site's own lists, and the category pages that its posts link to."""

    name = finews.SITE

    @classmethod
    def listings(cls) -> list[Listing]:
        return [finews.page(name) for name in finews.PAGES]

    @classmethod
    def listing(cls, name: str) -> Listing:
        """A list of the site's own, or the category page of that slug."""
        if not name.strip() or "," in name:
            raise ValueError(f"{name!r} is no name of a listing of {cls.name}")
        if name in finews.PAGES:
            return finews.page(name)
        return finews.category(name.removeprefix("category/"))

    def parse_listing(self, response: Response, listing: Listing) -> Iterator[Entry | Listing]:
        """Read a list of posts.

        @bundled_listing emnews
        @returns items 5
        """
        entries, linked = finews.parse_listing(self.text(response), listing.url, listing.name)
        yield from linked
        yield from entries

    def parse_article(self, response: Response, entry: Entry) -> Iterator[Article | Listing]:
        """Read a post.

        @bundled_article https://finews.withounder.com/emnews/2022/05/31/202205319100001010.html
        @returns items 1
        """
        post = finews.PostPage(self.article_text(response, entry), entry.url)
        # Before the article: once that is stored, its page is not read again.
        yield from post.listings()
        yield post.article()

"""Eastmoney: its columns and the 7×24 fast news, by their JSON answers, else by their pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler import config
from crawler.errors import PageError
from crawler.items import Article, Entry, Listing
from crawler.parsers import eastmoney
from crawler.parsers.eastmoney import article, flash, lists
from crawler.parsers.eastmoney.page import MOST_PARTS, ArticlePage, read_pages
from crawler.spiders.listing import ListingSpider

# An item of the fast news without a page of its own is an article itself.
_NO_PAGE = ("gone", "http-404", "http-410")


class EastmoneySpider(ListingSpider):
    """Walks the columns of ``parsers/eastmoney/columns.csv``.

    An article is asked for as JSON; where that does not bring it, as its page. A column
    whose answers fail is read from its pages.
    """

    name = eastmoney.SITE
    custom_settings = {"DOWNLOAD_DELAY": config.Eastmoney().delay}  # noqa: RUF012
    # Editors move items by hand; seen out of place by a few, never by a hundred.
    slack = 100
    page_size = config.Eastmoney().page_size

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.page_size = crawler.settings.getint("EASTMONEY_PAGE_SIZE")
        return spider

    @classmethod
    def listings(cls) -> list[Listing]:
        columns = lists.catalogue(cls.page_size).values()
        return [column.listing for column in columns if column.default]

    @classmethod
    def all_listings(cls) -> list[Listing]:
        return [column.listing for column in lists.catalogue(cls.page_size).values()]

    def listing_request(self, listing: Listing) -> Request:
        column = lists.catalogue(self.page_size).get(listing.name)
        if column and listing.page == 1 and not listing.url.endswith(".html"):
            listing = replace(listing, url=column.listing.url)  # of the size that is set
        request = super().listing_request(listing)
        if listing.page > 1 and listing.url.endswith(".html"):
            # Such pages are counted up until there are no more.
            request.meta["handle_httpstatus_list"] = [404]
        return request

    def parse_listing(self, response: Response, listing: Listing) -> Iterator[Entry | Listing]:
        """Read a page of a column or of the fast news.

        @bundled_listing 350
        @returns items 2
        """
        if response.status == 404:
            return
        page = lists.parse_listing(self.text(response), listing)
        yield from page.entries
        if page.next:
            yield page.next

    def parse_article(self, response: Response, entry: Entry) -> Iterator[Article]:
        """Read the JSON of an article.

        @bundled_article https://newsinfo.eastmoney.com/kuaixun/v2/api/article/202609189100000101?guid=finews
        @returns items 1
        """
        yield article.parse_article(self.article_text(response, entry), entry)

    def parse_page(
        self, response: Response, entry: Entry, parts: tuple[ArticlePage, ...] = ()
    ) -> Iterator[Article | Request]:
        """Read the page of an article; one of several pages is read to its end first.

        @bundled_article https://finance.eastmoney.com/a/202609189100000101.html
        @returns items 1
        """
        parts += (ArticlePage(self.article_text(response, entry), response.url),)
        following = parts[-1].next_url
        if following and len(parts) < MOST_PARTS:
            yield Request(following, self.parse_page, cb_kwargs={"entry": entry, "parts": parts})
        else:
            yield read_pages(parts, entry)

    def fall_back(self, request: Request, error: PageError) -> Iterator[Request | Article]:
        if listing := request.cb_kwargs.get("listing"):
            column = lists.catalogue(self.page_size)[listing.name]
            if column.page and listing.page == 1:
                yield self.listing_request(replace(listing, url=column.page))
            return
        entry: Entry = request.cb_kwargs["entry"]
        if error.reason in _NO_PAGE and flash.is_item(entry):
            yield flash.read_item(entry)
        elif entry.info_code and "parts" not in request.cb_kwargs:
            page = eastmoney.page_url(entry.info_code)
            yield Request(page, self.parse_page, cb_kwargs={"entry": entry})

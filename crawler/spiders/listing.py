"""The spider that all sites share: it walks listings and asks for articles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import BaseSettings

from crawler import reading
from crawler.errors import PageError
from crawler.items import Article, Entry, Listing
from crawler.parsers.charset import decode
from crawler.scope import Scope

# Listings first: what they show is written down before it scrolls away.
_LISTING_PRIORITY = 10


class ListingSpider(Spider):
    """Says what listings show and how an article is asked for; the frontier does the rest.

    A site's spider has ``name`` (the site) and :meth:`listings`, :meth:`parse_listing`
    and :meth:`parse_article`; ``slack`` where its listings are not strictly in order: a walk
    ends only when so many entries in a row were known (or before ``since``), however many
    stand on a page. 0 means as many as a page shows.

    Arguments, from ``scrapy crawl SITE -a``: ``listing`` (names, by comma), ``since`` and
    ``until`` (day or time, Asia/Shanghai), ``full``, ``max_pages``, ``owed``;
    raises :class:`ValueError` for one that cannot be read.
    """

    slack = 0

    def __init__(
        self,
        listing: str = "",
        since: str = "",
        until: str = "",
        full: str = "",
        max_pages: str = "",
        owed: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        names = (name.strip() for name in listing.split(","))
        self._asked = [self.listing(name) for name in names if name]
        #: The arguments that say what is asked for, but for the listings.
        self.bounds = {
            "since": since,
            "until": until,
            "full": full,
            "max_pages": max_pages,
            "owed": owed,
        }
        self.scope = Scope.read(listings=[each.name for each in self._asked], **self.bounds)

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        if (delay := settings.getdict("FINEWS_DELAYS").get(cls.name)) is not None:
            settings.set("DOWNLOAD_DELAY", delay, "spider")

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.scope = replace(spider.scope, off=cls.listings_off(crawler.settings))
        return spider

    @classmethod
    def listings(cls) -> list[Listing]:
        """The listings that every crawl of the site walks; more may be discovered."""
        raise NotImplementedError

    @classmethod
    def listings_on(cls, settings: BaseSettings) -> list[Listing]:
        """Those, and the ones that ``FINEWS_LISTINGS_ON`` names; without :meth:`listings_off`."""
        named = map(cls.listing, settings.getdict("FINEWS_LISTINGS_ON").get(cls.name, ()))
        found = {each.name: each for each in (*cls.listings(), *named)}
        return [found[name] for name in found if name not in cls.listings_off(settings)]

    @classmethod
    def listings_off(cls, settings: BaseSettings) -> frozenset[str]:
        """Names of listings that are walked only when a crawl names them."""
        names = settings.getdict("FINEWS_LISTINGS_OFF").get(cls.name, ())
        return frozenset(cls.listing(name).name for name in names)

    @classmethod
    def all_listings(cls) -> list[Listing]:
        """Those and the ones that are walked only when they are asked for."""
        return cls.listings()

    @classmethod
    def listing(cls, name: str) -> Listing:
        """The listing called ``name``. Raises :class:`ValueError` where the site has none."""
        known = {listing.name: listing for listing in cls.all_listings()}
        if name not in known:
            raise ValueError(f"{cls.name} has no listing {name!r}; it has {', '.join(known)}")
        return known[name]

    def parse_listing(
        self, response: Response, listing: Listing
    ) -> Iterator[Entry | Listing | Request]:
        """Yield what a listing page shows: entries, linked listings, and the same listing
        with ``page + 1`` for the next page.
        """
        raise NotImplementedError

    def parse_article(
        self, response: Response, entry: Entry
    ) -> Iterator[Article | Listing | Request]:
        """Yield the article of a page (and listings that it links to)."""
        raise NotImplementedError

    def fall_back(self, request: Request, error: PageError) -> Iterator[Request | Article]:  # noqa: ARG002
        """Other ways to what ``request`` did not bring; none, unless a site has some.

        A request yielded here is asked for once; what it fails with is no reason to fall
        back again. Where all ways failed, this is asked once more for each further listing
        that showed the same address, with the first error: an article that it told counts.
        """
        yield from ()

    def asked(self) -> list[Listing]:
        """The listings that are named, else those that every crawl walks."""
        return self._asked or self.listings_on(self.settings)

    @property
    def arguments(self) -> dict[str, str]:
        """The arguments that make this spider again; those not given are left out."""
        names = ",".join(listing.name for listing in self._asked)
        given = {"listing": names, **self.bounds}
        return {name: value for name, value in given.items() if value}

    async def start(self) -> AsyncIterator[Any]:
        for listing in self.asked():
            yield listing

    def listing_request(self, listing: Listing) -> Request:
        """How a page of a listing is asked for."""
        return Request(
            listing.url,
            self.parse_listing,
            cb_kwargs={"listing": listing},
            priority=_LISTING_PRIORITY,
        )

    def article_request(self, entry: Entry) -> Request:
        """How an entry's article is asked for."""
        return Request(entry.url, self.parse_article, cb_kwargs={"entry": entry})

    def text(self, response: Response) -> str:
        """The text of an answer. Raises :class:`~crawler.errors.UnreadableText`."""
        return decode(response.body, _content_type(response), url=response.url)

    def article_text(self, response: Response, entry: Entry) -> str:
        """The text of an article's page.

        Raises :class:`~crawler.errors.FetchFailed` when it redirected to another article.
        """
        return reading.article_text(response.body, _content_type(response), response.url, entry)


def _content_type(response: Response) -> str:
    return (response.headers.get("Content-Type") or b"").decode("latin-1")

"""A good guest: robots.txt, its Crawl-delay, and hosts that rest after they refused.

It sees every request and answer, and so counts them too.

Which hosts rest is decided by :mod:`pipelines.database.hosts`, which the frontier tells of
every answer. Here requests to them wait, or are turned away where that would take too long.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.utils.httpobj import urlparse_cached

from crawler.middlewares.fetch import HostRests, RobotsUnreachable, clock_off
from pipelines.scrapy import run_of

_POLL_S = 0.2  # how soon a wait ends when the crawl does
# Of a Crawl-delay: never less than it asks for, and not a clockwork either.
_JITTER = 0.2


class GuestMiddleware:
    """Sends no request to a host that rests; slows down where robots.txt asks for it.

    A rest that ends within ``FINEWS_PATIENCE`` seconds is waited for.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._patience = timedelta(seconds=crawler.settings.getfloat("FINEWS_PATIENCE"))
        crawler.signals.connect(self._slow_down, signals.robots_parsed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> GuestMiddleware:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        run = run_of(self._crawler)
        if run is None:
            return
        assert self._crawler.engine
        while rest := run.hosts.rest(urlparse_cached(request).netloc):
            left = rest.until - run.clock()
            if left > self._patience or not self._crawler.engine.running or run.error:
                run.resting[rest.host] = rest
                run.hosts.missed(rest.host)
                raise HostRests(rest)
            await asyncio.sleep(min(left.total_seconds(), _POLL_S))
        if listing := _listing_of(request):
            run.tally[self._site, listing]["requests"] += 1

    def process_response(self, request: Request, response: Response) -> Response:
        if run := run_of(self._crawler):
            run.counts["bytes"] += len(response.body)
            if listing := _listing_of(request):
                run.tally[self._site, listing]["bytes"] += len(response.body)
            off = clock_off(response, run.clock())
            if off is not None and (run.clock_off is None or abs(off) < abs(run.clock_off)):
                run.clock_off = off
        return response

    @property
    def _site(self) -> str:
        assert self._crawler.spider
        return self._crawler.spider.name

    def _slow_down(self, robotparser: RobotParser, request: Request) -> None:
        settings = self._crawler.settings
        asked = robotparser.crawl_delay(settings["ROBOTSTXT_USER_AGENT"])
        jitter = settings.getfloat("DOWNLOAD_DELAY_JITTER")
        if not asked or asked <= settings.getfloat("DOWNLOAD_DELAY") * (1 - jitter):
            return
        assert self._crawler.engine
        downloader = self._crawler.engine.downloader
        key = downloader.get_slot_key(request)
        delay = asked / (1 - _JITTER)
        # Slots that stand idle are dropped, and made again from these.
        downloader.per_slot_settings[key] = {"delay": delay, "jitter": _JITTER}
        if slot := downloader.slots.get(key):
            slot.delay, slot.jitter = delay, _JITTER


def _listing_of(request: Request) -> str | None:
    """The listing that a request is for, or that showed what it is for."""
    if entry := request.cb_kwargs.get("entry"):
        return str(entry.listing)
    listing = request.cb_kwargs.get("listing")
    return str(listing.name) if listing else None


class RobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's, but a robots.txt that cannot be fetched forbids all, as RFC 9309 has it.

    Scrapy takes that as permission. Here the request fails as robots.txt did, and the next
    one asks for it again. Any other status below 500 means that there is none. What a host
    answered holds for a day.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._causes: dict[str, BaseException] = {}

    async def robot_parser(self, request: Request) -> RobotParser | None:
        netloc = urlparse_cached(request).netloc
        run = run_of(self.crawler)
        if netloc not in self._parsers and run and (body := run.robots.get(netloc)) is not None:
            known = self._parserimpl.from_crawler(self.crawler, body)
            self._parsers[netloc] = known
            await self.crawler.signals.send_catch_log_async(
                signals.robots_parsed, robotparser=known, request=request
            )
        parser = await super().robot_parser(request)
        if parser is None:
            self._parsers.pop(netloc, None)
            raise RobotsUnreachable(self._causes[netloc])
        return parser

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500 or response.status == 429:
            raise HttpError(response)
        if response.status >= 400:
            response = response.replace(body=b"")  # an error page is no robots.txt
        if run := run_of(self.crawler):
            run.robots.keep(netloc, response.body)
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self._causes[netloc] = exc
        super()._robots_error(exc, netloc)

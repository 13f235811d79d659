"""A good guest: robots.txt, its Crawl-delay, and hosts that rest after they refused.

It sees every request and answer, and so counts them too.

Which hosts rest is decided by :mod:`pipelines.hosts`, which the frontier tells of every
answer. Here requests to them wait, or are turned away where that would take too long.
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

from crawler.frontier.desk import Desk
from crawler.frontier.fetch import HostRests, RobotsUnreachable, clock_off
from pipelines.hosts import Rest
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
        desk = self._desk
        if desk is None:
            return
        await self._wait(request, desk)
        desk.counts["requests"] += 1
        if listing := _listing_of(request):
            desk.tally[self._site, listing]["requests"] += 1

    async def _wait(self, request: Request, desk: Desk) -> None:
        """Until the host may be asked. Raises :class:`HostRests`."""
        while rest := desk.hosts.rest(urlparse_cached(request).netloc):
            await self._wait_for(rest, desk)

    async def _wait_for(self, rest: Rest, desk: Desk) -> None:
        """For a while. Raises :class:`HostRests` where the rest takes too long."""
        assert self._crawler.engine
        left = rest.until - desk.clock()
        if left > self._patience or not self._crawler.engine.running or desk.error:
            desk.resting[rest.host] = rest
            desk.hosts.missed(rest.host)
            raise HostRests(rest)
        await asyncio.sleep(max(0, min(left.total_seconds(), _POLL_S)))

    def process_response(self, request: Request, response: Response) -> Response:
        if desk := self._desk:
            desk.counts["bytes"] += len(response.body)
            if listing := _listing_of(request):
                desk.tally[self._site, listing]["bytes"] += len(response.body)
            off = clock_off(response, desk.clock())
            if off is not None and (desk.clock_off is None or abs(off) < abs(desk.clock_off)):
                desk.clock_off = off
        return response

    @property
    def _desk(self) -> Desk | None:
        return run_of(self._crawler)

    @property
    def _site(self) -> str:
        assert self._crawler.spider
        return self._crawler.spider.name

    def _slow_down(self, robotparser: RobotParser, request: Request) -> None:
        settings = self._crawler.settings
        asked = robotparser.crawl_delay(settings["ROBOTSTXT_USER_AGENT"])
        jitter = settings.getfloat("DOWNLOAD_DELAY_JITTER")
        if asked and asked > settings.getfloat("DOWNLOAD_DELAY") * (1 - jitter):
            self._pause(request, float(asked))

    def _pause(self, request: Request, least: float) -> None:
        """Leave so many seconds at least between two requests for a host."""
        self._set_slot(request, least / (1 - _JITTER), _JITTER)

    def _set_slot(self, request: Request, delay: float, jitter: float) -> None:
        assert self._crawler.engine
        downloader = self._crawler.engine.downloader
        key = downloader.get_slot_key(request)
        # Slots that stand idle are dropped, and made again from these.
        downloader.per_slot_settings[key] = {"delay": delay, "jitter": jitter}
        if slot := downloader.slots.get(key):
            slot.delay, slot.jitter = delay, jitter


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
        if netloc not in self._parsers and (body := await self._kept(netloc)) is not None:
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
        await self._keep(netloc, response.body)
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self._causes[netloc] = exc
        super()._robots_error(exc, netloc)

    async def _kept(self, netloc: str) -> bytes | None:
        """What the host answered within a day."""
        run = run_of(self.crawler)
        return run.robots.get(netloc) if run else None

    async def _keep(self, netloc: str, body: bytes) -> None:
        if run := run_of(self.crawler):
            run.robots.keep(netloc, body)

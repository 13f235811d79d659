"""A good guest among many: one of all workers asks a host at a time, with the pause between."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import nullcontext

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.utils.httpobj import urlparse_cached

from crawler.exchange.worker import Turn, Worker
from crawler.frontier.desk import Desk
from crawler.middlewares.guest import GuestMiddleware, RobotsMiddleware
from crawler.worker.middleware import worker_of
from pipelines.hosts import Rest

# Of a pause: never less, and not a clockwork either.
_JITTER = 0.2
# Beyond the time that a request may take: after that its worker must be dead.
_MARGIN_S = 10.0


class TurnMiddleware(GuestMiddleware):
    """Waits for the host's turn, and leaves it when the request has left the downloader.

    The pause begins when the answer came, so that no host sees two requests closer than it.
    Where there is none (``DOWNLOAD_DELAY`` 0, for a mirror), nobody waits for anybody.
    A worker that goes sends no more: :class:`crawler.exchange.worker.Goes`.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pauses: dict[str, float] = {}
        self._turns: dict[Request, Turn] = {}
        # One of ours at a time asks for the turn of a host.
        self._queues = defaultdict[str, asyncio.Lock](asyncio.Lock)
        crawler.signals.connect(self._left, signals.request_left_downloader)

    async def _wait(self, request: Request, desk: Desk) -> None:
        assert isinstance(desk, Worker)
        host = urlparse_cached(request).netloc
        timeout = request.meta.get("download_timeout") or self._crawler.settings.getfloat(
            "DOWNLOAD_TIMEOUT"
        )
        pause = self._pause_of(host)
        lease = timeout + _MARGIN_S if pause else 0
        async with self._queues[host] if pause else nullcontext():
            while isinstance(turn := await desk.turn(host, lease, pause), Rest):
                await self._wait_for(turn, desk)
        if lease:
            self._turns[request] = turn
        self._set_slot(request, 0, 0)  # the turn is the pause

    def process_exception(self, request: Request, exception: Exception) -> None:  # noqa: ARG002
        self._left(request)

    def _left(self, request: Request) -> None:
        worker, turn = worker_of(self._crawler), self._turns.pop(request, None)
        if turn and worker:
            pause = self._pause_of(turn.host) * random.uniform(1, 1 + _JITTER)  # noqa: S311
            worker.say(worker.leave(turn, pause))

    def _pause(self, request: Request, least: float) -> None:
        self._pauses[urlparse_cached(request).netloc] = least

    def _pause_of(self, host: str) -> float:
        return max(self._pauses.get(host, 0), self._crawler.settings.getfloat("DOWNLOAD_DELAY"))

    @property
    def _desk(self) -> Desk | None:
        return worker_of(self._crawler)


class SharedRobotsMiddleware(RobotsMiddleware):
    """Takes what another worker was answered within a day."""

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        super()._robots_error(exc, netloc)
        if worker := worker_of(self.crawler):
            worker.say(worker.keep_robots(netloc, None))

    async def _kept(self, netloc: str) -> bytes | None:
        worker = worker_of(self.crawler)
        return await worker.robots(netloc) if worker else None

    async def _keep(self, netloc: str, body: bytes) -> None:
        if worker := worker_of(self.crawler):
            await worker.keep_robots(netloc, body)

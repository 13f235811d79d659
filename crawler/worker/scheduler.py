"""Scrapy's scheduler in a worker: its requests are the tasks that are taken from Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import click
from scrapy import Request, Spider
from scrapy.core.scheduler import Scheduler
from scrapy.utils.defer import deferred_from_coro
from twisted.internet.defer import Deferred

from crawler.errors import RedisRefuses
from crawler.exchange.connect import BEATS, told
from crawler.exchange.records import Wish
from crawler.exchange.worker import Taken
from crawler.spiders.listing import ListingSpider
from crawler.worker.middleware import WorkerMiddleware

#: In the stats of a crawler: how the crawl ended, None where it left before; why it was told to;
#: whether anybody collected.
SUMMARY = "finews/summary"
COLLECTED = "finews/collected"
REASON = "finews/reason"
# Tasks in hand: so that a host whose turn is waited for does not hold up another.
_MOST = 4
# How long to wait for tasks where there are none: longer each time.
_SHORTEST_S, _LONGEST_S = 0.02, 0.5
# How often to ask whether the crawl is over.
_ASK_S = 0.5
# After which time without tasks a person should know why.
_SILENT_S = 5.0


class RedisScheduler(Scheduler):
    """Says what is wanted, takes tasks until that is done, and is heard of meanwhile.

    Requests that follow from one task (another way, once more) wait in memory; if the worker
    dies, the task is another's.
    """

    def open(self, spider: Spider) -> Deferred[None] | None:
        opened = super().open(spider)
        assert self.crawler
        middleware = self.crawler.get_spider_middleware(WorkerMiddleware)
        assert middleware
        assert isinstance(spider, ListingSpider)
        self._middleware = middleware
        self._worker = middleware.open()
        self._spider = spider
        self._wish = ""
        self._told = False
        self._over = False
        self._leaving: asyncio.Future[None] | None = None
        self._tasks = [
            asyncio.ensure_future(self._guarded(each)) for each in (self._work(), self._beat())
        ]
        return opened

    def close(self, reason: str) -> Deferred[None]:
        super().close(reason)
        return deferred_from_coro(self._close(reason))

    async def _close(self, reason: str) -> None:
        await self._leave(reason)
        await self._worker.close()

    def _leave(self, reason: str) -> asyncio.Future[None]:
        """Go, once: others do what is left."""
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._give_back(reason))
        return self._leaving

    async def _give_back(self, reason: str) -> None:
        assert self.crawler
        assert self.crawler.stats
        for task in self._tasks:
            task.cancel()
        error, wish = self._worker.error, "" if self._over else self._wish
        with suppress(RedisRefuses):
            if error is None:
                await self._worker.go(wish, self.crawler.stats.get_value(REASON, reason))
            elif wish and not isinstance(error, RedisRefuses):
                await self._worker.withdraw(wish, repr(error))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it; an error ends the crawl."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 -- whatever it is, nobody else would tell
            self._middleware.give_up(error)

    async def _work(self) -> None:
        """Until what is wanted is done."""
        assert self.crawler
        await self._say()
        loop = asyncio.get_running_loop()
        pause, asked, busy = _SHORTEST_S, loop.time(), loop.time()
        while True:
            if not self.crawler.crawling:
                # Before what is under way is waited for: that may take longer than there is time.
                self._leave("shutdown")
                return
            room = _MOST - len(self._worker.held)
            found = await self._worker.take(room) if room > 0 and not self._over else []
            for taken in found:
                await self._begin(taken)
            if found:
                pause, busy = _SHORTEST_S, loop.time()
                self._collected()
            if self._over and not self._worker.held:
                break
            if not found and loop.time() - asked > _ASK_S:
                asked = loop.time()
                await self._ask(silent=loop.time() - busy)
            await self._worker.freed(pause)
            pause = min(2 * pause, _LONGEST_S)
        self._middleware.close("finished")

    async def _say(self) -> None:
        """Say what is wanted, and before that who it is that waits for it."""
        assert self.crawler
        settings, site = self.crawler.settings, self._spider.name
        retry = settings.getdict("FINEWS_RETRY").get(site, ())
        due = settings.getbool("FINEWS_DUE")
        wish = Wish(site, self._spider.arguments, due, tuple(retry), worker=self._worker.name)
        await self._worker.beat()
        self._wish = await self._worker.wish(wish)

    async def _ask(self, silent: float) -> None:
        """Is the crawl over? Say why nothing comes, once, where nobody collects."""
        assert self.crawler
        assert self.crawler.stats
        try:
            if summary := await self._worker.ended(self._wish):
                self._over = True
                self.crawler.stats.set_value(SUMMARY, summary)
        except LookupError:
            await self._say()  # Redis lost it
        if await self._worker.is_collected():
            self._collected()
        elif silent > _SILENT_S and not self._told:
            self._told = True
            where = told(self.crawler.settings["FINEWS_REDIS"])
            click.echo(f"finews: nobody collects at {where}; waiting for finews collect", err=True)

    def _collected(self) -> None:
        assert self.crawler
        assert self.crawler.stats
        self.crawler.stats.set_value(COLLECTED, value=True)

    async def _beat(self) -> None:
        """Be heard of, and take what the dead held."""
        assert self.crawler
        pause = self.crawler.settings.getfloat("FINEWS_SILENCE") / BEATS
        while True:
            await self._worker.beat()
            if not self._over:
                for taken in await self._worker.claim():
                    await self._begin(taken)
            await asyncio.sleep(pause)

    async def _begin(self, taken: Taken) -> None:
        assert self.crawler
        assert self.crawler.engine
        first = self._middleware.begin(taken)
        if isinstance(first, Request):
            self.crawler.engine.crawl(first)
        else:
            await self._middleware.publish(first)

"""Scrapy's process, but one that ends within seconds when it is told to.

Nothing is lost by an end at any moment: what is under way is asked for again by the next run.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from threading import Thread
from types import FrameType
from typing import Any, TypeAlias

from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings

from pipelines.database.ledger import TIME_OVER

#: The arguments of each site's spider.
Tasks: TypeAlias = Mapping[str, Mapping[str, str]]
#: How long answers that are under way are waited for.
GRACE_S = 5.0
# It warns developers of spiders.
_META_COPY = "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def is_broken(crawler: Crawler) -> bool:
    """Did the program fail, rather than a page? Scrapy logs it and ends with 0."""
    return crawler.spider is None or bool(crawler.stats.get_value("spider_exceptions/count"))


class Process(AsyncCrawlerProcess):
    """Crawls until all is done, or until a signal or ``max_time`` seconds end it.

    ``told`` is called with the reason once it begins to end early. A second signal ends it at
    once.
    """

    def __init__(
        self, settings: Settings, told: Callable[[str], None], max_time: float | None = None
    ) -> None:
        # What extensions count and tell is shown nowhere here: the run counts itself. Those that
        # are only switched off would still be loaded.
        settings.set("EXTENSIONS_BASE", {}, "cmdline")
        settings["SPIDER_MIDDLEWARES"][_META_COPY] = None
        super().__init__(settings)
        # It makes records of each request and item, and nobody takes them.
        logging.getLogger("scrapy").setLevel(logging.WARNING)
        self._told = told
        self._max_time = max_time
        self._ending = False
        # Which one it is, is decided only now.
        self._reactor: Any = import_module("twisted.internet.reactor")

    def run(self) -> None:
        """Crawl; signals are ignored from its end on."""
        for number in _SIGNALS:
            signal.signal(number, self._signalled)
        # A thread that still asks for the address of a host must not keep the process alive.
        self._reactor.getThreadPool().threadFactory = partial(Thread, daemon=True)
        if self._max_time:
            self._reactor.callLater(self._max_time, self._end, TIME_OVER)
        self.start(install_signal_handlers=False)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        reason = f"stopped by {signal.Signals(number).name}"
        self._reactor.callFromThread(self._crash if self._ending else self._end, reason)
        self._ending = True

    def _end(self, reason: str) -> None:
        self._ending = True
        self._told(reason)
        self._stopping = asyncio.ensure_future(self.stop())
        self._reactor.callLater(GRACE_S, self._crash, reason)

    def _crash(self, _reason: str) -> None:
        # Of the tasks that are left behind it would tell one by one.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        self._reactor.crash()

"""The end of the way in a worker: outcomes go to the collector."""

from __future__ import annotations

from typing import Self, TypeVar

from scrapy.crawler import Crawler

from crawler.exchange.records import Outcome
from crawler.worker.middleware import WorkerMiddleware

_Item = TypeVar("_Item")


class PublishPipeline:
    """Hands outcomes over, and waits for Redis if it must; passes on what is none."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_item(self, item: _Item) -> _Item:
        if isinstance(item, Outcome):
            middleware = self._crawler.get_spider_middleware(WorkerMiddleware)
            assert middleware
            await middleware.publish(item)
        return item

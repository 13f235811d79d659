"""The Scrapy face of the pipelines; plain functions and the store do the work.

They pass on what is no record of finews, so that other items and pipelines may stand
beside them.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from scrapy.crawler import Crawler

from crawler.errors import StoreError
from crawler.items import Article, Failure, Look, Page
from pipelines.run import Run, now
from pipelines.validate import checked

logger = logging.getLogger(__name__)
_Item = TypeVar("_Item")


class ValidatePipeline:
    """Turns an article that must not be stored into the failure that says why."""

    def process_item(self, item: _Item) -> _Item | Article | Failure:
        if not isinstance(item, Article):
            return item
        return checked(item, now())


class StorePipeline:
    """Stores pages, articles and failures in the run of this process.

    ``run`` is the one that the command has open, else one of its own (``scrapy crawl``);
    None for spiders that know no listings, such as that of ``scrapy shell``. A write that
    fails ends the crawl: what cannot be stored must not be fetched.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._own = ExitStack()
        self.run: Run | None = None
        self._runs_alone = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StorePipeline:
        return cls(crawler)

    def open_spider(self) -> None:
        spider = self._crawler.spider
        assert spider is not None
        if not hasattr(spider, "scope"):
            return
        data = Path(self._crawler.settings["FINEWS_DATA"])
        self.run = Run.current(data)
        self._runs_alone = self.run is None
        if self.run is None:
            try:
                self.run = self._own.enter_context(Run.open(data, f"scrapy crawl {spider.name}"))
            except StoreError as error:  # nothing is asked for then
                logger.error("%s", error)  # noqa: TRY400 -- a sentence, no traceback
                return
        self.run.unfinished.add(spider.name)

    def process_item(self, item: _Item) -> _Item:
        if isinstance(item, Page | Article | Failure | Look):
            self.store(item)
        return item

    def store(self, record: Page | Article | Failure | Look) -> None:
        """Store a record."""
        if self.run and not self.run.error:
            try:
                self.run.store.add(record)
            except StoreError as error:
                self.give_up(error)

    def give_up(self, error: StoreError) -> None:
        """End the crawl because the data folder failed."""
        assert self.run and self._crawler.engine
        if self.run.error is None:
            if self._runs_alone:  # else the command tells it
                logger.error("%s", error)
            self.run.error = error
            close = self._crawler.engine.close_spider_async(reason="store_failed")
            self._closing = asyncio.ensure_future(close)

    def close_spider(self) -> None:
        self._own.close()


def run_of(crawler: Crawler) -> Run | None:
    """The run that a crawler stores into; None where it stores nothing."""
    pipeline = crawler.get_item_pipeline(StorePipeline)
    return pipeline.run if pipeline else None

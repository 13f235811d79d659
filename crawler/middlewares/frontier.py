"""Between spider and scheduler: decides what is known, what is owed, when a walk is done.

Where one process does all. What listings show is written down and the articles that are owed
are asked for as :class:`crawler.frontier.plan.Plan` says;
:mod:`pipelines.database.hosts` is told which hosts answer and which refuse.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure as TwistedFailure

from crawler.errors import StoreError
from crawler.frontier.plan import Plan
from crawler.frontier.setbacks import Fate
from crawler.items import Entry, Listing, Page
from crawler.middlewares.asking import AskingMiddleware
from pipelines.run import Run
from pipelines.scrapy import StorePipeline, run_of


class FrontierMiddleware(AskingMiddleware):
    """See the module. Without the store (``scrapy check``, ``scrapy shell``) it stands aside."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._plan: Plan

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """First what an earlier run left, then the listings."""
        if self._run is None:
            async for each in start:
                yield each
            return
        try:
            async for request in self._started(self._run, start):
                yield request
        except StoreError as error:
            self._pipeline.give_up(error)

    async def _started(self, run: Run, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        self._plan = Plan(run, self._spider, self._crawler.settings)
        self._begin(run)
        self._plan.resume()
        while tasks := self._plan.owed():
            for task in tasks:
                yield self.request(task)
            await self._crawler.signals.wait_for(signals.scheduler_empty)
        async for each in start:
            if isinstance(each, Listing):
                for task in self._plan.listing(each):
                    yield self.request(task)
            else:
                yield each
        for task in self._plan.known_listings():
            yield self.request(task)

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        try:
            async for each in super().process_spider_output(response, result):
                yield each
        except StoreError as error:
            self._pipeline.give_up(error)

    def process_spider_exception(
        self, response: Response, exception: Exception
    ) -> list[Any] | None:
        try:
            return super().process_spider_exception(response, exception)
        except StoreError as error:
            self._pipeline.give_up(error)
            return []

    def failed(self, failure: TwistedFailure) -> Iterator[Any]:
        try:
            if isinstance(failure.value, StoreError):
                raise failure.value
            yield from super().failed(failure)
        except StoreError as error:
            self._pipeline.give_up(error)

    def fell_back(self, request: Request) -> None:
        self._plan.walks.fell_back(request.cb_kwargs["listing"])

    def lost(self, request: Request) -> None:
        self._plan.walks.failed(request.cb_kwargs["listing"])

    def put_back(self, request: Request) -> None:
        self._plan.put_back(request.cb_kwargs["entry"])

    def _idle(self) -> None:
        """All that was asked for has an outcome: write it, and ask for what is still owed."""
        if self._run is None or self._setbacks is None or self._run.error:
            return
        requests: list[Request] = []
        try:
            for each in self._settle(self._setbacks.settled()):
                if isinstance(each, Request):
                    requests.append(each)
                else:
                    self._run.store.add(each)
            requests += map(self.request, self._plan.further())
        except StoreError as error:
            self._pipeline.give_up(error)
            return
        if requests:
            assert self._crawler.engine
            for request in requests:
                self._crawler.engine.crawl(request)
            raise DontCloseSpider
        self._run.unfinished.discard(self._spider.name)

    def _now(self) -> datetime:
        assert self._run
        return self._run.clock()

    def _keep(self, page: Page, _: Response) -> None:
        self._pipeline.store(page)

    def _settle(self, fates: Iterable[Fate]) -> Iterator[Any]:
        for fate in fates:
            yield from fate.outcomes

    def _discovered(self, listing: Listing, _: Response) -> Iterator[Request]:
        yield from map(self.request, self._plan.listing(listing, discovered=True))

    def _walked(
        self,
        _: Response,
        listing: Listing,
        entries: Sequence[Entry],
        pages: Sequence[Listing],
    ) -> Iterator[Request]:
        yield from map(self.request, self._plan.walked(listing, entries, pages))

    @property
    def _pipeline(self) -> StorePipeline:
        pipeline = self._crawler.get_item_pipeline(StorePipeline)
        assert pipeline is not None
        return pipeline

    @property
    def _run(self) -> Run | None:
        return run_of(self._crawler)

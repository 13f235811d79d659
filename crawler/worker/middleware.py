"""Between spider and scheduler in a worker: gathers what becomes of each task into its outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure as TwistedFailure

from crawler.errors import Abandoned, RedisRefuses
from crawler.exchange.records import Outcome
from crawler.exchange.worker import MOST_DEATHS, Taken, Worker
from crawler.frontier.desk import rests
from crawler.frontier.plan import failure_of
from crawler.frontier.setbacks import TASK, Fate
from crawler.items import Article, Entry, Failure, Listing, Look, Page
from crawler.middlewares.asking import AskingMiddleware

logger = logging.getLogger(__name__)

#: In the stats of a crawler: why it cannot work.
ERROR = "finews/error"


@dataclass(slots=True)
class _Open:
    """A task that is being done: what came of it so far, and how many of its requests are out."""

    outcome: Outcome
    requests: int = 1


class WorkerMiddleware(AskingMiddleware):
    """See the module. ``worker`` is there once the spider is open, ``over`` when it may close."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.worker: Worker | None = None
        self.over = False
        self._open: dict[str, _Open] = {}

    def open(self) -> Worker:
        """Be a worker from now on."""
        settings = self._crawler.settings
        silence = settings.getfloat("FINEWS_SILENCE")
        self.worker = Worker(
            settings["FINEWS_REDIS"],
            self._spider.name,
            silence,
            told_to_end=lambda: not self._crawler.crawling,
        )
        self.worker.hosts.rests = rests(settings)
        self._begin(self.worker)
        return self.worker

    async def process_start(self, _: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The collector says what is asked for."""
        return
        yield

    def begin(self, taken: Taken) -> Request | Outcome:
        """What to do for a task; an outcome where there is nothing to be done."""
        outcome = Outcome(taken.given.token)
        try:
            _refuse_deadly(taken)
            request = self.request(taken.given.task)
        except (Abandoned, ValueError) as error:  # ValueError: no URL that can be asked for
            outcome.failures.append(failure_of(error, taken.given.task))
            outcome.lost = taken.given.listing is not None
            return outcome
        request.meta[TASK] = outcome.token
        self._open[outcome.token] = _Open(outcome)
        return request

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        async for each in super().process_spider_output(response, result):
            if isinstance(each, Article | Look | Failure):
                self._record(self._outcome(response), each)
            elif isinstance(each, Request) and TASK not in each.meta:
                self._refuse(each, response)
            else:
                yield each

    def failed(self, failure: TwistedFailure) -> Iterator[Any]:
        assert self.worker
        if isinstance(failure.value, RedisRefuses):
            self.give_up(failure.value)
        elif not self.worker.goes:  # else others have the task, and tell what becomes of it
            yield from super().failed(failure)

    async def publish(self, outcome: Outcome) -> None:
        """Hand over what became of a task; an error ends the crawl."""
        assert self.worker
        try:
            await self.worker.publish(outcome)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the task is not done
            self.give_up(error)

    def give_up(self, error: Exception) -> None:
        """End the crawl for an error of which no page is the reason.

        What the worker holds stays with it until it counts as dead: of a task that brings
        this about again and again others must not end too, for ever.
        """
        assert self.worker
        assert self._crawler.stats
        if self.worker.error is not None:
            return
        known = isinstance(error, RedisRefuses)  # a sentence, no traceback
        told = str(error) if known else repr(error)
        self._crawler.stats.set_value(ERROR, told)
        if not known:  # else the command tells it
            logger.error("%s", told, exc_info=error)
        self.worker.error = error
        self.close("redis_refuses" if known else "error")

    def close(self, reason: str) -> None:
        """Close the spider."""
        assert self._crawler.engine
        self.over = True
        self._closing = asyncio.ensure_future(
            self._crawler.engine.close_spider_async(reason=reason)
        )

    def fell_back(self, request: Request) -> None:
        self._open[request.meta[TASK]].outcome.fell_back = True

    def lost(self, request: Request) -> None:
        self._open[request.meta[TASK]].outcome.lost = True

    def put_back(self, request: Request) -> None:
        self._open[request.meta[TASK]].outcome.put_back = True

    def _idle(self) -> None:
        """No request is out: refusals that no answer explained are of their pages."""
        if self._setbacks is None or self.worker is None:
            return
        assert self._crawler.engine
        for each in self._settle(self._setbacks.settled()):
            if isinstance(each, Request):
                self._crawler.engine.crawl(each)
            else:
                self.worker.say(self.publish(each))
        if not self.over:
            raise DontCloseSpider

    def _keep(self, page: Page, response: Response) -> None:
        self._record(self._outcome(response), page)

    def _settle(self, fates: Iterable[Fate]) -> Iterator[Request | Outcome]:
        for fate in fates:
            token = fate.request.meta[TASK]
            task = self._open[token]
            for each in fate.outcomes:
                if isinstance(each, Request):
                    task.requests += 1
                    yield each
                else:
                    self._record(task.outcome, each)
            task.requests -= 1
            if not task.requests:
                yield self._open.pop(token).outcome

    def _discovered(self, listing: Listing, response: Response) -> Iterator[Request]:
        self._outcome(response).discovered.append(listing)
        yield from ()

    def _walked(
        self,
        response: Response,
        listing: Listing,
        entries: Sequence[Entry],
        pages: Sequence[Listing],
    ) -> Iterator[Request]:
        outcome = self._outcome(response)
        outcome.walked = listing
        outcome.entries += entries
        outcome.following += pages
        yield from ()

    def _rest(self, request: Request) -> Request:
        self._open[request.meta[TASK]].requests += 1
        return request

    def _refuse(self, request: Request, response: Response) -> None:
        """Nobody would hear when a request with an errback of its own has come to its end, and
        so what became of its task.
        """
        assert self.worker
        told = f"a worker sends no request with an errback of its own: {request.url}"
        logger.error("%s", told)
        if taken := self.worker.held.get(response.meta[TASK]):
            failure = failure_of(TypeError(told), taken.given.task)
            self._record(self._outcome(response), failure)

    def _outcome(self, response: Response) -> Outcome:
        return self._open[response.meta[TASK]].outcome

    def _record(self, outcome: Outcome, record: Page | Article | Look | Failure) -> None:
        match record:
            case Page():
                outcome.pages.append(record)
            case Article():
                outcome.articles.append(record)
            case Look():
                outcome.looks.append(record)
            case Failure():
                outcome.failures.append(record)

    def _now(self) -> datetime:
        assert self.worker
        return self.worker.clock()


def _refuse_deadly(taken: Taken) -> None:
    """Raises :class:`Abandoned` for a task of which workers died."""
    if taken.times > MOST_DEATHS:
        told = f"{taken.times - 1} workers died while they were asking for it"
        raise Abandoned(told, url=taken.given.task.what.url)


def worker_of(crawler: Crawler) -> Worker | None:
    """The worker that a crawler is; None before its spider is open."""
    middleware = crawler.get_spider_middleware(WorkerMiddleware)
    return middleware.worker if middleware else None

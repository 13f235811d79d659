"""What a worker's middlewares make of tasks, pauses and errors, without a crawl."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import TextResponse
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector
from twisted.python.failure import Failure as TwistedFailure

from crawler.cli.process import is_broken
from crawler.errors import RedisRefuses
from crawler.exchange.records import Given, Outcome
from crawler.exchange.worker import Taken
from crawler.items import Entry
from crawler.spiders.finews import FinewsSpider
from crawler.worker.guest import TurnMiddleware
from crawler.worker.middleware import ERROR, WorkerMiddleware

URL = "https://finews.bj.cn/1.html"
TAKEN = Taken(b"s", b"1-0", Given("T", entry=Entry("finews", "emnews", URL, "NW1")), 1)


class Made:
    """A middleware of a crawl that did not begin; nobody is at its Redis."""

    def __init__(self, **more: Any) -> None:
        settings = Settings()
        settings.setmodule("tests.many_settings")
        settings.setdict({"FINEWS_REDIS": "redis://127.0.0.1:1/0", "DOWNLOAD_DELAY": 3.0, **more})
        self.crawler = Crawler(FinewsSpider, settings)
        self.crawler.spider = FinewsSpider.from_crawler(self.crawler)
        self.crawler.stats = MemoryStatsCollector(self.crawler)
        self.crawler.crawling = True
        self.closed: list[str] = []
        self.crawler.engine = cast("Any", SimpleNamespace(close_spider_async=self._close))
        self.middleware = WorkerMiddleware(self.crawler)
        self.worker = self.middleware.open()
        self.worker.held["T"] = TAKEN
        self.request = self.middleware.begin(TAKEN)

    async def _close(self, *, reason: str) -> None:
        self.closed.append(reason)

    def answer(self, *found: Any) -> list[Any]:
        """What the middleware makes of what a callback yields."""
        assert isinstance(self.request, Request)
        response = TextResponse(URL, request=self.request, body=b"x")

        async def yielded() -> AsyncIterator[Any]:
            for each in found:
                yield each

        async def run() -> list[Any]:
            made = self.middleware.process_spider_output(response, yielded())
            return [each async for each in made]

        return asyncio.run(run())


@pytest.fixture
def made() -> Made:
    return Made()


def test_hosts_rest_as_long_as_the_settings_say() -> None:
    hosts = Made(FINEWS_RESTS=[30, 600]).worker.hosts
    lengths = []
    for _ in range(3):
        now = hosts._clock()
        known = hosts._known("h").refused("http-429", None, "finews", now, hosts.rests)
        assert known.until
        lengths.append(round((known.until - now).total_seconds() / 10) * 10)
        hosts._hosts["h"] = known
    assert lengths == [30, 600, 600]


@pytest.mark.parametrize(("asked", "pause"), [(None, 3.0), (1.0, 3.0), (2.9, 3.0), (10, 10.0)])
def test_a_crawl_delay_makes_nobody_faster(asked: float | None, pause: float, made: Made) -> None:
    made.crawler.settings.set("DOWNLOAD_DELAY_JITTER", 0.5)
    guest = TurnMiddleware(made.crawler)
    parser = cast("Any", SimpleNamespace(crawl_delay=lambda _: asked))
    guest._slow_down(parser, Request(URL))
    assert guest._pause_of("finews.bj.cn") == pause


@pytest.mark.parametrize(
    ("error", "told"),
    [(RedisRefuses("it refuses"), "it refuses"), (UnicodeEncodeError("u", "x", 0, 1, "no"), "no")],
)
def test_an_outcome_that_cannot_be_handed_over_ends_the_crawl(
    error: Exception, told: str, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def publish(_: Outcome) -> bool:
        raise error

    async def run() -> None:
        monkeypatch.setattr(made.worker, "publish", publish)
        await made.middleware.publish(Outcome("T"))
        await asyncio.sleep(0)

    asyncio.run(run())
    assert len(made.closed) == 1
    assert told in made.crawler.stats.get_value(ERROR)
    assert made.worker.goes
    assert made.worker.error is error


def test_what_fails_when_the_worker_goes_is_told_by_others(made: Made) -> None:
    failure = TwistedFailure(IgnoreRequest("robots.txt"))  # type: ignore[no-untyped-call]
    failure.request = made.request  # type: ignore[attr-defined]
    made.crawler.crawling = False
    assert list(made.middleware.failed(failure)) == []
    made.crawler.crawling = True
    assert list(made.middleware.failed(failure)) != []


def test_a_request_with_an_errback_of_its_own_is_a_failure_of_its_page(made: Made) -> None:
    own = Request("https://finews.bj.cn/own", errback=lambda _: None)
    (outcome,) = made.answer(own)
    assert isinstance(outcome, Outcome)
    (failure,) = outcome.failures
    assert failure.reason == "unexpected"
    assert "errback of its own: https://finews.bj.cn/own" in failure.message
    assert failure.url == URL


def test_the_rest_of_a_page_is_of_the_same_task(made: Made) -> None:
    (rest,) = made.answer(Request("https://finews.bj.cn/rest"))
    assert rest.meta == made.request.meta  # type: ignore[union-attr]


def test_errors_in_callbacks_break_a_crawl(made: Made) -> None:
    assert not is_broken(made.crawler)
    made.crawler.stats.inc_value("spider_exceptions/count")
    assert is_broken(made.crawler)

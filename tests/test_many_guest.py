"""Many who crawl together are one guest: their pauses, rests and robots.txt are the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

from crawler.demo.eastmoney.site import ARTICLE_HOST
from crawler.demo.server import Answer, Request, serve
from tests.eastmoney import EastmoneyReplica, make_stories
from tests.many import Many, RedisServer, leftovers
from tests.polite_settings import PAUSE_S

RETRY_S = 2
LISTINGS = [word for name in ("350", "344", "345") for word in ("--listing", name)]


class Visit(NamedTuple):
    """A request to a host: when it came and when it was answered."""

    host: str
    came: float
    went: float


@contextmanager
def guest_book(replica: EastmoneyReplica) -> Iterator[list[Visit]]:
    """Serve a replica, and have all its visits written down, those of robots.txt too."""
    book = list[Visit]()

    def answer(request: Request) -> Answer:
        came = time.monotonic()
        found = replica.answer(request)
        book.append(Visit(request.host, came, time.monotonic()))
        return found

    with serve(answer) as replica.url:
        yield book


def by_host(book: list[Visit]) -> dict[str, list[Visit]]:
    return {
        host: sorted((each for each in book if each.host == host), key=lambda each: each.came)
        for host in {each.host for each in book}
    }


def test_no_host_sees_two_requests_closer_than_its_pause(many: Many, record_property: Any) -> None:
    many.program.env["SCRAPY_SETTINGS_MODULE"] = "tests.polite_settings"
    replica = EastmoneyReplica(make_stories(30, ("350", "344", "345"), 5))
    replica.emptied = {story.code for story in replica.stories[::2]}  # then another host is asked
    replica.delay = 0.02
    with guest_book(replica) as book:
        _, told = many.crawl(replica.url, "eastmoney", *LISTINGS, workers=5, code=3)
    hosts = by_host(book)
    gaps = [
        later.came - earlier.went
        for visits in hosts.values()
        for earlier, later in pairwise(visits)
    ]
    record_property("least pause", min(gaps))
    assert min(gaps) >= PAUSE_S
    assert len([visits for visits in hosts.values() if len(visits) > 10]) >= 2
    assert len([each for each in told if each["requests_here"] > 2]) >= 4


def test_a_host_that_refuses_one_worker_rests_for_all(
    many: Many, redis_server: RedisServer
) -> None:
    many.program.env["SCRAPY_SETTINGS_MODULE"] = "tests.polite_settings"
    replica = EastmoneyReplica(make_stories(30, ("350", "344", "345"), 5))
    replica.throttle(after=6, status=429, for_requests=1, retry_after=RETRY_S, hosts=[ARTICLE_HOST])
    with guest_book(replica):
        many.crawl(replica.url, "eastmoney", *LISTINGS, workers=3)
    refused = next(each.at for each in replica.log if each.status == 429)
    assert not [
        each for each in replica.log if each.host == ARTICLE_HOST and 0 < each.at - refused < 2
    ]
    assert many.program.rows("SELECT count(*) FROM articles") == [30]


def test_a_rest_that_takes_long_stands_in_the_corpus_and_holds_for_later_workers(
    many: Many, redis_server: RedisServer
) -> None:
    replica = EastmoneyReplica(make_stories(30, ("350", "344", "345"), 5))
    replica.throttle(after=6, status=503, retry_after=600, hosts=[ARTICLE_HOST])
    with guest_book(replica):
        args = ("eastmoney", "--listing", "350", "--verbose")
        found, told = many.crawl(replica.url, *args, workers=3, code=3)
        assert found["resting"]
        assert any(f"{ARTICLE_HOST} refuses (http-503)" in each.said for each in many.members)
        assert [each["crawls"][0]["resting"] for each in told] == [[ARTICLE_HOST]] * 3
        assert many.program.rows("SELECT host, reason FROM hosts WHERE rests_until NOT NULL") == [
            (ARTICLE_HOST, "http-503")
        ]
        status = many.program.json("status")
        assert [each["host"] for each in status["resting"]] == [ARTICLE_HOST]
        assert leftovers(redis_server.client) == {}
        redis_server.client.flushall()  # the corpus remembers
        replica.log.clear()
        many.crawl(replica.url, "eastmoney", "--listing", "350", "--full", workers=2, code=None)
    assert replica.pages
    assert not [each for each in replica.log if each.host == ARTICLE_HOST]


def test_robots_txt_is_asked_for_once_and_obeyed_by_all(many: Many) -> None:
    replica = EastmoneyReplica(make_stories(20, ("350",), 5))
    replica.robots = {ARTICLE_HOST: "User-agent: *\nDisallow: /"}
    with guest_book(replica):
        many.crawl(replica.url, "eastmoney", "--listing", "350", workers=3, code=None)
    hosts = [each.host for each in replica.robots_log]
    assert len(hosts) == len(set(hosts)) >= 2
    assert not [each for each in replica.log if each.host == ARTICLE_HOST]

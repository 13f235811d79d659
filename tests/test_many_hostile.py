"""Entries in the streams that no program of ours wrote, and pages that kill workers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.exchange import keys
from crawler.exchange.records import RECORD, Given, Outcome, Wish, outcome_fields, to_json
from crawler.items import Entry
from tests import eastmoney, replica
from tests.conftest import Program
from tests.eastmoney import make_stories
from tests.many import Many, RedisServer, holders, leftovers, until
from tests.replica import Replica
from tests.test_many import pages

_ENTRY = Entry("finews", "emnews", "https://example.com/x.html", "NW202206010000009999")
_GIVEN = Given("t1", entry=_ENTRY)
#: Entries of the stream of outcomes that are none.
OUTCOMES: list[dict[Any, Any]] = [
    {b"": b""},
    {b"task": b"\xff", RECORD: b"{}"},
    {b"task": b"[]", RECORD: b"[]"},
    {b"task": b'{"token": "t1"}', RECORD: b'{"token": "t1"}'},
    {b"task": to_json(_GIVEN), RECORD: b"{"},
    outcome_fields(Outcome("t1"), _GIVEN),
]
TASKS: list[dict[Any, Any]] = [
    {b"": b""},
    {RECORD: b"\xff\xfe"},
    {RECORD: b"{"},
    {RECORD: b'{"token": "t2"}'},
    {RECORD: b'{"token": "t3", "entry": {"site": 1}}'},
    {RECORD: to_json(_GIVEN)},
]
WISHES: list[dict[Any, Any]] = [
    {b"": b""},
    {RECORD: b"no JSON"},
    {RECORD: b'{"site": ["finews"]}'},
    {RECORD: to_json(Wish("nowhere"))},
    {RECORD: to_json(Wish("finews", {"since": "soon"}))},
    {RECORD: to_json(Wish("eastmoney", {"listing": "nope"}))},
]


@pytest.fixture
def slow() -> Iterator[Replica]:
    with replica.serving(pages()) as server:
        server.delay = 0.05
        yield server


def test_what_is_no_record_disturbs_nobody(
    many: Many, slow: Replica, redis_server: RedisServer
) -> None:
    redis = redis_server.client
    for each in WISHES:
        redis.xadd(keys.WISHES, each)
    for each in OUTCOMES:
        redis.xadd(keys.OUTCOMES, each)
    for each in TASKS:
        redis.xadd(keys.tasks("finews", "fresh"), each)
    collector = many.collect()
    workers = [many.work(slow.url) for _ in range(2)]
    until(lambda: len(slow.articles()) > 4)
    for each in OUTCOMES:
        redis.xadd(keys.OUTCOMES, each)
    for lane in keys.LANES:
        for each in TASKS:
            redis.xadd(keys.tasks("finews", lane), each)
    assert [each.ended()["crawls"][0]["outcome"] for each in workers] == ["finished"] * 2
    until(lambda: not leftovers(redis))
    collector.send(signal.SIGTERM)
    assert collector.wait() == 0
    assert many.program.rows("SELECT count(*) FROM articles") == [24]
    assert redis.xlen(keys.DEAD) > 0
    ends = [str(redis.get(wish)) for wish in redis.scan_iter(keys.ended("*"))]
    assert sum('"outcome": "error"' in text for text in ends) == len(WISHES)
    assert len(ends) == len(WISHES) + len(workers)


def test_a_worker_lets_go_of_what_is_no_task(
    many: Many, slow: Replica, redis_server: RedisServer
) -> None:
    collector, worker = many.collect("--once"), many.work(slow.url)
    until(lambda: len(slow.articles()) > 4)
    for each in TASKS:
        redis_server.client.xadd(keys.tasks("finews", "listing"), each)
    assert worker.ended()["crawls"][0]["new"] == 24
    assert collector.wait() == 0
    assert leftovers(redis_server.client) == {}
    assert redis_server.client.xlen(keys.DEAD) == len(TASKS) - 1  # the last one is a task


def test_a_page_that_workers_die_of_is_given_up_and_may_be_tried_again(
    many: Many, slow: Replica, redis_server: RedisServer
) -> None:
    redis = redis_server.client
    slow.delay = 0.5
    collector, dying = many.collect(), many.work(slow.url)
    until(lambda: holders(redis).get(dying.pid) and len(slow.articles()) > 1)
    dying.send(signal.SIGKILL)
    stream = next(keys.tasks("finews", lane) for lane in keys.LANES[1:] if _held(redis, lane))
    for each in redis.xpending_range(stream, keys.GROUP, "-", "+", 1):
        name, id_ = each["consumer"], each["message_id"]
        redis.xclaim(stream, keys.GROUP, name, 0, [id_], retrycount=5)  # type: ignore[arg-type]
    slow.delay = 0
    told = many.work(slow.url).ended()
    assert told["crawls"][0]["failed"] == 1
    failures = many.program.json("failures")
    assert [each["reason"] for each in failures] == ["abandoned"]
    assert "5 workers died" in failures[0]["message"]
    assert many.program.rows("SELECT count(*) FROM articles") == [23]
    assert leftovers(redis) == {}
    assert redis.xlen(keys.DEAD) == 1
    retry = ("failures", "--retry", "--redis", many.url, "--replay", slow.url)
    assert many.program.json(*retry)["new"] == 1
    assert many.program.json("failures") == []
    assert redis.xlen(keys.DEAD) == 0
    collector.send(signal.SIGTERM)
    collector.wait()


def _held(redis: Any, lane: keys.Lane) -> bool:
    return bool(redis.xpending(keys.tasks("finews", lane), keys.GROUP)["pending"])


def test_half_of_a_character_comes_to_the_corpus_as_by_one_machine(
    many: Many, tmp_path: Path, corpus_of: Callable[[Program], Any]
) -> None:
    stories = make_stories(12, ("350",), 5)
    alone = Program(tmp_path / "alone")
    with eastmoney.serving(stories) as server:
        server.edited = {stories[0].code: "半个字\ud83d", stories[4].code: "\udc00另半个"}
        args = ("eastmoney", "--listing", "350")
        done = alone.run(alone.command("crawl", *args, "--replay", server.url))
        many.crawl(server.url, *args, workers=2, code=done.returncode)
    assert corpus_of(many.program) == corpus_of(alone)

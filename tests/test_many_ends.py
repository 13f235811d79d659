"""Many who crawl together, when one of them or Redis comes late, ends or goes astray."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.cli.process import GRACE_S
from crawler.errors import RedisRefuses
from crawler.exchange import keys
from crawler.exchange.connect import require_version
from pipelines.database.ledger import TIME_OVER
from tests import replica
from tests.conftest import Program
from tests.harms import SmallBlog
from tests.kills import difference
from tests.many import Many, RedisServer, holders, leftovers, streams, together, until
from tests.replica import Replica
from tests.test_many import pages

SHORT_S = 30.0


@pytest.fixture
def slow() -> Iterator[Replica]:
    """A small site that takes its time."""
    with replica.serving(pages()) as server:
        server.delay = 0.1
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.close()


def test_what_a_worker_holds_that_ends_is_at_once_for_others(
    many: Many, slow: Replica, redis_server: RedisServer
) -> None:
    collector = many.collect("--once")
    ending, other = many.work(slow.url), many.work(slow.url)
    until(lambda: holders(redis_server.client).get(ending.pid) and len(slow.articles()) > 4)
    ending.send(signal.SIGTERM)
    told = ending.ended()
    assert (told["outcome"], told["reason"]) == ("stopped", "stopped by SIGTERM")
    assert ending.code == 3
    assert redis_server.client.xlen(keys.WISHES) == 1
    assert other.ended()["crawls"][0]["new"] == 24
    assert collector.ended()["new"] == 24
    assert sum(Counter(slow.articles()).values()) <= 24 + 4
    assert leftovers(redis_server.client) == {}


def test_who_waits_for_the_turn_of_a_host_ends_within_seconds(
    many: Many, slow: Replica, redis_server: RedisServer
) -> None:
    redis: Any = redis_server.client
    slow.pages["/robots.txt"] = b"User-agent: *\nCrawl-delay: 1\n"
    many.collect()
    worker = many.work(slow.url)
    until(lambda: redis.keys(keys.host("*")) and holders(redis))
    lease = (redis.time()[0] + 60) * 1000
    for each in redis.scan_iter(keys.host("*")):
        redis.hset(each, mapping={"holder": "another", "lease": lease})
    time.sleep(1)  # it was asking: now it waits
    worker.send(signal.SIGTERM)
    asked = time.monotonic()
    assert worker.wait() == 3
    assert time.monotonic() - asked < GRACE_S
    assert redis.zcard(keys.WORKERS) == redis.xlen(keys.WISHES) == 0
    assert [redis.get(each) for each in redis.scan_iter(keys.withdrawn("*"))] == [
        b"stopped by SIGTERM"
    ]
    until(lambda: not leftovers(redis))


def test_a_worker_has_its_time_and_the_others_go_on(many: Many, slow: Replica) -> None:
    slow.delay = 0.4
    collector, other = many.collect("--once"), many.work(slow.url)
    until(lambda: slow.log)
    short = many.work(slow.url, "--max-time", "2s")
    told = short.ended()
    assert (told["outcome"], told["reason"], short.code) == ("stopped", TIME_OVER, 0)
    assert other.ended()["crawls"][0]["new"] == 24
    assert collector.ended()["new"] == 24


def test_a_crawl_that_nobody_waits_for_any_more_is_for_a_later_run(
    many: Many, slow: Replica, redis_server: RedisServer
) -> None:
    collector, worker = many.collect(), many.work(slow.url)
    until(lambda: len(slow.articles()) > 4)
    worker.send(signal.SIGTERM)
    worker.wait()
    until(lambda: many.program.rows("SELECT outcome FROM runs") == ["stopped"])
    assert leftovers(redis_server.client) == {}
    assert many.work(slow.url).ended()["crawls"][0]["outcome"] == "finished"
    assert many.program.rows("SELECT count(*) FROM articles") == [24]
    assert sum(Counter(slow.articles()).values()) <= 24 + 4
    collector.send(signal.SIGTERM)
    assert collector.wait() == 0


def test_a_collector_is_told_to_end_and_another_one_goes_on(
    many: Many, slow: Replica, redis_server: RedisServer
) -> None:
    collector = many.collect()
    workers = [many.work(slow.url) for _ in range(2)]
    until(lambda: len(slow.articles()) > 4)
    collector.send(signal.SIGTERM)
    assert collector.wait(SHORT_S) == 0
    assert all(each.running for each in workers)
    assert many.program.rows("SELECT outcome, reason FROM runs") == [("stopped", "told to end")]
    later = many.collect("--once")
    assert [each.ended()["crawls"][0]["outcome"] for each in workers] == ["finished"] * 2
    later.wait()
    assert many.program.rows("SELECT count(*) FROM articles") == [24]
    assert set(Counter(slow.articles()).values()) == {1}
    assert leftovers(redis_server.client) == {}


def test_a_second_collector_is_refused(many: Many, slow: Replica, tmp_path: Path) -> None:
    first = many.collect()
    until(lambda: (first.running and many.program.data.exists()) or True)
    many.work(slow.url).wait()
    second = many.collect(data=tmp_path / "other")
    assert second.wait(SHORT_S) == 4
    assert "collects from this Redis already" in second.said
    first.send(signal.SIGTERM)
    assert first.wait() == 0
    assert not (tmp_path / "other").exists()


def test_no_other_run_writes_while_workers_crawl(many: Many, slow: Replica) -> None:
    collector, worker = many.collect("--once"), many.work(slow.url)
    until(lambda: len(slow.articles()) > 2)
    many.program("crawl", "finews", "--replay", slow.url, code=4)
    assert worker.wait() == 0
    assert collector.wait() == 0


def test_redis_comes_last(finews: Program, slow: Replica, own_redis: RedisServer) -> None:
    own_redis.kill()
    slow.delay = 0
    with together(finews, own_redis.url) as many:
        collector, worker = many.collect("--once"), many.work(slow.url)
        for each in (collector, worker):
            each.has_said("does not answer")
        own_redis.start()
        assert worker.ended()["crawls"][0]["new"] == 24
        assert collector.ended()["new"] == 24
        for each in (collector, worker):
            assert each.said.count("does not answer") == each.said.count("answers again") == 1


def test_who_waits_for_redis_can_be_ended(
    finews: Program, slow: Replica, own_redis: RedisServer
) -> None:
    own_redis.kill()
    with together(finews, own_redis.url) as many:
        waiting = many.collect(), many.work(slow.url)
        for each in waiting:
            each.has_said("does not answer")
            each.send(signal.SIGTERM)
        assert [each.wait(SHORT_S) for each in waiting] == [0, 3]
    own_redis.start()


def test_redis_forgets_all_in_the_middle(
    many: Many, redis_server: RedisServer, tmp_path: Path, corpus_of: Callable[[Program], Any]
) -> None:
    world = SmallBlog(tmp_path, corpus_of)
    assert world.whole
    with world.serving() as server:
        assert server
        server.delay = 0.02
        collector = many.collect()
        workers = [many.work(server.url) for _ in range(3)]
        until(lambda: len(server.log) > 20)
        redis_server.client.flushall()
        assert [each.ended()["outcome"] for each in workers] == ["finished"] * 3
        until(lambda: not leftovers(redis_server.client))
        collector.send(signal.SIGTERM)
        collector.wait()
    assert difference(world, many.program, 3) is None


def test_redis_loses_the_group_of_the_workers(
    many: Many, slow: Replica, redis_server: RedisServer
) -> None:
    collector, worker = many.collect("--once"), many.work(slow.url)
    until(lambda: len(slow.articles()) > 4)
    for stream in streams(redis_server.client):
        redis_server.client.xgroup_destroy(stream, keys.GROUP)
    assert worker.ended()["crawls"][0]["new"] == 24
    assert collector.wait() == 0
    assert leftovers(redis_server.client) == {}


@pytest.mark.parametrize(
    "url", ["127.0.0.1:6379", "http://127.0.0.1:6379", "redis://127.0.0.1:port/0", "redis:"]
)
def test_what_is_no_address_of_a_redis_is_a_wrong_use(url: str, finews: Program) -> None:
    for command in (("collect",), ("crawl", "finews")):
        done = finews.run(finews.command(*command, "--redis", url))
        assert done.returncode == 2
        assert "is no address such as redis://127.0.0.1:6379/0" in done.stderr


def test_a_password_that_is_wrong_or_missing_ends_it(
    finews: Program, tmp_path: Path, slow: Replica
) -> None:
    guarded = RedisServer(tmp_path / "redis", "--requirepass", "open sesame")
    slow.delay = 0
    try:
        with together(finews, guarded.url) as many:
            wrong = guarded.url.replace("//", "//:secret@")
            ended = [many.collect(), many.work(slow.url), many.collect(url=wrong)]
            for each in ended:
                assert each.wait(SHORT_S) == 1
                assert f"Redis at {guarded.url} refuses" in each.said
                assert "secret" not in each.said
            finews.env["FINEWS_REDIS_PASSWORD"] = "open sesame"
            collector = many.collect("--once")
            assert many.work(slow.url).ended()["crawls"][0]["new"] == 24
            assert collector.wait() == 0
    finally:
        guarded.close()


@pytest.mark.parametrize("version", ["5.0.7", "6.0.16", ""])
def test_a_redis_that_is_too_old_is_refused(version: str) -> None:
    with pytest.raises(RedisRefuses, match=r"too old; finews needs 6\.2 or later"):
        require_version({"redis_version": version})


@pytest.mark.parametrize("version", ["6.2.0", "7.0.15", "10.1"])
def test_a_redis_that_is_new_enough_is_taken(version: str) -> None:
    require_version({"redis_version": version})


def test_a_worker_that_found_nobody_does_not_say_that_all_is_well(
    many: Many, slow: Replica, own_redis: RedisServer
) -> None:
    """As from cron, where the address is wrong, or nobody collects."""
    alone = many.work(slow.url, "--max-time", "1s")
    own_redis.kill()
    lost = many.work(slow.url, "--due", "--max-time", "1s", url=own_redis.url)
    for each in (alone, lost):
        assert each.wait() == 3
        assert "nothing was done: nobody collected, or Redis did not answer" in each.said
    assert slow.log == []

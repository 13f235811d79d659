"""What a worker says to Redis and takes from there, by its own face of the exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from crawler.errors import Abandoned, RedisRefuses
from crawler.exchange import keys
from crawler.exchange.collector import Ending, Exchange
from crawler.exchange.connect import Outage
from crawler.exchange.records import Given, Outcome, Wish
from crawler.exchange.report import state
from crawler.exchange.worker import Goes, Taken, Turn, Worker
from crawler.items import Listing
from crawler.worker.middleware import _refuse_deadly
from pipelines.hosts import Rest
from pipelines.run import now
from tests.many import RedisServer

SILENCE_S = 0.5
HOST = "example.com"
STREAM = keys.tasks("finews", "listing")
TASK = Given("T", listing=Listing("finews", "a", "https://example.com/a"))


@pytest.fixture
def redis(redis_server: RedisServer) -> Redis:
    redis_server.client.flushall()
    return redis_server.client


@pytest.fixture
def exchange(redis: Redis, redis_server: RedisServer, tmp_path: Path) -> Iterator[Exchange]:
    made = Exchange(redis_server.url, Ending(), SILENCE_S, tmp_path)
    yield made
    made.end()


def at_work(
    server: RedisServer, work: Callable[..., Awaitable[None]], count: int = 1, **more: Any
) -> None:
    """Have workers do something."""

    async def run() -> None:
        workers = [Worker(server.url, "finews", SILENCE_S, **more) for _ in range(count)]
        try:
            for each in workers:
                await each.beat()
            await work(*workers)
        finally:
            for each in workers:
                await each.close()

    asyncio.run(run())


async def beating(worker: Worker, seconds: float) -> None:
    """Be heard of for so long."""
    for _ in range(int(seconds / 0.1) + 1):
        await asyncio.sleep(0.1)
        await worker.beat()


def pending(redis: Any) -> int:
    return int(redis.xpending(STREAM, keys.GROUP)["pending"])


def test_a_task_that_is_given_out_again_is_handed_over_by_who_holds_it(
    exchange: Exchange, redis: Redis, redis_server: RedisServer
) -> None:
    async def work(worker: Worker) -> None:
        exchange.give("finews", [(TASK, "listing")])
        assert [each.given for each in await worker.take(4)] == [TASK]
        redis.flushall()
        exchange.give("finews", [(TASK, "listing")])
        assert await worker.take(4) == []  # it is under way
        assert await worker.publish(Outcome("T"))
        assert worker.held == {}

    at_work(redis_server, work)
    assert pending(redis) == redis.xlen(STREAM) == 0
    assert redis.xlen(keys.OUTCOMES) == 1


def test_what_is_handed_over_while_it_is_looked_for_what_got_lost_is_not_done_again(
    exchange: Exchange, redis: Redis, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(worker: Worker) -> None:
        exchange.give("finews", [(TASK, "listing")])
        (taken,) = await worker.take(4)
        read = worker._redis.xpending_range

        async def late(*args: Any, **more: Any) -> Any:
            found = await read(*args, **more)
            if worker.held:
                await worker.publish(Outcome("T"))  # before the answer is heard
            return found

        monkeypatch.setattr(worker._redis, "xpending_range", late)
        await worker.beat()
        assert worker.held == {"T": taken}
        worker._unsure = True
        assert await worker.take(4) == []

    at_work(redis_server, work)
    assert redis.xlen(keys.OUTCOMES) == 1


def test_workers_that_end_leave_their_tasks_free_and_none_died(
    exchange: Exchange, redis: Redis, redis_server: RedisServer
) -> None:
    async def work(*workers: Worker) -> None:
        exchange.give("finews", [(TASK, "listing")])
        for worker in workers:
            (taken,) = await worker.take(4)
            _refuse_deadly(taken)
            await worker.go()
            assert worker.goes
            assert not await worker.publish(Outcome("T"))

    at_work(redis_server, work, 7)
    assert (pending(redis), redis.xlen(STREAM)) == (0, 1)
    assert redis.zcard(keys.WORKERS) == 0


def test_a_death_counts_and_who_is_not_known_did_not_die(
    exchange: Exchange, redis: Redis, redis_server: RedisServer
) -> None:
    async def work(dying: Worker, gone: Worker, last: Worker) -> None:
        exchange.give("finews", [(TASK, "listing")])
        (taken,) = await dying.take(1)
        await asyncio.gather(beating(gone, 1.5 * SILENCE_S), beating(last, 1.5 * SILENCE_S))
        (taken,) = await gone.claim()
        assert taken.times == 2
        redis.zrem(keys.WORKERS, gone.name)
        await asyncio.sleep(0.3)  # only one looks at a time
        (taken,) = await last.claim()
        assert taken.times == 2

    at_work(redis_server, work, 3)


def test_to_look_for_what_got_lost_is_no_death(
    exchange: Exchange, redis: Redis, redis_server: RedisServer
) -> None:
    """Nor does it go on and on where one of the streams is not there."""

    async def work(looking: Worker, other: Worker) -> None:
        exchange.give("finews", [(TASK, "listing")])
        (taken,) = await looking.take(4)
        for _ in range(7):
            looking._unsure = True
            assert await looking.take(4) == []
            assert not looking._unsure
        looking.held.clear()
        looking._unsure = True
        assert [each.given for each in await looking.take(4)] == [taken.given]
        await asyncio.gather(beating(other, 1.5 * SILENCE_S))
        redis.zadd(keys.WORKERS, {looking.name: 1})  # heard of long ago
        (taken,) = await other.claim()
        assert taken.times == 2

    at_work(redis_server, work, 2)


def test_who_was_cut_off_claims_nothing_until_the_others_had_their_time(
    exchange: Exchange, redis: Redis, redis_server: RedisServer
) -> None:
    async def work(holder: Worker, other: Worker) -> None:
        exchange.give("finews", [(TASK, "listing")])
        await holder.take(1)
        await beating(other, 1.2 * SILENCE_S)
        await holder.beat()
        await asyncio.sleep(1.5 * SILENCE_S)  # Redis is away for both
        await other.beat()
        assert await other.claim() == []
        await beating(other, 1.2 * SILENCE_S)
        assert len(await other.claim()) == 1

    at_work(redis_server, work, 2)


def test_deadly_pages_are_given_up() -> None:
    _refuse_deadly(Taken(b"", b"", TASK, 5))
    with pytest.raises(Abandoned, match="5 workers died"):
        _refuse_deadly(Taken(b"", b"", TASK, 6))


def test_a_turn_whose_answer_got_lost_is_given_again(
    redis: Redis, redis_server: RedisServer
) -> None:
    async def work(worker: Worker) -> None:
        turn = await worker.turn(HOST, 40.0, 0.1)
        assert isinstance(turn, Turn)
        own = [keys.host(HOST), keys.rest(HOST)]
        assert (await worker._run("turn", own, turn.name, 40_000, 100))[0] == b"go"
        assert (await worker._run("turn", own, "another", 40_000, 100))[0] == b"held"

    at_work(redis_server, work)


def test_all_ports_of_a_host_have_one_turn_and_keep_the_longest_pause(
    redis: Redis, redis_server: RedisServer
) -> None:
    async def work(one: Worker, other: Worker) -> None:
        turn = await one.turn(HOST, 40.0, 0.1)
        assert isinstance(turn, Turn)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.turn(f"{HOST}:8080", 40.0, 0.05), 0.3)
        loop = asyncio.get_running_loop()
        left = loop.time()
        await one.leave(turn, 0.05)  # as for robots.txt, which then says how long the pause is
        await other.turn(f"{HOST}:8080", 40.0, 0.5)
        assert loop.time() - left >= 0.5

    at_work(redis_server, work, 2)


def test_who_is_told_to_end_waits_for_no_turn_and_no_robots_txt(
    redis: Redis, redis_server: RedisServer
) -> None:
    told: list[bool] = []

    async def work(one: Worker, other: Worker) -> None:
        assert await one.robots(HOST) is None
        await one.turn(HOST, 40.0, 10.0)
        waiting = [
            asyncio.ensure_future(each)
            for each in (other.turn(HOST, 40.0, 10.0), other.robots(HOST))
        ]
        await asyncio.sleep(0.1)
        assert not any(each.done() for each in waiting)
        told.append(True)
        found = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1.0)
        assert [type(each) for each in found] == [Goes, Goes]

    at_work(redis_server, work, 2, told_to_end=lambda: bool(told))


@pytest.mark.parametrize("off_s", [-120, 0, 30])
def test_rests_are_as_long_as_they_should_whatever_the_workers_clock(
    off_s: int, redis: Redis, redis_server: RedisServer
) -> None:
    async def work(one: Worker, other: Worker) -> None:
        one.clock = lambda: now() + timedelta(seconds=off_s)
        await one.beat()
        for each in (one, other):
            each.hosts.rests = [timedelta(seconds=60)]
        one.hosts.refused(HOST, "http-429", timedelta(seconds=90), "finews")
        await asyncio.wait(one.hosts.sending)
        rest = await other.turn(HOST, 40.0, 1.0)
        assert isinstance(rest, Rest)
        assert 85 <= (rest.until - now()).total_seconds() <= 92
        # One that was under way: the host asked for more.
        other.hosts.refused(HOST, "http-503", None, "finews")
        await asyncio.wait(other.hosts.sending)
        rest = await one.turn(HOST, 40.0, 1.0)
        assert isinstance(rest, Rest)
        assert 55 <= (rest.until - one.clock()).total_seconds() <= 92
        known = other.hosts.changed[HOST]
        assert (known.rests, known.refusals) == (2, 2)

    at_work(redis_server, work, 2)


def test_older_news_of_a_host_does_not_undo_later_ones(
    redis: Redis, redis_server: RedisServer
) -> None:
    async def work(worker: Worker) -> None:
        worker.hosts.refused(HOST, "http-503", None, "finews")
        await asyncio.wait(worker.hosts.sending)
        before = cast("bytes", redis.hget(keys.rest(HOST), "state"))
        worker.hosts.answered(HOST)
        worker.hosts.hear(HOST, before)  # as a turn brings it that was asked for before
        assert worker.hosts._known(HOST).refusals == 0
        await asyncio.wait(worker.hosts.sending)
        after = cast("bytes", redis.hget(keys.rest(HOST), "state"))
        worker.hosts.hear(HOST, after)
        assert worker.hosts._known(HOST).refusals == 0

    at_work(redis_server, work)


def test_a_refusal_counts_once_though_its_answer_got_lost(
    redis: Redis, redis_server: RedisServer
) -> None:
    async def work(worker: Worker) -> None:
        def change(known: Any) -> Any:
            return known.refused("http-503", None, "finews", now(), worker.hosts.rests)

        for name in ("a", "a", "b"):
            await worker.hosts._send(HOST, change, name)
        assert worker.hosts.changed[HOST].refusals == 2

    at_work(redis_server, work)


@pytest.mark.parametrize(
    "message",
    [
        "OOM command not allowed when used memory > 'maxmemory'. script: 7c, on @user_script:9.",
        "Error running script (call to f_7c): @user_script:9: -OOM command not allowed",
        "MISCONF Redis is configured to save RDB snapshots, but",
        "@user_script: 3: -READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down",
        "BUSY Redis is busy running a script.",
        "LOADING Redis is loading the dataset in memory",
    ],
)
def test_what_may_pass_is_waited_for(message: str) -> None:
    outage = Outage("redis://127.0.0.1/0", 1.0)
    assert [outage.pause(ResponseError(message)) for _ in range(4)] == [0.25, 0.5, 1.0, 1.0]
    with pytest.raises(RedisRefuses):
        outage.pause(ResponseError("BUSYGROUP Consumer Group name already exists"))


def test_why_a_wish_is_withdrawn_stands_there(redis: Redis, redis_server: RedisServer) -> None:
    async def work(worker: Worker) -> None:
        id_ = await worker.wish(Wish("finews", worker=worker.name))
        await worker.withdraw(id_, "stopped by SIGTERM")
        assert redis.get(keys.withdrawn(id_)) == b"stopped by SIGTERM"

    at_work(redis_server, work)
    assert redis.xlen(keys.WISHES) == 0


def test_the_dead_are_told_by_the_silence_of_the_settings(
    redis: Redis, redis_server: RedisServer
) -> None:
    async def work(_: Worker) -> None:
        await asyncio.sleep(0.2)
        told = [state(redis_server.url, each)["workers"][0]["dead"] for each in (0.1, 15.0)]
        assert told == [True, False]

    at_work(redis_server, work)

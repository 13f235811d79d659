"""What happens to those who crawl together: kinds of harm, each at a random moment."""

from __future__ import annotations

import math
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.conftest import Program
from tests.eastmoney import EastmoneyReplica, make_stories
from tests.kills import Blog, Columns, Server, World, check, difference
from tests.many import PATIENCE_S, Many, Member, Network, RedisServer, holders, leftovers, together
from tests.many import until as happens

#: How many tasks a worker holds at once, at most.
IN_HAND = 4
_WORKERS = 3
_HELD_S = 0.02  # so long takes an answer: so that there are tasks in hand at most moments


class SmallBlog(Blog):
    name = "finews-many"
    count = 70


class SmallColumns(Columns):
    name = "eastmoney-many"
    stories = make_stories(50, ("350", "344", "345"), 5)


class Redeemed(NamedTuple):
    """What a harm did, all in all: a difference of the corpus, how many pages came twice, and how
    many may.
    """

    differs: str | None
    twice: int
    allowed: float


@dataclass
class Scene:
    """A crawl that many do, to be harmed; ``chance`` says how and when."""

    world: World
    redis: RedisServer
    roads: dict[str, Network]  # of the collector, of the workers
    many: Many
    server: Server
    chance: random.Random
    cut_s: float
    collector: Member
    workers: list[Member]

    def collect(self) -> Member:
        return self.many.collect(url=self.roads["collector"].url)

    def moment(self) -> None:
        """Wait for a random one of the requests, and what comes of it."""
        turn = self.chance.randint(1, len(self.world.answers) - 1)
        happens(lambda: len(self.server.log) >= turn or not self.at_work())
        time.sleep(self.chance.uniform(0, 2 * _HELD_S))

    def at_work(self) -> list[Member]:
        return [each for each in self.workers if each.running]

    def holder(self) -> Member:
        """A worker that holds tasks; any one where none does any more."""

        def found() -> list[Member]:
            held = holders(self.redis.client)
            return [each for each in self.workers if held.get(each.pid)]

        happens(lambda: found() or len(self.at_work()) < _WORKERS)
        return self.chance.choice(found() or self.workers)


def _kill_worker(scene: Scene) -> int:
    scene.holder().send(signal.SIGKILL)
    return 2 * IN_HAND  # what is slow to come is asked for again, all the same


def _kill_collector(scene: Scene) -> int:
    scene.collector.send(signal.SIGKILL)
    scene.collector.wait()
    time.sleep(scene.chance.choice((0, 0, 1)))
    scene.collector = scene.collect()
    return _WORKERS * IN_HAND


def _kill_redis(scene: Scene) -> float:
    """While its disk is busy Redis answers before it writes: a second may be lost, or two."""
    scene.redis.kill()
    time.sleep(scene.chance.choice((0, 0.2, 1)))
    scene.redis.start()
    return math.inf


def _lose_redis(scene: Scene) -> float:
    """As when the machine loses power: the last second was not on its disk."""
    scene.redis.kill()
    scene.redis.forget(scene.chance.randint(1, 60_000))
    scene.redis.start()
    return math.inf


def _cut_network(scene: Scene) -> float:
    """For so long that each is dead to the others, and takes what they hold."""
    among = scene.chance.choice((("collector",), ("workers",), ("collector", "workers")))
    lossy = scene.chance.choice((False, True))
    for name in among:
        scene.roads[name].cut(lossy=lossy)
    time.sleep(scene.cut_s)
    for name in among:
        scene.roads[name].mend()
    return math.inf


def _freeze_worker(scene: Scene) -> int:
    """Until its tasks were claimed by others; then it wakes, and does them too."""
    frozen = scene.holder()
    frozen.send(signal.SIGSTOP)
    others = [each for each in scene.workers if each is not frozen]

    def claimed() -> bool:
        return not holders(scene.redis.client).get(frozen.pid) or not any(
            each.running for each in others
        )

    happens(claimed)
    time.sleep(scene.chance.uniform(0, 1))
    frozen.send(signal.SIGCONT)
    return 2 * IN_HAND  # once more what was on its way: to the frozen one it timed out


#: By name: does harm; says how many pages may be asked for twice by that.
HARMS: dict[str, Callable[[Scene], float]] = {
    "worker": _kill_worker,
    "collector": _kill_collector,
    "redis": _kill_redis,
    "network": _cut_network,
    "frozen": _freeze_worker,
    "power": _lose_redis,
}


def run_harmed(
    name: str, world: World, folder: Path, chance: random.Random, cut_s: float
) -> Redeemed:
    """Do harm once, or twice; what differs in the end from the crawl of one machine."""
    assert world.whole
    program = Program(folder / "data")
    # What is cut must not last so long that what comes late is not waited for.
    program.env["FINEWS_SILENCE"] = str(max(2.0, cut_s / 5))
    with _scene(world, program, folder, chance, cut_s) as scene:
        scene.moment()
        before = [each.running for each in scene.workers]
        allowed = HARMS[name](scene)
        for worker in scene.workers:
            worker.wait(PATIENCE_S + cut_s)
        happens(lambda: not leftovers(scene.redis.client))
        scene.collector.send(signal.SIGTERM)
        scene.collector.wait()
        asked = _asked(scene.server)
        left = leftovers(scene.redis.client)
    check(program, world)
    assert not left, left
    assert any(before), "it was over before the harm was done"
    twice = sum(number - 1 for number in asked.values())
    return Redeemed(difference(world, program, world.codes[0]), twice, allowed)


def _asked(server: Server) -> Counter[str]:
    """How often each article was asked for."""
    if isinstance(server, EastmoneyReplica):
        routes = [each.route for each in server.log]
        return Counter(f"{each.kind} {each.name}" for each in routes if not each.is_list)
    return Counter(server.articles())


@contextmanager
def _scene(
    world: World, program: Program, folder: Path, chance: random.Random, cut_s: float
) -> Iterator[Scene]:
    redis = RedisServer(folder / "redis")
    roads = {name: Network(redis.port) for name in ("collector", "workers")}
    try:
        serving: AbstractContextManager[Server | None] = world.serving()
        with serving as server, together(program, redis.url) as many:
            assert server
            server.delay = _HELD_S
            _, *words = world.command(server, program.data)  # crawl SITE … --replay URL
            url = roads["workers"].url
            workers = [many.work(words[-1], *words[:-2], url=url) for _ in range(_WORKERS)]
            collector = many.collect(url=roads["collector"].url)
            yield Scene(world, redis, roads, many, server, chance, cut_s, collector, workers)
    finally:
        for road in roads.values():
            road.close()
        redis.close()

"""The face of the exchange that a worker sees: tasks, turns, and where outcomes go."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from typing import Any, NamedTuple, TypeVar, cast

from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from crawler.exchange import keys
from crawler.exchange.connect import Outage, connect_async, require_version, script
from crawler.exchange.hosts import SharedHosts
from crawler.exchange.records import (
    RECORD,
    Given,
    Outcome,
    Wish,
    from_json,
    outcome_fields,
    summary_of,
    to_json,
)
from pipelines.database.ledger import Tally
from pipelines.hosts import Host, Rest
from pipelines.run import now

#: After what silence a worker counts as dead, where ``FINEWS_SILENCE`` says nothing else.
DEAD_S = 15.0
#: A task that so many workers died of is given up.
MOST_DEATHS = 5
_CLAIM = 10  # tasks of dead workers at once
# How long one who asks for a robots.txt is waited for, and how soon it is looked for again.
_ASKED_S, _AGAIN_S = 60, 0.1
# A turn that came so late may be another's by now.
_STALE_S = 2.0
_T = TypeVar("_T")


class Taken(NamedTuple):
    """A task that this worker holds; ``times`` is how often it was given to a worker."""

    stream: bytes
    id: bytes
    given: Given
    times: int


class Turn(NamedTuple):
    """The right to ask a host once; it is to be left."""

    host: str
    name: str


class Worker:
    """One spider among many: what it knows of the others, and says to them.

    After ``silence_s`` without a word of a worker, others take what it holds.
    ``counts``, ``tally``, ``clock_off`` and ``resting`` as of a run; they go with the next
    outcome. Calls wait while Redis does not answer. Raises :class:`RedisRefuses`.
    """

    def __init__(self, url: str, site: str, silence_s: float) -> None:
        self._redis = redis = connect_async(url)
        self._outage = Outage(url)
        self.name = f"{socket.gethostname()}:{os.getpid()}:{site}:{secrets.token_hex(2)}"
        self._site = site
        self._silence_s = silence_s
        self._began = now()
        self._lanes = [keys.tasks(site, lane) for lane in keys.LANES]
        self._scripts = {
            name: redis.register_script(script(name))
            for name in ("beat", "claim", "leave", "publish", "take", "turn")
        }
        self._unsure = False  # did an answer get lost, with tasks in it perhaps?
        self.clock = now
        self.hosts = SharedHosts(redis, self._ask, self.clock)
        self.counts: Counter[str] = Counter()
        self.tally: Tally = defaultdict(Counter)
        self.clock_off: float | None = None
        self.resting: dict[str, Rest] = {}
        self.error: Exception | None = None
        self.held: dict[str, Taken] = {}
        self._freed = asyncio.Event()  # is there room since it was waited for?
        self.done = 0  # tasks whose outcomes were handed over

    async def wish(self, wish: Wish) -> str:
        """Say what is wanted; the id of the wish."""
        require_version(await self._ask(lambda: self._redis.info("server")))
        id_ = await self._ask(lambda: self._redis.xadd(keys.WISHES, {RECORD: to_json(wish)}))
        return cast("bytes", id_).decode()

    async def ended(self, wish: str) -> dict[str, Any] | None:
        """How the crawl of a wish ended; None while it goes on.

        Raises :class:`LookupError` where Redis knows nothing of it: it was lost.
        """
        text, waiting = await self._all(
            lambda pipe: pipe.get(keys.ended(wish)),
            lambda pipe: pipe.xrange(keys.WISHES, wish, wish),
        )
        if text:
            return summary_of(text)
        if not waiting:
            raise LookupError(wish)
        return None

    async def withdraw(self, wish: str) -> None:
        """Nobody waits for it any more."""
        await self._all(
            lambda pipe: pipe.set(keys.withdrawn(wish), 1, ex=86400),
            lambda pipe: pipe.xdel(keys.WISHES, wish),
        )

    async def is_collected(self) -> bool:
        """Is a collector at work?"""
        return bool(await self._ask(lambda: self._redis.exists(keys.COLLECTOR)))

    async def beat(self) -> None:
        """Be heard of."""
        told = {
            "machine": socket.gethostname(),
            "pid": os.getpid(),
            "site": self._site,
            "began": self._began,
            "done": self.done,
            "holds": len(self.held),
        }
        if not self.held:
            self._unsure = True  # where Redis lost what was said last, a task may be ours again
        said = [keys.WORKERS, keys.worker(self.name)]
        await self._run("beat", said, self.name, to_json(told))

    async def take(self, most: int) -> list[Taken]:
        """Up to so many tasks that wait, and those that an answer which got lost gave to us."""
        found = await self._lost() if self._unsure else []
        rows = await self._run("take", self._lanes, keys.GROUP, self.name, most)
        return found + await self._hold((*row, 1) for row in rows)

    async def claim(self) -> list[Taken]:
        """Tasks of workers that are not heard of any more."""
        among = [keys.WORKERS, keys.looked(self._site), *self._lanes]
        silent = int(self._silence_s * 1000)
        rows = await self._run("claim", among, keys.GROUP, self.name, silent, _CLAIM)
        return await self._hold(rows)

    async def publish(self, outcome: Outcome) -> bool:
        """Hand over what became of a task; False where it is not ours any more."""
        taken = self.held[outcome.token]
        self._tell(outcome)
        fields = [each for pair in outcome_fields(outcome, taken.given).items() for each in pair]
        streams: list[str | bytes] = [taken.stream, keys.OUTCOMES]
        handed = await self._run("publish", streams, keys.GROUP, self.name, taken.id, *fields)
        del self.held[outcome.token]
        self._freed.set()
        self.done += handed
        return bool(handed)

    async def freed(self, most_s: float) -> None:
        """Wait until a task is handed over; no longer than so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._freed.wait(), most_s)
        self._freed.clear()

    async def turn(self, host: str, lease_s: float, pause_s: float) -> Turn | Rest:
        """Wait for the right to ask a host; or the rest that it is having.

        With a ``lease_s`` of 0 nobody waits for anybody, but rests hold. ``pause_s`` is the least
        that lies between two turns: for so long there is no need to ask for one that another has.
        """
        loop = asyncio.get_running_loop()
        while True:
            turn, asked = Turn(host, f"{self.name}:{secrets.token_hex(4)}"), loop.time()
            said = await self._run(
                "turn", [keys.host(host), keys.rest(host)], turn.name, int(lease_s * 1000)
            )
            what, wait, state = said[0].decode(), int(said[1]) / 1000, said[2]
            if state:
                self.hosts.hear(host, state)
            if what == "rest":  # by the clock of Redis
                until, known = self.clock() + timedelta(seconds=wait), from_json(state, Host)
                return Rest(host, until, known.reason)
            if what == "go":
                if loop.time() - asked < _STALE_S:
                    return turn
                await self.leave(turn, 0)
            await asyncio.sleep(min(wait, pause_s) if what == "held" else wait)

    async def leave(self, turn: Turn, pause_s: float) -> None:
        """The host was asked: the next may be when the pause is over."""
        await self._run("leave", [keys.host(turn.host)], turn.name, int(pause_s * 1000))

    async def robots(self, host: str) -> bytes | None:
        """The robots.txt of a host as one of us got it within a day; None: ask for it."""
        key, asked = keys.robots(host), keys.robots_asked(host)
        while (body := await self._ask(lambda: self._redis.get(key))) is None:
            if await self._ask(lambda: self._redis.set(asked, self.name, nx=True, ex=_ASKED_S)):
                return None
            await asyncio.sleep(_AGAIN_S)  # another one does
        return cast("bytes", body)

    async def keep_robots(self, host: str, body: bytes | None) -> None:
        """Keep what a host answered; None: it did not."""
        if body is not None:
            await self._ask(lambda: self._redis.set(keys.robots(host), body, ex=86400))
        await self._ask(lambda: self._redis.delete(keys.robots_asked(host)))

    async def close(self) -> None:
        """Go: others may take at once what this worker holds."""
        try:
            await self._redis.zrem(keys.WORKERS, self.name)
            await self._redis.delete(keys.worker(self.name))
        except RedisError:
            pass  # then they wait until it counts as dead
        await self._redis.aclose()

    async def _lost(self) -> list[Taken]:
        """What we hold, by what Redis says, and do not know of."""
        self._unsure = False
        rows = []
        for lane in self._lanes:
            # Nothing but what is held is read by that, and nothing of a stream that is not there.
            read = self._redis.xreadgroup
            try:
                streams: Any = await read(keys.GROUP, self.name, {lane: "0"})
            except RedisError:
                self._unsure = True
                continue
            for _, entries in streams:
                held = ((id_, fields) for id_, fields in entries if fields)
                rows += [(lane.encode(), id_, list(chain(*f.items())), 1) for id_, f in held]
        return await self._hold(rows)

    async def _hold(self, rows: Iterable[Any]) -> list[Taken]:
        """Those that are tasks; what is none is kept aside."""
        found = []
        for stream, id_, flat, times in rows:
            fields = dict(zip(flat[::2], flat[1::2], strict=True))
            try:
                given = from_json(fields.get(RECORD, b""), Given)
            except ValueError as error:
                await self._bury(stream, id_, fields, str(error))
                continue
            taken = Taken(stream, id_, given, int(times))
            if taken.given.token not in self.held:
                self.held[taken.given.token] = taken
                found.append(taken)
        return found

    async def _bury(self, stream: bytes, id_: bytes, fields: dict[bytes, bytes], why: str) -> None:
        copy: dict[Any, Any] = {**fields, b"why": why.encode("utf-8", "replace")}
        await self._all(
            lambda pipe: pipe.xadd(keys.DEAD, copy, maxlen=keys.DEAD_LETTERS),
            lambda pipe: pipe.xack(stream, keys.GROUP, id_),
            lambda pipe: pipe.xdel(stream, id_),
        )

    def _tell(self, outcome: Outcome) -> None:
        """Have what was counted since the last outcome go with this one."""
        outcome.counts, outcome.clock_off = dict(self.counts), self.clock_off
        outcome.tally = {listing: dict(own) for (_, listing), own in self.tally.items()}
        outcome.hosts, outcome.resting = dict(self.hosts.changed), [*self.resting]
        for each in (self.counts, self.tally, self.hosts.changed, self.resting):
            each.clear()

    async def _run(self, name: str, keys: Sequence[str | bytes], *args: str | bytes | int) -> Any:
        """What a script answers."""
        return await self._ask(lambda: self._scripts[name](keys, args))

    async def _all(self, *add: Callable[[Pipeline], object]) -> list[Any]:
        """What several commands answer, which are done as one."""

        def execute() -> Awaitable[list[Any]]:
            pipe = self._redis.pipeline()  # a new one each time: it is empty after an error
            for each in add:
                each(pipe)
            return pipe.execute()

        return await self._ask(execute)

    async def _ask(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """What Redis answers, however long that takes."""
        while True:
            try:
                answer = await ask()
            except RedisError as error:
                self._unsure = True
                await asyncio.sleep(self._outage.pause(error))
            else:
                self._outage.over()
                return answer

"""The face of the exchange that a worker sees: tasks, turns, and where outcomes go."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError, ResponseError
from scrapy.exceptions import IgnoreRequest

from crawler.errors import RedisRefuses
from crawler.exchange import keys
from crawler.exchange.connect import DAY_S, Outage, connect_async, require_version, script
from crawler.exchange.hosts import SharedHosts
from crawler.exchange.records import (
    RECORD,
    Given,
    Outcome,
    Wish,
    from_json,
    outcome_fields,
    to_json,
)
from pipelines.database.ledger import Tally
from pipelines.hosts import Host, Rest
from pipelines.run import now

#: A task that so many workers died of is given up.
MOST_DEATHS = 5
_CLAIM = 10  # tasks of dead workers at once
# Of the silence after which a worker counts as dead: who was not heard of for so long itself may
# have been cut off with all others; how long it waits at most before it tries Redis again.
_CUT_OFF, _LONGEST = 0.8, 0.5
# How long one who asks for a robots.txt is waited for, and how soon it is looked for again.
_ASKED_S, _AGAIN_S = 60, 0.1
# A turn that came so late may be another's by now.
_STALE_S = 2.0
_POLL_S = 0.2  # how soon a wait ends when the worker goes
_LAST_S = 1.0  # how long its last words may take
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


class Goes(IgnoreRequest):
    """The request was not sent: the worker goes, and others have its tasks."""


class Worker:
    """One spider among many: what it knows of the others, and says to them.

    After ``silence_s`` without a word of a worker, others take what it holds.
    ``counts``, ``tally``, ``clock_off`` and ``resting`` as of a run; they go with the next
    outcome. Once it is ``told_to_end`` it waits for no host any more.
    Calls wait while Redis does not answer. Raises :class:`RedisRefuses`.
    """

    def __init__(
        self,
        url: str,
        site: str,
        silence_s: float,
        told_to_end: Callable[[], bool] = lambda: False,
    ) -> None:
        self._redis = redis = connect_async(url)
        self._outage = Outage(url, _LONGEST * silence_s)
        self._told_to_end = told_to_end
        self.name = f"{socket.gethostname()}:{os.getpid()}:{site}:{secrets.token_hex(2)}"
        self._site = site
        self._silence_s = silence_s
        self._began = now()
        self._lanes = [keys.tasks(site, lane) for lane in keys.LANES]
        self._scripts = {
            name: redis.register_script(script(name))
            for name in ("beat", "claim", "leave", "publish", "release", "take", "turn")
        }
        self._unsure = False  # did an answer get lost, with tasks in it perhaps?
        self.clock = now
        self._ahead = timedelta(0)  # the clock of Redis
        # When it was last heard of, and since when without a long silence.
        self._heard, self._heard_since = float("-inf"), float("inf")
        self.hosts = SharedHosts(redis, self._ask, self._redis_clock)
        self.counts: Counter[str] = Counter()
        self.tally: Tally = defaultdict(Counter)
        self.clock_off: float | None = None
        self.resting: dict[str, Rest] = {}
        self.error: Exception | None = None
        self.held: dict[str, Taken] = {}
        # Tokens of what is handed over while it is looked for what got lost.
        self._handed: set[str] | None = None
        self._freed = asyncio.Event()  # is there room since it was waited for?
        self._gone = False
        self._soon: set[asyncio.Future[None]] = set()
        self.done = 0  # tasks whose outcomes were handed over

    @property
    def goes(self) -> bool:
        """Is nothing more to be begun?"""
        return self._gone or self.error is not None or self._told_to_end()

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
            return from_json(text, dict)
        if not waiting:
            raise LookupError(wish)
        return None

    async def withdraw(self, wish: str, reason: str) -> None:
        """Nobody waits for it any more, for some reason."""
        await self._all(
            lambda pipe: pipe.set(keys.withdrawn(wish), reason, ex=DAY_S),
            lambda pipe: pipe.xdel(keys.WISHES, wish),
        )

    async def is_collected(self) -> bool:
        """Is a collector at work?"""
        return bool(await self._ask(lambda: self._redis.exists(keys.COLLECTOR)))

    async def beat(self) -> None:
        """Be heard of, and hear what time it is."""
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
        said, loop = [keys.WORKERS, keys.worker(self.name)], asyncio.get_running_loop()

        async def ask() -> None:
            sent = self.clock()
            time = await self._scripts["beat"](said, [self.name, to_json(told)])
            between = sent + (self.clock() - sent) / 2
            self._ahead = datetime.fromtimestamp(time / 1000, between.tzinfo) - between

        await self._ask(ask)
        if loop.time() - self._heard > _CUT_OFF * self._silence_s:
            self._heard_since = loop.time()
        self._heard = loop.time()

    async def take(self, most: int) -> list[Taken]:
        """Up to so many tasks that wait, and those that an answer which got lost gave to us."""
        found = await self._lost() if self._unsure else []
        rows = await self._run("take", self._lanes, keys.GROUP, self.name, most)
        return found + await self._hold((*row, 1) for row in rows)

    async def claim(self) -> list[Taken]:
        """Tasks of workers that are not heard of any more.

        None for one silence after this one was not heard of either: it may be that Redis was
        away for all.
        """
        if self._heard - self._heard_since < self._silence_s:
            return []
        among = [keys.WORKERS, keys.looked(self._site), *self._lanes]
        silent = int(self._silence_s * 1000)
        rows = await self._run("claim", among, keys.GROUP, self.name, silent, _CLAIM)
        return await self._hold(rows)

    async def publish(self, outcome: Outcome) -> bool:
        """Hand over what became of a task; False where it is not ours any more."""
        token = outcome.token
        if token not in self.held:
            return False
        self._tell(outcome)
        fields = list(chain(*outcome_fields(outcome, self.held[token].given).items()))
        handed = 0
        while not handed and (taken := self.held.get(token)):
            streams: list[str | bytes] = [taken.stream, keys.OUTCOMES]
            handed = await self._run("publish", streams, keys.GROUP, self.name, taken.id, *fields)
            if handed or self.held.get(token) is taken:  # else it was given to us anew meanwhile
                self.held.pop(token, None)
        if self._handed is not None:
            self._handed.add(token)
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
        All ports of a host have one turn. Raises :class:`Goes`.
        """
        loop = asyncio.get_running_loop()
        own = [keys.host(_bare(host)), keys.rest(host)]
        lease, pause = int(lease_s * 1000), int(pause_s * 1000)
        while not self.goes:
            turn, asked = Turn(host, f"{self.name}:{secrets.token_hex(4)}"), loop.time()
            said = await self._run("turn", own, turn.name, lease, pause)
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
            await self._sleep(min(wait, pause_s) if what == "held" else wait)
        raise Goes

    def say(self, words: Coroutine[Any, Any, None]) -> None:
        """Have something said to Redis of which nobody waits for the answer."""

        async def say() -> None:
            with suppress(RedisRefuses):  # whoever waits for an answer tells of it
                await words

        saying = asyncio.ensure_future(say())
        self._soon.add(saying)
        saying.add_done_callback(self._soon.discard)

    async def leave(self, turn: Turn, pause_s: float) -> None:
        """The host was asked: the next may be when the pause is over."""
        own = [keys.host(_bare(turn.host))]
        await self._run("leave", own, turn.name, int(pause_s * 1000))

    async def robots(self, host: str) -> bytes | None:
        """The robots.txt of a host as one of us got it within a day; None: ask for it.

        Raises :class:`Goes`.
        """
        key, asked = keys.robots(host), keys.robots_asked(host)
        while (body := await self._ask(lambda: self._redis.get(key))) is None:
            if await self._ask(lambda: self._redis.set(asked, self.name, nx=True, ex=_ASKED_S)):
                return None
            if self.goes:
                raise Goes
            await asyncio.sleep(_AGAIN_S)  # another one does
        return cast("bytes", body)

    async def keep_robots(self, host: str, body: bytes | None) -> None:
        """Keep what a host answered; None: it did not."""
        if body is not None:
            await self._ask(lambda: self._redis.set(keys.robots(host), body, ex=DAY_S))
        await self._ask(lambda: self._redis.delete(keys.robots_asked(host)))

    async def go(self, wish: str = "", reason: str = "") -> None:
        """Go: others may take at once what this worker holds; it waits for its wish no more."""
        self._gone = True
        self.held.clear()
        # First: whoever hears of the rest must find all tasks where they stay.
        await self._run("release", self._lanes, keys.GROUP, self.name)
        if wish:
            await self.withdraw(wish, reason)
        await self._all(
            lambda pipe: pipe.zrem(keys.WORKERS, self.name),
            lambda pipe: pipe.delete(keys.worker(self.name)),
        )

    async def close(self) -> None:
        """Be gone. What it holds yet is for others once it counts as dead."""
        if words := self._soon | self.hosts.sending:
            await asyncio.wait(words, timeout=_LAST_S)
        await self._redis.aclose()

    async def _lost(self) -> list[Taken]:
        """What we hold, by what Redis says, and do not know of."""
        self._unsure = False
        self._handed = handed = set[str]()
        rows = []
        known = {taken.id for taken in self.held.values()}
        for lane in self._lanes:
            try:
                # To read them as a group does would count as if they were given once more.
                held: Any = await self._redis.xpending_range(
                    lane, keys.GROUP, "-", "+", _CLAIM, consumername=self.name
                )
                lost = [each["message_id"] for each in held if each["message_id"] not in known]
                for id_ in lost:
                    found: Any = await self._redis.xrange(lane, id_, id_)
                    rows += [(lane.encode(), id_, list(chain(*f.items())), 1) for _, f in found]
            except ResponseError:
                pass  # no such stream, or no group: nothing is held there
            except RedisError:
                self._unsure = True
        self._handed = None
        return await self._hold(rows, handed)

    async def _hold(self, rows: Iterable[Any], handed: Collection[str] = ()) -> list[Taken]:
        """Those that are tasks and are to be begun; what is none is kept aside."""
        found = []
        for stream, id_, flat, times in rows:
            fields = dict(zip(flat[::2], flat[1::2], strict=True))
            try:
                given = from_json(fields.get(RECORD, b""), Given)
            except ValueError as error:
                await self._bury(stream, id_, fields, str(error))
                continue
            if given.token in handed:
                continue
            taken = Taken(stream, id_, given, int(times))
            if given.token not in self.held:
                found.append(taken)
            # A task that is given out again, since Redis lost it, has another id.
            self.held[given.token] = taken
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

    def _redis_clock(self) -> datetime:
        return self.clock() + self._ahead

    async def _sleep(self, seconds: float) -> None:
        """Unless the worker goes."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0 and not self.goes:
            await asyncio.sleep(min(left, _POLL_S))

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


def _bare(host: str) -> str:
    """A host without its port, by which Scrapy keeps hosts apart too."""
    return urlsplit(f"//{host}").hostname or host

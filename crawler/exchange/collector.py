"""The face of the exchange that the collector sees: wishes, outcomes, and what it gives out."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple, TypeVar, cast

import click
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError

from crawler.errors import AnotherCollects
from crawler.exchange import keys
from crawler.exchange.connect import (
    BEATS,
    DAY_S,
    GONE,
    Outage,
    connect,
    require_version,
    script,
)
from crawler.exchange.hosts import rest_fields
from crawler.exchange.records import RECORD, Given, Wish, from_json, given_of, to_json
from pipelines.hosts import Host

_MANY = 200  # outcomes at once
_T = TypeVar("_T")

#: The fields of an entry in a stream.
Fields = Mapping[bytes, bytes]


class Came(NamedTuple):
    """An entry in the stream of outcomes."""

    id: bytes
    fields: Fields


class Ending:
    """Is the collector to end? A signal may say so at any moment: there is no lock in it."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """From now on."""
        self._is_set = True

    def is_set(self) -> bool:
        """Was that said?"""
        return self._is_set

    def wait(self, seconds: float) -> None:
        """So long, or until it is said."""
        until = time.monotonic() + seconds
        while not self._is_set and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


class Exchange:
    """What the one collector says to the workers and hears of them.

    Who is not heard of for ``silence_s``, a collector too, counts as dead.
    Calls wait while Redis does not answer; where ``ending`` is set then, they raise
    :class:`InterruptedError`. Raises :class:`RedisRefuses`.
    """

    def __init__(self, url: str, ending: Ending, silence_s: float, folder: Path) -> None:
        self._url = url
        self._redis = connect(url)
        self._outage = Outage(url)
        self._ending = ending
        self._silence_s = silence_s
        self._collect = self._redis.register_script(script("collect"))
        name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
        self._name = f"{name} for {folder.absolute()}"
        self._last = b"0"  # outcome that was read
        self._wishes: dict[bytes, Wish | None] = {}
        self._rival: str | None = None
        self._over = Event()

    def begin(self) -> None:
        """Be the collector, once nobody else is.

        Raises :class:`AnotherCollects` where one stays at work.
        """
        require_version(self._ask(lambda: self._redis.info("server")))
        until, told = time.monotonic() + self._silence_s * (1 + 1 / BEATS), False
        while (holder := self._ask(lambda: self._hold(self._redis))) != self._name:
            if not told:
                told = True
                wait = f"{self._silence_s:g} s, to see whether it is alive"
                click.echo(f"finews: {holder} collects from this Redis; waiting {wait}", err=True)
            if time.monotonic() > until:
                raise AnotherCollects(f"{holder} collects from this Redis already")
            self._ending.wait(1.0)
            self._check()
        Thread(target=self._beat, daemon=True).start()

    def end(self) -> None:
        """Be the collector no more."""
        self._over.set()
        with suppress(RedisError):
            self._collect([keys.COLLECTOR], [self._name, 0])
        self._redis.close()

    def wishes(self) -> dict[str, Wish | None]:
        """What is wanted by somebody who is at work, and not done, by id, oldest first; None for
        one that is no wish. What the dead wanted is wanted no more.
        """
        rows, heard, (seconds, _) = self._all(
            lambda pipe: pipe.xrange(keys.WISHES),
            lambda pipe: pipe.zrange(keys.WORKERS, 0, -1, withscores=True),
            lambda pipe: pipe.time(),  # by its clock they are heard of
        )
        since = (seconds - GONE * self._silence_s) * 1000
        alive = {name.decode() for name, at in heard if at > since}
        self._wishes = {id_: self._wish(id_, fields) for id_, fields in _rows(rows)}
        dead = [
            id_
            for id_, wish in self._wishes.items()
            if wish and wish.worker and wish.worker not in alive
        ]
        if dead:
            self._ask(lambda: self._redis.xdel(keys.WISHES, *dead))
        return {id_.decode(): wish for id_, wish in self._wishes.items() if id_ not in dead}

    def _wish(self, id_: bytes, fields: Fields) -> Wish | None:
        if id_ not in self._wishes:
            try:
                return from_json(fields[RECORD], Wish)
            except (ValueError, KeyError):
                return None
        return self._wishes[id_]

    def why_withdrawn(self, wish: str) -> str | None:
        """Why somebody does not wait for it any more; None where he did not say so."""
        why = self._ask(lambda: self._redis.get(keys.withdrawn(wish)))
        return None if why is None else cast("bytes", why).decode("utf-8", "replace")

    def fulfil(self, wish: str, summary: Mapping[str, Any]) -> None:
        """Tell who waits that the crawl of a wish is done, and how it went."""
        text = to_json(dict(summary))
        self._all(
            lambda pipe: pipe.set(keys.ended(wish), text, ex=DAY_S),
            lambda pipe: pipe.xdel(keys.WISHES, wish),
        )

    def workers(self) -> int:
        """How many workers are at work."""
        seconds, _ = self._ask(self._redis.time)  # by its clock they are heard of
        since = (seconds - self._silence_s) * 1000
        return int(self._ask(lambda: self._redis.zcount(keys.WORKERS, since, "+inf")))

    def is_wanted(self) -> bool:
        """Is there an outcome to be taken, or a crawl to be done?"""
        return bool(self._ask(lambda: self._redis.xlen(keys.OUTCOMES)) or self.wishes())

    def give(self, site: str, tasks: Iterable[tuple[Given, keys.Lane]]) -> None:
        """Give out tasks of a site."""
        left = list(tasks)
        while left:
            self._check()
            pipe = self._redis.pipeline()
            for lane in {lane for _, lane in left}:
                pipe.xgroup_create(keys.tasks(site, lane), keys.GROUP, id="0", mkstream=True)
            for given, lane in left:
                pipe.xadd(keys.tasks(site, lane), {RECORD: to_json(given)})
            try:
                answers = pipe.execute(raise_on_error=False)
                if error := next(filter(_is_error, answers), None):
                    raise error
            except RedisError as error:
                self._wait(error)
            else:
                return
            # It may have come in, though no answer came out.
            there = {given.token for _, _, given in self.given(site) if given}
            left = [(given, lane) for given, lane in left if given.token not in there]

    def given(self, site: str) -> list[tuple[str, bytes, Given | None]]:
        """The tasks of a site that wait or are being done: stream, id, task (None: it is none)."""
        found = list[tuple[str, bytes, Given | None]]()
        for lane in keys.LANES:
            stream = keys.tasks(site, lane)
            for id_, fields in self._ask(lambda: _rows(self._redis.xrange(stream))):  # noqa: B023
                try:
                    found.append((stream, id_, from_json(fields[RECORD], Given)))
                except (ValueError, KeyError):
                    found.append((stream, id_, None))
        return found

    def take_back(self, tasks: Iterable[tuple[str, bytes]]) -> None:
        """Have tasks, by stream and id, not done; what comes of those that are, is not taken."""

        def take_back(pipe: Pipeline) -> None:
            for stream, id_ in vain:
                pipe.xack(stream, keys.GROUP, id_)
                pipe.xdel(stream, id_)

        if vain := list(tasks):
            self._all(take_back)

    def read(self, wait_s: float) -> list[Came]:
        """The next outcomes; none where none comes within so many seconds."""
        block = max(1, int(wait_s * 1000))
        read = self._ask(
            lambda: self._redis.xread({keys.OUTCOMES: self._last}, count=_MANY, block=block)
        )
        found = [Came(id_, fields) for _, entries in cast("Any", read) for id_, fields in entries]
        if found:
            self._last = found[-1].id
        return found

    def reread(self) -> None:
        """Read the outcomes that are there once more, from the first."""
        self._last = b"0"

    def taken(self, outcomes: Iterable[bytes]) -> None:
        """The corpus has these outcomes."""
        ids = list(outcomes)
        if ids:
            self._ask(lambda: self._redis.xdel(keys.OUTCOMES, *ids))

    def bury(self, outcome: Came, why: str) -> None:
        """Keep a copy of what broke the collector."""
        fields: dict[Any, Any] = {**outcome.fields, b"why": why.encode("utf-8", "replace")}
        self._ask(lambda: self._redis.xadd(keys.DEAD, fields, maxlen=keys.DEAD_LETTERS))

    def exhume(self, urls: Collection[str]) -> None:
        """What was given up at these addresses is tried again: the copies go."""
        last = "-"
        while rows := self._ask(lambda: _rows(self._redis.xrange(keys.DEAD, last, count=_MANY))):  # noqa: B023
            last = f"({rows[-1][0].decode()}"
            if again := [id_ for id_, fields in rows if _url(fields) in urls]:
                self._ask(lambda: self._redis.xdel(keys.DEAD, *again))

    def tell_rests(self, hosts: Mapping[str, Host]) -> None:
        """Let workers know of rests of which the corpus knows, unless they know better."""
        for host, known in hosts.items():
            key = keys.rest(host)
            if not self._ask(lambda: self._redis.exists(key)):  # noqa: B023
                fields = cast("Any", rest_fields(known))
                self._ask(lambda: self._redis.hset(key, mapping=fields))  # noqa: B023

    def _hold(self, redis: Redis) -> str:
        args: list[str | int] = [self._name, int(self._silence_s * 1000)]
        return cast("bytes", self._collect([keys.COLLECTOR], args, client=redis)).decode()

    def _beat(self) -> None:
        """Be heard of, from a thread of its own: taking a batch may take its time."""
        redis = connect(self._url)
        while not self._over.wait(self._silence_s / BEATS):
            with suppress(RedisError):  # whoever waits for an answer tells of it
                holder = self._hold(redis)
                self._rival = None if holder == self._name else holder
        redis.close()

    def _all(self, *add: Callable[[Pipeline], object]) -> list[Any]:
        """What several commands answer, which are done as one."""

        def execute() -> list[Any]:
            pipe = self._redis.pipeline()  # a new one each time: it is empty after an error
            for each in add:
                each(pipe)
            return pipe.execute()

        return self._ask(execute)

    def _ask(self, ask: Callable[[], _T]) -> _T:
        """What Redis answers, however long that takes."""
        while True:
            self._check()
            try:
                answer = ask()
            except RedisError as error:
                self._wait(error)
            else:
                self._outage.over()
                return answer

    def _wait(self, error: RedisError) -> None:
        """A while; Redis does not answer."""
        pause = self._outage.pause(error)
        if self._ending.is_set():
            raise InterruptedError
        self._ending.wait(pause)

    def _check(self) -> None:
        if self._rival:
            raise AnotherCollects(f"{self._rival} collects from this Redis now")


def _rows(answer: Any) -> list[tuple[bytes, Fields]]:
    return cast("list[tuple[bytes, Fields]]", answer)


def _is_error(answer: object) -> bool:
    """Is it one, and not that the group of a stream was made before?"""
    return isinstance(answer, RedisError) and not str(answer).startswith("BUSYGROUP")


def _url(fields: Fields) -> str | None:
    """The address of a dead letter's task; None where it is none."""
    try:
        return given_of(fields).task.what.url
    except ValueError:
        return None

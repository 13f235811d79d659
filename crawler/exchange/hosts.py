"""What is known of hosts that refuse, by all who crawl together: it stands in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from crawler.exchange import keys
from crawler.exchange.records import from_json, to_json
from pipelines.hosts import Host, Hosts

#: Does something with Redis once it answers.
Ask = Callable[[Callable[[], Awaitable[object]]], Awaitable[object]]


def rest_fields(known: Host) -> dict[Any, Any]:
    """The hash of a host's rest: until when, in ms (0: none), and all that is known."""
    until = int(known.until.timestamp() * 1000) if known.until else 0
    return {"until": until, "state": to_json(known)}


class SharedHosts(Hosts):
    """What a worker knows of the hosts: what the others know too, and at once what it met.

    ``changed`` are those that it knows otherwise since they were taken from there.
    """

    def __init__(self, redis: Redis, ask: Ask, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._redis = redis
        self._ask = ask
        self._hosts: dict[str, Host] = {}
        self._sending: set[asyncio.Future[object]] = set()
        self.changed: dict[str, Host] = {}

    def hear(self, host: str, state: bytes) -> None:
        """Others know this of it."""
        self._hosts[host] = from_json(state, Host).remembered(self._clock())

    def missed(self, host: str) -> None:
        self.changed[host] = self._known(host)

    def _known(self, host: str) -> Host:
        return self._hosts.setdefault(host, Host())

    def _change(self, host: str, change: Callable[[Host], Host], *, matters: bool = True) -> None:
        before = self._known(host)
        self._hosts[host] = change(before)
        if matters or before.rests:  # how well it answers since, all must count together
            self.changed[host] = self._hosts[host]
            sending = asyncio.ensure_future(self._ask(lambda: self._send(host, change)))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)

    async def _send(self, host: str, change: Callable[[Host], Host]) -> None:
        """Make the change to what all know; again where another worker changed it meanwhile."""
        key = keys.rest(host)

        async def apply(pipe: Pipeline) -> None:
            state = cast("bytes | None", await pipe.hget(key, "state"))
            before = from_json(state, Host).remembered(self._clock()) if state else Host()
            after = change(before)
            pipe.multi()  # type: ignore[no-untyped-call]
            pipe.hset(key, mapping=rest_fields(after))
            pipe.expire(key, 2 * 86400)
            self._hosts[host] = self.changed[host] = after

        await self._redis.transaction(apply, key)

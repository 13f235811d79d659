"""What is known of hosts that refuse, by all who crawl together: it stands in Redis."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from crawler.errors import RedisRefuses
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

    ``clock`` is that of Redis. ``changed`` are those that it knows otherwise since they were taken
    from there, ``sending`` are changes that Redis does not know yet.
    """

    def __init__(self, redis: Redis, ask: Ask, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._redis = redis
        self._ask = ask
        self._hosts: dict[str, Host] = {}
        self.sending: set[asyncio.Future[None]] = set()
        self.changed: dict[str, Host] = {}

    def hear(self, host: str, state: bytes) -> None:
        """Others know this of it; unless something later was met here, which they hear soon."""
        known = from_json(state, Host)
        if known.at >= self._known(host).at:
            self._hosts[host] = known.lasting(self._clock())

    def missed(self, host: str) -> None:
        self.changed[host] = self._known(host)

    def _known(self, host: str) -> Host:
        return self._hosts.setdefault(host, Host())

    def _change(self, host: str, change: Callable[[Host], Host], *, matters: bool = True) -> None:
        before = self._known(host)
        self._hosts[host] = before.changed(change, self._clock())
        if matters or before.rests:  # how well it answers since, all must count together
            self.changed[host] = self._hosts[host]
            sending = asyncio.ensure_future(self._tell(host, change, secrets.token_hex(8)))
            self.sending.add(sending)
            sending.add_done_callback(self.sending.discard)

    async def _tell(self, host: str, change: Callable[[Host], Host], name: str) -> None:
        with suppress(RedisRefuses):  # whoever waits for an answer tells of it
            await self._ask(lambda: self._send(host, change, name))

    async def _send(self, host: str, change: Callable[[Host], Host], name: str) -> None:
        """Make the change to what all know; again where another worker changed it meanwhile.

        It has a name, by which it is known where it was made and only the answer got lost.
        """
        key = keys.rest(host)

        async def apply(pipe: Pipeline) -> None:
            fields = cast("list[bytes | None]", await pipe.hmget(key, ["state", "change"]))
            state, last = fields
            after = from_json(state, Host) if state else Host()
            pipe.multi()  # type: ignore[no-untyped-call]
            if last != name.encode():
                now = self._clock()
                after = after.lasting(now).changed(change, now)
                pipe.hset(key, mapping=rest_fields(after) | {"change": name})
                pipe.expire(key, 2 * 86400)
            self._hosts[host] = self.changed[host] = after

        await self._redis.transaction(apply, key)

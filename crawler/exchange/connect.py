"""The way to Redis: what its address may be, and waiting while it does not answer."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from importlib.resources import files
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import click
from redis import Redis, exceptions
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import RedisError
from redis.retry import Retry

from crawler.config_file import load
from crawler.errors import RedisRefuses

#: Of the silence after which one counts as dead: how often he is heard of in it, and after how many
#: of them what he wanted is wanted no more.
BEATS, GONE = 5, 4
#: Seconds for which Redis keeps what somebody may yet ask for.
DAY_S = 86400
#: Bounds how long a call waits for an answer; a reader that waits for news asks for less.
ANSWER_S = 5.0
_LONGEST_S = 30.0
_REMIND_S = 300.0  # after which one that does not answer is told again
_SCHEMES = ("redis", "rediss", "unix")
# XAUTOCLAIM and exclusive ranges came with it; older ones are not tried.
_OLDEST = (6, 2)
# What may pass is waited for.
_PASSES = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
)
_STAYS = (exceptions.AuthenticationError, exceptions.AuthorizationError)
# Of a script they stand within its message. MISCONF: it cannot write to its disk.
_PASSES_TOO = re.compile(
    r"\b(BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|OOM|READONLY|TRYAGAIN)\b"
)


def check(url: str) -> None:
    """Raises :class:`RedisRefuses` where it is no address of a Redis."""
    try:
        if urlsplit(url).scheme in _SCHEMES:
            parse_url(url)  # type: ignore[no-untyped-call]
            return
    except ValueError:
        pass
    raise RedisRefuses("that is no address such as redis://127.0.0.1:6379/0")


def connect(url: str) -> Redis:
    """A client that answers or raises at once, for one thread. Raises :class:`RedisRefuses`."""
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_options(url))


def connect_async(url: str) -> AsyncRedis:
    """The same for one event loop."""
    return AsyncRedis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **_options(url))


def script(name: str) -> str:
    """The text of a script in ``scripts/``."""
    return files(__package__).joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")


def told(url: str) -> str:
    """An address without its password.

    >>> told("redis://:secret@127.0.0.1:6379/0")
    'redis://127.0.0.1:6379/0'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def require_version(info: dict[str, Any]) -> None:
    """Raises :class:`RedisRefuses` where the server is too old, by what INFO says."""
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(each) for each in version.split(".")[:2] if each.isdecimal())
    if numbers < _OLDEST:
        raise RedisRefuses(f"Redis {version} is too old; finews needs 6.2 or later")


def refused(where: str, error: RedisError) -> RedisRefuses:
    """What a Redis says that does not let us in, or not do what we ask."""
    hint = ""
    if isinstance(error, _STAYS):
        hint = "; is FINEWS_REDIS_PASSWORD right, or the password in its URL?"
    return RedisRefuses(f"Redis at {where} refuses: {str(error).rstrip('.')}{hint}")


class Outage:
    """How long to wait for a Redis that does not answer, longer each time; told now and then."""

    def __init__(self, url: str, longest_s: float = _LONGEST_S) -> None:
        self._told = told(url)
        self._longest_s = longest_s
        self._pauses = self._growing()
        self._out: float | None = None  # since when
        self._told_at = 0.0

    def pause(self, error: RedisError) -> float:
        """Seconds to wait after an error. Raises :class:`RedisRefuses` for one that stays."""
        passes = isinstance(error, _PASSES) or _PASSES_TOO.search(str(error))
        if isinstance(error, _STAYS) or not passes:
            raise refused(self._told, error) from error
        now = time.monotonic()
        since = self._out = now if self._out is None else self._out
        if since == now or now - self._told_at > _REMIND_S:
            self._told_at = now
            long = f" for {(now - since) / 60:.0f} minutes" if since != now else ""
            told = f"Redis at {self._told} does not answer{long} ({error}); waiting"
            click.echo(f"finews: {told}", err=True)
        return next(self._pauses)

    def over(self) -> bool:
        """It answers; was it out before?"""
        was, self._out = self._out is not None, None
        if was:
            self._pauses = self._growing()
            click.echo(f"finews: Redis at {self._told} answers again", err=True)
        return was

    def _growing(self) -> Iterator[float]:
        return (min(0.25 * 2**n, self._longest_s) for n in count())


def _options(url: str) -> dict[str, Any]:
    password = load().settings.redis.password
    known = urlsplit(url).password is not None or "password=" in urlsplit(url).query
    return {
        "socket_timeout": ANSWER_S,
        "socket_connect_timeout": ANSWER_S,
        "health_check_interval": 30,
        **({"password": password} if password and not known else {}),
    }

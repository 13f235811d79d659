"""The names of the keys in Redis. All begin with the version of what is said under them."""

from __future__ import annotations

from typing import Literal

_PREFIX = "finews:1"
#: The consumer group of the workers.
GROUP = "workers"

#: What comes first: pages of listings, articles of the last days, then all else.
Lane = Literal["listing", "fresh", "backfill"]
LANES: tuple[Lane, ...] = ("listing", "fresh", "backfill")

#: Stream: crawls that somebody wants; an entry goes when the crawl is done.
WISHES = f"{_PREFIX}:wishes"
#: Stream: what became of tasks; an entry goes when the corpus has it.
OUTCOMES = f"{_PREFIX}:outcomes"
#: Stream: copies of tasks and outcomes that were given up.
DEAD = f"{_PREFIX}:dead"
DEAD_LETTERS = 10_000  # the oldest go then
#: Sorted set: workers by when they were last heard of, in ms.
WORKERS = f"{_PREFIX}:workers"
#: Who collects, for so long as it is heard of.
COLLECTOR = f"{_PREFIX}:collector"
#: All streams of tasks.
TASKS = f"{_PREFIX}:tasks:*"
#: The hashes of hosts that refused.
RESTS = f"{_PREFIX}:rest:*"


def tasks(site: str, lane: Lane) -> str:
    """Stream: the tasks of a site that wait or are being done."""
    return f"{_PREFIX}:tasks:{site}:{lane}"


def ended(wish: str) -> str:
    """How the crawl of a wish ended, for a day."""
    return f"{_PREFIX}:ended:{wish}"


def withdrawn(wish: str) -> str:
    """Why nobody waits for the crawl of a wish any more."""
    return f"{_PREFIX}:withdrawn:{wish}"


def looked(site: str) -> str:
    """Somebody looks just now for what the dead held of a site."""
    return f"{_PREFIX}:looked:{site}"


def worker(name: str) -> str:
    """What a worker tells of itself."""
    return f"{_PREFIX}:worker:{name}"


def host(name: str) -> str:
    """The turn of a host, see turn.lua."""
    return f"{_PREFIX}:host:{name}"


def rest(name: str) -> str:
    """Whether a host rests, and all that is known of it."""
    return f"{_PREFIX}:rest:{name}"


def robots(host: str) -> str:
    """The robots.txt of a host, for a day."""
    return f"{_PREFIX}:robots:{host}"


def robots_asked(host: str) -> str:
    """Somebody asks for it now."""
    return f"{_PREFIX}:robots-asked:{host}"

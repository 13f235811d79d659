"""Many workers and one collector beside one plain crawl: the same corpus, and at what cost."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis

from benchmarks.crawl import listings
from benchmarks.figures import Figure, bare
from benchmarks.generate.posts import online
from benchmarks.process import program
from benchmarks.servers import Site, redis_server, site, until
from crawler.demo.site import build
from crawler.exchange import keys
from pipelines.database.connect import read_corpus

POSTS = 2_000
_FEW = 200  # what a crawl costs before its first article is known by a small one
_WORKERS = (1, 2, 4)
_ROUNDS = 3
_SAID = (
    """
    SELECT info_code, site, listing, source, title, digest, published_at, published_raw, url,
      author, editor, tags, paragraphs, content_hash, revision, parser, page, text_hash,
      same_text_as, duplicate_group FROM articles ORDER BY info_code
    """,
    "SELECT * FROM mentions ORDER BY info_code, rowid",
    "SELECT info_code, site, listing, url FROM sightings ORDER BY 1, 2, 3, 4",
    "SELECT site, listing, url, info_code, title, published_at, state FROM entries ORDER BY id",
    "SELECT site, name, url FROM listings ORDER BY 1, 2",
    "SELECT site, listing, from_at, to_at FROM coverage ORDER BY 1, 2, 4",
    "SELECT site, listing, url, reason FROM failures ORDER BY 1, 2, 3",
)


class Cost(NamedTuple):
    """Of one crawl: its seconds; CPU seconds of all who asked, of the collector and of Redis; what
    went through Redis.
    """

    seconds: float
    asking: float
    collecting: float = 0.0
    redis: float = 0.0
    commands: float = 0.0
    bytes_in: float = 0.0
    bytes_out: float = 0.0


def measure() -> Iterator[Figure]:
    """Several rounds of all, one after the other, against one site that does not hold them up."""
    costs: dict[tuple[int, int], list[Cost]] = {}
    for _ in range(_ROUNDS):
        for count in (_FEW, POSTS):
            for workers, cost in _round(count):
                costs.setdefault((workers, count), []).append(cost)
    paces = [POSTS / each.seconds for each in costs[0, POSTS]]
    yield bare("one plain crawl", "articles/s", *paces)
    yield _pace(costs, 0)
    yield _per_article(costs, 0, "asking", "CPU ms an article")
    for workers in _WORKERS:
        ratios = [
            plain.seconds / many.seconds
            for plain, many in zip(costs[0, POSTS], costs[workers, POSTS], strict=True)
        ]
        yield bare(f"{workers} worker(s) and a collector", "times its pace", *ratios)
        yield _pace(costs, workers)
        yield _per_article(costs, workers, "asking", "CPU ms an article, workers")
        yield _per_article(costs, workers, "collecting", "CPU ms an article, collector")
        yield _per_article(costs, workers, "redis", "CPU ms an article, Redis")
        yield _per_article(costs, workers, "commands", "commands an article", 1)
        yield _per_article(costs, workers, "bytes_in", "bytes an article into Redis", 1)
        yield _per_article(costs, workers, "bytes_out", "bytes an article out of it", 1)


def _round(count: int) -> Iterator[tuple[int, Cost]]:
    """Without workers, then with so many; each corpus is the same. Few are not worth more than
    one.
    """
    with tempfile.TemporaryDirectory() as folder, _site(folder, count) as served:
        asked = _command(served)
        one = Path(folder, "one")
        yield 0, _plain(asked, one)
        wanted = _said(one)
        assert len(wanted[0]) == count
        for workers in _WORKERS:
            many = Path(folder, str(workers))
            with redis_server(Path(folder)) as (redis, address):
                yield workers, _many(asked, many, redis, address, workers)
            if _said(many) != wanted:
                raise RuntimeError(f"{workers} workers made another corpus")


def _command(served: Site) -> list[str]:
    names = (f"--listing={name}" for name in listings(served.pages).values())
    return ["crawl", "finews", "--json", *names, "--replay", served.url]


def _plain(asked: Sequence[str], data: Path) -> Cost:
    start = time.perf_counter()
    cpu = _ended(_finews(*asked, "--data", str(data)))
    return Cost(time.perf_counter() - start, cpu)


def _many(asked: Sequence[str], data: Path, redis: Redis, address: str, workers: int) -> Cost:
    collector = _finews("collect", "--redis", address, "--data", str(data), "--once", "--json")
    until(lambda: redis.exists(keys.COLLECTOR))
    before, start = _account(redis), time.perf_counter()
    crawls = [_finews(*asked, "--redis", address) for _ in range(workers)]
    cpu = sum(_ended(each) for each in crawls)
    seconds = time.perf_counter() - start
    collecting = _ended(collector)
    after = _account(redis)
    left = redis.xlen(keys.OUTCOMES) + redis.xlen(keys.DEAD) + redis.xlen(keys.WISHES)
    assert left == 0
    return Cost(seconds, cpu, collecting, *(b - a for a, b in zip(before, after, strict=True)))


def _account(redis: Redis) -> list[float]:
    told: Mapping[str, Any] = redis.info()
    return [
        told["used_cpu_user"] + told["used_cpu_sys"],
        told["total_commands_processed"],
        told["total_net_input_bytes"],
        told["total_net_output_bytes"],
    ]


def _said(data: Path) -> list[list[Any]]:
    """What a corpus says, without when and in which run it was said."""
    with closing(read_corpus(data).conn) as conn:
        return [conn.execute(sql).fetchall() for sql in _SAID]


def _site(folder: str, count: int) -> AbstractContextManager[Site]:
    return site(Path(folder), build(each.post for each in online(count)))


def _finews(*args: str) -> subprocess.Popen[bytes]:
    silent = subprocess.DEVNULL
    return subprocess.Popen([*program(*args)], stdout=silent, stderr=silent)


def _ended(process: subprocess.Popen[bytes]) -> float:
    """Wait for its end; its CPU seconds."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
    return float(usage.ru_utime + usage.ru_stime)


def _pace(costs: Mapping[tuple[int, int], list[Cost]], workers: int) -> Figure:
    paces = [1 / each for each in _slopes(costs, workers, "seconds")]
    return bare("  once it has begun", "articles/s", *paces)


def _per_article(
    costs: Mapping[tuple[int, int], list[Cost]],
    workers: int,
    name: str,
    unit: str,
    times: int = 1000,
) -> Figure:
    return bare(" ", unit, *(each * times for each in _slopes(costs, workers, name)))


def _slopes(
    costs: Mapping[tuple[int, int], list[Cost]], workers: int, name: str
) -> Iterator[float]:
    """What one article more costs, by each round's crawls of few and of many."""
    for few, all_ in zip(costs[workers, _FEW], costs[workers, POSTS], strict=True):
        yield (getattr(all_, name) - getattr(few, name)) / (POSTS - _FEW)

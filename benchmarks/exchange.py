"""The parts of a crawl by many, each alone: the collector, Redis, the frontier, turns."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.figures import Figure, bare
from benchmarks.generate.posts import online
from benchmarks.process import program
from benchmarks.servers import redis_server, running, until
from crawler.demo.site import build
from crawler.exchange import keys
from crawler.exchange.records import (
    RECORD,
    Given,
    Outcome,
    Wish,
    from_json,
    outcome_fields,
    to_json,
)
from crawler.exchange.worker import Turn, Worker
from crawler.frontier.plan import Task
from crawler.items import Article, Entry, Look, Page
from crawler.parsers import finews
from crawler.reading import read
from crawler.scope import Scope
from pipelines.database.connect import CORPUS, read_corpus, writing
from pipelines.run import Run

ARTICLES = 4_000
WAITING = 1_000_000
_AT_ONCE = 500
_WORKERS = (1, 10, 100)
_DELAY_S, _ANSWER_S, _WATCH_S = 0.5, 0.2, 8.0
_HEADERS = (
    ("Server", "nginx/1.22.1"),
    ("Date", "Thu, 30 Jun 2022 01:00:00 GMT"),
    ("Content-Type", "text/html; charset=utf-8"),
    ("Last-Modified", "Thu, 30 Jun 2022 01:00:00 GMT"),
    ("ETag", '"62bcf290-17d4"'),
    ("Accept-Ranges", "bytes"),
)


def measure() -> Iterator[Figure]:
    """Each by itself, with nothing else at work."""
    yield from _collector()
    yield from _waiting_in_redis()
    yield from _waiting_in_the_corpus()
    yield from _turns()


def _collector() -> Iterator[Figure]:
    """Outcomes that all are there already: how many the collector takes in a second."""
    pages = build(each.post for each in online(ARTICLES))
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as (redis, url):
        data = Path(folder, "data")
        _owe(data, pages)
        crowd = {f"made-up:{number}": 9e15 for number in range(ARTICLES)}
        redis.zadd(keys.WORKERS, crowd)  # so many tasks are given out at once
        redis.xadd(keys.WISHES, {RECORD: to_json(Wish("finews", {"listing": "category/emnews"}))})
        streams = [keys.tasks("finews", lane) for lane in keys.LANES]
        before = _memory(redis)
        with running(*program("collect", "--redis", url, "--data", str(data))) as collector:
            until(lambda: sum(redis.xlen(each) for each in streams) == ARTICLES)
            tasks = _memory(redis) - before
            collector.send_signal(signal.SIGSTOP)
            size = _bring(redis, streams, pages)
            outcomes = _memory(redis) - before
            cpu, start = _cpu(collector.pid), time.perf_counter()
            collector.send_signal(signal.SIGCONT)
            until(lambda: redis.xlen(keys.OUTCOMES) == 0)
            seconds, cpu = time.perf_counter() - start, _cpu(collector.pid) - cpu
        with closing(read_corpus(data).conn) as conn:
            stored = conn.execute(
                "SELECT (SELECT count(*) FROM articles WHERE title IS NOT NULL),"
                " (SELECT count(*) FROM entries WHERE state = 'stored'),"
                " (SELECT count(*) FROM failures)"
            ).fetchone()
        assert stored == (ARTICLES, ARTICLES, 0), stored
        assert redis.xlen(keys.DEAD) == 0
    yield bare("the collector alone", "articles/s", ARTICLES / seconds)
    yield bare("  CPU of it", "ms an article", cpu / ARTICLES * 1000)
    yield bare("  an outcome", "bytes", size / ARTICLES)
    yield bare("Redis: a task that was given out", "bytes", tasks / ARTICLES)
    yield bare("  an outcome that waits", "bytes", outcomes / ARTICLES)


def _owe(data: Path, pages: dict[str, bytes]) -> None:
    """Have all articles pending, as the site's listings show them."""
    with Run.open(data, "fill") as run, writing(run.corpus):
        for path, body in pages.items():
            if path.startswith("/category/"):
                name = path.removeprefix("/category/").removesuffix(".html")
                shown, _ = finews.parse_listing(body.decode(), finews.BASE + path, name)
                run.frontier("finews").show(shown, Scope())


def _bring(redis: Redis, streams: list[str], pages: dict[str, bytes]) -> int:
    """Put in the place of every task its outcome, as a worker would; bytes of all."""
    size = 0
    for stream in streams:
        rows: Any = redis.xrange(stream)
        for id_, fields in rows:
            given = from_json(fields[RECORD], Given)
            record = outcome_fields(_outcome(given, pages), given)
            size += sum(len(name) + len(value) for name, value in record.items())
            pipe = redis.pipeline()
            pipe.xadd(keys.OUTCOMES, record)  # type: ignore[arg-type]
            pipe.xdel(stream, id_)
            pipe.execute()
    return size


def _outcome(given: Given, pages: dict[str, bytes]) -> Outcome:
    entry = given.entry
    assert entry and entry.info_code
    body = pages[entry.url.removeprefix(finews.BASE)]
    page = Page(
        "finews", entry.url, 200, _HEADERS, body, sha256(body).hexdigest(), datetime.now(UTC),
        entry.info_code,
    )  # fmt: skip
    article = read(page, entry)
    assert isinstance(article, Article)
    look = Look(entry.info_code, entry.url, _HEADERS[4][1], _HEADERS[3][1])
    counts = {"requests": 1, "bytes": len(body)}
    return Outcome(
        given.token, [page], [article], [look], counts=counts, tally={entry.listing: counts},
        clock_off=0.5,
    )  # fmt: skip


def _waiting_in_redis() -> Iterator[Figure]:
    """If all that waits stood in Redis; it stands in the corpus."""
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as (redis, _):
        before = _memory(redis)
        entries, done = _entries(WAITING), 0
        for more in (WAITING // 10, WAITING):
            while done < more:
                pipe = redis.pipeline(transaction=False)
                for entry in islice(entries, 1000):
                    given = Given.of(Task(entry), f"{done:016x}")
                    pipe.xadd(keys.tasks("finews", "backfill"), {RECORD: to_json(given)})
                    done += 1
                pipe.execute()
            size = _memory(redis) - before
            yield bare(f"Redis: {done:,} tasks in a stream", "MB", size / 1e6)


def _waiting_in_the_corpus() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder, Run.open(Path(folder), "fill") as run:
        conn = run.corpus.conn
        empty = _size(run, folder)
        with writing(run.corpus):
            conn.executemany(
                "INSERT INTO entries (site, listing, url, info_code, title, state, first_shown_at)"
                " VALUES (?, ?, ?, ?, ?, 'pending', '2022-06-30T09:00:00+08:00')",
                (
                    (each.site, each.listing, each.url, each.info_code, each.title)
                    for each in _entries(WAITING)
                ),
            )
        size = _size(run, folder) - empty
        yield bare(f"finews.db: {WAITING:,} pending", "MB", size / 1e6)
        frontier, start = run.frontier("finews"), time.perf_counter()
        with writing(run.corpus):
            assert frontier.revive() == WAITING
        yield bare("  counted when a crawl begins", "s", time.perf_counter() - start)
        took = []
        for _ in range(100):
            start = time.perf_counter()
            with writing(run.corpus):
                assert len(frontier.take(_AT_ONCE)) == _AT_ONCE
            took.append((time.perf_counter() - start) * 1000)
        yield bare(f"  the next {_AT_ONCE}", "ms", *took)


def _turns() -> Iterator[Figure]:
    """Workers that all wait for one host: what they ask of Redis meanwhile."""
    for workers in _WORKERS:
        with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as (redis, url):
            turns, seconds, clients = asyncio.run(_wait_together(url, workers, redis))
            told: dict[str, Any] = redis.info("commandstats")
            asked = told["cmdstat_evalsha"]["calls"]
        yield bare(f"{workers} worker(s) at one host", "scripts a turn", asked / turns)
        yield bare("  of them all", "turns/s", turns / seconds)
        yield bare("  at most, by pause and answer", "turns/s", 1 / (_DELAY_S * 1.1 + _ANSWER_S))
        yield bare("  of each", "connections", clients / workers)


async def _wait_together(url: str, count: int, redis: Redis) -> tuple[int, float, int]:
    workers = [Worker(url, "finews", 15.0) for _ in range(count)]
    asked: list[float] = []
    jobs = [asyncio.create_task(_ask_on(each, asked)) for each in workers]
    start = time.monotonic()
    await asyncio.sleep(_WATCH_S)
    seconds = time.monotonic() - start
    told: dict[str, Any] = redis.info("clients")
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    for each in workers:
        await each.close()
    gaps = [after - before for before, after in pairwise(asked)]
    assert min(gaps) > _DELAY_S + _ANSWER_S
    return len(asked), seconds, told["connected_clients"] - 1


async def _ask_on(worker: Worker, asked: list[float]) -> None:
    """Ask the host whenever it is our turn."""
    while True:
        turn = await worker.turn("example.com", 60, _DELAY_S)
        assert isinstance(turn, Turn)
        asked.append(time.monotonic())
        await asyncio.sleep(_ANSWER_S)
        await worker.leave(turn, _DELAY_S * random.uniform(1, 1.2))


def _entries(count: int) -> Iterator[Entry]:
    """Entries as category pages show them."""
    made = [each.post for each in online(1000)]
    for number in range(count):
        post = made[number % 1000]
        code = f"20220{1 + number % 9}{10 + number % 19}{number:010}"
        url = f"{finews.BASE}/emnews/2022/06/01/{code}.html"
        yield Entry("finews", "category/emnews", url, f"NW{code}", post.title)


def _memory(redis: Redis) -> int:
    told: dict[str, Any] = redis.info("memory")
    return int(told["used_memory"])


def _size(run: Run, folder: str) -> int:
    run.corpus.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(folder, CORPUS).stat().st_size


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far, by Linux's account."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""Many workers and one collector beside one plain crawl: the same corpus, and at what cost."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from benchmarks.generate import posts
from crawler.demo.server import serve, static
from crawler.demo.site import build
from crawler.exchange import keys
from pipelines.database.connect import read_corpus

POSTS = 2_000
_FEW = 200  # what a crawl costs before its first article is known by a small one
_WORKERS = (1, 2, 4)
_ROUNDS = 3
_HOST = "finews.withounder.com"
# Every post is in one of these.
LISTINGS = ("category/emnews", *(f"yuan{number}" for number in range(7)))
_CRAWL = ("crawl", "finews", "--json", *(f"--listing={name}" for name in LISTINGS))
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


def measure() -> Iterator[tuple[str, str]]:
    """Several rounds of all, one after the other, against one site that does not hold them up."""
    costs: dict[tuple[int, int], list[Cost]] = {}
    for _ in range(_ROUNDS):
        for count in (_FEW, POSTS):
            for workers, cost in _round(count):
                costs.setdefault((workers, count), []).append(cost)
    yield "one plain crawl, articles/s", f"{POSTS / _median(costs[0, POSTS], 'seconds'):,.0f}"
    yield "  of a crawl that has begun", _pace(costs, 0)
    yield "  CPU ms an article", _per_article(costs, 0, "asking")
    for workers in _WORKERS:
        ratios = [
            plain.seconds / many.seconds
            for plain, many in zip(costs[0, POSTS], costs[workers, POSTS], strict=True)
        ]
        yield f"{workers} worker(s) and a collector, times its pace", _spread(ratios)
        yield "  of a crawl that has begun, articles/s", _pace(costs, workers)
        yield "  CPU ms an article: workers", _per_article(costs, workers, "asking")
        yield "    the collector", _per_article(costs, workers, "collecting")
        yield "    Redis", _per_article(costs, workers, "redis")
        yield "  commands an article", _per_article(costs, workers, "commands", 1)
        yield "  bytes an article into Redis", _per_article(costs, workers, "bytes_in", 1)
        yield "  bytes an article out of it", _per_article(costs, workers, "bytes_out", 1)


def _round(count: int) -> Iterator[tuple[int, Cost]]:
    """Without workers, then with so many; each corpus is the same. Few are not worth more than
    one.
    """
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), count) as url:
        one = Path(folder, "one")
        yield 0, _plain(url, one)
        wanted = _said(one)
        assert len(wanted[0]) == count
        for workers in _WORKERS:
            many = Path(folder, str(workers))
            with redis_server(Path(folder)) as (redis, address):
                yield workers, _many(url, many, redis, address, workers)
            if _said(many) != wanted:
                raise RuntimeError(f"{workers} workers made another corpus")


def _plain(url: str, data: Path) -> Cost:
    start = time.perf_counter()
    cpu = _ended(_finews(*_CRAWL, "--replay", url, "--data", str(data)))
    return Cost(time.perf_counter() - start, cpu)


def _many(url: str, data: Path, redis: Redis, address: str, workers: int) -> Cost:
    collector = _finews("collect", "--redis", address, "--data", str(data), "--once", "--json")
    until(lambda: redis.exists(keys.COLLECTOR))
    before, start = _account(redis), time.perf_counter()
    crawls = [_finews(*_CRAWL, "--replay", url, "--redis", address) for _ in range(workers)]
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


def program(*args: str) -> tuple[str, ...]:
    return (str(Path(sys.executable).parent / "finews"), *args)


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


def _median(costs: Sequence[Cost], name: str) -> float:
    return float(statistics.median(getattr(each, name) for each in costs))


def _pace(costs: Mapping[tuple[int, int], list[Cost]], workers: int) -> str:
    return _spread([1 / each for each in _slopes(costs, workers, "seconds")], "{:,.0f}")


def _per_article(
    costs: Mapping[tuple[int, int], list[Cost]], workers: int, name: str, times: int = 1000
) -> str:
    slopes = [each * times for each in _slopes(costs, workers, name)]
    return _spread(slopes, "{:.2f}" if times > 1 or name == "commands" else "{:,.0f}")


def _slopes(
    costs: Mapping[tuple[int, int], list[Cost]], workers: int, name: str
) -> Iterator[float]:
    """What one article more costs, by each round's crawls of few and of many."""
    for few, all_ in zip(costs[workers, _FEW], costs[workers, POSTS], strict=True):
        yield (getattr(all_, name) - getattr(few, name)) / (POSTS - _FEW)


def _spread(figures: Sequence[float], form: str = "{:.2f}") -> str:
    middle, least, most = statistics.median(figures), min(figures), max(figures)
    return f"{form.format(middle)} ({form.format(least)} to {form.format(most)})"


@contextmanager
def site(folder: Path, count: int) -> Iterator[str]:
    """The site of so many made-up posts, served by nginx; without one, by the demo's server."""
    pages = build(posts(count))
    if not shutil.which("nginx"):
        with serve(static({_HOST: pages})) as url:
            yield url
        return
    root = folder / "site"
    for path, body in pages.items():
        file = root / _HOST / (f"{path}index.html" if path.endswith("/") else path).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, user=_user()))
    with running("nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)):
        until(lambda: _answers(port))
        yield f"http://127.0.0.1:{port}"


_NGINX = """{user}
worker_processes 1; daemon off; pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type "text/html; charset=utf-8"; types {{ application/xml xml; }}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}/site; index index.html; }}
}}
"""


def _user() -> str:
    """Its processes read the folder as root does, where root starts it."""
    return "" if os.getuid() else "user root;"


@contextmanager
def redis_server(folder: Path) -> Iterator[tuple[Redis, str]]:
    """A Redis of one's own, with the file that lets it outlive a kill; a client, its address."""
    port, own = free_port(), Path(tempfile.mkdtemp(dir=folder))
    args = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(own), "--save", "")
    with running("redis-server", *args, "--appendonly", "yes"), closing(Redis(port=port)) as redis:
        until(lambda: _pongs(redis))
        yield redis, f"redis://127.0.0.1:{port}/0"


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server, until the end of the block."""
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=silent, stderr=silent)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def until(is_so: Any, seconds: float = 60.0) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _pongs(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except NotThere:
        return False


def _answers(port: int) -> bool:
    with closing(socket.socket()) as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0

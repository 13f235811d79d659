"""Many who crawl together: a Redis, the way to it, a collector and workers, each to be harmed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from crawler.exchange import keys
from tests.conftest import BIN, Program, Zygote, the_zygote

#: Within so many seconds whatever a test waits for must have happened.
PATIENCE_S = 90.0


def until(happens: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until something happens; it must."""
    end = time.monotonic() + patience_s
    while not happens():
        assert time.monotonic() < end, f"{happens} did not happen"
        time.sleep(0.01)


class RedisServer:
    """A real one, on a port and in a folder of its own, which it survives by."""

    def __init__(self, folder: Path, *more: str) -> None:
        self._folder = folder
        self._more = more
        folder.mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.client = Redis(port=self.port)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it on what it left."""
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--dir", str(self._folder), "--logfile", "redis.log", "--loglevel", "warning",
             "--appendonly", "yes", "--appendfsync", "everysec", *self._more]
        )  # fmt: skip
        try:
            until(self._answers)
        except AssertionError:
            self.kill()
            raise

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def forget(self, size: int) -> None:
        """Have lost the last bytes of what was written, as when the power goes."""
        files = (self._folder / "appendonlydir").glob("*.incr.aof")
        last = max(files, key=lambda each: int(each.name.split(".")[-3]))
        os.truncate(last, max(0, last.stat().st_size - size))

    def close(self) -> None:
        self.client.close()
        self.kill()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except AuthenticationError:  # it wants a password
            return True
        except RedisError:  # not yet; or it reads its files
            return False


class Network:
    """The way to a Redis: what is sent waits while it is cut, and comes late or never."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._whole = Event()
        self._whole.set()
        self._lossy = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._ends: set[socket.socket] = set()
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self, *, lossy: bool = False) -> None:
        """Hold back whatever is sent; ``lossy``: have it lost, with the connections."""
        self._lossy = lossy
        self._whole.clear()

    def mend(self) -> None:
        if self._lossy:
            for each in list(self._ends):
                _end(each)
        self._whole.set()

    def close(self) -> None:
        _end(self._server)
        self._threads[0].join()
        self.cut(lossy=True)
        self.mend()
        for each in self._threads:
            each.join()
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self._threads.append(Thread(target=self._connect, args=(near,)))
                self._threads[-1].start()

    def _connect(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            self._whole.wait()
            with socket.create_connection(("127.0.0.1", self._to)) as far:
                self._ends |= {near, far}
                back = Thread(target=self._forward, args=(far, near))
                back.start()
                self._forward(near, far)
                back.join()
                self._ends -= {near, far}

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while said := one.recv(1 << 16):
                self._whole.wait()
                other.sendall(said)
            self._whole.wait()
        _end(other)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@dataclass
class Member:
    """A process of the program that runs beside the test."""

    pid: int
    command: list[str]
    out: Path
    err: Path
    zygote: Zygote
    code: int | None = None

    def send(self, number: signal.Signals) -> None:
        if self.running:
            os.kill(self.pid, number)

    @property
    def running(self) -> bool:
        if self.code is None:
            self.code = self.zygote.poll(self.pid)
        return self.code is None

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        """Its exit code, once it ended."""
        try:
            until(lambda: not self.running, patience_s)
        except AssertionError:
            raise AssertionError((self.command, self.said)) from None
        assert self.code is not None
        return self.code

    def ended(self) -> Any:
        """What it printed as JSON; it ended well enough to do so."""
        self.wait()
        try:
            return json.loads(self.out.read_text(encoding="utf-8"))
        except ValueError:
            raise AssertionError((self.code, self.said)) from None

    @property
    def said(self) -> str:
        return self.err.read_text(encoding="utf-8")

    def has_said(self, words: str) -> None:
        """It tells that within some time."""
        until(lambda: words in self.said, 30)


class Many:
    """Those who crawl together for one corpus."""

    def __init__(self, program: Program, url: str) -> None:
        self.program = program
        self.url = url
        program.env["SCRAPY_SETTINGS_MODULE"] = "tests.many_settings"
        self.members: list[Member] = []
        self._folder = program.data.with_name(f"{program.data.name}-said")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._numbers = count()

    def collect(self, *args: str, url: str | None = None, data: Path | None = None) -> Member:
        """A collector; without ``--once`` until it is told to end."""
        told = ("--data", str(data or self.program.data), "--json")
        return self.start("collect", "--redis", url or self.url, *args, *told)

    def work(self, replay: str, *args: str, url: str | None = None) -> Member:
        """A worker, of the site finews where ``args`` name none."""
        sites = () if args and not args[0].startswith("--") else ("finews",)
        told = ("--redis", url or self.url, "--data", str(self._folder / "none"), "--json")
        return self.start("crawl", *sites, *args, "--replay", replay, *told)

    def start(self, *args: str) -> Member:
        name, zygote = f"{next(self._numbers)}-{args[0]}", the_zygote()
        out, err = self._folder / f"{name}.out", self._folder / f"{name}.err"
        command = [str(BIN / "finews"), *args]
        pid = zygote.start(command, self.program.env, out, err)
        self.members.append(Member(pid, command, out, err, zygote))
        return self.members[-1]

    def crawl(self, replay: str, *args: str, workers: int = 3, code: int | None = 0) -> Any:
        """Crawl once; what the collector says of it, and each worker."""
        collector = self.collect("--once")
        at_work = [self.work(replay, *args) for _ in range(workers)]
        told = [each.ended() for each in at_work]
        found = collector.ended()
        codes = [each.code for each in (collector, *at_work)]
        if code is not None:
            assert codes == [code] * (workers + 1), (codes, found, told, collector.said)
        return found, told

    def close(self) -> None:
        """End all; none may have been surprised."""
        for each in self.members:
            each.send(signal.SIGKILL)
            each.wait()
        for each in self.members:
            assert "Traceback" not in each.said, each.said
        assert not (self._folder / "none").exists()


@contextmanager
def together(program: Program, url: str) -> Iterator[Many]:
    many = Many(program, url)
    try:
        yield many
    finally:
        many.close()


def streams(redis: Redis) -> list[str]:
    """The streams of tasks that there are."""
    found = cast("list[bytes]", redis.keys(keys.tasks("*", cast("Any", "*"))))
    return sorted(each.decode() for each in found)


def holders(redis: Redis) -> dict[int, int]:
    """By process id of a worker, how many tasks it holds."""
    held: dict[int, int] = {}
    for stream in streams(redis):
        with suppress(RedisError):
            for each in cast("Any", redis.xinfo_consumers(stream, keys.GROUP)):
                pid = int(each["name"].split(b":")[1])
                held[pid] = held.get(pid, 0) + each["pending"]
    return held


def leftovers(redis: Redis) -> dict[str, int]:
    """What waits for somebody, by stream: there is none of it when all is done."""
    length = partial(cast("Callable[[str], int]", redis.xlen))
    found = {each: length(each) for each in (*streams(redis), keys.OUTCOMES, keys.WISHES)}
    for stream in streams(redis):
        for group in cast("Any", redis.xinfo_groups(stream)):
            found[f"{stream} held"] = group["pending"]
    return {name: number for name, number in found.items() if number}

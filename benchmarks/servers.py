"""Servers on loopback, until the end of a block: the made-up site, Redis."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from crawler.demo.server import serve, static

HOST = "finews.withounder.com"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was answered: its path, and the bytes of the body sent."""

    path: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Site:
    """A site whose ``pages``, by path, are served at ``url``, a mirror for ``--replay``."""

    url: str
    pages: Mapping[str, bytes]
    log: Path

    def address(self, path: str) -> str:
        """Where a page of the site stands on the mirror."""
        return f"{self.url}/{HOST}{path}"

    def asked(self) -> list[Asked]:
        """All requests so far, where nginx serves; else none are known."""
        if not self.log.exists():
            return []
        rows = (line.split(" ", 1) for line in self.log.read_text("utf-8").splitlines())
        return [Asked(path.removeprefix(f"/{HOST}"), int(size)) for size, path in rows]


@contextmanager
def site(folder: Path, pages: Mapping[str, bytes]) -> Iterator[Site]:
    """Pages by path, served by nginx; without one, by the demo's server."""
    folder.mkdir(exist_ok=True)
    log = folder / "access.log"
    if not shutil.which("nginx"):
        with serve(static({HOST: dict(pages)})) as url:
            yield Site(url, pages, log)
        return
    root = folder / "pages"
    for path, body in pages.items():
        file = root / HOST / (f"{path}index.html" if path.endswith("/") else path).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, user=_user(), log=log))
    with running("nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)):
        until(lambda: _answers(port))
        yield Site(f"http://127.0.0.1:{port}", pages, log)


_NGINX = """{user}
worker_processes 1; daemon off; pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  log_format short "$body_bytes_sent $uri"; access_log {log} short;
  default_type "text/html; charset=utf-8"; types {{ application/xml xml; }}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}/pages; index index.html; }}
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


def until(is_so: Callable[[], object], seconds: float = 60.0) -> None:
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

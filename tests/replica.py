"""A server on loopback that plays a site, with faults where a test asks for them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from urllib.parse import unquote, urlsplit

HOST = "finews.withounder.com"


@dataclass
class Answer:
    """An answer out of the ordinary; ``cut`` sends only so many bytes of what it promises."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: float = 0.0


@dataclass
class Replica:
    """Pages by decoded path; ``log`` holds the paths asked for, robots.txt left out."""

    pages: dict[str, bytes | Answer]
    url: str = ""
    delay: float = 0.0
    log: list[str] = field(default_factory=list)
    host: str = HOST
    _lock: Lock = field(default_factory=Lock)

    def articles(self) -> list[str]:
        """The article pages asked for."""
        return [path for path in self.log if path.count("/") >= 5]

    def listings(self) -> list[str]:
        return [path for path in self.log if path.count("/") < 5]

    def answer(self, path: str) -> Answer:
        with self._lock:
            if not path.endswith("/robots.txt"):
                self.log.append(path)
        time.sleep(self.delay)
        page = self.pages.get(path, Answer(status=404))
        return Answer(page) if isinstance(page, bytes) else page


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # The default of 5 drops connections under load; the client's system waits a second.
    request_queue_size = 128


@contextmanager
def serving(pages: dict[str, bytes | Answer] | dict[str, bytes]) -> Iterator[Replica]:
    replica = Replica(dict(pages))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path).removeprefix(f"/{replica.host}")
            answer = replica.answer(path)
            stopped.wait(answer.stall) if answer.stall else None
            self.send_response(answer.status)
            headers = {"Content-Type": "text/html; charset=utf-8", **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):  # the crawler was killed, or hung up
                super().handle()

    stopped = Event()
    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    replica.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield replica
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()

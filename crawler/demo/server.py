"""One loopback server for the demo and the tests: a mirror for ``--replay``.

What was ``http(s)://HOST/PATH?QUERY`` is asked for as ``URL/HOST/PATH?QUERY``; one function
answers for all hosts.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import parse_qsl, unquote, urlsplit

HTML = "text/html; charset=utf-8"
_TYPES = {"xml": "application/xml"}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks of a host. ``path`` is decoded; ``target`` is ``/PATH?QUERY`` as sent."""

    host: str
    path: str
    query: dict[str, str]
    target: str
    headers: Message

    @classmethod
    def read(cls, target: str, headers: Message) -> Request:
        """A request from the line that the server got, ``/HOST/PATH?QUERY``.

        >>> Request.read("/example.com:81/%E6%B8%AF.html?a=1&b=", Message()).query
        {'a': '1', 'b': ''}
        """
        host, slash, rest = target.removeprefix("/").partition("/")
        parts = urlsplit(f"http://host{slash}{rest}")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(unquote(host), unquote(parts.path), query, slash + rest, headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says, faults included.

    ``cut`` sends only so many bytes of what ``Content-Length`` promises, then hangs up;
    ``stall`` waits so many seconds first; ``reset`` then drops the connection without a word.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: float = 0.0
    reset: bool = False


Answerer = Callable[[Request], Answer]


def static(hosts: Mapping[str, Mapping[str, bytes]]) -> Answerer:
    """Answers with the pages of each host, by decoded path; 404 for all else."""

    def answer(request: Request) -> Answer:
        body = hosts.get(request.host, {}).get(request.path)
        kind = _TYPES.get(request.path.rpartition(".")[2], HTML)
        return Answer(body or b"", 404 if body is None else 200, {"Content-Type": kind})

    return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # The default of 5 drops connections under load; the client's system waits a second.
    request_queue_size = 128


@contextmanager
def serve(answer: Answerer, *, date: str | Callable[[], str] | None = None) -> Iterator[str]:
    """Serve on loopback, each connection in a thread of its own; gives the URL.

    ``date`` is the ``Date`` header of all answers, where it shall not be that of the clock; or
    says what that is now.
    """
    stopped = Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            given = answer(Request.read(self.path, self.headers))
            if given.stall:
                stopped.wait(given.stall)
            if given.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                raise ConnectionAbortedError
            self.send_response(given.status)
            for name, value in {"Content-Type": HTML, **given.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body[: given.cut])
            if given.cut is not None:
                self.close_connection = True

        def date_time_string(self, timestamp: float | None = None) -> str:
            told = date() if callable(date) else date
            return told or super().date_time_string(timestamp)

        def log_message(self, *_: object) -> None:
            """Say nothing: the crawl tells what it fetched."""

        def handle(self) -> None:
            with suppress(ConnectionError):  # the client was killed, or hung up; or a reset
                super().handle()

        def finish(self) -> None:
            with suppress(ConnectionError):  # what was not yet sent
                super().finish()
            # Before the base class says goodbye with a FIN, which would be no reset.
            self.connection.close()

    server = _Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()

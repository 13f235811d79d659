"""Serves the bundled miniature on loopback, as a mirror for ``--replay``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

_TYPES = {"xml": "application/xml", "html": "text/html; charset=utf-8"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # The default of 5 drops connections under load; the client's system waits a second.
    request_queue_size = 128


@contextmanager
def serve(hosts: Mapping[str, Mapping[str, bytes]]) -> Iterator[str]:
    """Serve the pages of each host, by decoded path, under ``URL/HOST/PATH``; gives URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            host, slash, rest = path[1:].partition("/")
            body = hosts.get(host, {}).get(slash + rest)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", _TYPES.get(path.rpartition(".")[2], _TYPES["html"]))
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing: the crawl tells what it fetched."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

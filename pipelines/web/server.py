"""Datasette over one corpus, read-only, with our pages; and the server that runs it."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import h11
import uvicorn
from datasette.app import Datasette
from datasette.database import Database
from datasette.plugins import pm
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipelines.database.connect import CORPUS as FILE
from pipelines.database.connect import read_corpus, reading
from pipelines.web.guard import Guard
from pipelines.web.page import CORPUS
from pipelines.web.plugin import Pages

_HERE = Path(__file__).parent
_BEYOND = re.compile(rb"[\x80-\xff]")  # ASCII
_SETTINGS = {
    "allow_download": False,  # a copy of a file in use is finews db backup
    "suggest_facets": False,  # a scan of the table for each column
    "num_sql_threads": 4,
    "sql_time_limit_ms": 3000,
    "max_csv_mb": 0,
    "truncate_cells_html": 300,
}


class Corpus(Database):  # type: ignore[misc]
    """Opens ``finews.db`` as all of finews does; never for writing."""

    def connect(self, write: bool = False) -> sqlite3.Connection:
        assert not write
        conn = sqlite3.connect(reading(Path(self.path)), uri=True, check_same_thread=False)
        conn.execute("PRAGMA query_only = 1")
        self._all_file_connections.append(conn)
        return conn

    async def execute(self, sql: str, *values: Any, **more: Any) -> Any:
        """What a reader got wrong is told to the reader, not to the terminal."""
        return await super().execute(sql, *values, **{**more, "log_sql_errors": False})

    async def hidden_table_names(self) -> list[str]:
        return [*await super().hidden_table_names(), "_sqlite_migrations"]

    def interrupt(self) -> None:
        """End what is being read now, and let nobody wait for it."""
        for conn in self._all_file_connections:
            conn.interrupt()


class Lenient(H11Protocol):
    """Takes addresses as people type them: ``curl '…?source=财联社'`` sends them unquoted."""

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is h11.IDLE:  # the address stands in the first line to come
            line, end, rest = data.partition(b"\n")
            data = _BEYOND.sub(lambda found: b"%%%02X" % found[0][0], line) + end + rest
        super().data_received(data)


class Server(uvicorn.Server):
    """Ends at once at the first signal, and says so by a return, not by another signal."""

    def __init__(self, config: uvicorn.Config, corpus: Corpus) -> None:
        super().__init__(config)
        self._corpus = corpus

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        ours = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in ours}
        try:
            yield
        finally:
            self._corpus.interrupt()
            for each, handler in before.items():
                signal.signal(each, handler)


def server(data: Path, names: Collection[str]) -> Server:
    """A server of the corpus in ``data`` that answers for these ``names`` and loopback ones.

    Raises :class:`crawler.errors.StoreError`.
    """
    read_corpus(data).close()  # says what is wrong with it before anything is served
    # Its own prints every exception with all variables.
    if pm.has_plugin("datasette.handle_exception"):
        pm.unregister(name="datasette.handle_exception")
    datasette = Datasette(
        [],
        settings=_SETTINGS,
        template_dir=str(_HERE / "templates"),
        static_mounts=[("static", str(_HERE / "static"))],
    )
    datasette.remove_database("_memory")
    corpus = Corpus(datasette, str((data / FILE).absolute()))
    datasette.add_database(corpus, name=CORPUS)
    pm.register(Pages(datasette, data))
    app: Any = Guard(datasette.app(), names)
    config = uvicorn.Config(
        app,
        http=Lenient,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    return Server(config, corpus)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens; ``port`` 0 takes one that is free. Raises :class:`OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=512)


def address(listening: socket.socket) -> str:
    """What to type into a browser."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

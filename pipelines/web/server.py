"""Datasette over one corpus, read-only, with our pages; and the server that runs it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import re
import signal
import socket
import sqlite3
import threading
import time
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
    "allow_csv_stream": False,  # it reads on when nobody waits any more
    "allow_facet": False,
    "default_allow_sql": False,
    "num_sql_threads": 4,
    "sql_time_limit_ms": 1000,
    "max_returned_rows": 1000,
    "max_csv_mb": 0,
    "truncate_cells_html": 300,
}
# Seconds that a reader may take nothing of what is sent.
_PATIENCE = 30.0
# Seconds that answers have to end in.
_GRACE = 1.5


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


class Connection(H11Protocol):
    """Takes addresses as people type them: ``curl '…?source=财联社'`` sends them unquoted.

    It is broken off when its reader takes nothing for long, and so lets go what is held for it.
    """

    _stalled: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is h11.IDLE:  # the address stands in the first line to come
            line, end, rest = data.partition(b"\n")
            data = _BEYOND.sub(lambda found: b"%%%02X" % found[0][0], line) + end + rest
        super().data_received(data)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(_PATIENCE, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stalled:
            self._stalled.cancel()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stalled:
            self._stalled.cancel()
        super().connection_lost(exc)


class Server(uvicorn.Server):
    """Ends soon at the first signal, and says so by a return, not by another signal."""

    def __init__(self, config: uvicorn.Config, corpus: Corpus) -> None:
        super().__init__(config)
        self._corpus = corpus
        # Which a signal may write to wherever it comes.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._signals.put(sig)
        super().handle_exit(sig, frame)

    def _end(self) -> None:
        """End the process whatever its threads do: nothing that they do is written."""
        self._signals.get()
        time.sleep(_GRACE)
        os._exit(0)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        ours = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in ours}
        threading.Thread(target=self._end, daemon=True).start()
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
        http=Connection,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
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

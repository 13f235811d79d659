"""A whole list as CSV, as it is read: memory does not grow, and a reader may leave."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from datasette import Response

from pipelines.database.connect import read_corpus
from pipelines.database.search import Order, whole
from pipelines.database.select import Filter, states
from pipelines.export import csv
from pipelines.web.page import Desk, TooSlow, refused
from pipelines.web.results import check
from pipelines.web.wanted import Asked

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_AT_ONCE = 4
_PIECE = 64 * 1024
# Seconds in which a row must be found. A reader who takes nothing is left by the server.
_PATIENCE = 30.0
# Steps of SQLite between two looks at the clock.
_STEPS = 10_000
_HEADERS = (
    (b"content-type", b"text/csv; charset=utf-8"),
    (b"content-disposition", b'attachment; filename="finews.csv"'),
    (b"cache-control", b"no-cache"),
)


class _Left(Exception):
    """The reader is not there any more."""


class _Pipe(io.RawIOBase):
    """A file that hands its pieces from the thread that reads to the loop that sends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        #: Pieces; the empty one is the end, None an end before it.
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue(4)
        self.left = threading.Event()
        #: No row was found in time.
        self.late = False
        self._until = 0.0
        self._loop = loop
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._waiting += piece
        if len(self._waiting) >= _PIECE:
            self.hand_on()
        return len(piece)

    def hand_on(self) -> None:
        """Give on what waits."""
        if self._waiting:
            self.put(bytes(self._waiting))
            self._waiting.clear()

    def put(self, piece: bytes | None) -> None:
        """Wait until there is room; what nobody waits for any more is dropped."""
        with suppress(RuntimeError, CancelledError):  # the server has ended
            if not self.left.is_set():
                asyncio.run_coroutine_threadsafe(self.pieces.put(piece), self._loop).result()

    def each(self, found: Iterator[sqlite3.Row]) -> Iterator[sqlite3.Row]:
        """The rows, with the same time for each to be found."""
        self._until = time.monotonic() + _PATIENCE
        for row in found:
            yield row
            self._until = time.monotonic() + _PATIENCE

    def is_over(self) -> bool:
        """Should SQLite give up?"""
        self.late = time.monotonic() > self._until
        return self.late or self.left.is_set()

    def check(self, _: int) -> None:
        """Raise :class:`_Left` when nobody waits any more."""
        if self.left.is_set():
            raise _Left


class Streams:
    """The lists that are being sent, a few at once: each has a thread and a connection."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def csv(self, desk: Desk, request: Any, send: Send, receive: Receive) -> Response | None:
        """``/search.csv``: all of a list in its order, in the shape of an export."""
        try:
            asked = Asked.of(request.query_string)
            wanted, order = asked.wanted(), asked.order
            await desk.ask(lambda db: check(db, wanted))
        except ValueError as error:
            return refused(request, error)
        await desk.ask(lambda db: states(db, wanted, "info_code"))  # is there an index to ask?
        if request.method == "HEAD":
            headers = {name.decode(): value.decode() for name, value in _HEADERS}
            return Response("", headers=headers, content_type=headers["content-type"])
        if self._room.locked():
            return Response.text(
                f"{_AT_ONCE} lists are being sent, and no more at once.\n",
                status=503,
                headers={"retry-after": "10"},
            )
        # A read as long as this is not for the threads that answer pages.
        async with self._room:
            pipe = _Pipe(asyncio.get_running_loop())
            threading.Thread(target=self._write, args=(wanted, order, pipe), daemon=True).start()
            await _sent(pipe, send, receive)
        return None

    def _write(self, wanted: Filter, order: Order, pipe: _Pipe) -> None:
        end: bytes | None = None
        try:
            db = read_corpus(self._data)
            try:
                db.conn.set_progress_handler(pipe.is_over, _STEPS)
                found = whole(db, wanted, order=order)
                csv.write(pipe.each(found), cast("BinaryIO", pipe), pipe.check)
            finally:
                db.close()
            pipe.hand_on()
            end = b""
        except _Left:
            pass
        except sqlite3.OperationalError as error:
            if str(error) != "interrupted":
                raise
        finally:
            pipe.put(end)


async def _sent(pipe: _Pipe, send: Send, receive: Receive) -> None:
    """Send the pieces as they come; what breaks off is no whole answer."""
    gone = asyncio.ensure_future(_gone(receive, pipe))
    try:
        piece = await pipe.pieces.get()
        if piece is None and not gone.done():
            raise TooSlow if pipe.late else ConnectionAbortedError("the list could not be read")
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        while piece:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await pipe.pieces.get()
        if piece is not None:
            await send({"type": "http.response.body", "body": b""})
        elif not gone.done():  # an answer without its end is broken off
            sys.stderr.write("finews: a list in CSV could not be read to its end\n")
    finally:
        pipe.left.set()
        while not pipe.pieces.empty():  # let the thread go that waits for room
            pipe.pieces.get_nowait()
        gone.cancel()


async def _gone(receive: Receive, pipe: _Pipe) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    pipe.left.set()
    while not pipe.pieces.empty():
        pipe.pieces.get_nowait()
    await pipe.pieces.put(None)

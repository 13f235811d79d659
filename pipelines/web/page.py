"""What every page needs: the corpus in Datasette's threads, words, a template, figures kept."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from datasette import Response
from datasette.utils import sqlite_timelimit
from datasette.utils.asgi import Base400
from sqlite_utils import Database

from pipelines.web.text import legible
from pipelines.web.words import Words, language

#: The name of the corpus in Datasette.
CORPUS = "finews"
# Milliseconds that a page may take to read; far more than any should.
_PATIENCE = 10_000
_KEPT_SECONDS = 60
_CACHE = {"cache-control": "no-cache", "vary": "accept-language"}

Value = TypeVar("Value")
Ask = Callable[[Database], Value]


class Missing(Base400):  # type: ignore[misc]
    """There is no such page. (Datasette's own ``NotFound`` looks for it under other spellings.)"""

    status = 404


class Refused(Base400):  # type: ignore[misc]
    """What is not answered, and the label that tells why."""

    def __init__(self, label: str, status: int) -> None:
        super().__init__(label)
        self.status = status


class TooSlow(Exception):
    """The question took longer than a page may."""


@dataclass(slots=True)
class _Kept:
    """What was found last; ``found`` is empty before that."""

    until: float = 0.0
    found: tuple[object, ...] = ()
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Desk:
    """Answers for all pages of one Datasette, over the corpus in ``data``."""

    def __init__(self, datasette: Any, data: Path) -> None:
        self.datasette = datasette
        self.data = data
        self._kept: dict[str, _Kept] = {}

    async def ask(self, question: Ask[Value]) -> Value:
        """What a function finds in the corpus. Raises :class:`TooSlow`."""

        def timed(conn: sqlite3.Connection) -> Value:
            # Datasette's own pages need the rows by name; our questions take them as tuples.
            by_name, conn.row_factory = conn.row_factory, None
            try:
                with sqlite_timelimit(conn, _PATIENCE):
                    return question(Database(conn))
            finally:
                conn.row_factory = by_name

        try:
            found: Value = await self.datasette.get_database(CORPUS).execute_fn(timed)
        except sqlite3.OperationalError as error:
            if str(error) == "interrupted":
                raise TooSlow from error
            raise
        return found

    async def kept(self, name: str, question: Ask[Value]) -> Value:
        """The same, asked once a minute for all readers, also where it is too slow.

        While it is asked anew, and where that fails, others get what was found before.
        """
        kept = self._kept.setdefault(name, _Kept())
        if not (kept.found and kept.asking.locked()):
            async with kept.asking:
                if kept.until < time.monotonic():
                    try:
                        kept.found = (await self.ask(question),)
                    except TooSlow:
                        pass
                    finally:
                        kept.until = time.monotonic() + _KEPT_SECONDS
        if not kept.found:
            raise TooSlow
        return kept.found[0]  # type: ignore[return-value]

    async def html(
        self, request: Any, template: str, values: dict[str, Any], status: int = 200
    ) -> Response:
        """A page."""
        text = await self.datasette.render_template(template, values, request=request)
        return Response.html(legible(text), status=status, headers=_CACHE)


def words(request: Any) -> Words:
    """The labels in the language that the browser asks for."""
    return Words(language(request.headers.get("accept-language", "")))


def refused(request: Any, error: ValueError) -> Response:
    """What cannot be meant, in a sentence without a page."""
    sentence, _ = words(request).told(str(error))
    return Response.text(legible(f"{sentence}\n"), status=400)


def as_json(value: object, status: int = 200) -> Response:
    """JSON for machines, Chinese characters as they are."""
    text = legible(json.dumps(value, ensure_ascii=False, indent=2))
    return Response(
        f"{text}\n",
        status=status,
        headers={"cache-control": "no-cache"},
        content_type="application/json; charset=utf-8",
    )


def is_narrow(request: Any) -> bool:
    """Is the picture for a phone?"""
    return bool(request.args.get("narrow"))


def drawing(svg: str, policy: str) -> Response:
    """A picture, with the policy that lets its own style in."""
    headers = {**_CACHE, "cache-control": "max-age=60", "content-security-policy": policy}
    return Response(svg, headers=headers, content_type="image/svg+xml; charset=utf-8")

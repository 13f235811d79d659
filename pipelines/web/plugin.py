"""The hooks by which Datasette has our pages."""

from __future__ import annotations

import sqlite3
import sys
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from datasette import Response
from datasette.utils.asgi import Base400
from datasette.views.base import DatasetteError
from pluggy import HookimplMarker

from crawler import __version__
from crawler.errors import StoreError
from pipelines.database.connect import configure
from pipelines.web import article, home, links, results, security, source, stream, tables
from pipelines.web.page import CORPUS, Desk, Refused, TooSlow, as_json, words
from pipelines.web.text import clipped, unturned
from pipelines.web.words import Words

hookimpl = HookimplMarker("datasette")
# No value may be larger, and no pattern of a filter longer: it is held against each character of
# a text at once, where no time limit interrupts.
_LARGEST = 64 * 1024 * 1024
_LONGEST_PATTERN = 200
_TEMPLATES = ("base", "home", "search", "_list", "article", "security", "source", "error")


class Pages:
    """One plugin for one Datasette."""

    __name__ = "finews"

    def __init__(self, datasette: Any, data: Path) -> None:
        self._desk = Desk(datasette, data)
        self._streams = stream.Streams(data)

    @hookimpl
    def register_routes(self) -> list[tuple[str, Callable[..., Awaitable[Response]]]]:
        desk = self._desk
        return [
            (r"/$", partial(home.page, desk)),
            (r"/chart/days\.svg$", partial(home.days_picture, desk)),
            (r"/chart/calendar\.svg$", partial(home.calendar_picture, desk)),
            (r"/chart/source\.svg$", partial(source.picture, desk)),
            (r"/search$", partial(results.page, desk)),
            (r"/search\.json$", partial(results.as_json, desk)),
            (r"/search\.atom$", partial(results.feed, desk)),
            (r"/search\.csv$", partial(self._streams.csv, desk)),
            (r"/article/(?P<code>[^/]+)$", partial(article.page, desk)),
            (r"/security/(?P<code>[^/]+)$", partial(security.page, desk)),
            (r"/source/(?P<name>[^/]+)$", partial(source.page, desk)),
            (rf"/{CORPUS}(/.*)?\.csv$", tables.no_csv),
        ]

    @hookimpl
    def prepare_connection(self, conn: sqlite3.Connection) -> None:
        configure(conn)
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
        conn.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _LONGEST_PATTERN)
        conn.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)

    @hookimpl
    def prepare_jinja2_environment(self, env: Any) -> None:
        env.filters |= {
            "article": links.article,
            "source": links.source,
            "public": links.public,
            "clipped": clipped,
            "minute": _minute,
            "field_label": _field,
            "unturned": unturned,
            "mended": tables.mended,
            "articles_first": tables.first,
        }
        env.globals |= {"security": links.security, "cut": results.cut, "version": __version__}

    @hookimpl
    def startup(self, datasette: Any) -> None:
        """Compile the pages, rather than before the first reader of each."""
        for name in _TEMPLATES:
            datasette.jinja_env.get_template(f"{name}.html")

    @hookimpl
    def extra_template_vars(self, request: Any) -> dict[str, Any]:
        t = words(request)
        return {"t": t, "lang": t.spoken}

    @hookimpl
    def handle_exception(self, request: Any, exception: Exception) -> Any:
        async def answer() -> Response:
            status, sentence, spoken = _told(request, exception)
            if request.path.endswith(".json"):
                return as_json({"ok": False, "error": sentence, "status": status}, status)
            values = {"status": status, "sentence": sentence, "spoken": spoken}
            return await self._desk.html(request, "error.html", values, status)

        return answer


def _told(request: Any, exception: Exception) -> tuple[int, str, str]:
    """The status, what is said, and in which language."""
    t = words(request)
    status, label = _label(exception, request.path)
    if label is None:
        return status, *t.told(str(getattr(exception, "message", exception)))
    if status == 500:
        traceback.print_exception(exception, file=sys.stderr)
    return status, t(label), t.spoken


def _label(exception: Exception, path: str) -> tuple[int, str | None]:
    """The status of an error and the label that tells it; None where its own sentence does."""
    if isinstance(exception, DatasetteError):
        exception = tables.mistake(exception)
    if isinstance(exception, TooSlow):
        return 503, "too_slow"
    if isinstance(exception, StoreError):  # its own sentence tells where the folder is
        return 503, "no_index"
    if isinstance(exception, Refused):
        return exception.status, str(exception)
    if isinstance(exception, Base400 | DatasetteError):
        missing = exception.status == 404 and isinstance(exception, Base400)
        return exception.status, "not_found" if missing else None
    # Datasette takes numbers in addresses as they come.
    if isinstance(exception, ValueError) and path.startswith(f"/{CORPUS}/"):
        return 400, "mistake"
    return 500, "broken"


def _minute(text: str | None) -> str:
    """A stored time to the minute."""
    return text[:16].replace("T", " ") if text else ""


def _field(name: str, t: Words) -> str:
    """What a field of an article is called."""
    return t.get(f"field_{name}")

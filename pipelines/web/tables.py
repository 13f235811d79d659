"""Datasette's own pages, for researchers: what of them is mended or shut."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from datasette.views.base import DatasetteError
from markupsafe import Markup

from pipelines.web.page import Refused
from pipelines.web.text import legible

_STYLE = re.compile(r' style="[^"]*"')
# The link to CSV behind that to JSON, and the form for more of it.
_CSV = re.compile(
    r', <a href="[^"]*">CSV</a>(?: \(<a href="#export">advanced</a>\))?'
    r'|<form action="[^"]*\.csv" method="get">.*?</form>',
    re.DOTALL,
)
# Of a class that Datasette makes of each mistake.
_INTERRUPTED = "SQL Interrupted"


async def no_csv() -> None:
    """Its CSV would hand formulas to a spreadsheet as they stand."""
    raise Refused("no_csv", 404)


def mistake(error: DatasetteError) -> Exception:
    """The error without Datasette's markup: a page of ours tells it."""
    return Refused("sql_too_slow", 503) if error.title == _INTERRUPTED else error


def mended(markup: str) -> Markup:
    """The markup of a page without the inline styles that our policy forbids, and without CSV.

    In texts a quotation mark and ``<`` are entities, so these can only be tags.
    """
    return Markup(legible(_CSV.sub("", _STYLE.sub("", markup))))  # noqa: S704  # was markup before


def first(tables: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tables as they came, but the articles before all others."""
    return sorted(tables, key=lambda table: table["name"] != "articles")

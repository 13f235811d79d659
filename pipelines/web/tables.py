"""Datasette's own pages, for researchers: what of them is mended or shut."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from datasette.views.base import DatasetteError
from markupsafe import Markup

from pipelines.web.page import Refused
from pipelines.web.text import legible

_TAG = re.compile(r"""<[a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""\s+([^\s"'<>/=]+)(?:=("[^"]*"|'[^']*'|[^\s"'<>]+))?""")
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
    return Refused("rows_too_slow", 503) if error.title == _INTERRUPTED else error


def mended(markup: str) -> Markup:
    """The markup of a page without the inline styles that our policy forbids, and without CSV.

    In texts ``<`` is an entity, so these can only be tags.
    """
    plain = _TAG.sub(_without_style, _CSV.sub("", markup))
    return Markup(legible(plain))  # noqa: S704  # was markup before


def _without_style(tag: re.Match[str]) -> str:
    # Attribute by attribute: the value of another may hold what looks like one.
    if "style" not in tag[0]:
        return tag[0]
    return _ATTRIBUTE.sub(lambda each: "" if each[1] == "style" else each[0], tag[0])


def first(tables: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tables as they came, but the articles before all others."""
    return sorted(tables, key=lambda table: table["name"] != "articles")

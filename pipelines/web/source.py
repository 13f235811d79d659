"""One source: what it published, how much, since when."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

from datasette import Response

from pipelines.database import browse
from pipelines.web import charts, links
from pipelines.web.page import Desk, Missing, drawing, is_narrow
from pipelines.web.results import listed, shown
from pipelines.web.wanted import Asked

_MONTHS = 60


async def page(desk: Desk, request: Any) -> Response:
    """``/source/NAME``."""
    name = unquote(request.url_vars["name"])
    facts = await desk.ask(lambda db: browse.source(db, name, _MONTHS))
    if facts is None:
        raise Missing(name)
    values = {"name": name, "facts": facts, "months": facts["months"]}
    values["picture"] = links.listed("/chart/source.svg", [("name", name)])
    try:
        asked = Asked.of(request.query_string, source=(name,))
        found = await listed(desk, asked)
    except ValueError as error:
        values |= {"asked": Asked((), 1), "mistake": str(error)}
        return await desk.html(request, "source.html", values, 400)
    values |= shown(asked, found, links.source(name), source=name)
    return await desk.html(request, "source.html", values)


async def picture(desk: Desk, request: Any) -> Response:
    """``/chart/source.svg?name=NAME``: its articles a month."""
    name = parse_qs(request.query_string).get("name", [""])[0]
    facts = await desk.ask(lambda db: browse.source(db, name, _MONTHS))
    if facts is None:
        raise Missing(name)
    months = facts["months"]
    series = [(name, [number for _, number in months])]
    svg = charts.bars(series, [month for month, _ in months], narrow=is_narrow(request))
    return drawing(svg, charts.policy(svg))

"""One security: every article that names it, by day, and how surely it does."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from datasette import Response

from pipelines.database import browse
from pipelines.web import links
from pipelines.web.page import Desk, Missing
from pipelines.web.results import EVIDENCE, listed, shown
from pipelines.web.wanted import Asked

_KEY = re.compile(r"([0-9]{1,3})\.([0-9A-Za-z_]{1,20})\Z")
# More would take too long to count for each reader.
_COUNTED = 10_000
_BARE = re.compile(r"[0-9A-Za-z_]{1,20}\Z")


async def page(desk: Desk, request: Any) -> Response:
    """``/security/MARKET.CODE``; a bare code leads to the market that has it."""
    given = unquote(request.url_vars["code"])
    if _BARE.match(given):
        markets = await desk.ask(lambda db: browse.markets(db, given))
        if len(markets) == 1:
            return Response.redirect(links.security(markets[0], given))
        if markets:
            return Response.redirect(links.listed("/search", [("security", given)]))
    found = _KEY.match(given)
    if not found:
        raise Missing(given)
    market, code = found[1], found[2]
    values = {"market": market, "code": code, "known_evidence": EVIDENCE}
    path = links.security(market, code)
    try:
        asked = Asked.of(request.query_string, security=(given,))
        hits = await listed(desk, asked)
    except ValueError as error:
        values |= {"asked": Asked((), 1), "mistake": str(error), "names": []}
        return await desk.html(request, "security.html", values, 400)
    if not hits.found.hits and not await desk.ask(lambda db: browse.is_mentioned(db, market, code)):
        raise Missing(given)
    number, first = await desk.ask(lambda db: browse.mentioned(db, market, code, _COUNTED))
    values |= {"number": number, "first": first, "counted": _COUNTED}
    values |= {"names": await desk.ask(lambda db: browse.names(db, market, code)), "path": path}
    values |= shown(asked, hits, path, security=given)
    return await desk.html(request, "security.html", values)

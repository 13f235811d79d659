"""Lists of articles: as a page, as JSON, as a feed to subscribe to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from datasette import Response

from pipelines.database import browse
from pipelines.database.search import Found, Hit, find
from pipelines.search.marks import Marked
from pipelines.web import atom, links
from pipelines.web import page as pages
from pipelines.web.page import Desk, words
from pipelines.web.wanted import SIZE, Asked

_IN_FEED = 50
_TITLE = 200
EVIDENCE = ("chart", "code", "tag", "link")


async def page(desk: Desk, request: Any) -> Response:
    """``/search``: what the filter selects; what cannot be meant is said, with status 400."""
    sites = [row["site"] for row in await desk.kept("sites", browse.sites)]
    sources = await desk.kept("sources", browse.sources)
    values: dict[str, Any] = {"sites": sites, "sources": sources, "known_evidence": EVIDENCE}
    try:
        asked = Asked.of(request.query_string)
    except ValueError as error:
        values |= {"asked": Asked((), 1), "mistake": str(error)}
        return await desk.html(request, "search.html", values, 400)
    try:
        found = await listed(desk, asked)
    except ValueError as error:
        values |= {"asked": asked, "mistake": str(error)}
        return await desk.html(request, "search.html", values, 400)
    values |= shown(asked, found, "/search")
    return await desk.html(request, "search.html", values)


async def listed(desk: Desk, asked: Asked) -> Found:
    """One page of a list. Raises :class:`ValueError` with a sentence."""
    wanted, order = asked.wanted(), asked.order
    return await desk.ask(lambda db: find(db, wanted, order=order, limit=SIZE, offset=asked.offset))


def shown(asked: Asked, found: Found, path: str, **fixed: str) -> dict[str, Any]:
    """What the template of a list needs; ``fixed`` are pairs that ``path`` tells already."""
    own = Asked(tuple(each for each in asked.pairs if each not in fixed.items()), asked.page)
    by_day = asked.order == "newest"
    return {
        "asked": asked,
        "days": list(_days(found.hits, by_day=by_day)),
        "empty": not found.hits,
        "before": own.address(path, page=asked.page - 1) if asked.page > 1 else None,
        "after": own.address(path, page=asked.page + 1) if found.more and asked.has_next else None,
        "formats": {name: asked.address(f"/search.{name}") for name in ("atom", "json", "csv")},
        "without": [(*pair, own.address(path, without=pair)) for pair in own.pairs],
    }


def _days(hits: Sequence[Hit], *, by_day: bool) -> Iterator[tuple[str | None, list[Hit]]]:
    """The articles by the day they were published; all in one, without a day, in other orders."""
    if not by_day:
        yield None, list(hits)
        return
    for day, each in groupby(hits, key=lambda hit: (hit.published_at or "")[:10]):
        yield day, list(each)


def cut(marked: Marked, length: int = _TITLE) -> Marked:
    """The beginning of a text with its marks; a title may be of any length."""
    left = length
    found: list[tuple[str, bool]] = []
    for text, hit in marked:
        if left <= 0:
            return (*found, ("…", False))
        found.append((text[:left], hit))
        left -= len(text)
    return tuple(found) if left >= 0 else (*found, ("…", False))


async def as_json(desk: Desk, request: Any) -> Response:
    """``/search.json``: one page, with the address of the ``next``."""
    try:
        asked = Asked.of(request.query_string)
        found = await listed(desk, asked)
    except ValueError as error:
        return pages.as_json({"ok": False, "error": str(error), "status": 400}, 400)
    base = f"{request.scheme}://{request.host}"
    onward = asked.address("/search.json", page=asked.page + 1)
    return pages.as_json(
        {
            "articles": [
                {
                    "info_code": hit.info_code,
                    "site": hit.site,
                    "source": hit.source,
                    "title": _plain(hit.title),
                    "snippet": _plain(hit.snippet),
                    "published_at": hit.published_at,
                    "url": hit.url,
                    "duplicate_group": hit.duplicate_group,
                    "page": f"{base}{links.article(hit.info_code)}",
                }
                for hit in found.hits
            ],
            "next": f"{base}{onward}" if found.more and asked.has_next else None,
        }
    )


def _plain(marked: Marked) -> str | None:
    """The text without its marks; None where there is none."""
    return "".join(text for text, _ in marked) or None


async def feed(desk: Desk, request: Any) -> Response:
    """``/search.atom``: the newest of the list, whatever its order."""
    try:
        asked = Asked.of(request.query_string)
        wanted = asked.wanted()
    except ValueError as error:
        return Response.text(f"{error}\n", status=400)

    def read(db: Any) -> list[dict[str, Any]]:
        codes = [hit.info_code for hit in find(db, wanted, limit=_IN_FEED).hits]
        found = browse.briefly(db, codes)
        return [found[code] for code in codes if code in found]

    articles = await desk.ask(read)
    title = words(request)("feed_title", what=atom.about(asked.pairs) or "*")
    base = f"{request.scheme}://{request.host}"
    return Response(
        atom.feed(articles, title=title, base=base, asked=asked),
        headers={"cache-control": "no-cache", "vary": "accept-language"},
        content_type="application/atom+xml; charset=utf-8",
    )

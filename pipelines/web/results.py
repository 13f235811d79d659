"""Lists of articles: as a page, as JSON, as a feed to subscribe to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from datasette import Response
from sqlite_utils import Database

from pipelines.database import browse
from pipelines.database.search import Found, Hit, find
from pipelines.database.select import Filter
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
    sites = await desk.ask(browse.site_names)
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


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list; ``firsts`` are the articles of which some are copies, by their codes."""

    found: Found
    firsts: Mapping[str, Mapping[str, Any]]


async def listed(desk: Desk, asked: Asked) -> Listed:
    """One page of a list. Raises :class:`ValueError` with a sentence."""
    wanted, order = asked.wanted(), asked.order

    def read(db: Database) -> Listed:
        check(db, wanted)
        found = find(db, wanted, order=order, limit=SIZE, offset=asked.offset)
        copies = (hit for hit in found.hits if hit.duplicate_group != hit.info_code)
        return Listed(
            found, browse.titles(db, {hit.duplicate_group for hit in copies if hit.duplicate_group})
        )

    return await desk.ask(read)


def check(db: Database, wanted: Filter) -> None:
    """Raise :class:`ValueError` with a sentence for a site of which nothing is stored."""
    known = browse.site_names(db)
    for site in wanted.sites:
        if site not in known:
            raise ValueError(f"site {site!r} is not stored; there are {', '.join(known) or 'none'}")


def shown(asked: Asked, page: Listed, path: str, **fixed: str) -> dict[str, Any]:
    """What the template of a list needs; ``fixed`` are pairs that ``path`` tells already."""
    own = Asked(tuple(each for each in asked.pairs if each not in fixed.items()), asked.page)
    by_day, found = asked.order == "newest", page.found
    return {
        "asked": asked,
        "days": list(_days(found.hits, by_day=by_day)),
        "empty": not found.hits,
        "firsts": page.firsts,
        "goes_on": found.more and not asked.has_next,
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
        found = (await listed(desk, asked)).found
    except ValueError as error:
        sentence, _ = words(request).told(str(error))
        return pages.as_json({"ok": False, "error": sentence, "status": 400}, 400)
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
        await desk.ask(lambda db: check(db, wanted))
    except ValueError as error:
        return pages.refused(request, error)

    def read(db: Database) -> list[dict[str, Any]]:
        codes = [hit.info_code for hit in find(db, wanted, limit=_IN_FEED).hits]
        found = browse.briefly(db, codes)
        return [found[code] for code in codes if code in found]

    articles = await desk.ask(read)
    title = words(request)("feed_title", what=atom.about(asked.pairs) or "*")
    base = f"{request.scheme}://{request.host}"
    text = atom.feed(articles, title=title, base=base, asked=asked)
    # By which a reader that asks every few minutes is told that nothing came.
    tag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'
    headers = {"cache-control": "no-cache", "vary": "accept-language", "etag": tag}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response("", status=304, headers=headers)
    return Response(text, headers=headers, content_type="application/atom+xml; charset=utf-8")


def _has(known: str, tag: str) -> bool:
    """Is the tag one of an If-None-Match header? A proxy that packs answers makes tags weak."""
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in known.split(","))

"""The site as a client meets it: its lists, its article answers, its pages, by host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from crawler.demo.eastmoney.answers import (
    Value,
    article_answer,
    as_json,
    column_answer,
    fast_answer,
    gone_answer,
)
from crawler.demo.eastmoney.pages import Layout, article_page, column_page, split
from crawler.demo.eastmoney.story import Story
from crawler.demo.server import Answer, Request

LIST_HOST = "np-listapi.eastmoney.com"
FAST_HOST = "np-weblist.eastmoney.com"
ARTICLE_HOST = "newsinfo.eastmoney.com"

# The HTML lists: the id of a column by host and stem.
_STEMS = {
    "finance": (
        "ccjdd 344 cgnjj 350 cgjjj 351 chgyj 352 czqyw 353 cssgs 349 ccjxw 355 cjjsp 371 cgspl 374"
        " czsdc 363 crdsm 365 ccyts 372 csygc 373"
    ),
    "stock": (
        "cdpfx 407 cbkjj 408 cggdj 415 chyyj 421 czldt 423 cmgyw 436 czggng 437 cmgpj 440"
        " cxgyw 448 cxgcl 449 cxgpl 450 czrzdt 627 czrzgsyw 628 cqzdd 830 czpnc 1207"
    ),
    "hk": "cggyw 532 cgsbd 535",
    "global": "cozsc 781 cytsc 782",
    "biz": "csyzx 670",
    "money": "clczx 583",
    "enterprise": "ccyyj 683 ccfgc 1138",
    **dict.fromkeys(("bond", "fund", "futures"), ""),
}
_COLUMNS = {
    (f"{name}.eastmoney.com", stem): column
    for name, stems in _STEMS.items()
    for stem, column in zip(stems.split()[::2], stems.split()[1::2], strict=True)
}
_PAGE_HOSTS = frozenset(f"{name}.eastmoney.com" for name in _STEMS)

#: The hosts that :class:`Eastmoney` answers for.
HOSTS = _PAGE_HOSTS | {LIST_HOST, FAST_HOST, ARTICLE_HOST}

_ARTICLE = re.compile(r"/kuaixun/v2/api/article/([0-9]+)")
_PAGE = re.compile(r"/(?:a/|news/[0-9]+,)([0-9]{18})(?:_([0-9]+))?\.html")
_COLUMN_PAGE = re.compile(r"/a/([a-z]+)(?:_([0-9]+))?\.html")
_LARGEST_PAGE = 200
_HTML_PAGE = 20
_JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Route:
    """What a request asks for: the ids of columns, or an article's code; a page's number."""

    kind: Literal["column", "fast", "article", "page", "column-page", "none"]
    name: str = ""
    number: int = 1

    @property
    def is_list(self) -> bool:
        """Does it ask for a list of articles, in whatever form?"""
        return self.kind in ("column", "fast", "column-page")


def read_route(request: Request) -> Route:
    """What ``request`` asks for, by its host and path."""
    host, path, query = request.host, request.path, request.query
    if host == LIST_HOST and path == "/comm/web/getNewsByColumns":
        return Route("column", query.get("column", ""), _number(query.get("page_index"), 1))
    if host in (LIST_HOST, FAST_HOST) and path == "/comm/web/getFastNewsList":
        return Route("fast", query.get("fastColumn", ""))
    if host == ARTICLE_HOST and (found := _ARTICLE.fullmatch(path)):
        return Route("article", found[1])
    if host in _PAGE_HOSTS and (found := _PAGE.fullmatch(path)):
        return Route("page", found[1], _number(found[2], 1))
    if (found := _COLUMN_PAGE.fullmatch(path)) and (column := _COLUMNS.get((host, found[1]))):
        return Route("column-page", column, _number(found[2], 1))
    return Route("none")


class Eastmoney:
    """Answers for the site's hosts from stories, which lists show in the order given.

    ``layout`` and ``parts`` (at most) are those of all article pages. There is no robots.txt.
    """

    def __init__(self, stories: Iterable[Story]) -> None:
        self.stories = list(stories)
        self.layout: Layout = "current"
        self.parts = 1

    def answer(self, request: Request) -> Answer:
        """What the site says to ``request``; 404 to what it does not know."""
        route = read_route(request)
        query = request.query
        if route.kind in ("column", "fast") and not query.get("req_trace"):
            return Answer(status=403)
        match route.kind:
            case "column":
                return self._column(route, _number(query.get("page_size"), 20))
            case "fast":
                return self._fast(route, query)
            case "article":
                return self._article(route.name)
            case "page":
                return self._page(route)
            case "column-page":
                return self._column_page(request, route)
            case _:
                return Answer(status=404)

    def told(self) -> Sequence[Story]:
        """The stories as they are told now."""
        return self.stories

    def article(self, story: Story) -> Value:
        """The answer with a story's article."""
        return article_answer(story)

    def say(self, value: Value) -> Answer:
        """A JSON answer."""
        return Answer(as_json(value), headers=_JSON)

    def find(self, code: str) -> Story | None:
        """The story with that code."""
        return next((story for story in self.told() if story.code == code), None)

    def _column(self, route: Route, page_size: int) -> Answer:
        size = min(max(page_size, 1), _LARGEST_PAGE)
        stories, total = self._slice(route, size)
        return self.say(column_answer(stories, route.number, size, total))

    def _fast(self, route: Route, query: dict[str, str]) -> Answer:
        size = min(max(_number(query.get("pageSize"), 20), 1), _LARGEST_PAGE)
        stories = [story for story in self.told() if route.name in story.fast]
        return self.say(fast_answer(stories, query.get("sortEnd", ""), size))

    def _article(self, code: str) -> Answer:
        story = self.find(code)
        if story is None:
            return Answer(status=404)
        return self.say(self.article(story) if story.own_page else gone_answer(code))

    def _page(self, route: Route) -> Answer:
        story = self.find(route.name)
        if story is None or not story.own_page or route.number > len(split(story.body, self.parts)):
            return Answer(status=404)
        return Answer(article_page(story, self.layout, self.parts, route.number).encode())

    def _column_page(self, request: Request, route: Route) -> Answer:
        stories, _ = self._slice(route, _HTML_PAGE)
        if not stories and route.number > 1:
            return Answer(status=404)
        stem = request.path.removeprefix("/a/").partition(".")[0].partition("_")[0]
        return Answer(column_page(stories, route.number, stem).encode())

    def _slice(self, route: Route, size: int) -> tuple[list[Story], int]:
        """A page of what stands in any of the route's columns, and how much stands there."""
        asked = set(route.name.split(","))
        found = [story for story in self.told() if not asked.isdisjoint(story.columns)]
        return found[(route.number - 1) * size : route.number * size], len(found)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and int(text) else default

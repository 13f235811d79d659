"""A world that goes on: two sites behind one server, which show what was published by its time.

What they show depends on its faults too, which a test sets while it runs.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from threading import RLock
from typing import Literal, NamedTuple

from crawler.demo import site
from crawler.demo.eastmoney import Eastmoney, Story, read_route
from crawler.demo.eastmoney.answers import Value
from crawler.demo.server import Answer, Request, serve
from crawler.demo.site import Post
from tests.eastmoney import FAST as FAST_COLUMN
from tests.eastmoney import make_story
from tests.replica import HOST
from tests.rhythm import arrivals

#: Articles a working day by what lists them: columns of Eastmoney, the 7×24 news, categories.
COLUMNS = {"345": 25, "353": 15, "350": 12, "351": 10, "349": 8, "355": 5, "344": 1}
FAST = "7x24"
CATEGORIES = {"emnews": 8, "jiemianxinwen": 3, "zhengquanshibao": 1}
RATES = {FAST: 60, **COLUMNS, **CATEGORIES}
_TAGS = {"emnews": "东财滚动新闻", "jiemianxinwen": "界面新闻", "zhengquanshibao": "证券时报"}

Kind = Literal["robots", "listing", "article"]


class Published(NamedTuple):
    """An article that the world has told or will tell, and where it is listed first."""

    code: str
    site: str
    listing: str
    at: datetime


class Asked(NamedTuple):
    """A request: the world's time, what was asked for, the answer's status (0: none)."""

    at: datetime
    site: str
    kind: Kind
    name: str
    status: int


@dataclass
class Faults:
    """What is wrong at present: sites that are down, lay their lists out otherwise, or refuse;
    by site or listing, since when lists stand still; keys of Eastmoney's JSON that hold nothing.
    """

    down: set[str] = field(default_factory=set)
    layout: set[str] = field(default_factory=set)
    throttled: set[str] = field(default_factory=set)
    stale: dict[str, datetime] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


class World(Eastmoney):
    """The sites at the time ``now``, which :meth:`set` sets; ``log`` holds what was asked for.

    ``scale`` makes everything rarer; ``on_request`` is called with the number of each request
    since the time was set, before it is answered.
    """

    def __init__(self, since: datetime, until: datetime, scale: float = 1.0) -> None:
        told = sorted(
            (shown, name, turn)
            for name, rate in RATES.items()
            for turn, shown in enumerate(arrivals(name, rate * scale, since, until))
        )
        stories, self._posts, self.published = list[Story](), list[Post](), list[Published]()
        for number, (shown, name, turn) in enumerate(told):
            if name in CATEGORIES:
                code, where = f"NW{shown:%Y%m%d}33{number:08}", "finews"
                self._posts.append(_post(code, number, name, shown))
            else:
                story, where = _story(number, shown, name, turn), "eastmoney"
                code = f"NW{story.code}"
                stories.append(story)
            self.published.append(Published(code, where, name, shown))
        super().__init__(stories)
        self._times = [story.shown for story in stories]
        self._post_times = [each.at for each in self.published if each.site == "finews"]
        self._by_code = {story.code: story for story in stories}
        self._pages = lru_cache(2)(lambda number: site.build(self._posts[:number]))
        self._lock = RLock()
        self._list = ""  # the one that is asked for
        self.url = ""
        self.faults = Faults()
        self.log: list[Asked] = []
        self.on_request: Callable[[int], None] = lambda _: None
        self.set(since)

    def set(self, now: datetime) -> None:
        """Let it be ``now``: the time of all that is shown, until it is set again."""
        self.now, self._set_at, self._requests = now, time.monotonic(), 0

    def date(self) -> str:
        """The ``Date`` of an answer, of a clock that ticks."""
        now = self.now + timedelta(seconds=time.monotonic() - self._set_at)
        return format_datetime(now.astimezone(UTC), usegmt=True)

    def answer(self, request: Request) -> Answer:
        """What the sites say, or what they say instead."""
        self._requests += 1
        self.on_request(self._requests)
        where = "finews" if request.host == HOST else "eastmoney"
        kind, name = _read(request)
        with self._lock:
            found = self._trouble(where, kind)
            if found is None and where == "eastmoney":
                self._list = name if kind == "listing" else ""
                found = super().answer(request)
            elif found is None:
                found = self._blog(request, kind)
            status = 0 if found.reset else found.status
            self.log.append(Asked(self.now, where, kind, name, status))
        return found

    def told(self) -> Sequence[Story]:
        """The stories that a list shows, newest first."""
        stale = self.faults.stale
        shown = min(stale.get(self._list, self.now), stale.get("eastmoney", self.now))
        return self.stories[: bisect_right(self._times, shown)][::-1]

    def find(self, code: str) -> Story | None:
        story = self._by_code.get(code)
        return story if story and story.shown <= self.now else None

    def say(self, value: Value) -> Answer:
        if self._list and "eastmoney" in self.faults.layout:
            value = {"result" if key == "data" else key: said for key, said in value.items()}
        return super().say(_emptied(value, self.faults.gone))

    def _trouble(self, where: str, kind: Kind) -> Answer | None:
        if where in self.faults.down:
            return Answer(status=500) if where == "finews" else Answer(reset=True)
        if kind != "robots" and where in self.faults.throttled:
            return Answer(status=429)
        return None

    def _blog(self, request: Request, kind: Kind) -> Answer:
        shown = self.faults.stale.get("finews", self.now) if kind == "listing" else self.now
        page = self._pages(bisect_right(self._post_times, shown)).get(request.path)
        if page is None:
            return Answer(status=404)
        if kind == "listing" and "finews" in self.faults.layout:
            page = page.replace(b'class="wrapper"', b'class="page"').replace(b"feed>", b"rss>")
        return Answer(page)


def _read(request: Request) -> tuple[Kind, str]:
    """What a request asks for: a listing by its name, an article by its path."""
    path = request.path
    if path == "/robots.txt":
        return "robots", request.host
    if request.host == HOST:
        if path.count("/") >= 5:
            return "article", path
        return "listing", path.rpartition("/")[2].partition(".")[0] or path.strip("/") or "home"
    route = read_route(request)
    if route.is_list:
        return "listing", FAST if route.name == FAST_COLUMN else route.name
    return "article", route.name


def _story(number: int, shown: datetime, name: str, turn: int) -> Story:
    """A story of a column; some stand among the 要闻 too, some fast news have no page."""
    if name == FAST:
        return replace(make_story(number, shown, (), (FAST_COLUMN,)), own_page=turn % 5 > 0)
    columns = (name, "345") if turn % 5 == 0 and name != "345" else (name,)
    return make_story(number, shown, columns, ())


def _post(code: str, number: int, category: str, shown: datetime) -> Post:
    story = make_story(number, shown, (), ())
    return site.post(
        code,
        title=story.title,
        date=f"{shown:%Y-%m-%d %H:%M:%S %z}",
        category=category,
        tag=_TAGS[category],
        body=f"<p>{story.summary}</p>",
        source=story.source or "远山日报",
    )


def _emptied(value: Value, keys: set[str]) -> Value:
    def read(each: object) -> object:
        if isinstance(each, dict):
            return {key: "" if key in keys else read(inner) for key, inner in each.items()}
        return [read(inner) for inner in each] if isinstance(each, list) else each

    found = read(value) if keys else value
    assert isinstance(found, dict)
    return found


@contextmanager
def serving(world: World) -> Iterator[World]:
    """Serve the world on loopback."""
    with serve(world.answer, date=world.date) as world.url:
        yield world

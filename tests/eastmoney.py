"""A replica of Eastmoney with faults where a test asks for them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from email.message import Message
from threading import RLock
from typing import Literal, NamedTuple

from benchmarks.generate.stories import FAST, NEWEST, make_stories, make_story
from crawler.demo.eastmoney import (
    Eastmoney,
    Route,
    Story,
    article_answer,
    column_answer,
    fast_answer,
    read_route,
)
from crawler.demo.eastmoney.answers import Value
from crawler.demo.server import Answer, Request, serve

__all__ = [
    "FAST",
    "NEWEST",
    "Asked",
    "EastmoneyReplica",
    "Story",
    "make_stories",
    "make_story",
    "serving",
]

_CHALLENGE = """<!DOCTYPE html>
<html><head><title>访问验证</title></head>
<body><div id="captcha"><p>访问过于频繁，请拖动滑块完成验证</p></div>
<script>window.challenge = "made-up";</script></body></html>
"""
_STALL = 60.0

Trouble = int | Literal["reset", "stall", "empty"]


class Asked(NamedTuple):
    """A request: when (monotonic), of which host, ``/PATH?QUERY``; 0 for no answer at all."""

    at: float
    host: str
    target: str
    status: int

    @property
    def route(self) -> Route:
        return read_route(Request.read(f"/{self.host}{self.target}", Message()))


@dataclass
class _Throttle:
    after: int
    status: Trouble
    for_requests: int | None
    for_seconds: float | None
    retry_after: int | str | None
    hosts: Collection[str] | None
    seen: int = 0
    since: float | None = None

    def holds(self, host: str) -> bool:
        """Does it hold back this request, which it counts?"""
        if self.hosts is not None and host not in self.hosts:
            return False
        self.seen += 1
        if self.seen <= self.after:
            return False
        now = time.monotonic()
        self.since = now if self.since is None else self.since
        if self.for_requests is not None and self.seen > self.after + self.for_requests:
            return False
        return self.for_seconds is None or now < self.since + self.for_seconds


class EastmoneyReplica(Eastmoney):
    """The site with faults, which a test sets as attributes while it runs.

    - ``arriving``: so many new stories are put on top of every column after each list;
    - ``edited``: other titles by code, once ``edited_after`` requests were made in all;
    - ``vanished``: codes of articles that were taken down: JSON says so, their pages are 404;
    - ``missing``: codes that are 404 in JSON and as pages;
    - ``emptied``: codes whose ``Art_Content`` is "";
    - ``rename``: keys that all JSON calls otherwise, at every depth;
    - ``challenge``: hosts that answer all with a page that wants a person;
    - ``no_api``: hosts that answer all with 403;
    - ``robots``: robots.txt by host, 404 elsewhere;
    - ``delay``: seconds before each answer;
    - :meth:`throttle`, until :meth:`relent`.

    ``log`` holds every request, ``robots_log`` those of robots.txt, which no fault touches.
    """

    def __init__(self, stories: Sequence[Story]) -> None:
        super().__init__(stories)
        self.url = ""
        self.delay = 0.0
        self.arriving = 0
        self.edited: dict[str, str] = {}
        self.edited_after = 0
        self.vanished: set[str] = set()
        self.missing: set[str] = set()
        self.emptied: set[str] = set()
        self.rename: dict[str, str] = {}
        self.challenge: set[str] = set()
        self.no_api: set[str] = set()
        self.robots: dict[str, str] = {}
        self.log: list[Asked] = []
        self.robots_log: list[Asked] = []
        self._throttles: list[_Throttle] = []
        self._columns = sorted({column for story in stories for column in story.columns})
        self._arrived = 0
        self._requests = 0
        self._lock = RLock()

    def throttle(
        self,
        *,
        after: int = 0,
        status: Trouble = 403,
        for_requests: int | None = None,
        for_seconds: float | None = None,
        retry_after: int | str | None = None,
        hosts: Collection[str] | None = None,
    ) -> None:
        """After that many more requests to ``hosts`` (all), they refuse the next ones.

        The seconds begin with the first that is refused; without an end it goes on for ever.
        ``stall`` keeps the client waiting for a minute; ``empty`` is a 200 that says nothing.
        """
        made = _Throttle(after, status, for_requests, for_seconds, retry_after, hosts)
        with self._lock:
            self._throttles.append(made)

    def relent(self) -> None:
        """End all throttles."""
        with self._lock:
            self._throttles.clear()

    @property
    def articles(self) -> list[str]:
        """The codes whose JSON was asked for."""
        return self._asked("article")

    @property
    def pages(self) -> list[str]:
        """The codes whose HTML page was asked for."""
        return self._asked("page")

    @property
    def lists(self) -> list[str]:
        """The lists asked for, in whatever form: ``HOST/PATH?QUERY``."""
        return [each.host + each.target for each in self.log if each.route.is_list]

    def answer(self, request: Request) -> Answer:
        """What the site says, or what it says instead."""
        with self._lock:
            if request.path == "/robots.txt":
                text = self.robots.get(request.host)
                headers = {"Content-Type": "text/plain; charset=utf-8"}
                found = Answer(status=404) if text is None else Answer(text.encode(), 200, headers)
                self._note(self.robots_log, request, found)
                return found
            self._requests += 1
            route = read_route(request)
            found = self._trouble(request, route) or super().answer(request)
            self._note(self.log, request, found)
            if route.is_list:
                self._arrive()
        time.sleep(self.delay)
        return found

    def told(self) -> Sequence[Story]:
        if not self.edited or self._requests <= self.edited_after:
            return self.stories
        titles = self.edited
        return [
            replace(story, title=titles[story.code]) if story.code in titles else story
            for story in self.stories
        ]

    def find(self, code: str) -> Story | None:
        story = None if code in self.missing else super().find(code)
        return replace(story, own_page=False) if story and code in self.vanished else story

    def article(self, story: Story) -> Value:
        return article_answer(replace(story, body="") if story.code in self.emptied else story)

    def say(self, value: Value) -> Answer:
        return super().say(_renamed(value, self.rename))

    def _trouble(self, request: Request, route: Route) -> Answer | None:
        # All of them, as each counts.
        holding = [each for each in self._throttles if each.holds(request.host)]
        if holding:
            return self._refuse(holding[0], route)
        if request.host in self.no_api:
            return Answer(status=403)
        if request.host in self.challenge:
            return Answer(_CHALLENGE.encode())
        return None

    def _refuse(self, throttle: _Throttle, route: Route) -> Answer:
        match throttle.status:
            case "reset":
                return Answer(reset=True)
            case "stall":
                return Answer(stall=_STALL, reset=True)
            case "empty" if route.kind == "column":
                return self.say(column_answer([], route.number, 20, 0))
            case "empty" if route.kind == "fast":
                return self.say(fast_answer([], "", 20))
            case "empty":
                return Answer()
            case status:
                told = throttle.retry_after
                headers = {} if told is None else {"Retry-After": str(told)}
                return Answer(status=status, headers=headers)

    def _arrive(self) -> None:
        for _ in range(self.arriving):
            self._arrived += 1
            shown = NEWEST + timedelta(minutes=self._arrived)
            story = make_story(10_000_000 + self._arrived, shown, self._columns, (FAST,))
            self.stories.insert(0, story)

    def _note(self, log: list[Asked], request: Request, answer: Answer) -> None:
        status = 0 if answer.reset else answer.status
        log.append(Asked(time.monotonic(), request.host, request.target, status))

    def _asked(self, kind: str) -> list[str]:
        routes = (each.route for each in self.log)
        return [route.name for route in routes if route.kind == kind]


def _renamed(value: object, names: Mapping[str, str]) -> Value:
    def read(each: object) -> object:
        if isinstance(each, dict):
            return {names.get(key, key): read(inner) for key, inner in each.items()}
        return [read(inner) for inner in each] if isinstance(each, list) else each

    found = read(value)
    assert isinstance(found, dict)
    return found


@contextmanager
def serving(stories: Sequence[Story]) -> Iterator[EastmoneyReplica]:
    replica = EastmoneyReplica(stories)
    with serve(replica.answer) as replica.url:
        yield replica

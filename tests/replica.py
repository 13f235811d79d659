"""A server on loopback that plays a site, with faults where a test asks for them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from crawler.demo.server import Answer, Request, serve

HOST = "finews.withounder.com"

__all__ = ["HOST", "Answer", "Replica", "serving"]


@dataclass
class Replica:
    """Pages by decoded path; ``log`` holds the paths asked for, robots.txt left out."""

    pages: dict[str, bytes | Answer]
    url: str = ""
    delay: float = 0.0
    log: list[str] = field(default_factory=list)
    host: str = HOST
    _lock: Lock = field(default_factory=Lock)

    def articles(self) -> list[str]:
        """The article pages asked for."""
        return [path for path in self.log if path.count("/") >= 5]

    def listings(self) -> list[str]:
        return [path for path in self.log if path.count("/") < 5]

    def answer(self, request: Request) -> Answer:
        """Answer for the replica's host; the paths of other hosts begin with their name."""
        path = f"/{request.host}{request.path}".removeprefix(f"/{self.host}")
        with self._lock:
            if not path.endswith("/robots.txt"):
                self.log.append(path)
        time.sleep(self.delay)
        page = self.pages.get(path, Answer(status=404))
        found = Answer(page) if isinstance(page, bytes) else page
        etag = found.headers.get("ETag")
        if etag and request.headers.get("If-None-Match") == etag:
            return Answer(status=304, headers={"ETag": etag})
        return found


@contextmanager
def serving(pages: dict[str, bytes | Answer] | dict[str, bytes]) -> Iterator[Replica]:
    replica = Replica(dict(pages))
    with serve(replica.answer) as replica.url:
        yield replica

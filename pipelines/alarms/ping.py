"""A dead man's ping: a URL that is called after good runs; who watches it knows when they stop."""

from __future__ import annotations

from dataclasses import dataclass, field

from crawler.errors import SinkFailed
from pipelines.alarms import http
from pipelines.alarms.message import Message


@dataclass(frozen=True, slots=True)
class Ping:
    """A sink that takes no message: it is called, and that is all."""

    url: str = field(repr=False)

    def send(self, _message: Message, timeout: float) -> str:
        status = http.get(self.url, timeout)
        if not 200 <= status < 300:
            raise SinkFailed(f"the server answered with status {status}")
        return "called"

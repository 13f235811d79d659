"""The sinks that are configured, and how messages are sent to all of them at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Protocol

from crawler.config import Alarms
from crawler.errors import SinkFailed
from pipelines.alarms.causes import secrets
from pipelines.alarms.command import Command
from pipelines.alarms.mail import Mail
from pipelines.alarms.message import Message
from pipelines.alarms.ping import Ping
from pipelines.alarms.webhook import Webhook, template

_GRACE_S = 0.25  # for a sink that keeps its time to tell what it found


class Sink(Protocol):
    """A place that messages go to."""

    def send(self, message: Message, timeout: float, /) -> str:
        """Bring a message there; what came of it, such as 「sent to a@example.com」.

        It may take ``timeout`` seconds. Raises :class:`SinkFailed` with the cause, and
        :class:`TimeoutError`.
        """


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message at one sink: ``told`` when it arrived, else the ``error``."""

    sink: str
    message: Message
    told: str | None = None
    error: str | None = None


def sinks(settings: Alarms, origin: str = "alarms.webhook") -> dict[str, Sink]:
    """The sinks that are configured, by name: ``command``, ``webhook``, ``mail``.

    ``origin`` is where ``alarms.webhook`` is set. Raises :class:`BadSettings` when its template
    cannot be had.
    """
    hidden = secrets(settings)
    found: dict[str, Sink] = {}
    if settings.command:
        found["command"] = Command(settings.command, hidden)
    if settings.webhook_url:
        body = template(settings.webhook, origin)
        found["webhook"] = Webhook(settings.webhook_url, settings.webhook, body, hidden)
    if settings.mail_to:
        found["mail"] = Mail(
            to=settings.mail_to,
            sender=settings.mail_from or settings.mail_to[0],
            server=settings.mail_server,
            security=settings.mail_security,
            user=settings.mail_user,
            password=settings.mail_password,
            hidden=hidden,
        )
    return found


def pings(settings: Alarms) -> dict[str, Sink]:
    """The ping, as a sink by the name ``ping``; empty when none is configured."""
    return {"ping": Ping(settings.ping_url)} if settings.ping_url else {}


def send(
    owed: Mapping[str, Sequence[Message]], sinks: Mapping[str, Sink], timeout: float
) -> list[Delivery]:
    """Send each sink its messages in order, all sinks at once; what became of each message.

    It takes ``timeout`` seconds at most, and a moment. A sink that is not done by then is
    abandoned, whatever it does: socket timeouts do not end a server that drips a byte a second.
    Raises nothing for a sink.
    """
    deadline = time.monotonic() + timeout
    works = [_Work(name, sinks[name], messages, deadline) for name, messages in owed.items()]
    for work in works:
        work.start()
    for work in works:
        work.join(max(0.0, deadline + _GRACE_S - time.monotonic()))
    return [delivery for work in works for delivery in work.deliveries(timeout)]


class _Work(Thread):
    """The messages of one sink, in a thread that does not keep the program from ending."""

    def __init__(self, sink: str, way: Sink, messages: Sequence[Message], deadline: float) -> None:
        super().__init__(name=f"alarms-{sink}", daemon=True)
        self._sink = sink
        self._way = way
        self._messages = messages
        self._deadline = deadline
        self._done: list[Delivery] = []

    def run(self) -> None:
        for message in self._messages:
            left = self._deadline - time.monotonic()
            if left <= 0:
                return
            try:
                self._done.append(self._deliver(message, left))
            except TimeoutError:
                return

    def _deliver(self, message: Message, timeout: float) -> Delivery:
        try:
            return Delivery(self._sink, message, told=self._way.send(message, timeout))
        except TimeoutError:
            raise
        except SinkFailed as error:
            return Delivery(self._sink, message, error=str(error))
        except Exception as error:  # noqa: BLE001 -- a fault of ours must not end a crawl either
            return Delivery(self._sink, message, error=f"unexpected: {type(error).__name__}")

    def deliveries(self, timeout: float) -> list[Delivery]:
        """What is known by now of each message; what comes later is for nobody."""
        done = list(self._done)
        late = f"no answer within {timeout:g} seconds"
        behind = f"not tried: those before it took all of the {timeout:g} seconds"
        return done + [
            Delivery(self._sink, message, error=behind if number else late)
            for number, message in enumerate(self._messages[len(done) :])
        ]

"""A cron for a world of :mod:`tests.week`: it runs ``finews`` every five minutes of its time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from tests.conftest import Program, Zygote
from tests.week import World

EVERY = timedelta(minutes=5)
CRAWL = ("crawl", "finews", "eastmoney")


class Message(NamedTuple):
    """A row of ``messages``, with its alarm; or what was told while nothing could be written."""

    kind: str
    rule: str
    subject: str
    text: str


@dataclass(frozen=True)
class Tick:
    """A run: when by the world's clock, what it gave, how long it took; the sites of which it
    walked listings, what it had to tell.
    """

    at: datetime
    code: int
    out: str
    err: str
    seconds: float
    walked: frozenset[str]
    messages: tuple[Message, ...]


@dataclass
class Cron:
    """``ahead`` is what its machine's clock is wrong by; ``file_size`` is where its disk ends."""

    program: Program
    world: World
    ahead: timedelta = timedelta()
    file_size: int | None = None
    ticks: list[Tick] = field(default_factory=list)
    _told: int = 0
    _walked: int = 0

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def messages(self) -> list[Message]:
        """All that was told so far."""
        return [each for tick in self.ticks for each in tick.messages]

    def tick(self, now: datetime | None = None) -> Tick:
        """The next run, five minutes after the last."""
        self.world.set(now or self.now + EVERY)
        tick = self.run(*CRAWL, "--due")
        # Those alone are told, and nothing while all is well.
        assert tick.out.count("finews: ") == len(tick.messages), tick
        assert all(each.text in tick.out for each in tick.messages), tick
        return tick

    def crawl(self) -> Tick:
        """A run by hand, of all listings."""
        return self.run(*CRAWL)

    def run(self, *command: str) -> Tick:
        began = time.perf_counter()
        done = self.program.at(
            self.now + self.ahead,
            *command,
            "--replay",
            self.world.url,
            file_size=self.file_size,
        )
        took = time.perf_counter() - began
        assert "Traceback" not in done.stderr, done.stderr
        said = (done.returncode, done.stdout, done.stderr, took)
        self.ticks.append(Tick(self.now, *said, self._walks(), self._news() or _unwritten(said[1])))
        return self.ticks[-1]

    def until(self, end: datetime, done: Callable[[], object] = lambda: False) -> None:
        """Tick until ``end``, or until it is ``done``."""
        while self.now + EVERY <= end and not done():
            self.tick()

    def kill(self) -> None:
        """Kill the run that is at work now."""
        os.kill(int((self.program.data / "finews.lock").read_text()), signal.SIGKILL)

    def beside(self) -> int:
        """Run a second one while the first is at work; its exit code."""
        zygote = Zygote()
        try:
            command = (*CRAWL, "--replay", self.world.url)
            return self.program.at(self.now, *command, zygote=zygote).returncode
        finally:
            zygote.close()

    def _walks(self) -> frozenset[str]:
        rows = self.program.rows("SELECT id, site FROM walks WHERE id > ?", self._walked)
        self._walked = rows[-1][0] if rows else self._walked
        return frozenset(site for _, site in rows)

    def _news(self) -> tuple[Message, ...]:
        rows = self.program.rows(
            "SELECT m.id, kind, rule, subject, text FROM messages AS m"
            " JOIN alarms AS a ON a.id = alarm_id WHERE m.id > ? ORDER BY m.id",
            self._told,
        )
        self._told = rows[-1][0] if rows else self._told
        return tuple(Message(*row[1:]) for row in rows)


def _unwritten(said: str) -> tuple[Message, ...]:
    title, _, text = said.partition("\n")
    if not title.startswith("finews: "):
        return ()
    return (Message("reminder" if " still " in title else "alarm", "disk", "", text.strip()),)

"""A cron for a world of :mod:`tests.week`: it runs ``finews`` every five minutes of its time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from crawler.parsers.dates import SHANGHAI
from tests.conftest import Program, Zygote
from tests.week import World, serving

EVERY = timedelta(minutes=5)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
#: A Monday; the Friday after it is the holiday.
MONDAY = datetime(2026, 6, 15, tzinfo=SHANGHAI)
CRAWL = ("crawl", "finews", "eastmoney")


@dataclass(frozen=True)
class Start:
    """When the first crawl is, how many days of news it finds, how much of it there is."""

    at: datetime = MONDAY
    history: int = 28
    scale: float = 1.0

    def world(self) -> World:
        return World(self.at - self.history * DAY, self.at + 12 * DAY, self.scale)


class Message(NamedTuple):
    """What a person was told, with the rule and the subject of its alarm."""

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

    @property
    def titles(self) -> list[str]:
        """The first lines of the messages that were printed."""
        return [line for line in self.out.splitlines() if line.startswith("finews: ")]


@dataclass
class Cron:
    """``ahead`` is what its machine's clock is wrong by; ``file_size`` is where its disk ends."""

    program: Program
    world: World
    ahead: timedelta = timedelta()
    file_size: int | None = None
    ticks: list[Tick] = field(default_factory=list)
    second: Zygote | None = None
    _read: int = 0
    _walked: int = 0

    def __post_init__(self) -> None:
        self._mailbox = self.program.data.parent / "mailbox"
        self._mailbox.touch()
        self.configure()
        if (self.program.data / "finews.db").exists():
            self._walks()  # of runs before

    def configure(self, more: str = "") -> None:
        """Write the settings: where messages go, and ``more`` lines."""
        path = self.program.data.parent / "finews.toml"
        command = f"""['sh', '-c', '(cat; printf "\\036") >> "{self._mailbox}"']"""
        path.write_text(f"{more}\n[alarms]\ncommand = {command}\n", encoding="utf-8")
        self.program.env["FINEWS_CONFIG"] = str(path)

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
        return self.run(*CRAWL, "--due")

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
        self.ticks.append(Tick(self.now, *said, self._walks(), self._news()))
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
        command = (*CRAWL, "--replay", self.world.url)
        return self.program.at(self.now, *command, zygote=self.second).returncode

    def prepare(self) -> None:
        """Have a second process at hand, as its start takes longer than a request may."""
        self.second = Zygote()
        self.program.at(self.now, "status", zygote=self.second)

    def close(self) -> None:
        if self.second:
            self.second.close()

    def _walks(self) -> frozenset[str]:
        rows = self.program.rows("SELECT id, site FROM walks WHERE id > ?", self._walked)
        self._walked = rows[-1][0] if rows else self._walked
        return frozenset(site for _, site in rows)

    def _news(self) -> tuple[Message, ...]:
        """What the mailbox has got, by what is written of it, if that could be written."""
        box = self._mailbox.read_text(encoding="utf-8")
        news, self._read = box[self._read :].split("\036")[:-1], len(box)
        if not news:
            return ()
        rows = self.program.rows(
            "SELECT kind, rule, subject, text FROM messages AS m"
            " JOIN alarms AS a ON a.id = m.alarm_id"
        )
        known = {(row[0], row[3]): Message(*row) for row in rows}
        told = (said.partition("\n") for said in news)
        found = [(_kind(title), text.strip()) for title, _, text in told]
        # What is told while nothing can be written is that.
        return tuple(known.get(each) or Message(each[0], "disk", "", each[1]) for each in found)


@contextmanager
def begun(start: Start, data: Path) -> Iterator[Cron]:
    """A cron after its first crawl, into the folder ``data``."""
    with serving(start.world()) as world:
        cron = Cron(_program(data), world)
        first = cron.tick(start.at)
        assert (first.code, first.messages) == (0, ())
        cron.ticks.clear()
        yield cron


@contextmanager
def going_on(start: Start, now: datetime, data: Path) -> Iterator[Cron]:
    """A cron in a folder ``data`` that was begun before ``now``."""
    with serving(start.world()) as world:
        world.set(now)
        cron = Cron(_program(data), world)
        try:
            yield cron
        finally:
            cron.close()


def _program(data: Path) -> Program:
    program = Program(data)
    program.env["SCRAPY_SETTINGS_MODULE"] = "tests.week_settings"
    return program


def _kind(title: str) -> str:
    if " is well again" in title:
        return "recovery"
    return "reminder" if " is still " in title else "alarm"

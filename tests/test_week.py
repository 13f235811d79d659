"""Weeks of cron in minutes, without a false alarm; then faults, of which each is told once.

``make week`` runs seven days and all faults; otherwise a morning and two of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from crawler.parsers.dates import SHANGHAI
from tests.conftest import Program
from tests.cron import EVERY, Cron
from tests.faults import CASES, HOUR, Case, Outcome, complete, missing, play
from tests.figures import figures, row
from tests.week import World, serving

WHOLE = bool(os.environ.get("FINEWS_WEEK"))
MONDAY = datetime(2026, 6, 15, tzinfo=SHANGHAI)
DAY = timedelta(days=1)
Note = Callable[[str, object], None]


@dataclass(frozen=True)
class Start:
    """When the first crawl is, how many days of news it finds, how much of it there is."""

    at: datetime = MONDAY
    history: int = 28
    scale: float = 1.0

    def world(self) -> World:
        return World(self.at - self.history * DAY, self.at + 12 * DAY, self.scale)


MORNING = Start(MONDAY + 9 * HOUR, history=10, scale=0.5)


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Start, datetime], Path]:
    """A data folder after the first crawl, and the runs until a time; made once."""

    @cache
    def make(start: Start, until: datetime) -> Path:
        program = _program(tmp_path_factory.mktemp("begun") / "data")
        with serving(start.world()) as world:
            cron = Cron(program, world)
            assert cron.tick(start.at).code == 0
            cron.until(until)
            assert cron.messages == []
        return program.data

    return make


@contextmanager
def going_on(start: Start, now: datetime, begun: Path, data: Path) -> Iterator[Cron]:
    with serving(start.world()) as world:
        world.set(now)
        yield Cron(_program(shutil.copytree(begun, data)), world)


def _program(data: Path) -> Program:
    program = Program(data)
    program.env["SCRAPY_SETTINGS_MODULE"] = "tests.week_settings"
    return program


def check(outcome: Outcome) -> None:
    """One alarm, one recovery, and nothing lost."""
    case = outcome.case
    expected = ["alarm", *["reminder"] * case.reminders, "recovery"] if case.rule else []
    told = [(each.kind, each.rule, each.subject) for each in outcome.messages]
    assert told == [(kind, case.rule, case.subject) for kind in expected]
    assert all(word in outcome.messages[0].text for word in case.words)
    assert outcome.polls is None or outcome.polls <= 2
    assert {tick.code for tick in outcome.ticks} <= case.codes
    for tick in outcome.ticks:
        assert tick.code != 1 or tick.err.startswith("finews: ")
    assert outcome.lost == []


def quiet(cron: Cron) -> None:
    """Nothing was told, nothing failed, and nothing was missed by more than a walk."""
    assert cron.messages == []
    assert [(tick.at, tick.code, tick.out) for tick in cron.ticks if tick.code or tick.out] == []
    assert missing(cron, cron.now - timedelta(hours=2) - EVERY) == []


def stored_once(cron: Cron) -> None:
    """All that was published is stored, each once and with its time."""
    published = {each.code: each.at.isoformat() for each in cron.world.published}
    rows = cron.program.rows("SELECT info_code, published_at FROM articles")
    assert missing(cron) == []
    assert [row for row in rows if published[row[0]] != row[1]] == []


def whole(cron: Cron, case: Case) -> Outcome:
    outcome = play(cron, case)
    outcome.complete_after, outcome.lost = complete(cron)
    return outcome


@pytest.mark.skipif(WHOLE, reason="a part of what make week does")
def test_a_morning_and_two_faults(
    begun: Callable[[Start, datetime], Path], tmp_path: Path, record_property: Note
) -> None:
    made = begun(MORNING, MORNING.at)
    with going_on(MORNING, MORNING.at, made, tmp_path / "data") as cron:
        cron.until(MORNING.at + 2 * HOUR)
        for line in figures(cron):
            record_property("week", line)
        quiet(cron)
        for case in (each for each in CASES if each.name in ("layout", "little space")):
            outcome = play(cron, replace(case, least=0.2, most=1), calm=0)
            record_property("fault", row(outcome))
            check(outcome)
        assert cron.crawl().code == 0
        stored_once(cron)


@pytest.mark.skipif(not WHOLE, reason="minutes: make week")
class TestWeek:
    def test_nothing_is_told_and_nothing_missed(
        self, begun: Callable[[Start, datetime], Path], tmp_path: Path, record_property: Note
    ) -> None:
        start = Start()
        with going_on(start, start.at, begun(start, start.at), tmp_path / "data") as cron:
            cron.until(start.at + 7 * DAY)
            for line in figures(cron):
                record_property("week", line)
            quiet(cron)
            assert cron.crawl().code == 0
            stored_once(cron)


@pytest.mark.skipif(not WHOLE, reason="minutes: make week")
class TestFaults:
    @pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
    def test_is_told_once(
        self,
        begun: Callable[[Start, datetime], Path],
        tmp_path: Path,
        case: Case,
        record_property: Note,
    ) -> None:
        start = Start()
        now = start.at + 10 * HOUR
        with going_on(start, now, begun(start, now), tmp_path / "data") as cron:
            outcome = whole(cron, case)
            record_property("fault", row(outcome))
            check(outcome)

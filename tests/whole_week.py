"""Seven days of cron without a false alarm, and every fault, each told once: ``make week``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cron import DAY, HOUR, Start, begun, going_on
from tests.faults import CASES, Case, check, complete, play, quiet, stored_once
from tests.figures import figures, row

START = Start()
FAULTS_FROM = START.at + 10 * HOUR


@pytest.fixture(scope="session")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder from the first crawl to when faults begin."""
    data = tmp_path_factory.mktemp("morning") / "data"
    with begun(START, data) as cron:
        cron.until(FAULTS_FROM)
        quiet(cron)
    return data


def test_seven_days(tmp_path: Path, record_property: Any) -> None:
    with begun(START, tmp_path / "data") as cron:
        cron.until(START.at + 7 * DAY)
        for line in figures(cron):
            record_property("week", line)
        quiet(cron)
        assert cron.crawl().code == 0
        stored_once(cron)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_fault(morning: Path, tmp_path: Path, case: Case, record_property: Any) -> None:
    data = Path(shutil.copytree(morning, tmp_path / "data"))
    with going_on(START, FAULTS_FROM, data) as cron:
        outcome = play(cron, case)
        outcome.complete_after, outcome.lost = complete(cron)
        record_property("fault", row(outcome))
        check(outcome)

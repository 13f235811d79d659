"""A morning of cron without a false alarm, then two faults, of which each is told once.

The seven days and all faults of ``make week`` are in :mod:`tests.whole_week`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.cron import HOUR, MONDAY, Start, begun
from tests.faults import CASES, check, play, quiet, stored_once
from tests.figures import figures, row

START = Start(MONDAY + 9 * HOUR, history=8, scale=0.4)


def test_a_morning_and_two_faults(tmp_path: Path, record_property: Any) -> None:
    with begun(START, tmp_path / "data") as cron:
        cron.until(START.at + 2 * HOUR)
        for line in figures(cron):
            record_property("week", line)
        quiet(cron)
        for case in (each for each in CASES if each.name in ("layout", "little space")):
            outcome = play(cron, replace(case, least=0.2, most=1), calm=0)
            record_property("fault", row(outcome))
            check(outcome)
        assert cron.crawl().code == 0
        stored_once(cron)

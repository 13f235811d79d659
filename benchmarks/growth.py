"""Growth: each job at 1, 10 and 100 times its input, on a chart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pygal
from pygal.style import DefaultStyle

from benchmarks.figures import Aim, Figure, Spread

_ROUNDS = 3
_CHART = Path("docs", "growth.svg")


@dataclass(frozen=True, slots=True)
class _Growing:
    """A job and its least input. What it costs is said for each of its ``units``, or in all:
    then it should not grow with what is stored.
    """

    job: str
    least: int
    units: int | None = None
    aim: float = 1.25


_JOBS = {
    "parse": _Growing("parse", 100),
    "crawl": _Growing("crawl", 20),
    "ingest": _Growing("ingest", 100),
    "reparse": _Growing("reparse", 100),
    "export": _Growing("export", 1_000),
    "a search, stored": _Growing("search", 500, units=100, aim=10),
    "a crawl of nothing new, stored": _Growing("nothing_new", 1_000, units=1),
}


def measure() -> Iterator[Figure]:
    """What one article costs with a hundred times the input, against ten times: flat is 1. With
    the least input start-up is most of it.
    """
    lines: dict[str, list[float]] = {}
    for name, growing in _JOBS.items():
        costs = lines[f"{name}, {growing.least:,} to {growing.least * 100:,}"] = []
        for size in (growing.least, growing.least * 10, growing.least * 100):
            taken = Spread.of([_seconds(growing.job, size) for _ in range(_ROUNDS)])
            costs.append(taken.median / (growing.units or size) * 1000)
        _, before, after = costs
        aim = Aim("at most", growing.aim)
        ratio = Spread.once(after / before)
        ours, floor = Spread.once(after), Spread.once(before)
        told = f"{growing.least * 10:,}; the figure is of {growing.least * 100:,}"
        yield Figure(f"growth: {growing.job}", "ms", ours, floor, told, ratio, aim)
    _draw(lines)


def _draw(lines: Mapping[str, Sequence[float]]) -> None:
    chart = pygal.Line(
        logarithmic=True, legend_at_bottom=True, legend_at_bottom_columns=2, truncate_legend=-1,
        disable_xml_declaration=True, js=(), height=520, y_title="ms", style=DefaultStyle,
    )  # fmt: skip
    chart.x_labels = "the least input", "10 times", "100 times"
    for name, costs in lines.items():
        chart.add(name, [round(each, 3) for each in costs])
    chart.render_to_file(str(_CHART))


def _seconds(job: str, size: int) -> float:
    command = [sys.executable, "-m", "benchmarks.point", job, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])

"""Start-up: how soon the program answers, against a Python that does nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.figures import Aim, Figure, Spread, in_turn
from benchmarks.process import finews, run

_ROUNDS = 15  # each takes a fraction of a second


def measure() -> Iterator[Figure]:
    """Seconds more than ``python -c pass``."""
    turns = {
        "nothing": lambda: run(sys.executable, "-c", "pass").seconds,
        "help": lambda: finews("--help").seconds,
    }
    times = in_turn(turns, _ROUNDS)
    pairs = zip(times["help"], times["nothing"], strict=True)
    more = Spread.of([ours - floor for ours, floor in pairs])
    yield Figure("start: finews --help, more", "s", more, aim=Aim("at most", 0.25))

"""What is measured: figures beside floors and peers of the same run, and their aims."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

#: How often everything is measured, one after the other in turn, so that all have the same weather.
ROUNDS = 5
#: One turn of a job: its seconds, of which preparations are no part.
Turn = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several measurements, the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def once(cls, value: float) -> Self:
        """Of what does not vary, or is measured once only."""
        return cls(value, value, value)


@dataclass(frozen=True, slots=True)
class Aim:
    """What the value that is judged should be."""

    sense: Literal["at most", "at least"]
    value: float

    def met(self, value: float) -> bool:
        return value <= self.value if self.sense == "at most" else value >= self.value

    def __str__(self) -> str:
        return f"{'≤' if self.sense == 'at most' else '≥'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Peer:
    """What people use instead: how fast in the figure's unit, how many ``times`` slower than ours;
    ``right`` tells of how much of what it gave is true.
    """

    name: str
    figure: Spread
    times: float
    right: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. ``ratio`` is to the floor, by rounds; the aim judges it, or the
    figure itself where there is no floor.
    """

    job: str
    unit: str
    figure: Spread
    floor: Spread | None = None
    floor_is: str = ""
    ratio: Spread | None = None
    aim: Aim | None = None
    peers: tuple[Peer, ...] = ()

    @property
    def met(self) -> bool | None:
        """None without an aim."""
        return self.aim.met((self.ratio or self.figure).median) if self.aim else None


def bare(job: str, unit: str, *values: float) -> Figure:
    """A figure that has neither floor nor aim, of one measurement or several."""
    return Figure(job, unit, Spread.of(values))


def seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def in_turn(turns: Mapping[str, Turn], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """The seconds of each, one after the other, so many times."""
    times: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            times[name].append(turn())
    return times


def compared(
    job: str,
    unit: str,
    amount: int,
    turns: Mapping[str, Turn],
    *,
    floor_is: str,
    aim: Aim,
    rounds: int = ROUNDS,
) -> Figure:
    """A job that does an ``amount`` of something in some seconds: ``turns`` are ``ours``, the
    ``floor`` and, by name, peers that do as much.

    The ratio is of times where the aim is a most, of speeds where it is a least.
    """
    times = in_turn(turns, rounds)
    rates = {name: Spread.of([amount / each for each in found]) for name, found in times.items()}
    pairs = zip(times["ours"], times["floor"], strict=True)
    faster = aim.sense == "at least"
    ratios = [floor / ours if faster else ours / floor for ours, floor in pairs]
    ours = rates["ours"].median
    peers = (
        Peer(name, rate, ours / rate.median)
        for name, rate in rates.items()
        if name not in ("ours", "floor")
    )
    return Figure(
        job, unit, rates["ours"], rates["floor"], floor_is, Spread.of(ratios), aim, tuple(peers)
    )


def lines(figure: Figure) -> Iterator[str]:
    """The rows of the table, 80 columns wide; :data:`HEAD` stands above."""
    floor = f"{_short(figure.floor.median)}" if figure.floor else ""
    judged = figure.ratio or (figure.figure if figure.aim else None)
    told = f"{judged.median:.2f}" if judged and figure.ratio else ""
    varies = judged and judged.least < judged.most
    spread = f"{_short(judged.least)}–{_short(judged.most)}" if judged and varies else ""
    aim = "" if figure.aim is None else f"{figure.aim}{'' if figure.met else ' ✗'}"
    name = f"{figure.job}, {figure.unit}"
    yield f"{name:<38}{_short(figure.figure.median):>8}{floor:>8}{told:>6} {spread:<10}{aim}"
    if figure.floor_is:
        yield f"    floor: {figure.floor_is}"
    for peer in figure.peers:
        yield f"    {peer.name}: {_short(peer.figure.median)}, {peer.times:.1f} times slower"
        if peer.right:
            yield f"      right: {peer.right}"


HEAD = f"{'job, unit':<38}{'ours':>8}{'floor':>8}{'ratio':>6} {'spread':<10}aim"


def _short(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"

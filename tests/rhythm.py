"""When made-up articles are published: by the hour, on working days and others."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from crawler.parsers.dates import SHANGHAI

#: A Friday on which all are at home.
HOLIDAY = date(2026, 6, 19)
# Of each hour from midnight on: before the exchanges open, while they trade, in the evening.
_WORKING = (1, 1, 0, 0, 0, 1, 4, 12, 30, 70, 70, 50, 20, 60, 60, 35, 30, 25, 20, 35, 40, 35, 15, 5)
_RESTING = (1, 1, 0, 0, 0, 0, 2, 6, 10, 12, 12, 10, 8, 8, 8, 8, 8, 8, 8, 10, 12, 10, 6, 2)


def is_working(day: date) -> bool:
    """Is it a day on which people work?"""
    return day.weekday() < 5 and day != HOLIDAY


def expected(per_day: float, day: date, hour: int) -> float:
    """How many articles are to be expected in an hour, of ``per_day`` on a working day."""
    weights = _WORKING if is_working(day) else _RESTING
    return per_day * weights[hour] / sum(_WORKING)


def arrivals(name: str, per_day: float, since: datetime, until: datetime) -> Iterator[datetime]:
    """The times at which a column gets an article, the same for the same name; oldest first."""
    day = since.date()
    while day <= until.date():
        chance = random.Random(f"{name} {day}")
        start = datetime.combine(day, time(), SHANGHAI)
        for hour in range(24):
            number = _poisson(chance, expected(per_day, day, hour))
            seconds = sorted(chance.sample(range(3600), number))
            for second in seconds:
                shown = start + timedelta(hours=hour, seconds=second)
                if since <= shown < until:
                    yield shown
        day += timedelta(days=1)


def _poisson(chance: random.Random, mean: float) -> int:
    floor, product, number = math.exp(-mean), chance.random(), 0
    while product > floor:
        product *= chance.random()
        number += 1
    return number

"""How messages of health say names, lengths of time and times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from crawler.parsers.dates import SHANGHAI


def some(names: Sequence[str], of: int) -> str:
    """Names of listings in a sentence, and of how many."""
    if len(names) == 1 and of == 1:
        return f"its listing {names[0]}"
    shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return f"{len(names)} of {of} listings ({shown})"


def span(length: timedelta) -> str:
    """A length of time in words, to the minute.

    >>> span(timedelta(hours=3, minutes=5)), span(timedelta(days=4, hours=2))
    ('3 h 5 min', '4 days')
    """
    minutes = round(length / timedelta(minutes=1))
    if minutes >= 2 * 24 * 60:
        return f"{minutes // (24 * 60)} days"
    hours, minutes = divmod(minutes, 60)
    return " ".join(
        part for part, number in ((f"{hours} h", hours), (f"{minutes} min", minutes)) if number
    ) or "less than a minute"  # fmt: skip


def clock_time(at: datetime) -> str:
    """An aware time to the minute, in Asia/Shanghai."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")

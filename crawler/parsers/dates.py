"""Times as Chinese news sites write them; the one place that attaches Asia/Shanghai."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache

# China has kept +08:00 without summer time since 1992, before any article we read;
# a fixed offset needs no zone database on the machine.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

_SECOND = re.compile(
    r"(?<![0-9])([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})[ T]([0-9]{1,2}):([0-9]{2}):([0-9]{2})"
    r"(?:\s*([+-])([0-9]{2}):?([0-9]{2})(?![0-9]))?"
)
_MINUTE = re.compile(
    r"(?<![0-9])([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日\s*([0-9]{1,2}):([0-9]{2})(?![0-9:])"
)
_DAY = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}\Z")


def read_time(text: str) -> datetime | None:
    """Read ``YYYY-MM-DD HH:MM:SS`` anywhere in ``text``, as a time in Asia/Shanghai.

    The day may be written ``YYYY/MM/DD`` too. A zone that follows, such as ``+0800``, counts;
    without one it is in Asia/Shanghai.
    None where no such time stands or where it is no real one (``2022-13-45 …``).

    >>> read_time("(GMT+8, Asia/Shanghai, CST) 2022-01-14 15:30:58").isoformat()
    '2022-01-14T15:30:58+08:00'
    >>> read_time("2022-01-14 07:30:58 +0000").isoformat()
    '2022-01-14T15:30:58+08:00'
    """
    found = _SECOND.search(text)
    if not found:
        return None
    year, _, *parts, sign, hours, minutes = found.groups()
    try:
        zone = _zone(sign, int(hours), int(minutes)) if sign else SHANGHAI
        time = datetime(int(year), *map(int, parts), tzinfo=zone)  # type: ignore[misc, arg-type]
        return time.astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        return None


@lru_cache  # texts know few zones
def _zone(sign: str, hours: int, minutes: int) -> timezone:
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if sign == "-" else offset)


def read_minute(text: str) -> datetime | None:
    """Read 「2026年08月19日 17:46」 anywhere in ``text``, as a time in Asia/Shanghai.

    Its second is 0: the text tells no second. None as in :func:`read_time`, and where more
    than the minute is told.

    >>> read_minute("2026年08月19日 17:46").isoformat()
    '2026-08-19T17:46:00+08:00'
    """
    found = _MINUTE.search(text)
    if not found:
        return None
    try:
        return datetime(*map(int, found.groups()), tzinfo=SHANGHAI)  # type: ignore[misc, arg-type]
    except ValueError:
        return None


def read_http_date(text: str) -> datetime | None:
    """The aware time of a ``Date`` header (RFC 9110); None where it is none."""
    try:
        time = parsedate_to_datetime(text)
        # 「-0000」 is read as UTC that tells no zone.
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        return None


def read_bound(text: str, *, end: bool = False) -> datetime:
    """Read a bound that a person gave: a day or an ISO 8601 time.

    Without a zone it is in Asia/Shanghai. A bare day means its first moment, with
    ``end`` its last. Raises :class:`ValueError` with a sentence that says what to write.

    >>> read_bound("2022-05-31", end=True).isoformat()
    '2022-05-31T23:59:59.999999+08:00'
    """
    text = text.strip()
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no day or time; write 2022-05-31 or 2022-05-31T15:30:00"
        ) from None
    if end and _DAY.match(text):
        time = datetime.combine(time, time.max.time())
    time = time if time.tzinfo else time.replace(tzinfo=SHANGHAI)
    try:
        time.astimezone(SHANGHAI)
    except OverflowError:
        raise ValueError(f"{text!r} is out of all time") from None
    return time

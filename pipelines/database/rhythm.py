"""The rhythm of a listing: how many articles it brings, by the hour and the kind of day.

It is learnt from when the stored articles were published, so that it is there after the first
crawl. Working days and weekends have a rhythm each; a holiday shows in what the last hours
brought against what they should have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from statistics import median

from sqlite_utils import Database

from crawler.parsers.dates import SHANGHAI
from pipelines.database.rows import time_text

#: How far back the history of a listing is looked at: four weeks.
DAYS = 28
_HOUR = timedelta(hours=1)
_LATELY = timedelta(hours=6)
# How much more or less than usual the last hours may have been to count as they are.
_LEAST, _MOST = 0.2, 5.0
_SATURDAY = 5

#: Articles by the hour of their publication; hours are aware, in Asia/Shanghai, and begin at :00.
Hours = Mapping[datetime, int]


@dataclass(slots=True)
class Brought:
    """What a listing brought in the last weeks; ``newest`` is the time of its newest article,
    None where there was none.
    """

    hours: dict[datetime, int] = field(default_factory=dict)
    newest: datetime | None = None


def brought(db: Database, site: str, now: datetime) -> dict[str, Brought]:
    """What each listing of a site brought in the last :data:`DAYS`.

    An article without a time counts for when we first saw it.
    """
    since = time_text(midnight(now) - timedelta(days=DAYS))
    found: dict[str, Brought] = {}
    for listing, hour, count, newest in db.conn.execute(
        """
        WITH recent AS (
          SELECT info_code, published_at AS at FROM articles WHERE published_at >= :since
          UNION ALL SELECT info_code, first_seen_at FROM articles
          WHERE published_at IS NULL AND first_seen_at >= :since)
        SELECT listing, substr(at, 1, 13), count(DISTINCT info_code), max(at) FROM recent
        CROSS JOIN sightings USING (info_code) WHERE site = :site GROUP BY 1, 2 ORDER BY 2
        """,
        {"since": since, "site": site},
    ):
        own = found.setdefault(listing, Brought())
        own.hours[datetime.fromisoformat(f"{hour}:00:00").replace(tzinfo=SHANGHAI)] = count
        own.newest = datetime.fromisoformat(newest)
    return found


def midnight(at: datetime) -> datetime:
    """The beginning of the day, in Asia/Shanghai."""
    return datetime.combine(at.astimezone(SHANGHAI).date(), time.min, tzinfo=SHANGHAI)


class Rhythm:
    """The rhythm of one listing, as known at ``now``, when it was walked last."""

    def __init__(self, brought: Hours, now: datetime) -> None:
        today = midnight(now).date()
        days = sorted({hour.date() for hour in brought if hour.date() < today})
        # Days without any count too, but for those before the first that is known.
        whole = (today - days[0]).days if days else 0
        known = Counter(
            rests(today - timedelta(days=back)) for back in range(1, min(whole, DAYS) + 1)
        )
        counts = Counter[tuple[bool, int]]()
        for hour, count in brought.items():
            if hour.date() < today:
                counts[rests(hour.date()), hour.hour] += count
        # One day like the mean of all, so that no hour is taken for silent after a few days.
        mean = (counts.total() + 1) / (24 * known.total() + 1)
        self._rates = {
            (weekend, hour): (mean + counts[weekend, hour]) / (1 + known[weekend])
            for weekend in (False, True)
            for hour in range(24)
        }
        lately = count_between(brought, now - _LATELY, now)
        usual = sum(part for _, part in self._parts(now - _LATELY, now, 1.0))
        self._pace = min(max((lately + 1) / (usual + 1), _LEAST), _MOST)

    def expected(self, start: datetime, end: datetime) -> float:
        """How many articles are to be expected between two times."""
        return sum(part for _, part in self._parts(start, end, self._pace))

    def reaches(self, articles: float, start: datetime, most: timedelta) -> datetime:
        """By when so many articles are to be expected since ``start``, at most ``most`` later."""
        left = articles
        for begin, part in self._parts(start, start + most, self._pace):
            end = min(_next_hour(begin), start + most)
            if part >= left:
                return begin + (end - begin) * (left / part)
            left -= part
        return start + most

    def _parts(
        self, start: datetime, end: datetime, pace: float
    ) -> Iterator[tuple[datetime, float]]:
        """The articles to be expected in each hour or part of one, and when that begins."""
        while start < end:
            until = min(_next_hour(start), end)
            local = start.astimezone(SHANGHAI)
            rate = self._rates[rests(local.date()), local.hour]
            yield start, pace * rate * ((until - start) / _HOUR)
            start = until


def count_between(brought: Hours, start: datetime, end: datetime) -> float:
    """The articles between two times; of an hour that lies there in part its share."""
    found, hour = 0.0, start.astimezone(SHANGHAI).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        if count := brought.get(hour):
            inside = min(hour + _HOUR, end) - max(hour, start)
            found += count * (inside / _HOUR)
        hour += _HOUR
    return found


def by_day(brought: Hours, now: datetime, days: int = 7) -> list[int]:
    """The articles of each of the last days, today the last."""
    found = Counter[date]()
    for hour, count in brought.items():
        found[hour.date()] += count
    today = midnight(now).date()
    return [found[today - timedelta(days=back)] for back in reversed(range(days))]


def usual_by_now(brought: Hours, now: datetime) -> int | None:
    """How many articles a usual day of this kind, working day or weekend, has brought by this
    time of day; None where no such day is known.
    """
    start = midnight(now)
    first = min(brought, default=now)
    counts = [
        count_between(brought, day, now - timedelta(days=back))
        for back in range(1, DAYS)
        if (day := start - timedelta(days=back)) >= first
        and rests(day.date()) == rests(start.date())
    ]
    return round(median(counts)) if counts else None


def rests(day: date) -> bool:
    """Is it a day of the weekend?"""
    return day.weekday() >= _SATURDAY


def _next_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) + _HOUR

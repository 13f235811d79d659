"""When the silence of a listing is unusual: by what it, and others, brought in such hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from crawler.parsers.dates import SHANGHAI
from pipelines.database.rhythm import DAYS, count_between, rests
from pipelines.health.signs import WELL, Listing, Signs
from pipelines.health.words import clock_time, span

# Days of history that are needed to say that something is unusual; one day in so many may be odd.
_HISTORY, _ODD = 7, 14
# Such days that are needed; what other listings should bring to say anything, and which share.
_ALIKE, _ENOUGH, _PACE = 5, 10, 0.7


def is_forgotten(listing: Listing, since: datetime) -> bool:
    """Has it brought nothing for so long that what was usual is no longer known?"""
    newest = listing.brought.newest
    if newest is None or newest > since:
        return False
    return min(listing.brought.hours) > newest - timedelta(days=_HISTORY)


def silence(listing: Listing, signs: Signs, least: int) -> str | None:
    """In words, that nothing came where something always does.

    It is compared with days of the same kind while other listings show that this is one; else
    with all days: a holiday is like a weekend.
    """
    newest, last = listing.brought.newest, listing.walks[0]
    if newest is None or last.outcome not in WELL or newest >= last.at:
        return None
    first = min(listing.brought.hours)
    days = [back for back in range(1, DAYS) if newest - timedelta(days=back) >= first]
    alike = [back for back in days if _is_alike(newest, last.at, back)]
    if len(days) < _HISTORY:
        return None
    fewest, which = _fewest(listing, newest, last.at, days), "other days"
    if fewest < least and len(alike) >= _ALIKE and _is_usual(listing, newest, last.at, signs):
        fewest, which = _fewest(listing, newest, last.at, alike), "other such days"
    if fewest < least:
        return None
    return (
        f"{listing.name}: none since {clock_time(newest)}, in {span(last.at - newest)} that brought"
        f" {fewest:.0f} or more on {which}"
    )


def _fewest(listing: Listing, start: datetime, end: datetime, days: Sequence[int]) -> float:
    """The fewest articles in these hours of earlier days, but for the odd one."""
    counts = sorted(
        count_between(listing.brought.hours, *_earlier(start, end, back)) for back in days
    )
    return counts[len(counts) // _ODD]


def _is_usual(silent: Listing, start: datetime, end: datetime, signs: Signs) -> bool:
    """Do other listings, or those of other sites, bring what they do on such days?"""
    own = next(site for site in signs.sites if silent in site.listings)
    others = [each for site in signs.sites for each in site.listings if each is not silent]
    elsewhere = [each for site in signs.sites if site is not own for each in site.listings]
    return _keeps_pace(others, start, end) or _keeps_pace(elsewhere, start, end)


def _keeps_pace(listings: Sequence[Listing], start: datetime, end: datetime) -> bool:
    now = usual = 0.0
    for each in listings:
        if not (hours := each.brought.hours):
            continue
        counts = [
            count_between(hours, *_earlier(start, end, back))
            for back in range(1, DAYS)
            if _is_alike(start, end, back) and start - timedelta(days=back) >= min(hours)
        ]
        if counts:
            now += count_between(hours, start, end)
            usual += median(counts)
    return usual >= _ENOUGH and now >= _PACE * usual


def _earlier(start: datetime, end: datetime, back: int) -> tuple[datetime, datetime]:
    return start - timedelta(days=back), end - timedelta(days=back)


def _is_alike(start: datetime, end: datetime, back: int) -> bool:
    """Were the days of these hours so many days ago of the same kind, working day or weekend?"""
    return all(
        rests(each.date()) == rests((each - timedelta(days=back)).date())
        for each in (start.astimezone(SHANGHAI), end.astimezone(SHANGHAI))
    )

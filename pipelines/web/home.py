"""The first page: what came lately, how sites and listings are, what is known to be complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from datasette import Response
from sqlite_utils import Database

from pipelines.database import browse
from pipelines.database.coverage import Span, shares, spans
from pipelines.health import note
from pipelines.run import now
from pipelines.web import calendar, charts
from pipelines.web.page import Desk, drawing, is_narrow, words
from pipelines.web.words import Words

_DAYS = 14
# What is later is no time that a source told; articles may be ahead of our clock by minutes.
_AHEAD = timedelta(days=1)
_NAMED = 6
_GAPS = 12


@dataclass(frozen=True, slots=True)
class Figures:
    """What the page shows; of one minute for all readers.

    ``days`` are the last ones up to the newest article, ``by_day`` rows of source, day, number.
    """

    articles: int
    newest: str | None
    days: Sequence[str]
    by_day: Sequence[tuple[str | None, str, int]]
    sites: Sequence[dict[str, Any]]
    listings: Sequence[dict[str, Any]]
    gaps: Sequence[dict[str, Any]]
    alarms: Sequence[dict[str, Any]]
    run: dict[str, Any] | None
    covered: dict[tuple[str, str], list[Span]]
    today: date


async def _figures(desk: Desk) -> Figures:
    return await desk.kept("home", partial(_found, data=desk.data))


def _found(db: Database, data: Path) -> Figures:
    newest = browse.newest(db, now() + _AHEAD)
    days = _days(newest)
    gaps = browse.missing(db)
    covered = spans(db)
    return Figures(
        articles=browse.count(db),
        newest=newest,
        days=days,
        by_day=browse.by_day(db, days[0], days[-1]) if days else [],
        sites=browse.sites(db),
        listings=browse.listings(db, gaps, covered),
        gaps=gaps,
        alarms=note.alarms(db, data),
        run=browse.last_run(db),
        covered=covered,
        today=now().date(),
    )


def _days(newest: str | None) -> list[str]:
    """The last days up to the one of the newest article; none where no time is known."""
    last = _day(newest)
    if last is None or last.year < 2:
        return []
    return [str(last - timedelta(days=back)) for back in reversed(range(_DAYS))]


def _day(time: str | None) -> date | None:
    try:
        return date.fromisoformat(time[:10]) if time else None
    except ValueError:  # another tool wrote it
        return None


async def page(desk: Desk, request: Any) -> Response:
    """``/``."""
    figures = await _figures(desk)
    t = words(request)
    series = _series(figures, t)
    years = _years(figures)
    values = {
        "figures": figures,
        "series": series,
        "totals": [sum(numbers) for numbers in zip(*(each for _, each in series), strict=True)],
        "gaps": figures.gaps[:_GAPS],
        "years": years,
        "months": calendar.figures(_shares(figures, years), years, figures.today),
        "shapes": (calendar.WIDE, calendar.NARROW),
        "listings": _by_site(figures.listings),
    }
    return await desk.html(request, "home.html", values)


def _series(figures: Figures, t: Words) -> list[tuple[str, list[int]]]:
    """The sources with most articles, the others together; each with a number a day."""
    totals: Counter[str | None] = Counter()
    for source, _, number in figures.by_day:
        totals[source] += number
    named = sorted(totals, key=lambda name: (-totals[name], name or ""))[:_NAMED]
    places = {day: at for at, day in enumerate(figures.days)}
    series: dict[str, list[int]] = {}
    for source in [*named, *(name for name in totals if name not in named)]:
        name = t("others") if source not in named else source or t("source_unknown")
        series.setdefault(name, [0] * len(figures.days))
    for source, day, number in figures.by_day:
        name = t("others") if source not in named else source or t("source_unknown")
        if day in places:
            series[name][places[day]] += number
    return list(series.items())


def _by_site(listings: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in listings:
        found.setdefault(each["site"], []).append(each)
    return found


def _years(figures: Figures) -> list[int]:
    """The year of the newest article and the one before, where that was covered too."""
    last = _day(figures.newest)
    ends = [day for spans in figures.covered.values() for span in spans if (day := _day(span.end))]
    if last is None or not ends:
        return []
    return [year for year in (last.year - 1, last.year) if year >= min(ends).year]


def _shares(figures: Figures, years: Sequence[int]) -> dict[date, float]:
    if not years:
        return {}
    return shares(figures.covered, date(years[0], 1, 1), date(years[-1], 12, 31))


async def days_picture(desk: Desk, request: Any) -> Response:
    """``/chart/days.svg``: articles a day, by source."""
    figures = await _figures(desk)
    labels = [day[5:] for day in figures.days]
    svg = charts.bars(_series(figures, words(request)), labels, narrow=is_narrow(request))
    return drawing(svg, charts.policy(svg))


async def calendar_picture(desk: Desk, request: Any) -> Response:
    """``/chart/calendar.svg``: for each day the share of the listings that is complete."""
    figures = await _figures(desk)
    years = _years(figures)
    shape = calendar.NARROW if is_narrow(request) else calendar.WIDE
    share = _shares(figures, years)
    svg = calendar.drawn(share, years, figures.today, words(request), shape)
    return drawing(svg, charts.policy(svg))

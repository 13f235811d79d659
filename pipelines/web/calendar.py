"""The calendar of coverage: for each day the share of the listings that is complete, as a picture
and as figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape

from pipelines.web.words import Words

_SHARES = ("none", "some", "half", "most", "all")
_SHADES = ("#ebedf0", "#c6dbef", "#9ecae1", "#4292c6", "#08519c")
_STYLE = (
    "<style>text{fill:#4a5260}@media (prefers-color-scheme: dark){text{fill:#aab2bd}"
    '[fill="#ebedf0"]{fill:#2a3038}[fill="#c6dbef"]{fill:#1d3f5e}[fill="#9ecae1"]{fill:#2a6496}'
    '[fill="#4292c6"]{fill:#4a9bd1}[fill="#08519c"]{fill:#9bd0f5}}</style>'
)
_WEEK, _LEFT, _TOP = 7, 36, 44


@dataclass(frozen=True, slots=True)
class Shape:
    """How it is drawn: so many months a row, weeks so wide and days so high."""

    months: int
    step: int

    @property
    def width(self) -> int:
        return _LEFT + (self.months * 31 // _WEEK + 2) * self.step

    @property
    def block(self) -> int:
        """The height of a row of weeks, with the names of its months."""
        return _WEEK * self.step + 30

    def height(self, years: Sequence[int]) -> int:
        return _TOP + len(years) * (12 // self.months) * self.block


WIDE = Shape(12, 13)
#: For phones, half a year a row.
NARROW = Shape(6, 11)


def drawn(
    covered: Mapping[date, float], years: Sequence[int], last: date, t: Words, shape: Shape
) -> str:
    """The picture, as SVG. What comes after the day ``last`` is left blank."""
    parts = [*_key(t, shape)]
    rows = [(year, month) for year in years for month in range(1, 13, shape.months)]
    for at, (year, month) in enumerate(rows):
        parts += _row(covered, date(year, month, 1), last, _TOP + at * shape.block, t, shape)
    title = escape(t("coverage_title"))
    size = f'width="{shape.width}" height="{shape.height(years)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {shape.width} {shape.height(years)}"'
        f' {size} font-family="sans-serif" role="img">{_STYLE}<title>{title}</title>\n'
        f"{_text(0, 14, t('coverage_title'), 13)}\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _key(t: Words, shape: Shape) -> Iterator[str]:
    room = (shape.width - _LEFT) // len(_SHARES)
    for at, (shade, name) in enumerate(zip(_SHADES, _SHARES, strict=True)):
        yield f'<rect x="{_LEFT + at * room}" y="24" width="12" height="12" fill="{shade}"/>'
        yield _text(_LEFT + 16 + at * room, 34, t(f"share_{name}"))


def _row(
    covered: Mapping[date, float], first: date, last: date, top: int, t: Words, shape: Shape
) -> Iterator[str]:
    """The days from ``first`` on, a week a column, under the names of their months."""
    yield _text(0, top + 16 + 4 * shape.step, str(first.year), 12)
    size = shape.step - 2
    shades: dict[str, list[str]] = {}
    for day in _days(first, first.month + shape.months):
        week = ((day - first).days + first.weekday()) // _WEEK
        x, y = _LEFT + week * shape.step, top + 16 + day.weekday() * shape.step
        if day > last:
            break
        if day.day == 1:
            yield _text(x, top + 10, t("months").split()[day.month - 1])
        square = f"M{x} {y}h{size}v{size}h-{size}z"
        shades.setdefault(_shade(covered.get(day, 0.0)), []).append(square)
    for shade, squares in sorted(shades.items()):
        yield f'<path d="{"".join(squares)}" fill="{shade}"/>'


def _days(first: date, month: int) -> Iterator[date]:
    """The days of a year from ``first`` on, before a month of it; the thirteenth is its end."""
    day = first
    while day.year == first.year and day.month < month:
        yield day
        day += timedelta(days=1)


def _shade(share: float) -> str:
    return _SHADES[min(1 + int(share * 3), 4) if share else 0]


def _text(x: int, y: int, text: str, size: int = 11) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}">{escape(text)}</text>'


def figures(
    covered: Mapping[date, float], years: Sequence[int], last: date
) -> list[tuple[str, float, int, int]]:
    """Of each month, the newest first: its name, the share of the listings that is complete on
    its average day, on how many days all are, and how many days it has up to ``last``.
    """
    found = []
    for year in years:
        for month in range(1, 13):
            first = date(year, month, 1)
            shares = [covered.get(day, 0.0) for day in _days(first, month + 1) if day <= last]
            if shares:
                whole = sum(share >= 1 for share in shares)
                found.append((str(first)[:7], sum(shares) / len(shares), whole, len(shares)))
    return found[::-1]

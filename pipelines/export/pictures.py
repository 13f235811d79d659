"""The pictures of a dataset's card, as SVG: the same facts give the same bytes everywhere.

Plain text elements, so that hanzi are drawn by the fonts of whoever looks; no script, no
outside address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from html import escape

_WIDTH = 760
_INK, _PALE, _GRID = "#24292f", "#57606a", "#d0d7de"
#: Told apart by people who see colours differently (Okabe and Ito).
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999")
_OTHERS = "others"
# From "no listing is known to be complete" to "all are".
_SHADES = ("#ebedf0", "#c6dbef", "#9ecae1", "#4292c6", "#08519c")
_MONTHS = 240


def months(counts: Iterable[tuple[str | None, str, int]]) -> str:
    """Articles a month, stacked by source; ``counts`` are rows of source, month, number.

    Of more than twenty years the newest are drawn.
    """
    by_month: dict[str, dict[str, int]] = {}
    totals: dict[str, int] = {}
    for source, month, number in counts:
        name = source or "unknown"
        by_month.setdefault(month, {})[name] = by_month.get(month, {}).get(name, 0) + number
        totals[name] = totals.get(name, 0) + number
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    named = ranked[: len(_COLOURS) - 1]
    shown = _every_month(by_month)
    stacks = []
    for month in shown:
        here = by_month.get(month, {})
        parts = [here.get(name, 0) for name in named]
        stacks.append([*parts, sum(here.values()) - sum(parts)])
    legend = [*named, _OTHERS] if len(ranked) > len(named) else named
    return _bars("Articles a month, by source", shown, stacks, legend)


def lengths(counts: Sequence[int], bounds: Sequence[int]) -> str:
    """How many articles have texts of so many characters; ``bounds`` as ``LENGTHS``."""
    names = [str(bounds[0]), *(f"≤{bound}" for bound in bounds[1:]), f">{bounds[-1]}"]
    return _bars("Articles by characters of their paragraphs", names, [[n] for n in counts], [])


def calendar(covered: Mapping[date, float], years: Sequence[int]) -> str:
    """The share of the listings that are known to be complete, by day; a row of weeks a year."""
    step, top = 14, 44
    block = 7 * step + 22
    cells = []
    for row, year in enumerate(years):
        y = top + row * block
        cells.append(_text(0, y + 4 * step, str(year), size=12))
        shades: dict[str, list[str]] = {}
        first, last = date(year, 1, 1), date(year, 12, 31)
        for number in range((last - first).days + 1):
            day = date.fromordinal(first.toordinal() + number)
            week = (number + first.weekday()) // 7
            square = f"M{36 + week * (step - 1)} {y + day.weekday() * step}h11v12h-11z"
            shades.setdefault(_shade(covered.get(day, 0.0)), []).append(square)
        cells += (
            f'<path d="{"".join(squares)}" fill="{shade}"/>'
            for shade, squares in sorted(shades.items())
        )
    keys = []
    for at, (shade, name) in enumerate(
        zip(_SHADES, ("none", "some", "half", "most", "all"), strict=True)
    ):
        keys.append(f'<rect x="{36 + at * 64}" y="24" width="12" height="12" fill="{shade}"/>')
        keys.append(_text(52 + at * 64, 34, name))
    return _drawing(
        "Share of the listings known to be complete, by day",
        top + len(years) * block,
        [*keys, *cells],
    )


def _shade(share: float) -> str:
    return _SHADES[min(1 + int(share * 3), 4) if share else 0]


def _every_month(known: Iterable[str]) -> list[str]:
    """The months from the first to the last, those without articles too."""
    numbers = [int(month[:4]) * 12 + int(month[5:]) - 1 for month in known]
    if not numbers:
        return []
    first = max(min(numbers), max(numbers) - _MONTHS + 1)
    return [f"{each // 12:04}-{each % 12 + 1:02}" for each in range(first, max(numbers) + 1)]


def _bars(
    title: str, names: Sequence[str], stacks: Sequence[Sequence[int]], legend: Sequence[str]
) -> str:
    """A bar of stacked parts for each name, with the greatest total as the scale."""
    height, left, top, bottom = 200, 48, 36, 24
    most = max(map(sum, stacks), default=0) or 1
    room = (_WIDTH - left - 16) / max(len(names), 1)
    every = -(-len(names) * 60 // (_WIDTH - left))  # names that do not touch each other
    parts = [*_scale(most, left, top, height)]
    for at, (name, stack) in enumerate(zip(names, stacks, strict=True)):
        x, y = left + at * room, float(top + height)
        for part, number in enumerate(stack):
            size = height * number / most
            y -= size
            if number:
                of = f" {legend[part]}" if legend else ""
                parts.append(
                    f'<rect x="{x + room * 0.1:.1f}" y="{y:.1f}" width="{room * 0.8:.1f}"'
                    f' height="{size:.1f}" fill="{_COLOURS[part]}">'
                    f"<title>{escape(name)}{escape(of)}: {number}</title></rect>"
                )
        if at % every == 0:
            parts.append(_text(x + room / 2, top + height + 16, name, anchor="middle"))
    for at, name in enumerate(legend):
        x, y = left + at % 4 * 176, top + height + bottom + 12 + at // 4 * 18
        parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{_COLOURS[at]}"/>')
        parts.append(_text(x + 17, y + 10, name if len(name) <= 20 else f"{name[:19]}…"))
    return _drawing(title, top + height + bottom + 8 + -(-len(legend) // 4) * 18, parts)


def _scale(most: int, left: int, top: int, height: int) -> Iterator[str]:
    for share in (0.0, 0.5, 1.0) if most % 2 == 0 else (0.0, 1.0):
        y = top + height * (1 - share)
        yield f'<line x1="{left}" y1="{y}" x2="{_WIDTH}" y2="{y}" stroke="{_GRID}"/>'
        yield _text(left - 6, y + 4, f"{most * share:,.6g}", anchor="end")


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.6g}" y="{y:.6g}" font-size="{size}" fill="{_PALE}"'
        f' text-anchor="{anchor}">{escape(text)}</text>'
    )


def _drawing(title: str, height: float, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.6g}"'
        f' width="{_WIDTH}" height="{height:.6g}" font-family="sans-serif" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        '<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f'<text x="0" y="14" font-size="13" fill="{_INK}">{escape(title)}</text>\n'
        + "".join(f"{part}\n" for part in parts)
        + "</svg>\n"
    )

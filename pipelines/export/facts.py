"""What a dataset's card tells of the articles in it: counts, times, lengths, coverage."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlite_utils import Database

from crawler.errors import BrokenRow
from pipelines.database.coverage import Span, spans
from pipelines.database.select import Filter, be_lenient, states
from pipelines.fields import COLUMNS

#: Upper bounds, in characters, of the lengths of texts that are counted together.
LENGTHS = (0, 50, 100, 200, 400, 800, 1600, 3200, 6400)


_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_DAY = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T"


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of a selection.

    ``sites`` and ``sources`` are names with counts, most articles first; ``months`` rows of source,
    month (``2022-05``), count; ``lengths`` counts by the bounds :data:`LENGTHS`, the last of
    longer ones; ``unknown`` how many articles lack a field, by its name. ``groups`` counts the
    groups of near-duplicates with several articles, ``grouped`` the articles in them.
    ``coverage`` are the spans by site and listing.
    """

    articles: int
    first: str | None
    last: str | None
    first_seen: str | None
    last_seen: str | None
    sites: Sequence[tuple[str | None, int]]
    sources: Sequence[tuple[str | None, int]]
    months: Sequence[tuple[str | None, str, int]]
    lengths: Sequence[int]
    unknown: dict[str, int]
    groups: int
    grouped: int
    coverage: dict[tuple[str, str], list[Span]]

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day of publication; None where no time is known."""
        if self.first is None or self.last is None:
            return None
        try:
            return date.fromisoformat(self.first[:10]), date.fromisoformat(self.last[:10])
        except ValueError:  # such as 2022-02-30, by another tool
            return None


def facts(db: Database, wanted: Filter) -> Facts:
    """The facts of a selection, from the same state as the rows of one transaction.

    Raises :class:`BrokenRow`.
    """
    be_lenient(db)
    names = [name for name in COLUMNS if name != "mentions"]  # which may be none, but are known
    sql, values = states(db, wanted, ", ".join(names))
    # Another tool may have written what is no time.
    time = f"CASE WHEN published_at GLOB '{_DAY}*' THEN published_at END"
    parts = [
        f"count(*), min({time}), max({time}), min(first_seen_at), max(first_seen_at)",
        *(f"count(*) - count({name})" for name in names),
    ]
    (row,) = db.conn.execute(f"SELECT {', '.join(parts)} FROM ({sql})", values)
    lengths = [0] * (len(LENGTHS) + 1)
    sql, values = states(db, wanted, "info_code, paragraphs")
    for code, paragraphs in db.conn.execute(sql, values):
        lengths[bisect_left(LENGTHS, _length(code, paragraphs))] += 1
    total, *times = row[:5]
    month = f"CASE WHEN published_at GLOB '{_DAY}*' THEN substr(published_at, 1, 7) END"
    by = _counts(db, wanted, ("site", "source", month))
    groups = [
        number for _, number in _counts(db, wanted, ("duplicate_group",), having="count(*) > 1")
    ]
    first, last, first_seen, last_seen = times
    return Facts(
        articles=total,
        first=first,
        last=last,
        first_seen=first_seen,
        last_seen=last_seen,
        sites=_totals((site, number) for site, _, _, number in by),
        sources=_totals((source, number) for _, source, _, number in by),
        months=[(_legible(source), month, number) for _, source, month, number in by if month],
        lengths=lengths,
        unknown=dict(zip(names, row[5:], strict=True)),
        groups=len(groups),
        grouped=sum(groups),
        coverage={
            (site, listing): found
            for (site, listing), found in spans(db, wanted.as_of).items()
            if not wanted.sites or site in wanted.sites
            if not wanted.listings or listing in wanted.listings
        },
    )


def _length(code: str, paragraphs: str) -> int:
    """The characters of a ``paragraphs`` column; read here, since SQLite takes thrice as long."""
    try:
        return sum(len(each.get("text", "")) for each in json.loads(paragraphs))
    except (ValueError, TypeError, AttributeError) as error:
        raise BrokenRow(code, f"paragraphs: {error}") from error


def _counts(
    db: Database, wanted: Filter, by: Sequence[str], having: str = "1"
) -> list[tuple[Any, ...]]:
    """Rows of the values of ``by`` and how many articles have them."""
    sql, values = states(db, wanted, ", ".join(f"{each} AS by{at}" for at, each in enumerate(by)))
    names = ", ".join(f"by{at}" for at in range(len(by)))
    return db.conn.execute(
        f"SELECT {names}, count(*) FROM ({sql}) GROUP BY {names} HAVING {having} ORDER BY {names}",
        values,
    ).fetchall()


def _legible(name: str | None) -> str | None:
    """Without what neither XML nor Markdown can hold."""
    return name and _CONTROL.sub("\ufffd", name)


def _totals(counts: Iterable[tuple[str | None, int]]) -> list[tuple[str | None, int]]:
    found: Counter[str | None] = Counter()
    for name, number in counts:
        found[_legible(name)] += number
    return sorted(found.items(), key=lambda each: (-each[1], each[0] is None, each[0] or ""))

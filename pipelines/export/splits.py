"""Splits of a dataset by time of publication: no article of a split is older than one before it.

A group of near-duplicates never straddles a split: it belongs where its first article is, and
copies published after the end of that split are left out, since whoever learns from one split
has read them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from crawler.parsers.dates import read_bound
from pipelines.database.select import Filter

#: The split of a dataset that is not split.
WHOLE = "train"
_NAME = re.compile(r"\w+\Z")
_SECOND = timedelta(seconds=1)
_EVER = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Split:
    """The articles published from ``start`` to ``end``, both included and aware; None: no bound.

    ``apart_from`` is when the first of the splits begins, None for that one itself.
    """

    name: str
    start: datetime | None = None
    end: datetime | None = None
    apart_from: datetime | None = None

    def of(self, wanted: Filter) -> Filter:
        """Those of a selection that are in this split."""
        starts = [each for each in (wanted.since, self.start) if each]
        ends = [each for each in (wanted.until, self.end) if each]
        return replace(
            wanted,
            since=max(starts, default=None),
            until=min(ends, default=None),
            apart_from=self.apart_from and max(self.apart_from, wanted.since or _EVER),
        )


def read_splits(text: str) -> tuple[Split, ...]:
    """Splits from ``train:..2025-06-30,validation:..2025-12-31,test:``, oldest first.

    Each begins where the one before ended, or later where it says so (``test:2026-02-01..``).
    Raises :class:`ValueError` with a sentence that says what is wrong.
    """
    found: list[Split] = []
    for part in text.split(","):
        name, colon, span = part.strip().partition(":")
        start, dots, end = span.partition("..")
        if not colon or not _NAME.match(name) or (span and not dots):
            raise ValueError(f"{part.strip()!r} is no split; write train:..2025-06-30 or test:")
        if name == "all":
            raise ValueError("'all' means every split to tools that read them; take another name")
        if name in {each.name for each in found}:
            raise ValueError(f"there are two splits {name!r}")
        if found and not found[-1].end:
            raise ValueError(f"{found[-1].name!r} has no end, so nothing is left for {name!r}")
        after = _after(found[-1].end) if found and found[-1].end else None
        begins = read_bound(start) if start else after
        ends = read_bound(end, end=True).replace(microsecond=0) if end else None
        first = (found[0].start or _EVER) if found else None
        if begins and after and begins < after:
            raise ValueError(f"{name!r} begins before {found[-1].name!r} has ended")
        if begins and ends and ends < begins:
            raise ValueError(f"{name!r} ends before it begins")
        found.append(Split(name, begins, ends, first))
    return tuple(found)


def _after(end: datetime) -> datetime:
    try:
        return end + _SECOND
    except OverflowError:
        raise ValueError(f"nothing is left after {end:%Y-%m-%d}") from None

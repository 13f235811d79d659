"""What a reader asks for, from the query of an address and back to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast, get_args
from urllib.parse import parse_qsl

from crawler.parsers.dates import read_bound
from pipelines.database.search import Order
from pipelines.database.select import Dedupe, Filter
from pipelines.web.links import listed

#: Articles a page, in a list and as JSON.
SIZE = 20
_LAST = 500
_LONGEST = 1000
#: What may be asked, besides the page.
NAMES = (
    "q", "site", "source", "since", "until", "security", "evidence", "dedupe", "sort",
)  # fmt: skip
_APART = re.compile(r"[\s,，、]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: the ``pairs`` of the query as given, without the page and what is empty."""

    pairs: tuple[tuple[str, str], ...]
    page: int

    @classmethod
    def of(cls, query: str, **fixed: Sequence[str]) -> Asked:
        """From the query of an address; ``fixed`` are values that the path tells.

        Raises :class:`ValueError` with a sentence.
        """
        given = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
        known = [name for name in NAMES if name not in fixed]
        for name, _ in given:
            if name not in (*known, "page"):
                names = ", ".join(known)
                raise ValueError(f"{name!r} is no filter of this list; there are {names}")
        pairs = [(name, value.strip()) for name, value in given if name in known and value.strip()]
        pairs += [(name, value) for name, values in fixed.items() for value in values]
        if any(len(value) > _LONGEST for _, value in pairs):
            raise ValueError(f"a text of more than {_LONGEST} characters is too long to look for")
        page = dict(given).get("page") or "1"
        if not re.fullmatch("[0-9]{1,5}", page) or not 1 <= int(page) <= _LAST:
            raise ValueError(f"{page!r} is no page from 1 to {_LAST}; take the CSV for all")
        return cls(tuple(pairs), int(page))

    def all(self, name: str) -> tuple[str, ...]:
        """The values of one name."""
        return tuple(value for each, value in self.pairs if each == name)

    def one(self, name: str) -> str:
        """The last value of a name; "" where there is none."""
        return next(reversed(self.all(name)), "")

    @property
    def order(self) -> Order:
        """In which order. Raises :class:`ValueError` with a sentence."""
        order = self.one("sort") or "newest"
        if order not in get_args(Order):
            raise ValueError(f"sort {order!r} is none of {', '.join(get_args(Order))}")
        return cast("Order", order)

    def wanted(self) -> Filter:
        """The filter. Raises :class:`ValueError` with a sentence."""
        assert self.order  # which may be wrong too
        since, until = self.one("since"), self.one("until")
        found = Filter(
            query=self.one("q") or None,
            since=read_bound(since) if since else None,
            until=read_bound(until, end=True) if until else None,
            sites=self.all("site"),
            sources=self.all("source"),
            securities=tuple(self._codes()),
            evidence=self.all("evidence"),
            dedupe=cast("Dedupe", self.one("dedupe") or "none"),  # which check() looks at
        )
        found.check()
        return found

    def _codes(self) -> Iterator[str]:
        for text in self.all("security"):
            yield from filter(None, _APART.split(text))

    @property
    def offset(self) -> int:
        """How many articles stand before this page."""
        return (self.page - 1) * SIZE

    def address(self, path: str, *, page: int = 1, without: tuple[str, str] | None = None) -> str:
        """The address of a page of this list, or of what it is ``without`` a pair."""
        left = [each for each in self.pairs if each != without]
        return listed(path, [*left, ("page", str(page))] if page > 1 else left)

    @property
    def has_next(self) -> bool:
        """May there be another page?"""
        return self.page < _LAST

"""What a query asks for: words, phrases, AND, OR, NOT, and the beginnings of Latin words."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipelines.search.fold import fold
from pipelines.search.grams import sought

_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
OPERATORS = ("AND", "OR", "NOT")
_LONGEST = 1000  # characters of a query
_DEEPEST = 50  # brackets within each other, and operators in a row
# A phrase in quotes, of either script, that has white space around it; or what has none in it.
_QUOTED = r'"[^"]+"|“[^”]+”|「[^」]+」'
_TOKEN = re.compile(rf"(?:{_QUOTED})(?=[\s()]|$)|[()]|[^\s()]+")
_PLAIN = re.compile(rf"(?:{_QUOTED})(?=\s|$)|\S+")
_PREFIX = re.compile(r"[0-9A-Za-z]{2,}\*\Z")
_BEFORE_WORD = re.compile("[^0-9a-z]")


class Query(ABC):
    """A part of a query, or all of it."""

    @property
    @abstractmethod
    def match(self) -> str:
        """The same in the words of FTS5, over the tokens of :mod:`pipelines.search.grams`."""

    @abstractmethod
    def holds(self, parts: Sequence[str]) -> bool:
        """Is a text, as its folded parts, asked for? This is the meaning of a query."""

    @abstractmethod
    def words(self) -> Iterator[Words]:
        """What is to be found, rather than to be absent, in order."""


@dataclass(frozen=True, slots=True)
class Words(Query):
    """A folded ``text`` that stands in one of the parts; with ``begins`` at the beginning of a
    Latin word or number.
    """

    text: str
    begins: bool = False

    @property
    def match(self) -> str:
        gram = sought(self.text, begins=self.begins)
        quoted = " ".join(gram.tokens).replace('"', '""')
        return f'"{quoted}" *' if gram.open else f'"{quoted}"'

    def holds(self, parts: Sequence[str]) -> bool:
        return any(next(self.places(part), None) is not None for part in parts)

    def places(self, part: str) -> Iterator[int]:
        """Where it stands in a folded text."""
        at = part.find(self.text)
        while at >= 0:
            if not self.begins or at == 0 or _BEFORE_WORD.match(part[at - 1]):
                yield at
            at = part.find(self.text, at + 1)

    def words(self) -> Iterator[Words]:
        yield self


@dataclass(frozen=True, slots=True)
class And(Query):
    """All of the ``parts`` are asked for."""

    parts: tuple[Query, ...]

    @property
    def match(self) -> str:
        return f"({' AND '.join(each.match for each in self.parts)})"

    def holds(self, parts: Sequence[str]) -> bool:
        return all(each.holds(parts) for each in self.parts)

    def words(self) -> Iterator[Words]:
        for each in self.parts:
            yield from each.words()


@dataclass(frozen=True, slots=True)
class Or(Query):
    """One of the ``parts`` is asked for."""

    parts: tuple[Query, ...]

    @property
    def match(self) -> str:
        return f"({' OR '.join(each.match for each in self.parts)})"

    def holds(self, parts: Sequence[str]) -> bool:
        return any(each.holds(parts) for each in self.parts)

    def words(self) -> Iterator[Words]:
        for each in self.parts:
            yield from each.words()


@dataclass(frozen=True, slots=True)
class Not(Query):
    """``wanted`` is asked for, without ``unwanted``."""

    wanted: Query
    unwanted: Query

    @property
    def match(self) -> str:
        return f"({self.wanted.match} NOT {self.unwanted.match})"

    def holds(self, parts: Sequence[str]) -> bool:
        return self.wanted.holds(parts) and not self.unwanted.holds(parts)

    def words(self) -> Iterator[Words]:
        yield from self.wanted.words()


@lru_cache(maxsize=256)
def parse(text: str) -> Query:
    """Read a query.

    Words beside each other are all asked for, in any order and part of the article; a word is
    found inside longer ones too. ``"…"``, ``“…”`` and ``「…」`` keep blanks in a phrase. AND, OR
    and NOT are operators in capitals, OR binds least; only beside them are
    brackets more than text. ``Tesl*`` is found where a Latin word or number begins.

    Raises :class:`ValueError` with a sentence for what cannot be meant.

    >>> list(parse('降准 OR "A股 上涨"').words())
    [Words(text='降准', begins=False), Words(text='a股\\u3000上涨', begins=False)]
    """
    text = text.translate(_NARROW)  # brackets, quotes and operators too, as keyboards have them
    if not text.strip():
        raise ValueError("the query is empty")
    if len(text) > _LONGEST:
        raise ValueError(f"the query has more than {_LONGEST} characters")
    tokens = _TOKEN.findall(text)
    if len(tokens) == 1 or not any(each in OPERATORS for each in tokens):
        return _one_of(And, [_words(each) for each in _PLAIN.findall(text)])
    return _Parser(tokens).whole()


def _one_of(kind: type[And | Or], parts: Sequence[Query]) -> Query:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _words(token: str) -> Words:
    if len(token) > 2 and token[0] in '"“「' and token[-1] in '"”」':
        return Words(fold(token[1:-1].strip() or token))
    if _PREFIX.match(token):
        return Words(fold(token[:-1]), begins=True)
    return Words(fold(token))


class _Parser:
    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = [*tokens, ""]
        self._at = 0
        self._depth = 0

    def whole(self) -> Query:
        found = self._any()
        if self._next:
            raise ValueError("the query closes a bracket that it does not open")
        return found

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def _any(self) -> Query:
        parts = [self._all()]
        while self._next == "OR":
            self._at += 1
            parts.append(self._all())
        return _one_of(Or, parts)

    def _all(self) -> Query:
        wanted, unwanted = [self._one()], list[Query]()
        while self._next not in ("", ")", "OR"):
            operator = self._next
            self._at += operator in ("AND", "NOT")
            (unwanted if operator == "NOT" else wanted).append(self._one())
        found = _one_of(And, wanted)
        return Not(found, _one_of(Or, unwanted)) if unwanted else found

    def _one(self) -> Query:
        word = self._next
        if word in ("", ")", *OPERATORS):
            before = self._tokens[self._at - 1] if self._at else ""
            where = f"after {before}" if before else f"before {word}"
            raise ValueError(f"the query has no word {where}")
        self._at += 1
        if word != "(":
            return _words(word)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"the query has more than {_DEEPEST} brackets within each other")
        found = self._any()
        if self._next != ")":
            raise ValueError("the query opens a bracket that it does not close")
        self._at += 1
        self._depth -= 1
        return found

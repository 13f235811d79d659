"""What of a text stands in the index, and by what of it a part of a text is found.

Chinese has no blanks between words, so each character is a token, and what is asked for is a
phrase of them; punctuation and blanks too, so that a phrase is exactly what stands there. Single
letters and digits stand in nearly every text. So a run of them is its first character, its
first two, and from each of its places on up to three: 「A股涨300750」 is
a 股 涨 3 30 300 007 075 750 50 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

#: Stands between parts of a text, in no query: no phrase reaches from one part into the next.
BREAK = "\x1f"
_LENGTH = 3
_RUNS = re.compile("([0-9a-z]{2,})")  # one alone is its own token
_FIRST_RUN = re.compile("[0-9a-z]*")
_LAST_RUN = re.compile(r"[0-9a-z]*\Z")


@dataclass(frozen=True, slots=True)
class Gram:
    """The tokens, one behind the other, that a text has if a part stands in it, and only then;
    of the last of them only the beginning is known where it is ``open``.
    """

    tokens: tuple[str, ...]
    open: bool = False


def indexed(parts: Iterable[str]) -> str:
    """The tokens of a folded text, a blank between them, in their order.

    >>> indexed(["a股", "涨12.5%"])
    'a 股 \\x1f 涨 1 12 2 . 5 %'
    """
    return _tokens(BREAK.join(parts))


def sought(text: str, *, begins: bool = False) -> Gram:
    """By which tokens a folded part of a text is found, which is not empty.

    Where it begins within a run, if it does not say that it ``begins`` one, the first tokens of
    that run are not known; where it ends within one, the last are not.

    >>> sought("涨300750").tokens
    ('涨', '3', '30', '300', '007', '075', '750')
    >>> sought("750跌").tokens
    ('750', '50', '0', '跌')
    >>> sought("5g")
    Gram(tokens=('5g',), open=True)
    """
    first = _length(_FIRST_RUN.match(text))
    last = _length(_LAST_RUN.search(text))
    if last == len(text) < _LENGTH and not begins:
        return Gram((text,), open=True)
    tokens = _tokens(text).split(" ")
    if not begins:
        del tokens[: min(first, _LENGTH) - 1 if first else 0]
    if last > 1:
        del tokens[1 - min(last, _LENGTH) :]
    return Gram(tuple(tokens))


def _tokens(text: str) -> str:
    pieces = _RUNS.split(text)  # others and runs in turn
    pieces[::2] = map(" ".join, pieces[::2])
    pieces[1::2] = map(_run, pieces[1::2])
    return " ".join(filter(None, pieces))


@lru_cache(maxsize=1 << 16)
def _run(run: str) -> str:
    first = [run[:size] for size in range(1, min(len(run), _LENGTH))]
    return " ".join(first + [run[at : at + _LENGTH] for at in range(len(run))])


def _length(found: re.Match[str] | None) -> int:
    return len(found[0]) if found else 0

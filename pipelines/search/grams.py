"""What of a text stands in the index, and how a part of a text is found by it.

Chinese has no blanks between words, so each character is a token, and what is asked for is a
phrase of them. Of runs of Latin letters and digits a token is up to three characters, at each
place of the run: 「300750」 is 300 007 075 750 50 0, since single digits stand in nearly every
text. Punctuation and blanks are tokens too, so that a phrase is exactly what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

#: Stands between parts of a text, in no query: no phrase reaches from one part into the next.
BREAK = "\x1f"
_LENGTH = 3
_RUNS = re.compile("([0-9a-z]+)")


@dataclass(frozen=True, slots=True)
class Gram:
    """How the index finds a text: by tokens that follow each other, of the last one only the
    beginning where it is ``open``; ``exact`` is False where that finds others too.
    """

    tokens: tuple[str, ...]
    open: bool = False
    exact: bool = True


def indexed(parts: Iterable[str]) -> str:
    """The tokens of a folded text, a blank between them, in their order.

    >>> indexed(["a股", "涨12.5%"])
    'a 股 \\x1f 涨 12 2 . 5 %'
    """
    return f" {BREAK} ".join([_tokens(part) for part in parts])


def _tokens(text: str) -> str:
    pieces = _RUNS.split(text)  # others and runs in turn
    pieces[::2] = [" ".join(others) for others in pieces[::2]]
    pieces[1::2] = [_run(run) for run in pieces[1::2]]
    return " ".join(filter(None, pieces))


@lru_cache(maxsize=1 << 16)
def _run(run: str) -> str:
    return " ".join([run[at : at + _LENGTH] for at in range(len(run))])


def sought(text: str) -> Gram:
    """How a folded part of a text, not empty, is found.

    Where it ends within a run its last tokens go on in the text, nobody knows how.

    >>> sought("涨300750")
    Gram(tokens=('涨', '300', '007', '075', '750'), open=False, exact=True)
    >>> sought("涨5")
    Gram(tokens=('涨',), open=False, exact=False)
    >>> sought("5g")
    Gram(tokens=('5g',), open=True, exact=True)
    """
    pieces = _RUNS.split(text)
    tokens = _tokens(text).split(" ")
    last = pieces[-2] if len(pieces) > 1 and not pieces[-1] else ""
    if not last:
        return Gram(tuple(tokens))
    if last == text and len(last) < _LENGTH:
        return Gram((last,), open=True)
    kept = tokens[: len(tokens) - min(len(last), _LENGTH - 1)]
    return Gram(tuple(kept), exact=len(last) >= _LENGTH)

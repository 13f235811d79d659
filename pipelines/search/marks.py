"""What of a text to show, with the hits marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from pipelines.search.fold import fold
from pipelines.search.query import Words

#: The pieces of a text in order; True: this one is a hit.
Marked: TypeAlias = tuple[tuple[str, bool], ...]

_AROUND = 40  # characters before the first hit
_LENGTH = 160


def marked(text: str, words: Iterable[Words]) -> Marked:
    """A whole text; hits that touch or overlap are one.

    >>> marked("央行降准，A股上涨", [Words("降准"), Words("a股")])
    (('央行', False), ('降准', True), ('，', False), ('A股', True), ('上涨', False))
    """
    found, at = list[tuple[str, bool]](), 0
    for start, end in _spans(text, words):
        found += [(text[at:start], False), (text[start:end], True)]
        at = end
    return tuple(piece for piece in (*found, (text[at:], False)) if piece[0])


def snippet(texts: Sequence[str], words: Sequence[Words]) -> Marked:
    """A stretch of some 160 characters, from the text in which most of the words stand, the
    first of those; of the first text where none does. 「…」 stands where it was cut.
    """
    text, most = next(iter(texts), ""), 0
    for each in texts:
        folded = (fold(each),)
        found = sum(word.holds(folded) for word in words)
        if found > most:
            text, most = each, found
        if most == len(words):
            break
    first = next(iter(_spans(text, words)), (0, 0))[0]
    start = max(0, min(first - _AROUND, len(text) - _LENGTH))
    end = start + _LENGTH
    shown = f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
    return marked(shown.replace("\n", " "), words)


def _spans(text: str, words: Iterable[Words]) -> list[tuple[int, int]]:
    folded = fold(text)
    found = list[tuple[int, int]]()
    for start, end in sorted(
        (at, at + len(word.text)) for word in words for at in word.places(folded)
    ):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found

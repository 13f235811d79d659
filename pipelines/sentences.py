"""Texts as sets of sentences, and when two of them are near-duplicates. No SQL here.

A sentence is a number: 56 bits of its hash, and in the lowest byte its weight, which is its
length in characters, at most 255. So the numbers alone tell how much of a text is shared, and
sort in an order that has nothing to do with what the sentences say.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate
from unicodedata import is_normalized, normalize

from crawler.items import Paragraph

_ENDS = "。！？；!?;\r"
# What reposts change without changing a word: white space, brackets, quotes, commas, dashes.
# 「.」 and 「%」 stay: 3.5 is not 35. An explicit set is searched twice as fast as \W.
_NOISE = re.compile(
    "[\t \"#$&'()*+,\\-/:<=>@\\[\\\\\\]^_`{|}~\xa0\xb7\u2000-\u206f\u25a0-\u25ff\u3000-\u3004"
    "\u3008-\u303f\ufeff\uff02-\uff04\uff06-\uff0d\uff0f\uff1a\uff1c-\uff1e\uff20\uff3b-\uff40"
    "\uff5b-\uff65]"
)
_SHORT = 8
_HEAVIEST = 255
_WEIGHTS = [bytes((weight,)) for weight in range(_HEAVIEST + 1)]


def sentences(words: str) -> tuple[int, ...]:
    """The sentences of a text, sorted, each once; none if there is nothing to read.

    White space, punctuation and full-width forms make no difference. Sentences of less
    than eight characters do not count, unless there are no others: then the text is one.

    >>> sentences("公司今日发布公告。股价上涨３.５%，收于高位！")
    (-7996597208914284788, 444311555754191624)
    >>> sentences("　股价上涨3.5％收于高位；公司今日“发布”公告") == _
    True
    """
    for end in _ENDS:
        words = words.replace(end, "\n")
    words = _NOISE.sub("", words)
    if not is_normalized("NFKC", words):
        words = normalize("NFKC", words)
    parts = [part for part in words.split("\n") if len(part) >= _SHORT]
    if not parts and (words := words.replace("\n", "")):
        parts = [words]
    numbers = [
        (_WEIGHTS[length] if (length := len(part)) < _HEAVIEST else _WEIGHTS[_HEAVIEST])
        + blake2b(part.encode(), digest_size=7).digest()
        for part in parts
    ]
    return tuple(sorted(set(unpacked(b"".join(numbers)))))


def sentences_of(paragraphs: Iterable[Paragraph]) -> tuple[int, ...]:
    """The sentences of an article: its words, with those in lists and tables."""
    return sentences("\n".join([each.plain() for each in paragraphs]))


def packed(of: Sequence[int]) -> bytes:
    """Eight bytes a sentence, the same on every machine."""
    return struct.pack(f"<{len(of)}q", *of)


def unpacked(blob: bytes) -> tuple[int, ...]:
    """What :func:`packed` was given."""
    return struct.unpack(f"<{len(blob) // 8}q", blob)


def weight(of: Iterable[int]) -> int:
    """How many characters these sentences have."""
    return sum([each & _HEAVIEST for each in of])


def probes(core: Sequence[int], of: Sequence[int]) -> list[int]:
    """By which numbers a text ``of`` these sentences is found by its near-duplicates.

    ``core`` are those that are not common, sorted. Of two texts that share
    half of the heavier one, the smallest that they share has at least half of either text
    from itself on: so it stands in the first half of both (prefix filtering, Chaudhuri,
    Ganti and Kaushik 2006). A text of nothing but common sentences is found as a :func:`whole`.
    """
    weights = [each & _HEAVIEST for each in core]
    before = list(accumulate(weights, initial=0))
    return list(core[: bisect_right(before, before[-1] / 2)]) or [whole(of)]


def whole(of: Sequence[int]) -> int:
    """A number for all sentences of a text together; its weight is 0, so it is no sentence."""
    return unpacked(_WEIGHTS[0] + blake2b(packed(of), digest_size=7).digest())[0]


def shared(one: Collection[int], other: Collection[int]) -> float:
    """How much of the heavier of two texts both have, from 0 to 1, common sentences aside."""
    heavier = max(weight(one), weight(other))
    return weight(set(one).intersection(other)) / heavier if heavier else 0.0

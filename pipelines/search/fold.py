"""Characters that a search takes for one: case, width, traditional and simplified forms.

Each character becomes one other, whatever stands beside it, so that a text and its folded form
have the same length, and a query is in a text if it folds to a part of it.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.metadata import version

from opencc import OpenCC

#: What white space becomes: no other character does, and it can be a token.
SPACE = "\u3000"
_HAN = 0x2E80  # nothing before it has a simplified form
_NO_TEXT = ("Cc", "Cs")  # control characters, halves of characters


def fold(text: str) -> str:
    """The text as it is compared; as long as it was.

    >>> fold("Ａ股ＧＤＰ 滬深")
    'a股gdp\u3000沪深'
    """
    return text.translate(_TABLE)


@cache
def rules() -> str:
    """By what texts are folded here: an index made by others has to be made anew."""
    return f"1, Unicode {unicodedata.unidata_version}, OpenCC {version('opencc')}"


@cache
def _simplified() -> OpenCC:
    return OpenCC("t2s")


class _Table(dict[int, int]):
    """Code points to code points, each worked out when it is met first."""

    def __missing__(self, number: int) -> int:
        folded = self[number] = ord(_folded(chr(number)))
        return folded


def _folded(char: str) -> str:
    if char.isspace():
        return SPACE
    if unicodedata.category(char) in _NO_TEXT:
        return "\ufffd"
    # Of Unicode's compatible forms only width makes no difference: ① is not 1, nor ² 2.
    is_width = unicodedata.decomposition(char).startswith(("<wide>", "<narrow>"))
    char = _single(unicodedata.normalize("NFKC" if is_width else "NFC", char), char)
    char = _single(char.casefold(), char)
    return char if ord(char) < _HAN else _single(_simplified().convert(char), char)


def _single(folded: str, char: str) -> str:
    # ß would be two: it stays as it is.
    return folded if len(folded) == 1 else char


_TABLE = _Table()

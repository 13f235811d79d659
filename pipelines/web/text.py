"""Texts that any format can hold, whatever stands in the corpus."""

from __future__ import annotations

import re

# Neither XML nor HTML can hold these; halves of characters are no UTF-8 either.
_ILLEGIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def legible(text: str) -> str:
    r"""The text with U+FFFD for each character that is none.

    >>> legible("a\x00b")
    'a\ufffdb'
    """
    return _ILLEGIBLE.sub("\ufffd", text)


def unturned(text: str) -> str:
    """The text without the characters that turn the direction of what follows, for places that
    markup cannot keep apart, such as the title of a window.
    """
    return _TURNING.sub("", text)


def clipped(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"

"""What JSON answers say, made fit to be stored; shared by all sites that answer in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from crawler.errors import LayoutChanged
from crawler.parsers.html import strip, unwrap

_SURROGATE = re.compile("[\ud800-\udfff]")


def read_object(text: str, field: str, *, url: str, site: str) -> Mapping[str, object]:
    """The JSON object in ``text``, which should have ``field``; else :class:`LayoutChanged`."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:  # also: numbers too long, lists too deep
        raise LayoutChanged(f"{field} (no JSON to read: {error})", url=url, site=site) from error
    if not isinstance(answer, dict):
        raise LayoutChanged(f"{field} (the JSON is no object)", url=url, site=site)
    return answer


def legible(text: str) -> str:
    """JSON can hold what no database takes: halves of characters become U+FFFD."""
    try:
        text.encode()  # to look for halves is slow, and hardly a text has any
    except UnicodeEncodeError:
        text = _SURROGATE.sub("\ufffd", text)
    return text.replace("\x00", "")


def field(item: Mapping[str, object], *names: str) -> str | None:
    """The first of the fields that is a text and not empty, without outer white space."""
    for name in names:
        value = item.get(name)
        if value and isinstance(value, str) and (text := strip(unwrap(legible(value)))):
            return text
    return None

"""The identity of an article: ``NW`` and 18 digits, the first eight a date.

The same number stands bare in old post names and Eastmoney URLs and with ``NW``
in the feeds; all forms read to one canonical text.
"""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import parse_qs, urlsplit

# Not inside a longer run of letters or digits: picture names hold 19 digits.
_CODE = re.compile(r"(?<![0-9A-Za-z])(?:NW)?([0-9]{18})(?![0-9A-Za-z])", re.IGNORECASE)
_KEYS = ("infocode", "id", "newsid")
# An address without a query, as most are: it need not be split by all the rules.
_PLAIN = re.compile(r"https?://[0-9A-Za-z.:-]+/(?:[^\s?#]*/)?([^\s/?#]+)/*\Z")


def read(text: str) -> str | None:
    """Read an info code from a code, a post's file name or a URL; None where there is none.

    Knows ``NW202201142248393319``, the bare 18 digits, finews post URLs,
    ``NewsShare.html?infoCode=``, ``GetNewsText.do?id=``, Eastmoney's
    ``/a/<digits>.html`` and ``/news/<column>,<digits>.html`` on any host.

    >>> read("http://finance.eastmoney.com/news/1354,202201212257099936.html")
    'NW202201212257099936'
    >>> read("https://finews.withounder.com/sitenews/2021/12/01/init.html") is None
    True
    """
    text = text.strip()
    if "/" not in text and "?" not in text:
        return _only(text)
    if plain := _PLAIN.match(text):
        return _only(plain[1])
    try:
        parts = urlsplit(text)
    except ValueError:  # such as an unclosed [ in the host
        return None
    found = _only(parts.path.rstrip("/").rpartition("/")[2])
    if found:
        return found
    for key, values in parse_qs(parts.query).items():
        if key.lower() in _KEYS and (found := _only(values[0])):
            return found
    return None


def _only(text: str) -> str | None:
    """The one code in ``text``; None where there is none or more than one."""
    found = {digits for digits in _CODE.findall(text) if _begins_with_date(digits)}
    return f"NW{found.pop()}" if len(found) == 1 else None


def _begins_with_date(digits: str) -> bool:
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return 1990 <= day.year < 2100

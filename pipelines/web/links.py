"""Which texts may be links, and the addresses of our own pages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlencode, urlsplit

_PUBLIC = re.compile(r"https?://[^\s\x00-\x20\x7f\"'<>\\^`{|}]+\Z", re.IGNORECASE)


def public(text: str | None) -> str | None:
    """An address that a reader may follow: http or https, with a host; else None.

    >>> public("https://finance.eastmoney.com/a/1.html")
    'https://finance.eastmoney.com/a/1.html'
    >>> public("javascript:alert(1)") is None
    True
    """
    if not text or not _PUBLIC.match(text):
        return None
    try:
        parts = urlsplit(text)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as an unclosed [ in the host, or a port that is no number
        return None
    return text if known else None


def article(info_code: str) -> str:
    """The page of an article."""
    return f"/article/{quote(info_code, safe='')}"


def security(market: str, code: str) -> str:
    """The page of a security.

    >>> security("1", "600519")
    '/security/1.600519'
    """
    return f"/security/{quote(f'{market}.{code}', safe='')}"


def source(name: str) -> str:
    """The page of a source, whatever its name.

    >>> source("a/b?")
    '/source/a%2Fb%3F'
    """
    return f"/source/{quote(name, safe='')}"


def listed(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """A path with what is asked of it."""
    query = urlencode(list(pairs), errors="replace")
    return f"{path}?{query}" if query else path

"""What the site's JSON says, made fit to be stored, and an item of a list as an entry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from urllib.parse import quote, urlsplit

from crawler.errors import EmptyAnswer
from crawler.items import Entry, Listing
from crawler.parsers.eastmoney import SITE, article_url
from crawler.parsers.html import strip
from crawler.parsers.jsontext import field, read_object
from crawler.parsers.mentions import Security, read_security

_HEADED = re.compile(r"【[^】]*】(.+)", re.DOTALL)
_EARLIEST = 1990  # 「0001-01-01 00:00:00」 is how some systems write no time


def decode(text: str, name: str, url: str) -> Mapping[str, object]:
    """The JSON object in ``text``, which should have ``name``.

    Raises :class:`LayoutChanged`, :class:`EmptyAnswer` where there is nothing at all.
    """
    if not strip(text):
        raise EmptyAnswer("the answer is empty", url=url, site=SITE)
    return read_object(text, name, url=url, site=SITE)


def address(item: Mapping[str, object], *names: str) -> str | None:
    """The first of the fields that is the address of a page."""
    values = (field(item, name) for name in names)
    return next((v for v in values if v and v.startswith(("http://", "https://"))), None)


def without_title(digest: str | None) -> str | None:
    """A digest without the title that begins it.

    >>> without_title("【标题】正文。【又一题】后文。")
    '正文。【又一题】后文。'
    >>> without_title("【标题】")
    '【标题】'
    """
    found = _HEADED.match(digest or "")
    return (found and strip(found[1])) or digest


def since_1990(time: datetime | None) -> datetime | None:
    """A time that an article can have; None for one that stands for none."""
    return time if time and time.year >= _EARLIEST else None


def told_time(entry: Entry) -> datetime | None:
    """When the article appeared, as its listing tells; None where it does not."""
    told = dict(entry.told).get("published_at")
    return datetime.fromisoformat(told) if told else entry.published_at


def make(
    listing: Listing,
    code: str | None,
    told: Mapping[str, str | None],
    *,
    at: datetime | None = None,
    day: date | None = None,
) -> Entry:
    """The entry of an item of ``listing``: of what is ``told``, the names that are known.

    Without a ``code`` it is never asked for: its address is then the told one, or one that is
    made up and the same in every run, whatever page the item stands on.
    """
    title = told.get("title")
    if code:
        url = article_url(code)
    elif not (url := told.get("url") or ""):
        list_url = urlsplit(listing.url)._replace(query="", fragment="").geturl()
        url = f"{list_url}#{listing.name}-{quote((title or 'item')[:80])}"
    known = tuple((name, value) for name, value in told.items() if value)
    return Entry(SITE, listing.name, url, code, title, at, day, known)


def told_stocks(entry: Entry) -> Iterator[Security | None]:
    """The securities that the listing shows beside the article."""
    return map(read_security, dict(entry.told).get("stocks", "").split(","))

"""The HTML page of a column, ``/a/cgnjj_2.html``: the list that a reader of the site sees.

``#newsListContent > li`` hold ``p.title a``, ``p.info`` (cut short, whole in its ``title``) and
``p.time``: 「06月14日 17:56」, and as readers of August 2026 note it with the year before that.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from lxml import etree

from crawler import infocode
from crawler.errors import EmptyAnswer, LayoutChanged, TruncatedPage
from crawler.items import Entry, Listing
from crawler.parsers.eastmoney import SITE, entries
from crawler.parsers.eastmoney.markup import absolute, with_class
from crawler.parsers.html import Element, attribute, flat, parse, select, strip

_LIST = etree.XPath("//*[@id='newsListContent']")
_ITEMS = etree.XPath(".//li")
_LINK = etree.XPath(f".//{with_class('p', 'title')}//a[@href]")
_INFO = etree.XPath(f".//{with_class('p', 'info')}")
_TIME = etree.XPath(f".//{with_class('p', 'time')}")
_DAY = re.compile(r"(?:([0-9]{4})年)?([0-9]{1,2})月([0-9]{1,2})日")
_NUMBERED = re.compile(r"(?:_[0-9]+)?\.html\Z")


def read_column_page(text: str, listing: Listing) -> tuple[tuple[Entry, ...], Listing | None]:
    """The entries of a column's page, and the listing at its next page; None at the end.

    Errors as for :func:`~crawler.parsers.eastmoney.lists.parse_listing`.
    """
    if not strip(text):
        raise EmptyAnswer("the answer is empty", url=listing.url, site=SITE)
    found = select(_LIST, parse(text, url=listing.url))
    if not found:
        raise LayoutChanged("#newsListContent", url=listing.url, site=SITE)
    behind = text[text.rfind("newsListContent") :]
    if "</ul>" not in behind and "</html>" not in behind:
        raise TruncatedPage("the page breaks off in its list", url=listing.url, site=SITE)
    items = select(_ITEMS, found[0])
    if not items:
        if listing.page == 1:
            raise EmptyAnswer("the list has no items", url=listing.url, site=SITE)
        return (), None
    for path, part in ((_LINK, "p.title a"), (_TIME, "p.time")):
        if not any(select(path, item) for item in items):
            raise LayoutChanged(f"#newsListContent li {part}", url=listing.url, site=SITE)
    shown = tuple(_entry(item, listing) for item in items)
    if not any(entry.info_code for entry in shown):
        raise LayoutChanged("#newsListContent li p.title a[href]", url=listing.url, site=SITE)
    url = _NUMBERED.sub(f"_{listing.page + 1}.html", listing.url)
    if url == listing.url:  # no such address; the walk would turn in a circle
        return shown, None
    return shown, replace(listing, url=url, page=listing.page + 1)


def _entry(item: Element, listing: Listing) -> Entry:
    link, info, time = (next(iter(select(p, item)), None) for p in (_LINK, _INFO, _TIME))
    href = "" if link is None else absolute(listing.url, link.get("href", ""))
    code = infocode.read(href)
    raw = None if time is None else flat(time) or None
    told = {
        "title": None if link is None else flat(link) or None,
        "digest": None if info is None else entries.without_title(_whole(info)),
        "published_raw": raw,
        "url": href or None,
    }
    return entries.make(listing, code, told, day=_day(raw or "", code))


def _whole(info: Element) -> str | None:
    """The summary: the page shows the beginning of it only."""
    return attribute(info, "title") or flat(info) or None


def _day(raw: str, code: str | None) -> date | None:
    """The day that 「06月14日 17:56」 means: of the year that brings it nearest to the code's.

    Only a bound for a walk, so that near is good enough.
    """
    found = _DAY.search(raw)
    if not found:
        return None
    if found[1]:
        years, near = [int(found[1])], None
    elif code:
        near = date(int(code[2:6]), int(code[6:8]), int(code[8:10]))
        years = [near.year - 1, near.year, near.year + 1]
    else:
        return None
    days = []
    for year in years:
        try:
            days.append(date(year, int(found[2]), int(found[3])))
        except ValueError:  # 「02月29日」 is not of every year
            continue
    return min(days, key=lambda day: abs(day - (near or day)), default=None)

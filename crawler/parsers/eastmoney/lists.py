"""A page of a listing, in any of its shapes, to entries and the page that comes next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

from crawler import infocode
from crawler.errors import EmptyAnswer, LayoutChanged
from crawler.items import Entry, Listing
from crawler.parsers.dates import SHANGHAI, read_time
from crawler.parsers.eastmoney import SITE, entries
from crawler.parsers.eastmoney.catalogue import Column, catalogue
from crawler.parsers.eastmoney.columnpage import read_column_page
from crawler.parsers.jsontext import field, legible
from crawler.parsers.mentions import read_security

__all__ = ["Column", "ListPage", "catalogue", "parse_listing"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ListPage:
    """What a page of a listing shows. ``next`` is the listing at its next page, None at the end."""

    entries: tuple[Entry, ...]
    next: Listing | None


@dataclass(frozen=True, slots=True)
class _Shape:
    """One shape of JSON: where its items are and what their fields are called.

    ``needs`` are the keys that every item has: code, title, time first. ``total``, ``page``
    and ``size`` are empty for lists that are paged by a cursor.
    """

    path: tuple[str, ...]
    needs: tuple[str, ...]
    digest: str
    source: str = ""
    status: str = ""
    total: str = ""
    page: str = ""
    size: str = ""


# By the last part of the path. The status may be missing in what the PC client asks for.
_SHAPES = {
    "getNewsByColumns": _Shape(
        ("data", "list"), ("code", "title", "showTime"), "summary", "mediaName",
        "code", "totle_hits", "page_index", "page_size",
    ),
    "getFastNewsList": _Shape(
        ("data", "fastNewsList"), ("code", "title", "showTime", "summary"), "summary",
        status="code",
    ),
    "pushlist": _Shape(
        ("data", "list"), ("code", "title", "showtime"), "digest", "source",
        "success", "totle_hits", "page_index", "page_size",
    ),
    "GetNewsList": _Shape(
        ("items",), ("infoCode", "title", "showDateTime"), "content", "source",
        "", "totalCount", "p", "pagesize",
    ),
}  # fmt: skip
_LENIENT = "success"


def parse_listing(text: str, listing: Listing) -> ListPage:
    """Read the answer to ``listing.url``, which tells its shape; entries in the answer's order.

    An entry's ``url`` is that of the article's JSON; ``info_code`` is None for an item without
    a readable one. ``told`` holds what is known of ``title``, ``digest``, ``published_raw``,
    ``published_at`` (ISO 8601), ``source``, ``url``, ``author``, ``stocks``
    (``116.00700,1.600519``) and ``kind`` (``fast`` for fast news). ``published_at`` is set where
    the second is told, ``day`` for HTML pages.

    Raises :class:`LayoutChanged` naming the field (``data.list``, ``data.list[].showTime``) that
    is missing, or missing in every item; :class:`EmptyAnswer` when there is nothing where
    there should be something; :class:`TruncatedPage` and :class:`NotAnArticle` for HTML that
    breaks off or cannot be read.
    """
    shape = _SHAPES.get(urlsplit(listing.url).path.rpartition("/")[2])
    if shape is None:
        return ListPage(*read_column_page(text, listing))
    holder, items = _items(entries.decode(text, ".".join(shape.path), listing.url), shape, listing)
    found = tuple(_entry(item, shape, listing) for item in items)
    if found and not any(entry.info_code for entry in found):
        raise _lacks(f"{'.'.join(shape.path)}[].{shape.needs[0]}", listing)
    url = _by_number(holder, items, shape, listing) if shape.total else _by_cursor(holder, listing)
    if not items and (listing.page == 1 or url):
        raise EmptyAnswer("the list has no items", url=listing.url, site=SITE)
    if not items or not url or url == listing.url:
        return ListPage(found, None)
    return ListPage(found, replace(listing, url=url, page=listing.page + 1))


def _items(
    answer: Mapping[str, object], shape: _Shape, listing: Listing
) -> tuple[Mapping[str, object], Sequence[object]]:
    """The object that holds the list, and the list."""
    status = answer.get(shape.status, 1 if shape.status == _LENIENT else None)
    if shape.status and (isinstance(status, bool) or status not in (1, "1")):
        said = ": ".join(filter(None, (_number_or_text(status), field(answer, "message"))))
        raise _lacks(f"{shape.status} 1 (it says {said[:80]})" if said else shape.status, listing)
    holder, names = answer, ".".join(shape.path)
    if len(shape.path) > 1:
        outer = shape.path[0]
        inner = answer.get(outer)
        if outer in answer and inner is None:
            raise EmptyAnswer(f"{outer} is null in the list", url=listing.url, site=SITE)
        if not isinstance(inner, dict):
            raise _lacks(outer, listing)
        holder = inner
    items = holder.get(shape.path[-1], ...)
    if items is None:  # as some write an empty one
        items = []
    if not isinstance(items, list):
        raise _lacks(names, listing)
    for key in shape.needs:
        if items and not any(isinstance(item, dict) and key in item for item in items):
            raise _lacks(f"{names}[].{key}", listing)
    return holder, items


def _entry(item: object, shape: _Shape, listing: Listing) -> Entry:
    item = item if isinstance(item, dict) else {}
    raw, time = _time(item.get(shape.needs[2]))
    url = entries.address(item, "uniqueUrl", "url")
    told = {
        "title": field(item, shape.needs[1]),
        "digest": entries.without_title(field(item, shape.digest)),
        "published_raw": raw,
        "published_at": time.isoformat() if time else None,
        "source": field(item, shape.source) if shape.source else None,
        "url": url,
        "author": field(item, "author"),
        "stocks": _stocks(item.get("stockList")),
        "kind": "fast" if shape.path[-1] == "fastNewsList" else None,
    }
    code = item.get(shape.needs[0])
    code = infocode.read(str(code)) if isinstance(code, str | int) else None
    return entries.make(listing, code or infocode.read(url or ""), told, at=time)


def _time(value: object) -> tuple[str | None, datetime | None]:
    """A time as it is told and as it is: text in Asia/Shanghai, or milliseconds since 1970."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            time = (_EPOCH + timedelta(milliseconds=value)).astimezone(SHANGHAI)
        except OverflowError:
            return str(value), None
        return str(value), entries.since_1990(time)
    raw = field({"": value}, "")
    return raw, entries.since_1990(read_time(raw or ""))


def _stocks(value: object) -> str | None:
    """The securities beside an item, ``116.00700,1.600519``."""
    texts = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
    return ",".join(each.strip() for each in texts if read_security(each)) or None


def _by_number(
    holder: Mapping[str, object], items: Sequence[object], shape: _Shape, listing: Listing
) -> str | None:
    """The address of the next page by its number; None when the total says that there is none.

    Where no total is told there may always be one more; an empty page that tells a total of 0
    tells none, or it would not have been asked for.
    """
    asked = parse_qs(urlsplit(listing.url).query).get(shape.size, [""])[0]
    if shape.total not in holder:
        raise _lacks(".".join((*shape.path[:-1], shape.total)), listing)
    size = _number(holder.get("page_size")) or _number(asked) or len(items)
    total = _number(holder.get(shape.total))
    pages = listing.page if items else listing.page - 1
    if total is not None and (items or total) and pages * size >= total:
        return None
    return _with(listing.url, shape.page, str(listing.page + 1))


def _by_cursor(data: Mapping[str, object], listing: Listing) -> str | None:
    """The address of the next page by the cursor in the answer; None at the end."""
    if not data.get("fastNewsList"):
        return None
    cursor = data.get("sortEnd", ...)
    if cursor in (None, ""):
        return None
    if isinstance(cursor, bool) or not isinstance(cursor, str | int):
        # Without it the walk would end here as if nothing older were left.
        raise _lacks("data.sortEnd", listing)
    return _with(listing.url, "sortEnd", legible(str(cursor)))


def _number(value: object) -> int | None:
    """A count, told as a number or as a text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _number_or_text(value: object) -> str | None:
    return field({"": str(value) if isinstance(value, int) else value}, "")


def _with(url: str, name: str, value: str) -> str:
    """``url`` with another value of a parameter, the others and their order as they are."""
    return re.sub(rf"(?<=[?&]{name}=)[^&#]*", quote(value, safe=""), url)


def _lacks(field: str, listing: Listing) -> LayoutChanged:
    return LayoutChanged(field, url=listing.url, site=SITE)

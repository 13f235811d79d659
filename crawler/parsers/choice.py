"""The JSON feeds behind the public site, and the texts of their articles.

Three shapes of feed, each an object with one list of items::

    102         {"records":  [{"infoCode", "title", "digest", "showtime", "url_w"}]}
    45          {"nodeList": [{"infocode", "title", "from", "showtime"}]}
    37, 38, 39  {"record":   [{"infoCode", "title", "medianame", "datetime"}]}

and of a text, ``{"content": HTML with automatic links, "text": HTML without}``. Any field of
an item may be empty, missing or of another type. Hosts moved over the years.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from crawler import infocode
from crawler.errors import LayoutChanged, NotAnArticle
from crawler.items import Article, Entry, Listing
from crawler.parsers import attribution, mentions
from crawler.parsers.body import read_body
from crawler.parsers.dates import SHANGHAI, read_time
from crawler.parsers.html import parse, strip, without_scripts
from crawler.parsers.jsontext import field, legible, read_object

SITE = "choice"
PARSER = "choice.text/1"
#: Where the feeds stood when last seen, each ``host`` or ``host:port``.
FEED_HOST = "183.136.162.242"
MARKET_FEED_HOST = "43.240.125.15:1818"
TEXT_HOST = "choicewzp1.eastmoney.com"
#: How many items a feed is asked for.
COUNT = 100
#: The feed that the site shows as its section ``emnews``.
EMNEWS = "102"

# The list in each feed's answer.
_LISTS = {EMNEWS: "records", "45": "nodeList", "37": "record", "38": "record", "39": "record"}
_SHARE = "http://finews.zning.xyz/html_News/NewsShare.html?infoCode={}"
_MINUTE = re.compile(
    r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|今天|昨天)(?:\s+|(?<=天))([0-9]{1,2}:[0-9]{2})\Z"
)
_RELATIVE = {"今天": timedelta(0), "昨天": timedelta(days=1)}
_SLACK = timedelta(minutes=10)  # by which the clock of an item may be ahead of the answer's
_EARLIEST = 1990  # 「0001-01-01 00:00:00」 is how some systems write no time


@dataclass(frozen=True, slots=True)
class Feeds:
    """Where the feeds stand and how much they are asked for; hosts may carry a scheme."""

    feed_host: str = FEED_HOST
    market_feed_host: str = MARKET_FEED_HOST
    text_host: str = TEXT_HOST
    count: int = COUNT

    def listings(self) -> dict[str, Listing]:
        """The five feeds by name.

        >>> Feeds(count=5).listings()["102"].url
        'http://183.136.162.242/web/webapi?type=102&count=5&newsid=1'
        """
        own = f"{_base(self.feed_host)}/web/webapi?type={{}}&count={self.count}&newsid=1"
        market = f"{_base(self.market_feed_host)}/information/newmarket/web/webapi"
        market += f"?marketType={{}}&count={self.count}"
        urls = {name: market if key == "record" else own for name, key in _LISTS.items()}
        return {
            name: Listing(SITE, name, url.format(name), covers="newest")
            for name, url in urls.items()
        }

    def text_url(self, code: str) -> str:
        """Where the text of the article ``code`` is."""
        return f"{_base(self.text_host)}/NewsData/GetNewsText.do?id={quote(code, safe='')}"


def _base(host: str) -> str:
    return (host if "://" in host else f"http://{host}").rstrip("/")


def parse_listing(text: str, url: str, listing: str, answered_at: datetime) -> list[Entry]:
    """Read the answer of the feed called ``listing``, one entry an item, in its order.

    ``answered_at`` is aware: 「今天 16:25」 is of its day. An entry's ``url`` is the text's
    address at the default host, wherever it is fetched; ``info_code`` is None for an item
    without a readable one. ``told`` holds what is known of ``feed``, ``title``, ``digest``,
    ``published_raw``, ``published_at`` (ISO 8601), ``source`` and ``url``.
    Raises :class:`LayoutChanged` naming the list when the answer has none.
    """
    name = _LISTS[listing]
    items = read_object(text, name, url=url, site=SITE).get(name)
    if not isinstance(items, list):
        raise LayoutChanged(name, url=url, site=SITE)
    return [_entry(item, listing, answered_at) for item in items]


def parse_article(text: str, entry: Entry) -> Article:
    """Read the answer of ``GetNewsText.do``; ``entry.told`` gives the rest of the article.

    The body is ``content`` for the feed 102, ``text`` for the others, the other one where
    that is empty. Raises :class:`LayoutChanged` when the answer has neither or nests too
    deeply, :class:`NotAnArticle` when the entry has no info code.
    """
    code, told = entry.info_code, dict(entry.told)
    if code is None:
        raise NotAnArticle("the item has no info code", url=entry.url, site=SITE)
    feed = told.get("feed", entry.listing)
    answer = read_object(text, "content or text", url=entry.url, site=SITE)
    html = _content(answer, feed, entry.url)
    body = read_body(parse(html, url=entry.url).iterchildren("body"))
    title, digest, time = told.get("title"), told.get("digest"), told.get("published_at")
    return Article(
        info_code=code,
        site=SITE,
        page_url=entry.url,
        parser=PARSER,
        title=title,
        published_at=datetime.fromisoformat(time) if time else None,
        published_raw=told.get("published_raw"),
        digest=digest,
        source=attribution.read_source(body.source or told.get("source"), body.last, digest),
        editor=body.editor,
        url=told.get("url") or _SHARE.format(code),
        paragraphs=tuple(body.paragraphs),
        mentions=mentions.collect(body.paragraphs, body.found, title=title, digest=digest),
        category="emnews" if feed == EMNEWS else None,
        body=without_scripts(html) or None,
    )


def entry_at(url: str, listing: str) -> Entry | None:
    """The entry of a text by its address, whatever host it stood at; None for other pages."""
    try:
        path = urlsplit(url).path
    except ValueError:  # such as an unclosed [ in the host
        return None
    code = infocode.read(url) if path.endswith("/GetNewsText.do") else None
    return Entry(SITE, listing, Feeds().text_url(code), code) if code else None


def _content(answer: Mapping[str, object], feed: str, url: str) -> str:
    """The HTML of the body, "" where the answer says that there is none."""
    names = ("content", "text") if feed == EMNEWS else ("text", "content")
    given = [answer[name] for name in names if name in answer]
    texts = [legible(value or "") for value in given if value is None or isinstance(value, str)]
    if not texts:
        raise LayoutChanged("content or text", url=url, site=SITE)
    return next((text for text in texts if strip(text)), "")


def _entry(item: object, listing: str, answered_at: datetime) -> Entry:
    item = item if isinstance(item, dict) else {}
    title, raw = field(item, "title"), field(item, "showtime", "datetime")
    time = _time(raw or "", answered_at)
    link = field(item, "url_w")
    if link and not link.startswith(("http://", "https://")):
        link = None
    told = {
        "feed": listing,
        "title": title,
        # As the site cuts it: 「【标题】正文」 without what stands before the last 】.
        "digest": strip((field(item, "digest") or "").rpartition("】")[2]) or None,
        "published_raw": raw,
        "published_at": time.isoformat() if time else None,
        "source": field(item, "from", "medianame"),
        "url": link,
    }
    if code := _code(item):
        url = Feeds().text_url(code)
    else:  # never asked for; a name for it that stays the same
        url = link or f"{Feeds().listings()[listing].url}#{quote((title or 'item')[:80])}"
    minute = time and read_time(raw or "") is None  # it does not tell the second
    at, day = (None, time.date()) if time and minute else (time, None)
    known = tuple((name, value) for name, value in told.items() if value)
    return Entry(SITE, listing, url, code, title, at, day, known)


def _code(item: Mapping[str, object]) -> str | None:
    for name in ("infoCode", "infocode", "id"):
        value = item.get(name)
        if isinstance(value, str | int) and (code := infocode.read(str(value))):
            return code
    return None


def _time(raw: str, answered_at: datetime) -> datetime | None:
    """A feed's time; 「今天 23:59」 in an answer of 00:01 was written the day before."""
    if (time := read_time(raw)) is None and (found := _MINUTE.match(raw)):
        day, minute = found.groups()
        if day in _RELATIVE:
            day = f"{answered_at.astimezone(SHANGHAI) - _RELATIVE[day]:%Y-%m-%d}"
        time = read_time(f"{day} {minute}:00")
        if time and found[1] == "今天" and time > answered_at + _SLACK:
            time -= timedelta(days=1)
    return time if time and time.year >= _EARLIEST else None

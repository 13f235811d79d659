"""Eastmoney's news today: JSON lists, JSON articles, and the HTML pages behind them.

Lists (``lists``), told apart by the path of their address; ``catalogue`` names them all::

    getNewsByColumns  {"code": "1", "data": {"list": [{"code", "title", "showTime", "summary",
                       "mediaName", "uniqueUrl", "url"}], "totle_hits" (sic), "page_size"}}
    getFastNewsList   {"code": "1", "data": {"sortEnd", "fastNewsList": [{"code", "title",
                       "summary", "showTime", "stockList": ["116.00700"]}]}}
    pushlist          {"success": 1, "data": {"list": [{"code", "title", "showtime", "digest",
                       "source", "author", "url"}], "totle_hits"}}                        (2022)
    GetNewsList       {"items": [{"infoCode", "title", "showDateTime" in ms, "content",
                       "source"}], "totalCount"}                                          (2022)
    /a/cgnjj_2.html   #newsListContent > li: p.title a, p.info[title], p.time without year

Articles (``article``): ``{"success": 1, "data": {"Art_Code", "Art_Title", "Art_ShowTime":
"2026/09/19 01:09:08", "Art_Content": HTML, …}}``; their HTML pages, on several pages where they
are long (``page``); items of the fast news that have no page at all (``flash``).

Any JSON field may be empty, missing or of another type. Real answers, of September 2026 and May
2022, and the code of public crawlers are where the shapes are from.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from crawler import infocode
from crawler.items import Entry

SITE = "eastmoney"
_HOST = re.compile(r"(?:.+\.)?eastmoney\.com\Z")
_ARTICLE = re.compile(
    r"/kuaixun/v2/api/article/[0-9]{18}/?\Z"  # JSON
    r"|/(?:a|news)/(?:[0-9]+,)?[0-9]{18}(?:_[0-9]{1,3})?\.html\Z"
)


def article_url(code: str) -> str:
    """The address of an article's JSON by its info code; it is what an entry is known by.

    >>> article_url("NW202609190123456789")
    'https://newsinfo.eastmoney.com/kuaixun/v2/api/article/202609190123456789?guid=finews'
    """
    digits = code.removeprefix("NW")
    return f"https://newsinfo.eastmoney.com/kuaixun/v2/api/article/{digits}?guid=finews"


def page_url(code: str) -> str:
    """The address of an article's HTML page by its info code.

    >>> page_url("NW202609190123456789")
    'https://finance.eastmoney.com/a/202609190123456789.html'
    """
    return f"https://finance.eastmoney.com/a/{code.removeprefix('NW')}.html"


def entry_at(url: str, listing: str) -> Entry | None:
    """The entry of an article by the address of its JSON or of one of its pages, else None."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an unclosed [ in the host
        return None
    if not _HOST.match(parts.hostname or "") or not _ARTICLE.match(parts.path):
        return None
    code = infocode.read(parts.path)
    return Entry(SITE, listing, article_url(code), code) if code else None

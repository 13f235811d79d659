"""``--replay URL``: every request for ``http(s)://HOST/PATH`` goes to ``URL/HOST/PATH``.

The answer is handed on as if HOST had given it, so that one loopback server plays
whole sites (tests, the demo, a mirror) and stored URLs stay the public ones.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response


class ReplayHandler(HTTP11DownloadHandler):
    """Downloads from the mirror; all middlewares above it see the public URLs only."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._base = crawler.settings["FINEWS_REPLAY"].rstrip("/")

    async def download_request(self, request: Request) -> Response:
        mirrored = mirror(request.url, self._base)
        response = await super().download_request(_at(mirrored, request))
        if location := response.headers.get("Location"):
            # The mirror redirects within itself: give the public address of its target.
            target = urljoin(mirrored, location.decode("latin-1"))
            response.headers["Location"] = public(target, self._base, urlsplit(request.url).scheme)
        return response.replace(url=request.url)


def _at(url: str, request: Request) -> Request:
    """The same request to another address. What ``replace`` makes is parsed and quoted anew."""
    meta = {**request.meta, "verbatim_url": True}
    other = Request(url, method=request.method, body=request.body, meta=meta)
    other.headers = request.headers
    return other


def mirror(url: str, base: str) -> str:
    """The mirror's address of a public URL.

    >>> mirror("https://example.com:8443/a?b=1", "http://127.0.0.1:9000")
    'http://127.0.0.1:9000/example.com:8443/a?b=1'
    """
    return f"{base}/{url.partition('://')[2]}"


def public(url: str, base: str, scheme: str) -> str:
    """The public address of a mirror's URL; one that is not the mirror's stays as it is.

    >>> public("http://127.0.0.1:9000/example.com/a/", "http://127.0.0.1:9000", "https")
    'https://example.com/a/'
    """
    return f"{scheme}://{url[len(base) + 1 :]}" if url.startswith(f"{base}/") else url


def is_loopback(url: str) -> bool:
    """Is ``url`` on this machine, where no one needs to be spared?"""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Contracts of ``scrapy check``: callbacks are tried on the bundled miniature, offline."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from scrapy.contracts import Contract

from crawler import infocode
from crawler.demo import bundled_page
from crawler.items import Entry


class BundledListing(Contract):
    """``@bundled_listing emnews``: a listing page of the miniature of the spider's site."""

    name = "bundled_listing"

    def adjust_request_args(self, args: dict[str, Any]) -> dict[str, Any]:
        listing = args["callback"].__self__.listing(self.args[0])
        return {**args, "url": _bundled(listing.url), "cb_kwargs": {"listing": listing}}


class BundledArticle(Contract):
    """``@bundled_article URL``: an article of the miniature of the spider's site."""

    name = "bundled_article"

    def adjust_request_args(self, args: dict[str, Any]) -> dict[str, Any]:
        url = self.args[0]
        entry = Entry(args["callback"].__self__.name, "check", url, infocode.read(url))
        return {**args, "url": _bundled(url), "cb_kwargs": {"entry": entry}}


def _bundled(url: str) -> str:
    # The address goes with the answer: some spiders tell answers apart by theirs.
    body = base64.b64encode(bundled_page(url)).decode()
    return f"data:text/html;charset=utf-8;base64,{quote(body)}"

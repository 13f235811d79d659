"""Contracts of ``scrapy check``: callbacks are tried on the bundled miniature, offline."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from scrapy.contracts import Contract

from crawler.demo.site import build, bundled_posts
from crawler.items import Entry


class BundledListing(Contract):
    """``@bundled_listing emnews``: a listing page of the miniature of the spider's site."""

    name = "bundled_listing"

    def adjust_request_args(self, args: dict[str, Any]) -> dict[str, Any]:
        listing = args["callback"].__self__.listing(self.args[0])
        return {**args, "url": _bundled(listing.url), "cb_kwargs": {"listing": listing}}


class BundledPost(Contract):
    """``@bundled_post URL``: an article page of the miniature of the spider's site."""

    name = "bundled_post"

    def adjust_request_args(self, args: dict[str, Any]) -> dict[str, Any]:
        url = self.args[0]
        entry = Entry(args["callback"].__self__.name, "check", url, None)
        return {**args, "url": _bundled(url), "cb_kwargs": {"entry": entry}}


def _bundled(url: str) -> str:
    path = "/" + url.partition("://")[2].partition("/")[2]
    body = base64.b64encode(build(bundled_posts())[path]).decode()
    return f"data:text/html;charset=utf-8;base64,{quote(body)}"

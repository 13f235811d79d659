"""Made-up miniatures of the sites, for the demo, the contracts and the tests."""

from __future__ import annotations

from email.message import Message

from crawler.demo.eastmoney import HOSTS, Eastmoney, bundled_stories
from crawler.demo.server import Answerer, Request, static
from crawler.demo.site import build, bundled_posts


def bundled() -> Answerer:
    """Answers for the hosts of all sites that have a miniature."""
    blog = static({"finews.withounder.com": build(bundled_posts())})
    eastmoney = Eastmoney(bundled_stories())
    return lambda request: (eastmoney.answer if request.host in HOSTS else blog)(request)


def bundled_page(url: str) -> bytes:
    """What the miniature answers to a public address."""
    request = Request.read(url.partition("://")[2], Message())
    return bundled()(request).body

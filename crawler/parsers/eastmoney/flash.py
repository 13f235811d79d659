"""An item of the fast news as an article of its own: most have no page, the list tells all."""

from __future__ import annotations

from crawler.errors import NotAnArticle
from crawler.items import Article, Entry, Paragraph
from crawler.parsers import attribution, mentions
from crawler.parsers.eastmoney import SITE, entries

PARSER = "eastmoney.fast-2026/1"


def is_item(entry: Entry) -> bool:
    """Is this an item of the fast news?"""
    return dict(entry.told).get("kind") == "fast"


def read_item(entry: Entry) -> Article:
    """The article that ``entry.told`` tells: its digest is the text, of one paragraph.

    Without a digest there is the title alone. Raises :class:`NotAnArticle` when the entry has
    no info code.
    """
    code, told = entry.info_code, dict(entry.told)
    if code is None:
        raise NotAnArticle("the item has no info code", url=entry.url, site=SITE)
    text, title = told.get("digest"), told.get("title")
    paragraphs = (Paragraph("text", text),) if text else ()
    named = mentions.collect(paragraphs, [], title=title, digest=None)
    return Article(
        info_code=code,
        site=SITE,
        page_url=entry.url,
        parser=PARSER,
        title=title,
        published_at=entries.told_time(entry),
        published_raw=told.get("published_raw"),
        source=told.get("source") or attribution.read_closing(text or ""),
        author=told.get("author"),
        url=told.get("url"),
        paragraphs=paragraphs,
        mentions=mentions.tagged(named, entries.told_stocks(entry)),
    )

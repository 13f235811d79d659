"""The JSON of an article: some 115 fields of text, the body an HTML text in one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from crawler import infocode
from crawler.errors import EmptyAnswer, FetchFailed, LayoutChanged, NotAnArticle
from crawler.items import Article, Entry
from crawler.parsers import attribution, mentions
from crawler.parsers.body import read_body
from crawler.parsers.dates import read_time
from crawler.parsers.eastmoney import SITE, entries
from crawler.parsers.html import parse, without_scripts
from crawler.parsers.jsontext import field, legible

PARSER = "eastmoney.article-2026/1"
_ALWAYS = ("Art_Code", "Art_Title", "Art_ShowTime", "Art_Content")
_COMMA = re.compile("[,，]")


def parse_article(text: str, entry: Entry) -> Article:
    """Read the answer about ``entry``'s article; what it leaves empty, ``entry.told`` may fill.

    Raises :class:`FetchFailed` (``gone``) when the site says that it has no such article,
    :class:`EmptyAnswer` when it says nothing, as hosts do that refuse, :class:`LayoutChanged`
    naming the field (``data.Art_Content``) when the answer lacks a part or its body says
    nothing, :class:`NotAnArticle` when it is about another article, nests too deeply, or the
    entry has no info code.
    """
    data = _data(text, entry)
    code = entry.info_code
    if code is None or infocode.read(field(data, "Art_Code") or "") != code:
        raise NotAnArticle(
            f"the answer is not about {code}", url=entry.url, site=SITE, info_code=code
        )
    html = data["Art_Content"]
    html = legible(html) if isinstance(html, str) else ""
    body = read_body(parse(html, url=entry.url).iterchildren("body"))
    if not body.paragraphs:
        raise _lacks("data.Art_Content", entry)
    title = field(data, "Art_Title") or dict(entry.told).get("title")
    digest = entries.without_title(field(data, "Art_Digest", "Art_Description"))
    media = field(data, "Art_Media_Name")
    raw, time = _published(data, entry)
    named = mentions.collect(body.paragraphs, body.found, title=title, digest=digest)
    listed = (*_tips(data.get("Art_Tip_Info")), *entries.told_stocks(entry))
    return Article(
        info_code=code,
        site=SITE,
        page_url=entry.url,
        parser=PARSER,
        title=title,
        published_at=time,
        published_raw=raw,
        digest=digest,
        source=media or attribution.read_source(body.source, body.last, digest),
        author=field(data, "Art_Author_Name") or dict(entry.told).get("author"),
        # A number; the site's pages print it as 责任编辑.
        editor=body.editor or field(data, "Art_Editor_Code"),
        url=entries.address(data, "Art_UniqueUrl", "Art_Url"),
        tags=_tags(data),
        paragraphs=tuple(body.paragraphs),
        mentions=mentions.tagged(named, listed),
        body=without_scripts(html),
    )


def _data(text: str, entry: Entry) -> Mapping[str, object]:
    """The fields of the article, all there that always are."""
    answer = entries.decode(text, "data", entry.url)
    success, data = answer.get("success", ...), answer.get("data", ...)
    if success is ...:
        raise _lacks("success", entry)
    if isinstance(success, bool) or success not in (1, "1"):
        said = field(answer, "message") or "nothing about it"
        message = f"the site has no such article, it says: {said[:200]}"
        raise FetchFailed(message, url=entry.url, reason="gone", retry=False)
    if data is None:
        raise EmptyAnswer("data is null in the answer", url=entry.url, site=SITE)
    if not isinstance(data, dict):
        raise _lacks("data", entry)
    for name in _ALWAYS:
        if name not in data:
            raise _lacks(f"data.{name}", entry)
    return data


def _published(data: Mapping[str, object], entry: Entry) -> tuple[str | None, datetime | None]:
    """The time as told and as it is; not ``Art_OrderTime``, by which editors sort."""
    if raw := field(data, "Art_ShowTime"):
        return raw, entries.since_1990(read_time(raw))
    return dict(entry.told).get("published_raw"), entries.told_time(entry)


def _tags(data: Mapping[str, object]) -> tuple[str, ...]:
    words = _COMMA.split(field(data, "Art_Keyword") or "")
    return tuple(dict.fromkeys(filter(None, map(str.strip, words))))


def _tips(text: object) -> Iterator[mentions.Security | None]:
    """The securities in ``Art_Tip_Info``: ``[{"Type": 1005, "Code": "105.NVDA,105.TSLA"}]``."""
    try:
        tips = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):  # also: numbers too long, lists too deep
        return
    for tip in tips if isinstance(tips, list) else ():
        codes = tip.get("Code") if isinstance(tip, dict) else None
        if isinstance(codes, str):
            yield from map(mentions.read_security, codes.split(","))


def _lacks(field: str, entry: Entry) -> LayoutChanged:
    return LayoutChanged(field, url=entry.url, site=SITE)

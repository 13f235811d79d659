"""A list of articles as an Atom feed (RFC 4287): plain text, stable names, times with zone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from pipelines.lines import line
from pipelines.web import links
from pipelines.web.text import legible
from pipelines.web.wanted import Asked

_ATOM = "http://www.w3.org/2005/Atom"
# When a feed changed in which nothing ever stood.
_NEVER = "1970-01-01T00:00:00Z"
register_namespace("", _ATOM)


def feed(articles: Sequence[Mapping[str, Any]], *, title: str, base: str, asked: Asked) -> bytes:
    """The feed of ``articles``, rows of :func:`pipelines.database.browse.briefly`, newest first."""
    root = Element(f"{{{_ATOM}}}feed")
    query = urlencode(sorted(asked.pairs), errors="replace")
    times = [time for each in articles if (time := _time(each["updated_at"]))]
    _text(root, "title", title)
    _text(root, "id", f"urn:finews:list:{query or 'all'}")
    _text(root, "updated", max(times, default=_NEVER, key=datetime.fromisoformat))
    author = SubElement(root, f"{{{_ATOM}}}author")
    _text(author, "name", "finews")
    _link(root, "self", f"{base}{asked.address('/search.atom')}", "application/atom+xml")
    _link(root, "alternate", f"{base}{asked.address('/search')}", "text/html")
    for each in articles:
        _entry(root, each, base)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def about(pairs: Iterable[tuple[str, str]]) -> str:
    """What a list is about, in a few words."""
    return " ".join(value for name, value in pairs if name not in ("sort", "dedupe"))[:100]


def _entry(root: Element, article: Mapping[str, Any], base: str) -> None:
    entry = SubElement(root, f"{{{_ATOM}}}entry")
    code = article["info_code"]
    _text(entry, "title", article["title"] or code)
    _text(entry, "id", f"urn:finews:{code}")
    _text(entry, "updated", _time(article["updated_at"]) or _NEVER)
    if published := _time(article["published_at"]):
        _text(entry, "published", published)
    if article["source"]:
        author = SubElement(entry, f"{{{_ATOM}}}author")
        _text(author, "name", article["source"])
    _link(entry, "alternate", f"{base}{links.article(code)}", "text/html")
    if original := links.public(article["url"]):
        _link(entry, "via", original)
    if article["digest"]:
        _text(entry, "summary", article["digest"])
    paragraphs = json.loads(article["paragraphs"])
    _text(entry, "content", "\n\n".join(line(each) for each in paragraphs), type="text")


def _text(parent: Element, name: str, text: str, **attributes: str) -> None:
    SubElement(parent, f"{{{_ATOM}}}{name}", attributes).text = legible(text)


def _link(parent: Element, rel: str, href: str, type: str | None = None) -> None:
    attributes = {"rel": rel, "href": legible(href)} | ({"type": type} if type else {})
    SubElement(parent, f"{{{_ATOM}}}link", attributes)


def _time(text: str | None) -> str | None:
    """A stored time as RFC 3339 has it; None where it is none, or without a zone."""
    try:
        time = datetime.fromisoformat(text) if text else None
    except ValueError:  # another tool wrote it
        return None
    return time.isoformat(timespec="seconds") if time and time.tzinfo else None

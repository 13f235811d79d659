"""Post files: the Markdown that the public site is built from.

Shapes (real files, 2021–2022): five lines of front matter, then a quoted digest and HTML
on one line, or HTML alone, or one plain paragraph; then ``<original link>`` and links back.
The front matter is no trustworthy YAML: titles are quoted without escaping, dates come with
and without a zone or empty. It is read line by line.
"""

from __future__ import annotations

import re

from crawler import infocode
from crawler.errors import BrokenPost, NotAnArticle
from crawler.items import Article, Paragraph
from crawler.parsers import attribution, mentions
from crawler.parsers.body import Body, read_body
from crawler.parsers.dates import read_time
from crawler.parsers.html import parse, strip, unwrap, without_scripts

SITE = "posts"
PARSER = "posts.file/2"

_KEY = re.compile(r"([A-Za-z_][\w-]*)\s*:(?:\s+(.*))?\Z")
_DIGEST = re.compile(r"> (.*)\n\n?")
# 「<http://…>」 on a line of its own, then the links back, on one line or two.
_LINK = r"<([^<>\s]*)>\s*(?:\n\n(?:\[返回[^\n]*\n?)+)?\s*\Z"
_TRAILER, _ALONE = re.compile(rf"\n\n{_LINK}"), re.compile(_LINK)
_ESCAPED = re.compile(r'(?:[^"\\]|\\["\\])*\Z')
_TAIL = 1000  # characters that hold any trailer
_HTML = re.compile(r"<(?:p|div|center|h[1-6]|table|ul|ol|blockquote|span|strong|img|br)\b")


def parse_post(text: str, name: str) -> Article:
    """Read one post file; ``name`` is its path, whose last part holds the info code.

    A date without a zone is in Asia/Shanghai. Raises :class:`BrokenPost` with the line
    that cannot be read, :class:`NotAnArticle` when neither the name nor the original
    link has an info code.
    """
    front, rest = _front_matter(text, name)
    url, rest = _take_trailer(rest)
    digest, rest = _take_digest(rest)
    code = infocode.read(name.rpartition("/")[2]) or infocode.read(url or "")
    if code is None:
        raise NotAnArticle("the post has no info code", url=name, site=SITE)
    html = without_scripts(rest.strip("\n"))
    body = _read_body(html, name)
    title, date = front.get("title", ""), front.get("date", "").strip()
    tags = tuple(front.get("tags", "").split())  # as Jekyll splits them
    title = strip(unwrap(title))
    return Article(
        info_code=code,
        site=SITE,
        page_url=name,
        parser=PARSER,
        title=title or None,
        published_at=read_time(date),
        published_raw=date or None,
        digest=digest,
        source=attribution.read_source(body.source, body.last, digest, tags),
        editor=body.editor,
        url=url,
        tags=tags,
        paragraphs=tuple(body.paragraphs),
        mentions=mentions.collect(body.paragraphs, body.found, title=title or None, digest=digest),
        category=front.get("categories", "").strip() or None,
        body=html or None,
    )


def _front_matter(text: str, name: str) -> tuple[dict[str, str], str]:
    """The keys between the two ``---`` lines, and the text behind them."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        raise BrokenPost("does not begin with ---", line=1, url=name, site=SITE)
    front: dict[str, str] = {}
    for number, line in enumerate(lines[1:], start=2):
        if line.rstrip() == "---":
            return front, "\n".join(lines[number:])
        if not line.strip():
            continue
        found = _KEY.match(line.rstrip())
        if not found:
            raise BrokenPost(f"is no key of the front matter: {line[:40]!r}", number, name, SITE)
        key, value = found[1], (found[2] or "").strip()
        front[key] = _unquoted(value)
    raise BrokenPost("the front matter has no end", line=len(lines), url=name, site=SITE)


def _unquoted(value: str) -> str:
    """A value without its quotes: unescaped where every quote and backslash in it is escaped."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    inner = value[1:-1]
    if "\\" not in inner:
        return inner
    # 「"a"b"」 and 「"C:\new"」 were quoted by a program that does not escape.
    return re.sub(r"\\(.)", r"\1", inner) if _ESCAPED.match(inner) else inner


def _take_trailer(text: str) -> tuple[str | None, str]:
    found = _TRAILER.search(text, max(len(text) - _TAIL, 0))
    if not found and len(text) <= _TAIL:
        found = _ALONE.match(text)
    if not found:
        return None, text
    url = found[1] if found[1].startswith(("http://", "https://")) else None
    return url, text[: found.start()]


def _take_digest(text: str) -> tuple[str | None, str]:
    found = _DIGEST.match(text.lstrip("\n"))
    if not found:
        return None, text
    return strip(found[1]) or None, text.lstrip("\n")[found.end() :]


def _read_body(html: str, name: str) -> Body:
    if _HTML.search(html):
        nodes = parse(f"<html><body>{html}</body></html>", url=name).find("body")
        return read_body([] if nodes is None else [nodes])
    texts = (strip(unwrap(piece)) for piece in re.split(r"\n\s*\n", html))
    return Body([Paragraph("text", text) for text in texts if text])

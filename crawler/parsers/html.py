"""Text to an lxml tree, leniently; shared by all sites."""

from __future__ import annotations

import re
import threading
from typing import TypeAlias, cast

from lxml import etree

from crawler.errors import NotAnArticle

#: Elements of lxml's own parser: those of lxml.html cost a third more.
Element: TypeAlias = etree._Element

_NUL = re.compile(r"&#(?:0+|[xX]0+)(?:;|(?![0-9A-Fa-f]))|\x00")
_SCRIPT = re.compile(r"<script\b.*?(?:</script\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_HANDLER = re.compile(r"(?<=[\s\"'/])on[a-z]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
# Of lower bytes, and of more than the above: letters and blanks of all kinds.
_MAYBE = re.compile(rb"on[a-z\x80-\xff][a-z\x00-\x20\x80-\xff]*=")
# But not the quotation mark that opens it: the one that closes it would open another text.
_SCRIPT_URL = re.compile(r"((?<==)\s*[\"']?)\s*(?:javascript|vbscript):[^\"'>]*", re.IGNORECASE)
_BLANKS = "".join(map(chr, (*range(0x09, 0x0E), *range(0x1C, 0x21), 0x85, 0xA0, 0x1680))) + (
    "".join(
        map(chr, (*range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF))
    )
)
_LINE_BREAK = re.compile(r"(?<![ \t])[ \t]*[\r\n][ \t\r\n]*")


class _Own(threading.local):
    """A parser for each thread, as it keeps the errors of its last page; a new one for each page
    would cost as much as a fifth of the parsing.
    """

    def __init__(self) -> None:
        self.parser = etree.HTMLParser(encoding="utf-8", huge_tree=True)


_own = _Own()


def parse(text: str, *, url: str = "") -> Element:
    """Parse a whole page; an empty one gives an empty document.

    Raises :class:`NotAnArticle` for ``url`` when tags nest deeper than lxml reads (2,048):
    it would leave out what follows without a word.

    A comment that is never closed is opened as text, or it would swallow all that
    follows. NUL characters, which would end the page for lxml, and scripts are dropped.
    """
    closed = text.rfind("-->") + 1
    if text.find("<!--", closed) >= 0:
        text = text[:closed] + text[closed:].replace("<!--", "")
    if "&#" in text or "\x00" in text:
        text = _NUL.sub("", text)
    # As UTF-8 bytes: lxml refuses str that declares an encoding.
    body = text.encode("utf-8", "replace") if text and not text.isspace() else b"<html></html>"
    tree = etree.fromstring(body, _own.parser)
    last = _own.parser.error_log.last_error
    if last is not None and last.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        raise NotAnArticle("its tags nest too deeply to be read", url=url)
    if tree is None:  # nothing but a comment or a doctype
        tree = etree.fromstring(b"<html></html>", etree.HTMLParser())
    etree.strip_elements(tree, "script", "style", with_tail=False)
    return cast("Element", tree)


def without_scripts(text: str) -> str:
    """HTML as it came, but for scripts: elements, event attributes, ``javascript:`` links."""
    lower = text.encode("utf-8", "replace").lower()  # that of a str costs ten times as much
    if b"<script" not in lower and b"script:" not in lower and not _MAYBE.search(lower):
        return text
    return _SCRIPT_URL.sub(r"\1", _HANDLER.sub("", _SCRIPT.sub("", text)))


def select(path: etree.XPath, node: Element) -> list[Element]:
    """The elements that a compiled XPath selects."""
    return cast("list[Element]", path(node))


def strip(text: str) -> str:
    """Take off outer white space: blanks, full-width indents, ``&nbsp;``, zero-width marks."""
    return text.strip(_BLANKS)


def unwrap(text: str) -> str:
    """Line breaks of the source mean one space, as in a browser; blanks stay as written."""
    if "\n" not in text and "\r" not in text:
        return text
    return _LINE_BREAK.sub(" ", text) if text.strip(" \t\r\n") else " "


def flat(element: Element) -> str:
    """All text of an element in order, without added spaces, outer white space taken off."""
    if not len(element):
        return strip(unwrap(element.text or ""))
    text = etree.tostring(element, encoding="unicode", method="text", with_tail=False)
    return strip(unwrap(text))


def source_of(element: Element) -> str:
    """An element as HTML, without what follows it."""
    return etree.tostring(element, encoding="unicode", method="html", with_tail=False)


def attribute(element: Element, name: str) -> str | None:
    """An attribute's value without outer white space; None where missing or empty."""
    return (element.get(name) or "").strip() or None

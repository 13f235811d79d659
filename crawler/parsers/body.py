"""A body's HTML to paragraphs, mentions and attribution, in one pass; shared by all sites."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from lxml import etree

from crawler import infocode
from crawler.items import Kind, Mention, Paragraph
from crawler.parsers import adverts, attribution, mentions
from crawler.parsers.html import Element, attribute, flat, select, strip, unwrap

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"),
    "blockquote": "quote",
    "li": "list",
    "dd": "list",
    "caption": "caption",
    "figcaption": "caption",
    "center": "caption",
}
_BLOCKS = frozenset(_KINDS) | {
    "p", "div", "section", "article", "main", "figure", "ul", "ol", "dl", "dt", "pre", "hr",
    "header", "footer", "aside", "tr", "td", "th", "tbody", "thead", "form", "fieldset",
}  # fmt: skip
_UNSEEN = frozenset({"noscript", "template", "iframe", "object", "embed",
                     "video", "audio", "svg", "button", "input", "select", "textarea"})  # fmt: skip
_BOLD = frozenset({"strong", "b"})
# Of the table itself; the rows of a table inside belong to a cell.
_ROWS = etree.XPath("tr|*[self::thead or self::tbody or self::tfoot]/tr")
_CELLS = etree.XPath("td|th")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CENTRED = re.compile(r"text-align\s*:\s*center", re.IGNORECASE)
_SIZE = re.compile(r"_w([0-9]+)h([0-9]+)(?:_o)?\.\w+\Z")
_DEEPEST = 100  # tags in tags; hostile pages nest thousands, which are then read as plain text
_DIGITS = re.compile(r"[0-9]+")
# How a line begins that is no paragraph: a look at its first character clears most texts.
_FIRST = frozenset("（(文责" + adverts.FIRST)


@dataclass(slots=True)
class Body:
    """What a body says. ``found`` are its charts and automatic links, by place."""

    paragraphs: list[Paragraph] = field(default_factory=list)
    found: list[mentions.Found] = field(default_factory=list)
    source: str | None = None
    editor: str | None = None

    @property
    def last(self) -> str:
        """The words of the last paragraph, "" where there is none."""
        return self.paragraphs[-1].plain() if self.paragraphs else ""


def read_body(nodes: Iterable[Element]) -> Body:
    """Read sibling nodes (elements and comments, with their tails) as one body.

    Inline markup is flattened without adding spaces: automatic links split words.
    Not paragraphs: the attribution, the editor's line, adverts, hidden spacers, quote
    charts, scripts. One ``<br>`` is a line break in the text, two end the paragraph.
    """
    return _read(nodes, depth=0)


def _read(nodes: Iterable[Element], *, depth: int) -> Body:
    reader = _Reader(depth)
    reader.children(nodes)
    reader.flush()
    return reader.body


class _Reader:
    """The pass over a body: collects inline text until a block, a picture or the end."""

    def __init__(self, depth: int) -> None:
        self.body = Body()
        self.kind: Kind = "text"
        self.pieces: list[str] = []
        self.length = 0
        self.plain = False  # is there text outside <strong> in the current block?
        self.links: list[tuple[int, mentions.Security, str]] = []
        self.depth = depth

    def children(self, nodes: Iterable[Element], *, bold: bool = False) -> None:
        self.depth += 1
        deep = self.depth > _DEEPEST
        for node in nodes:
            tag = node.tag
            if tag in _BLOCKS and not (deep or len(node) or node.keys()):
                self.leaf(node.text, tag)
            elif isinstance(tag, str) and tag not in _UNSEEN:
                self.element(node, tag, bold=bold)
            # else a comment; never cut what stands between two of them
            if tail := node.tail:
                self.text(tail, bold=bold)
        self.depth -= 1

    def element(self, node: Element, tag: str, *, bold: bool) -> None:
        if (name := node.get("class")) and adverts.is_class(name):
            self.pass_by(tag)
        elif self.depth > _DEEPEST:
            self.text(flat(node), bold=bold)
        elif tag in _BLOCKS:
            self.block(node, tag, name)
        elif tag == "br":
            self.line_break()
        elif tag == "img":
            self.image(node)
        elif tag == "table":
            self.table(node)
        elif not node.keys() or self.inline(node):
            bold = bold or tag in _BOLD
            if text := node.text:
                self.text(text, bold=bold)
            if len(node):
                self.children(node, bold=bold)

    def pass_by(self, tag: str) -> None:
        if tag in _BLOCKS:  # what stands before and behind it are two paragraphs
            self.flush()

    def text(self, text: str, *, bold: bool) -> None:
        text = unwrap(text)
        if self.pieces and self.pieces[-1] == "\n" and not strip(text):
            return  # the indentation between two <br>
        self.pieces.append(text)
        self.length += len(text)
        if not bold and not self.plain and strip(text):
            self.plain = True

    def line_break(self) -> None:
        if self.pieces and self.pieces[-1] == "\n":
            self.flush()
        elif self.pieces:
            self.pieces.append("\n")
            self.length += 1

    def block(self, node: Element, tag: str, name: str | None) -> None:
        style = node.get("style")
        if style and _is_hidden(style):
            return
        self.flush()
        is_credits = name and (name == "em_media" or "res-edit" in name)
        if is_credits and self.credits(flat(node), certain=True):
            return
        outer = self.kind
        if tag in _KINDS:
            self.kind = _KINDS[tag]
        elif style and outer == "text" and _is_centred(style):
            self.kind = "caption"
        if text := node.text:
            self.text(text, bold=False)
        self.children(node)
        self.flush()
        self.kind = outer

    def leaf(self, text: str | None, tag: str) -> None:
        """A block of text alone, as most are: what :meth:`block` would do, at half the cost."""
        if self.pieces:
            self.flush()
        if text:
            self.end(strip(unwrap(text)), _KINDS.get(tag, self.kind))

    def credits(self, line: str, *, certain: bool = False) -> bool:
        """Take an attribution or editor's line; False if it is neither.

        One that is ``certain`` by its class wins over one that only looks so.
        """
        if source := attribution.read_media(line):
            self.body.source = source if certain else self.body.source or source
        elif editor := attribution.read_editor(line):
            self.body.editor = self.body.editor or editor
        else:
            return False
        return True

    def inline(self, node: Element) -> bool:
        """Look at the attributes of inline markup; False where it is to be passed by."""
        style = node.get("style")
        return not (style and _is_hidden(style)) and self.link(node)

    def link(self, node: Element) -> bool:
        """Keep an automatic link for its paragraph; False for an advert's, to be passed by."""
        href = node.get("href")
        if href and adverts.is_link(href):
            return False
        security = mentions.read_link(node.get("data-code"), href)
        if security and (name := flat(node)):
            self.links.append((self.length, security, name))
        elif href and infocode.read(href):
            self.plain = True  # another article's headline: text, however bold
        return True

    def image(self, node: Element) -> None:
        src = attribute(node, "src")
        if src and (security := mentions.read_chart(src)):
            chart = Mention(*security, None, "chart", None)
            # Before all links of the paragraph that comes next.
            self.body.found.append(mentions.Found(len(self.body.paragraphs), -1, chart))
            return
        url = attribute(node, "orginial_src") or src  # sic; the full size where there is one
        if not url or not url.startswith(("http://", "https://", "//")):
            return
        self.flush()
        size = _SIZE.search(url)
        width, height = size.groups() if size else (node.get("width"), node.get("height"))
        self.body.paragraphs.append(
            Paragraph(
                "image",
                url=f"https:{url}" if url.startswith("//") else url,
                width=_pixels(width),
                height=_pixels(height),
                alt=attribute(node, "alt"),
            )
        )

    def table(self, node: Element) -> None:
        rows = [select(_CELLS, row) for row in select(_ROWS, node)]
        cells = [cell for row in rows for cell in row]
        if len(cells) == 1:  # a frame around the text, as older pages have it
            self.block(cells[0], "td", cells[0].get("class"))
            return
        self.flush()
        for caption in node.iterchildren("caption"):
            self.block(caption, "caption", caption.get("class"))
        read = {cell: _read([cell], depth=self.depth).paragraphs for cell in cells}
        words = {cell: "\n".join(filter(None, (p.plain() for p in read[cell]))) for cell in cells}
        filled = [row for row in rows if any(words[cell] for cell in row)]
        if filled:
            for link in node.iter("a", "span"):
                self.link(link)
            self.add(Paragraph("table", rows=tuple(tuple(words[c] for c in row) for row in filled)))
            self.clear()
        pictures = (p for cell in cells for p in read[cell] if p.kind == "image")
        self.body.paragraphs.extend(pictures)

    def flush(self) -> None:
        """End the paragraph that is being collected, if there is one."""
        if not self.pieces:
            return
        text, kind = "".join(self.pieces), self.kind
        if "\n" in text:
            text = "\n".join(map(strip, text.split("\n")))
        if not self.plain and kind in ("text", "caption"):
            kind = "heading"
        self.end(strip(text), kind)

    def end(self, text: str, kind: Kind) -> None:
        """Make a whole text a paragraph, unless it is none."""
        if text and not (text[0] in _FIRST and self.is_none(text)):
            self.add(Paragraph(kind, text))
        self.clear()

    def is_none(self, text: str) -> bool:
        return self.credits(text) or adverts.is_line(text)

    def add(self, paragraph: Paragraph) -> None:
        if self.links:
            index = len(self.body.paragraphs)
            self.body.found += (
                mentions.Found(index, offset, Mention(*security, name, "link", index))
                for offset, security, name in self.links
            )
        self.body.paragraphs.append(paragraph)

    def clear(self) -> None:
        self.pieces, self.links = [], []
        self.length, self.plain = 0, False


@lru_cache  # a body knows few styles
def _is_hidden(style: str) -> bool:
    return _HIDDEN.search(style) is not None


@lru_cache
def _is_centred(style: str) -> bool:
    return _CENTRED.search(style) is not None


def _pixels(value: str | None) -> int | None:
    found = _DIGITS.match(value or "")
    return int(found[0]) if found and "%" not in (value or "") else None

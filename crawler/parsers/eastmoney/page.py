"""The HTML pages of an article, ``/a/<digits>.html`` and ``/a/<digits>_2.html`` and so on.

Layouts are dated and kept, newest first, so that old pages stay readable::

    page-2024   h1; div.infos > div.item: 「2026年08月19日 17:46」, 「来源：X」; div#ContentBody
    page-2020   div.newsContent h1; div.time; div.source; div#ContentBody or div.Body, with the
                summary (div.b-review) in it
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import urldefrag, urlsplit

from lxml import etree

from crawler import infocode
from crawler.errors import EmptyAnswer, LayoutChanged, NotAnArticle, TruncatedPage
from crawler.items import Article, Entry
from crawler.parsers import attribution, mentions
from crawler.parsers.body import Body, read_body
from crawler.parsers.dates import read_minute
from crawler.parsers.eastmoney import SITE, entries
from crawler.parsers.eastmoney.markup import absolute, with_class
from crawler.parsers.html import Element, attribute, flat, parse, select, strip, without_scripts

#: Of an article; more would be a page that links to itself in disguise.
MOST_PARTS = 50
_TAIL = 200  # characters that hold the end of a whole page
_LINKS = etree.XPath("//a[@href]")
_TITLE = etree.XPath("//title")
_SITE_NAME = re.compile(r"\s*_\s*东方财富网\Z")
_SOURCE = re.compile(r"来源\s*[：:]\s*")
# Also of the old pages: 「1345,202609190123456789.html」.
_NAME = re.compile(r"(?:[0-9]+,)?([0-9]{18})(?:_([0-9]{1,3}))?\.html\Z")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a layout has its parts; of several paths the first that finds something counts.

    ``mark`` is what the layout is known by. ``lacking`` names time and title in errors.
    """

    parser: str
    mark: etree.XPath
    titles: tuple[etree.XPath, ...]
    times: tuple[etree.XPath, ...]
    sources: tuple[etree.XPath, ...]
    bodies: tuple[etree.XPath, ...]
    lacking: tuple[str, str]


def _paths(*paths: str) -> tuple[etree.XPath, ...]:
    return tuple(map(etree.XPath, paths))


_INFOS, _NEWS = with_class("div", "infos"), with_class("div", "newsContent")
_TIME, _MEDIUM = with_class("div", "time"), with_class("div", "source")
_ITEM, _HEAD = with_class("div", "item"), with_class("div", "title")
_LAYOUTS = (
    _Layout(
        "eastmoney.page-2024/1",
        etree.XPath(f"//{_INFOS}"),
        (*_paths("//h1", f"//{_INFOS}/preceding-sibling::{_HEAD}"), _TITLE),
        _paths(f"//{_INFOS}/{_ITEM}"),
        _paths(f"//{_INFOS}/{_ITEM}"),
        _paths("//div[@id='ContentBody']"),
        ("div.infos > div.item", "h1 or title"),
    ),
    _Layout(
        "eastmoney.page-2020/1",
        etree.XPath(f"//{_NEWS}|//{_TIME}"),
        _paths(f"//{_NEWS}//h1"),
        _paths(f"//{_NEWS}//{_TIME}", f"//{_TIME}"),
        _paths(f"//{_NEWS}//{_MEDIUM}", f"//{_MEDIUM}"),
        _paths("//div[@id='ContentBody']", f"//{with_class('div', 'Body')}"),
        ("div.time", "div.newsContent h1"),
    ),
)
# In the body of old pages, or beside it.
_REVIEW = etree.XPath(f".//{with_class('div', 'b-review')}")
_ASIDE = etree.XPath(f".//{with_class('div', 'b-review')}|.//{with_class('div', 'zwothers')}")


class ArticlePage:
    """One page of an article. ``text`` is the whole page, ``url`` its public address.

    Raises :class:`TruncatedPage` when its end is missing, :class:`NotAnArticle` when it has no
    body, :class:`LayoutChanged` when its body says nothing, :class:`EmptyAnswer` when there is
    nothing at all.
    """

    def __init__(self, text: str, url: str) -> None:
        if not strip(text):
            raise EmptyAnswer("the page is empty", url=url, site=SITE)
        self.url = url
        self._tree = parse(text, url=url)
        layouts = [each for each in _LAYOUTS if _first(each.bodies, self._tree)]
        whole = "</html>" in text[-_TAIL:].lower()
        if not whole and (layouts or "<html" in text.lower()):
            raise TruncatedPage("the page breaks off before its end", url=url, site=SITE)
        if not layouts:
            called = next(filter(None, map(flat, select(_TITLE, self._tree))), "")[:80]
            message = f"no div#ContentBody on the page{called and f', which is called {called!r}'}"
            raise NotAnArticle(message, url=url, site=SITE)
        marked = (each for each in layouts if select(each.mark, self._tree))
        self._layout = next(marked, layouts[0])
        self.parser = self._layout.parser
        node = _first(self._layout.bodies, self._tree)[0]
        self.html = without_scripts(_inner(node))
        self.digest = next(filter(None, map(flat, select(_REVIEW, self._tree))), None)
        self.body = _read(node)
        if not self.body.paragraphs:
            raise LayoutChanged("div#ContentBody", url=url, site=SITE)

    @property
    def next_url(self) -> str | None:
        """The address of the article's next page, None on its last.

        Only a link of the page itself counts, within the site, to the number that follows.
        """
        here = _name(self.url)
        for link in select(_LINKS, self._tree) if here else ():
            url = urldefrag(absolute(self.url, link.get("href", ""))).url
            if here and _name(url) == (here[0], here[1] + 1) and _is_near(url, self.url):
                return url
        return None

    @property
    def title(self) -> str:
        """The title; raises :class:`LayoutChanged` where there is none."""
        found = (flat(node) for path in self._layout.titles for node in select(path, self._tree))
        for title in filter(None, (_SITE_NAME.sub("", text) for text in found)):
            return title
        raise LayoutChanged(self._layout.lacking[1], url=self.url, site=SITE)

    @property
    def time(self) -> str | None:
        """The time as the page writes it; raises :class:`LayoutChanged` where it has no place."""
        found = _first(self._layout.times, self._tree)
        if not found:
            raise LayoutChanged(self._layout.lacking[0], url=self.url, site=SITE)
        texts = list(map(flat, found))
        return next(filter(read_minute, texts), texts[0]) or None

    @property
    def source(self) -> str | None:
        """The medium that the page names beside the time."""
        nodes = _first(self._layout.sources, self._tree)
        named = [attribute(node, "data-source") or flat(node) for node in nodes]
        for text in named:
            if found := _SOURCE.match(text):
                return text[found.end() :] or None
        bare = (text for text in named if text and not read_minute(text) and "：" not in text)
        return next(bare, None)


def part_of(url: str) -> int | None:
    """Which page of its article stands at ``url``, from 1; None where it is no such page's.

    >>> part_of("https://finance.eastmoney.com/a/202609190123456789_2.html")
    2
    """
    found = _name(url)
    return found[1] if found else None


def read_pages(pages: Sequence[ArticlePage], entry: Entry) -> Article:
    """Read the article that stands on ``pages``, one or more, in their order.

    What the first page does not tell, ``entry.told`` may. The page tells the minute;
    ``published_at`` is the second that the listing told where it lies in that minute. Raises
    :class:`LayoutChanged` when the first page lacks its time or title, :class:`NotAnArticle` when
    a page is another article's or the entry has no info code.
    """
    first, code, told = pages[0], entry.info_code, dict(entry.told)
    for page in pages:
        if code is None or infocode.read(page.url) not in (None, code):
            raise NotAnArticle(f"the page is not that of {code}", url=page.url, site=SITE)
    assert code
    body = _joined([page.body for page in pages])
    raw, title = first.time, first.title
    digest = entries.without_title(first.digest) or told.get("digest")
    source = body.source or first.source or told.get("source")
    named = mentions.collect(body.paragraphs, body.found, title=title, digest=digest)
    return Article(
        info_code=code,
        site=SITE,
        page_url=first.url,
        parser=first.parser,
        title=title,
        published_at=_moment(raw, entry),
        published_raw=raw or told.get("published_raw"),
        digest=digest,
        source=attribution.read_source(source, body.last, digest),
        author=told.get("author"),
        editor=body.editor,
        url=told.get("url") or first.url,
        paragraphs=tuple(body.paragraphs),
        mentions=mentions.tagged(named, entries.told_stocks(entry)),
        body="".join(page.html for page in pages),
    )


def _moment(raw: str | None, entry: Entry) -> datetime | None:
    """When the article appeared, to the second where the listing told it."""
    told, minute = entries.told_time(entry), entries.since_1990(read_minute(raw or ""))
    if not raw or (told and told.replace(second=0, microsecond=0) == minute):
        return told
    return minute


def _read(node: Element) -> Body:
    """Read a body; what stands in it and is not its text is emptied first."""
    node.tail = None
    node.attrib.clear()  # some hide it until a script has run
    for aside in select(_ASIDE, node):
        tail = aside.tail
        aside.clear()
        aside.tail = tail
    return read_body([node])


def _joined(bodies: Sequence[Body]) -> Body:
    """Bodies, one behind the other, as one."""
    whole = Body()
    for body in bodies:
        at = len(whole.paragraphs)
        for index, offset, found in body.found:
            own = None if found.paragraph is None else found.paragraph + at
            whole.found.append(mentions.Found(index + at, offset, found._replace(paragraph=own)))
        whole.paragraphs += body.paragraphs
        whole.source, whole.editor = whole.source or body.source, whole.editor or body.editor
    return whole


def _first(paths: Sequence[etree.XPath], tree: Element) -> list[Element]:
    """What the first of the paths finds that finds anything."""
    return next(filter(None, (select(path, tree) for path in paths)), [])


def _inner(node: Element) -> str:
    """The HTML in an element."""
    children = (etree.tostring(child, encoding="unicode", method="html") for child in node)
    return escape(node.text or "", quote=False) + "".join(children)


def _name(url: str) -> tuple[str, int] | None:
    """The number of the article in a page's address, and of the page."""
    found = _NAME.match(urlsplit(url).path.rpartition("/")[2])
    return (found[1], int(found[2] or 1)) if found else None


def _is_near(url: str, here: str) -> bool:
    """Does ``url`` stay on the host, or at least with the site?"""
    host = urlsplit(url).hostname or ""
    return host == urlsplit(here).hostname or host.endswith(".eastmoney.com")

"""The public finews site, as Jekyll renders it: post pages, listing pages, the feed.

Layout (real pages, 2022): ``div.wrapper > section`` holds ``<small>`` with the time,
``<h1>``, the digest as a block quote, the body, the link to the original, the links
back, and ``<small>tags: <em>…</em></small>``. The head is broken: the body spills out
of an unescaped ``og:description``, so nothing before ``div.wrapper`` is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from urllib.parse import quote, unquote, urljoin, urlsplit

from lxml import etree

from crawler import infocode
from crawler.errors import LayoutChanged, NotAnArticle, TruncatedPage
from crawler.items import Article, Covers, Entry, Listing
from crawler.parsers import attribution, mentions
from crawler.parsers.body import read_body
from crawler.parsers.dates import SHANGHAI, read_time
from crawler.parsers.html import Element, attribute, flat, parse, select, source_of, strip, unwrap

SITE = "finews"
BASE = "https://finews.withounder.com"
PARSER = "finews.post/1"
_HOSTS = frozenset(
    ("finews.withounder.com", "finews.zning.me", "finnews.zning.me", "finews.zning.xyz")
)
#: The pages that list articles whatever the categories are, by listing name.
PAGES = {"home": f"{BASE}/", "emnews": f"{BASE}/emnews/", "feed": f"{BASE}/feed.xml"}
# Home has five of each tag, and no order that would tell what is missing.
_COVERS: dict[str, Covers] = {"home": "some", "emnews": "newest", "feed": "newest"}

_SECTION = etree.XPath("//div[@class='wrapper']/section")
_ENTRIES = etree.XPath(".//li//a[@href]")
_LINKS = etree.XPath(".//a[@href]")
_ATOM = {"a": "http://www.w3.org/2005/Atom"}
_POST_PATH = re.compile(r"/.+/([0-9]{4})/([0-9]{2})/([0-9]{2})/[^/]+\.html\Z")
_CATEGORY_PATH = re.compile(r"/category/([^/]+)\.html\Z")
_TAGS = "<small>tags:"
_TAIL = 200  # characters that hold the end of a page without tags
_TIME_LINE = re.compile(r"\(GMT|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TAG_LINE = re.compile("tags:")


def page(name: str) -> Listing:
    """One of :data:`PAGES` as a listing."""
    return Listing(SITE, name, PAGES[name], covers=_COVERS[name])


def category(slug: str) -> Listing:
    """The listing of a category page, named by its slug (the source in pinyin).

    >>> category("jiemianxinwen").url
    'https://finews.withounder.com/category/jiemianxinwen.html'
    """
    name = f"category/{slug}" if slug in PAGES else slug
    return Listing(SITE, name, f"{BASE}/category/{quote(slug, safe='')}.html")


class PostPage:
    """One post page. ``text`` is the whole page, ``url`` its public address.

    Raises :class:`NotAnArticle` when the page is none, :class:`TruncatedPage` when
    its end is missing.
    """

    def __init__(self, text: str, url: str) -> None:
        self.url = url
        section = _section(text, url)
        if section is None:
            raise NotAnArticle("no div.wrapper section on the page", url=url, site=SITE)
        self._nodes = list(section)
        self._section = section
        time = self._take_line(0, _TIME_LINE)
        self._time = None if time is None else flat(time)
        self._tags = self._take_line(-1, _TAG_LINE)
        if self._time is None and self._tags is None:
            raise NotAnArticle("neither a time nor tags, as every post has", url=url, site=SITE)
        # A body may hold </section> too: only one behind the line of tags is the page's.
        if _TAGS in text:
            _require("</section>", text[text.rfind(_TAGS) :], url)
        else:
            _require("</html>", text[-_TAIL:], url)
        if self._tags is None and _TAGS in text:  # the body ends the section before its time
            raise LayoutChanged("line of tags at its end", url=url, site=SITE)

    def listings(self) -> Iterator[Listing]:
        """The category pages that the post links to (its trailer does)."""
        return _linked_listings(self._section, self.url)

    def article(self) -> Article:
        """Read the article.

        ``published_at`` is what the page shows, in Asia/Shanghai; None where it shows
        no time. Raises :class:`NotAnArticle` when neither the page's URL nor the
        original link carries an info code.
        """
        title, digest = self._take_title(), None
        if self._nodes and self._nodes[0].tag == "blockquote":
            digest = _quoted(self._take(0))
        original = self._take_trailer()
        code = infocode.read(self.url) or infocode.read(original or "")
        if code is None:
            raise NotAnArticle("the post has no info code", url=self.url, site=SITE)
        body = read_body(self._nodes)
        tags = () if self._tags is None else tuple(filter(None, map(flat, self._tags.iter("em"))))
        return Article(
            info_code=code,
            site=SITE,
            page_url=self.url,
            parser=PARSER,
            title=title,
            published_at=None if self._time is None else read_time(self._time),
            published_raw=self._time or None,
            digest=digest,
            source=attribution.read_source(body.source, body.last, digest, tags),
            editor=body.editor,
            url=original,
            tags=tags,
            paragraphs=tuple(body.paragraphs),
            mentions=mentions.collect(body.paragraphs, body.found, title=title, digest=digest),
            category=_category(self.url),
            body="\n".join(map(source_of, self._nodes)) or None,
        )

    def _take_line(self, place: int, pattern: re.Pattern[str]) -> Element | None:
        """Take the ``<small>`` at one end of the section off, if it is the one meant."""
        if self._nodes and self._nodes[place].tag == "small":
            return self._take(place) if pattern.search(flat(self._nodes[place])) else None
        return None

    def _take(self, place: int) -> Element:
        """Take a node off one end; text that stands loose behind it stays, as a paragraph."""
        node = self._nodes.pop(place)
        if place == 0 and strip(node.tail or ""):
            loose = etree.Element("p")
            loose.text = node.tail
            self._nodes.insert(0, loose)
        return node

    def _take_title(self) -> str | None:
        if self._nodes and self._nodes[0].tag == "h1":
            return flat(self._take(0)) or None
        return None

    def _take_trailer(self) -> str | None:
        """Take the links back and the link to the original off the end; give the original."""
        while self._nodes and _goes_back(self._nodes[-1]):
            self._nodes.pop()
        if not self._nodes or (node := self._nodes[-1]).tag != "p":
            return None
        text = flat(node)
        if text == "<>":  # Markdown's automatic link around nothing
            self._nodes.pop()
            return None
        if len(node) == 1 and node[0].tag == "a" and attribute(node[0], "href") == text:
            self._nodes.pop()
            return text if text.startswith(("http://", "https://")) else None
        return None


def parse_listing(text: str, url: str, listing: str) -> tuple[list[Entry], list[Listing]]:
    """Read a category page, ``/emnews/``, the home page or the feed.

    Gives the entries as shown (newest first) and the category pages linked. Raises
    :class:`LayoutChanged` when the page is no listing, :class:`TruncatedPage` when
    its end is missing.
    """
    if urlsplit(url).path.endswith(".xml"):
        return _parse_feed(text, url, listing), []
    section = _section(text, url)
    if section is None:
        raise LayoutChanged("div.wrapper section", url=url, site=SITE)
    _require("</section>", text, url)
    links = ((a, _path(url, a.get("href", ""))) for a in select(_ENTRIES, section))
    found = (_entry(path, listing, flat(a)) for a, path in links)
    entries = [entry for entry in found if entry]
    if not entries and listing == "home":  # it shows the newest of all categories
        raise LayoutChanged("link to a post", url=url, site=SITE)
    return entries, list(_linked_listings(section, url))


def entry_at(url: str, listing: str) -> Entry | None:
    """The entry of a post by its address, whatever host the site had; None for other pages."""
    entry = _entry(_path(url, url), listing, "")
    return entry if entry and entry.info_code else None


def _parse_feed(text: str, url: str, listing: str) -> list[Entry]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, encoding="utf-8")
    try:
        feed = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        if "</feed>" not in text:
            raise TruncatedPage(f"the feed breaks off ({error})", url=url, site=SITE) from error
        raise LayoutChanged(f"readable XML ({error})", url=url, site=SITE) from error
    if feed.tag != f"{{{_ATOM['a']}}}feed":
        raise LayoutChanged("Atom feed element", url=url, site=SITE)
    entries = []
    for node in feed.iterfind("a:entry", _ATOM):
        link = node.find("a:link", _ATOM)
        # Whatever host it names: the feed takes it from its configuration.
        path = _path(url, link.get("href", "") if link is not None else "", hosts=None)
        title, time = node.findtext("a:title", "", _ATOM), node.findtext("a:published", "", _ATOM)
        entry = _entry(path, listing, title, _aware(time))
        if entry:
            entries.append(entry)
    return entries


def _aware(text: str) -> datetime | None:
    """An Atom time in Asia/Shanghai; None when it is none or tells no zone."""
    try:
        time = datetime.fromisoformat(text.strip())
        return time.astimezone(SHANGHAI) if time.tzinfo else None
    except (ValueError, OverflowError):  # OverflowError: the first or last hours of all time
        return None


def _entry(
    path: str, listing: str, title: str, published_at: datetime | None = None
) -> Entry | None:
    """The entry of a link to a post; None for other links."""
    found = _POST_PATH.match(path)
    if not found:
        return None
    try:
        day = date(*map(int, found.groups()))
    except ValueError:
        day = None
    url = BASE + quote(unquote(path))
    title = strip(unwrap(title))
    return Entry(SITE, listing, url, infocode.read(url), title or None, published_at, day)


def _linked_listings(section: Element, base: str) -> Iterator[Listing]:
    for link in select(_LINKS, section):
        found = _CATEGORY_PATH.match(_path(base, link.get("href", "")))
        if found:
            yield category(unquote(found[1]))


def _path(base: str, href: str, hosts: frozenset[str] | None = _HOSTS) -> str:
    """The path that a link within the site leads to; "" for other links.

    The site moved between ``hosts``: only the path counts. None means any host.
    """
    try:
        parts = urlsplit(urljoin(base, href.strip()))
    except ValueError:  # such as 「http://[」
        return ""
    return parts.path if hosts is None or parts.hostname in hosts else ""


def _category(url: str) -> str | None:
    """The category of a post by its address: what stands before the day."""
    found = _POST_PATH.match(unquote(urlsplit(url).path))
    return found[0][1 : found.start(1) - 1] if found else None


def _section(text: str, url: str) -> Element | None:
    # The head holds a second, broken copy of the body: start behind it where we can.
    # A "<body" of the article stands once before and once behind the page's own.
    starts = [found.start() for found in re.finditer("<body", text)]
    start = starts[len(starts) // 2] if starts else 0
    found = select(_SECTION, parse(text[start:], url=url))
    return found[0] if found else None


def _require(end: str, text: str, url: str) -> None:
    """A page cut off on its way still parses; what is missing would go unseen."""
    if end not in text:
        raise TruncatedPage("the page breaks off before its end", url=url, site=SITE)


def _quoted(node: Element) -> str | None:
    lines = [flat(p) for p in node.iter("p")] or [flat(node)]
    return "\n".join(filter(None, lines)) or None


def _goes_back(node: Element) -> bool:
    """Is this a paragraph of links back, 「返回东财滚动新闻｜返回首页」?"""
    if node.tag != "p" or not len(node):
        return False
    between = node.text or ""
    for child in node:
        if child.tag != "a" or not flat(child).startswith("返回"):
            return False
        between += child.tail or ""
    return not strip(between).strip("｜|")

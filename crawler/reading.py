"""A page that was fetched or stored, made into its article: the one way for every site.

Spiders, ``finews ingest`` and ``finews reparse`` come through here to the same parsers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from crawler import infocode
from crawler.errors import BrokenPost, FetchFailed, NotAnArticle, PageError, TruncatedPage
from crawler.files import listing_of
from crawler.items import Article, Entry, Failure, Page
from crawler.parsers import choice, eastmoney, finews, posts
from crawler.parsers.charset import decode
from crawler.parsers.eastmoney.article import parse_article
from crawler.parsers.eastmoney.flash import is_item, read_item
from crawler.parsers.eastmoney.page import MOST_PARTS, ArticlePage, part_of, read_pages

#: The stored page of an address, None where there is none.
Other = Callable[[str], Page | None]


def read(page: Page, entry: Entry, other: Other = lambda _: None) -> Article | Failure | None:
    """What became of ``page``, which was asked for as ``entry``.

    The article, with its listing and page; else the failure that a crawl records. None where
    the page tells nothing by itself: a later part of an article, which is read with its first;
    an answer that says that there is no such article; a file that is no post. ``other`` gives
    the further pages of an article.
    """
    pages = [page]
    try:
        article = _READERS[page.site](pages, entry, other)
    except Exception as error:  # noqa: BLE001 -- an error of a parser fails one page
        if isinstance(error, FetchFailed) or getattr(error, "refusal", False):
            return None  # of the fetch, which no parser mends
        if entry.info_code is None and isinstance(error, BrokenPost | NotAnArticle):
            return None
        failure = failed(
            error, site=page.site, url=entry.url, listing=entry.listing, info_code=entry.info_code
        )
        retry = failure.retry and page.site != posts.SITE  # a file is read when it is named
        return replace(failure, page=pages[-1].sha256, retry=retry)
    digest = pages[-1].sha256 if pages else None
    return article and replace(article, listing=entry.listing or None, page=digest)


def failed(
    error: Exception, *, site: str, url: str, listing: str | None, info_code: str | None
) -> Failure:
    """The record of an error; one that is not ours is ``unexpected``."""
    if isinstance(error, PageError):
        reason, message, retry, page = error.reason, str(error), error.retry, error.page
    else:
        reason, message = "unexpected", f"{type(error).__name__}: {error}"
        retry, page = True, None
    return Failure(site, url, reason, message, retry, listing, info_code, page)


def article_text(body: bytes, content_type: str, url: str, entry: Entry) -> str:
    """The text of the article's page that answered at ``url``.

    Raises :class:`FetchFailed` when it redirected to another article, and what
    :func:`~crawler.parsers.charset.decode` does.
    """
    if infocode.read(url) not in (None, entry.info_code):
        raise FetchFailed(
            f"it redirects to another article, {url}",
            url=entry.url,
            reason="redirects",
            retry=True,
        )
    return decode(body, content_type, url=url)


def entry_at(url: str, listing: str) -> Entry | None:
    """The entry of an article by its address alone; None where that is no article's we know.

    >>> entry_at("http://finance.eastmoney.com/a/202609190123456789.html", "old.warc").site
    'eastmoney'
    """
    found = (site.entry_at(url, listing) for site in (finews, eastmoney, choice))
    return next(filter(None, found), None)


def post_entry(name: str) -> Entry:
    """The entry of a post file by its name."""
    return Entry(posts.SITE, listing_of(name), name, infocode.read(name.rpartition("/")[2]))


def entry_of(page: Page) -> Entry:
    """The entry of a stored page that no listing told of: a post file, by its name, or a page."""
    if page.site == posts.SITE:
        return post_entry(page.url)
    return entry_at(page.url, "") or Entry(page.site, "", page.url, page.info_code)


def _text(page: Page, entry: Entry) -> str:
    named = (value for name, value in page.headers if name.lower() == "content-type")
    return article_text(page.body, next(named, ""), page.url, entry)


def _finews(pages: list[Page], entry: Entry, _: Other) -> Article:
    return finews.PostPage(_text(pages[0], entry), entry.url).article()


def _choice(pages: list[Page], entry: Entry, _: Other) -> Article:
    return choice.parse_article(_text(pages[0], entry), entry)


def _post(pages: list[Page], entry: Entry, _: Other) -> Article:
    return posts.parse_post(decode(pages[0].body, "", url=entry.url), entry.url)


def _eastmoney(pages: list[Page], entry: Entry, other: Other) -> Article | None:
    """The JSON of an article, or its page with those that follow, which join ``pages``."""
    part = part_of(pages[0].url)
    if part is None:
        try:
            return parse_article(_text(pages[0], entry), entry)
        except FetchFailed as error:
            if error.reason != "gone" or not is_item(entry):
                raise
            pages.clear()  # not made of this page, but of what the list told
            return read_item(entry)
    if part > 1:
        return None
    parts = [ArticlePage(_text(pages[0], entry), pages[0].url)]
    while (url := parts[-1].next_url) and len(parts) < MOST_PARTS:
        following = other(url)
        if following is None:
            raise TruncatedPage(f"its next page, {url}, is not stored", url=url, site=entry.site)
        pages.append(following)
        parts.append(ArticlePage(_text(following, entry), following.url))
    return read_pages(parts, entry)


_READERS: Mapping[str, Callable[[list[Page], Entry, Other], Article | None]] = {
    finews.SITE: _finews,
    choice.SITE: _choice,
    eastmoney.SITE: _eastmoney,
    posts.SITE: _post,
}
#: The sites whose pages can be read.
SITES = frozenset(_READERS)

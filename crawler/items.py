"""The records that travel from a listing to the database.

Frozen and typed; they hold values and know nothing of Scrapy, HTML or SQLite.
One direction: ``Listing`` → ``Entry`` → ``Page`` → ``Article``; a ``Failure``
takes the place of a record that could not be made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

Kind = Literal["text", "heading", "quote", "list", "caption", "table", "image"]
Covers = Literal["all", "newest", "some"]
Evidence = Literal["chart", "code", "link", "tag"]


@dataclass(frozen=True, slots=True)
class Listing:
    """A page sequence or feed of a site that lists articles, newest first or nearly so.

    ``url`` is the public address of page number ``page``; a spider that finds a
    next page yields the same listing with ``page + 1``. ``title`` is what the site calls it.
    ``covers`` is what it shows from its first page to its last: ``all`` that it ever listed,
    the ``newest`` (how many does not matter), or a choice of ``some``, which proves nothing.
    """

    site: str
    name: str
    url: str
    page: int = 1
    title: str | None = None
    covers: Covers = "all"


@dataclass(frozen=True, slots=True)
class Entry:
    """One article as a listing shows it.

    ``info_code`` is None when the link carries none: such an entry is skipped.
    ``published_at`` is aware and only set when the listing tells the second;
    ``day`` (Asia/Shanghai) when it tells no more than the day. ``told`` is what else the
    listing says of the article, by field name, for listings that say more than its page.
    ``attempts`` is the number of earlier runs in which its article failed or was refused.
    ``elsewhere`` is, of one that is asked for, what other listings show of the same address.
    """

    site: str
    listing: str
    url: str
    info_code: str | None
    title: str | None = None
    published_at: datetime | None = None
    day: date | None = None
    told: tuple[tuple[str, str], ...] = ()
    attempts: int = 0
    elsewhere: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The raw bytes a server answered. ``fetched_at`` is aware, ``sha256`` is of ``body``."""

    site: str
    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    sha256: str
    fetched_at: datetime
    info_code: str | None = None


class Paragraph(NamedTuple):
    """One block of a body, in reading order.

    ``table`` has ``rows`` and no text; ``image`` has ``url`` and, where known,
    ``width``, ``height`` (pixels) and ``alt``; every other kind has ``text``.
    """

    kind: Kind
    text: str | None = None
    rows: tuple[tuple[str, ...], ...] | None = None
    url: str | None = None
    width: int | None = None
    height: int | None = None
    alt: str | None = None

    def plain(self) -> str:
        """The words of this paragraph: its text, or its cells by tab and line."""
        if self.rows is not None:
            return "\n".join("\t".join(row) for row in self.rows)
        return self.text or ""


class Mention(NamedTuple):
    """A security, board or index that an article names.

    ``market`` and ``code`` as Eastmoney numbers them (0 Shenzhen and Beijing,
    1 Shanghai, 90 boards, 100 world indices, 105 NASDAQ, 106 NYSE, 116 Hong Kong
    with five digits). ``paragraph`` is an index into the article's paragraphs, None for
    a chart, for a code that only the title or digest names, and for a ``tag``: the site's
    own list of securities beside the article.
    """

    market: str
    code: str
    name: str | None
    evidence: Evidence
    paragraph: int | None


@dataclass(frozen=True, slots=True)
class Article:
    """What a parser made of a page. What is not known is None, never "".

    ``url`` is the link to the original that the article itself gives;
    ``page_url`` is where we read it, ``page`` the SHA-256 of the answer. ``published_at``
    is aware. ``parser`` names the layout and its version, such as ``finews.post/1``.
    ``category`` is the site's own section; ``body`` the HTML that the paragraphs were read
    from, as it came but for scripts.
    """

    info_code: str
    site: str
    page_url: str
    parser: str
    title: str | None = None
    published_at: datetime | None = None
    published_raw: str | None = None
    digest: str | None = None
    source: str | None = None
    author: str | None = None
    editor: str | None = None
    url: str | None = None
    tags: tuple[str, ...] = ()
    paragraphs: tuple[Paragraph, ...] = ()
    mentions: tuple[Mention, ...] = ()
    listing: str | None = None
    page: str | None = None
    category: str | None = None
    body: str | None = None

    @property
    def images(self) -> tuple[Paragraph, ...]:
        """The paragraphs that are pictures."""
        return tuple(p for p in self.paragraphs if p.kind == "image")


@dataclass(frozen=True, slots=True)
class Look:
    """An article was looked at, at ``url``: what the server gave to ask by next time.

    ``gone`` says that the site has it no more.
    """

    info_code: str
    url: str
    etag: str | None = None
    last_modified: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an entry, a listing or an article is not stored.

    ``reason`` is one word of the list in :mod:`crawler.errors`; ``retry`` says
    whether a later run may try again. ``page`` is the SHA-256 of the answer kept
    in ``pages.db``, None where no answer came.
    """

    site: str
    url: str
    reason: str
    message: str
    retry: bool
    listing: str | None = None
    info_code: str | None = None
    page: str | None = None

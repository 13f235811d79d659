"""WARC 1.1: every stored page as a web archive record, for the tools that read those.

A page is a ``response`` record, a post file a ``resource`` of a ``file:`` address. Before the
record of an article stands a ``metadata`` record with what its listing told, so that an ingest
of the archive gives the same article. Its reader is :mod:`crawler.warc`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from crawler import __version__
from crawler.errors import MissingExtra
from crawler.items import Page
from pipelines.database.pages import StoredPages
from pipelines.database.rows import json_text, time_text

#: The type of the metadata records, and what stands before the name of a header that was true
#: of the bytes on the wire and is not of those kept.
FACTS = "application/vnd.finews.page+json"
ORIGINAL = "X-Archive-Orig-"
_WIRE = ("content-encoding", "transfer-encoding", "content-length")
_HTTP = "application/http; msgtype=response"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_BREAKS = re.compile(r"[\r\n\x00]+\s*")


def write(
    stored: StoredPages,
    file: IO[bytes],
    sites: tuple[str, ...],
    *,
    gzip: bool,
    on_page: Callable[[], object],
) -> int:
    """Write the pages of ``sites``, all when none is named, by their ids; how many.

    The same pages give the same bytes. A page whose body is gone is left out.
    Raises :class:`MissingExtra`.
    """
    writer = _writer(file, gzip=gzip)
    info = {
        "software": f"finews/{__version__}",
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "description": "pages as finews stored them, their transfer and content encodings undone",
    }
    fields = "".join(f"{name}: {value}\r\n" for name, value in info.items()).encode()
    written = 0
    for page, last in stored.pages(sites):
        if not written:  # dated as its first page: the same pages give the same bytes
            _put(writer, "warcinfo", "", fields, "application/warc-fields", page.fetched_at, "info")
        _write_page(writer, stored, page, last)
        on_page()
        written += 1
    return written


def _writer(file: IO[bytes], *, gzip: bool) -> Any:
    try:
        from warcio.warcwriter import WARCWriter  # noqa: PLC0415 -- an extra
    except ModuleNotFoundError as error:
        raise MissingExtra("warc") from error
    return WARCWriter(file, gzip=gzip, warc_version="1.1")


def _write_page(writer: Any, stored: StoredPages, page: Page, last: datetime) -> None:
    name = f"{page.url} {page.status} {page.sha256} {page.fetched_at.isoformat()}"
    entry = stored.entry(page)
    facts = {
        "site": page.site,
        "info_code": page.info_code,
        "last_fetched_at": time_text(last),
        "entry": entry
        and {
            "listing": entry.listing,
            "url": entry.url,
            "title": entry.title,
            "published_at": entry.published_at and time_text(entry.published_at),
            "told": dict(entry.told),
        },
    }
    kind, uri, block, type_ = "response", page.url, _response(page), _HTTP
    if page.status == 0:
        # A name, whatever folder it was in: FOLDER/FILE or ARCHIVE!/MEMBER.
        kind, uri, block, type_ = (
            "resource",
            f"file:///{quote(page.url)}",
            page.body,
            "text/markdown",
        )
    uri = quote(uri, safe="!#$%&'()*+,/:;=?@[]~")
    about = ("WARC-Concurrent-To", _id(kind, name))
    _put(writer, "metadata", uri, json_text(facts).encode(), FACTS, page.fetched_at, name, about)
    digest = ("WARC-Payload-Digest", f"sha256:{page.sha256}")
    _put(writer, kind, uri, block, type_, page.fetched_at, name, digest)


def _response(page: Page) -> bytes:
    """The page as an HTTP answer: status line, headers that agree with the body, body."""
    try:
        phrase = HTTPStatus(page.status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {page.status} {phrase}", *map(": ".join, _headers(page))]
    # Scrapy and the archive reader give header bytes as Latin-1.
    head = "".join(f"{line}\r\n" for line in lines).encode("latin-1", "replace")
    return head + b"\r\n" + page.body


def _headers(page: Page) -> Iterator[tuple[str, str]]:
    length = str(len(page.body))
    for name, value in page.headers:
        clean = _BREAKS.sub(" ", value).strip()
        if not _TOKEN.match(name):
            continue  # nothing that could stand in a header
        agrees = name.lower() not in _WIRE or (name.lower() == "content-length" and clean == length)
        yield name if agrees else f"{ORIGINAL}{name}", clean


def _put(
    writer: Any,
    kind: str,
    uri: str,
    block: bytes,
    type_: str,
    at: datetime,
    name: str,
    *more: tuple[str, str],
) -> None:
    from warcio.recordloader import ArcWarcRecord  # noqa: PLC0415 -- an extra
    from warcio.statusandheaders import StatusAndHeaders  # noqa: PLC0415

    headers = [
        ("WARC-Type", kind),
        ("WARC-Record-ID", _id(kind, name)),
        *([("WARC-Target-URI", uri)] if uri else []),
        ("WARC-Date", f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"),
        *more,
    ]
    fields = StatusAndHeaders("", headers, protocol="WARC/1.1")
    record = ArcWarcRecord(
        "warc", kind, fields, BytesIO(block), None, type_, len(block), payload_length=len(block)
    )
    writer.write_record(record)


def _id(kind: str, name: str) -> str:
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, f'finews {kind} {name}')}>"

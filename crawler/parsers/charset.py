"""Bytes to text without guessing: what cannot be told is an error, never mojibake."""

from __future__ import annotations

import codecs
import re

from bs4.dammit import EncodingDetector

from crawler.errors import TruncatedPage, UnreadableText

_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
# gb2312 and gbk pages use characters of gb18030 (镕, 喆), which contains both.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030"}


def decode(body: bytes, content_type: str, *, url: str) -> str:
    """Decode a page's ``body``; ``content_type`` is the header's value, or "".

    Strict UTF-8 first, whatever the page claims (headers and meta tags lie, valid
    UTF-8 does not happen by chance); then the charset it declares; then gb18030.
    Raises :class:`UnreadableText` when none fits, also for UTF-8 with broken bytes, and
    :class:`TruncatedPage` for UTF-8 that ends inside a character.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.end == len(body):
            raise TruncatedPage("the page breaks off inside a character", url=url) from error
    # A UTF-8 page with a few damaged bytes would often pass as gb18030, all wrong.
    loose = body.decode("utf-8", "replace")
    damaged = loose.count("\ufffd")
    if sum(ch > "\x7f" for ch in loose) - damaged > damaged:
        raise UnreadableText(f"UTF-8 with {damaged} broken bytes", url=url)
    for charset in (_declared(body, content_type), "gb18030"):
        if charset:
            try:
                return body.decode(charset)
            except UnicodeDecodeError:
                continue
    raise UnreadableText("neither UTF-8, nor the charset it declares, nor GB 18030", url=url)


def _declared(body: bytes, content_type: str) -> str | None:
    """The charset of the header, else of a meta tag, widened; None if unknown or UTF-8."""
    header = _HEADER.search(content_type)
    name = (
        header[1] if header else EncodingDetector.find_declared_encoding(body[:4096], is_html=True)
    )
    try:
        codec = codecs.lookup(name or "").name
    except LookupError:
        return None
    if codec in ("utf-8", "ascii", "iso8859-1", "cp1252"):  # one byte always "fits"
        return None
    return _WIDER.get(codec, codec)

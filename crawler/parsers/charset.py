"""Bytes to text without guessing: what cannot be told is an error, never mojibake."""

from __future__ import annotations

import codecs
import re

from crawler.errors import TruncatedPage, UnreadableText

_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
# Only charsets in which wrong bytes are seldom valid: one byte a character always "fits".
# gb2312 and gbk pages use characters of gb18030 (镕, 喆), which contains both.
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_CHARSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "hz": "hz",
    "big5": "big5hkscs",
    "big5hkscs": "big5hkscs",
    "utf_16": "utf_16",
}


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
    for charset in (*_declared(body, content_type), "gb18030"):
        try:
            text = body.decode(charset)
        except UnicodeDecodeError:
            continue
        if not _PRIVATE.search(text):  # what Big5 becomes in GB 18030
            return text
    raise UnreadableText("neither UTF-8, nor the charset it declares, nor GB 18030", url=url)


def _declared(body: bytes, content_type: str) -> list[str]:
    """The Chinese charsets that the header and a meta tag declare, widened."""
    header = _HEADER.search(content_type)
    from bs4.dammit import EncodingDetector  # noqa: PLC0415 -- slow to load, and most are UTF-8

    meta = EncodingDetector.find_declared_encoding(body[:4096], is_html=True)
    found = []
    for name in (header and header[1], meta):
        try:
            codec = codecs.lookup(name or "").name
        except (LookupError, ValueError):
            continue
        found.append(_CHARSETS.get(codec.replace("-", "_")))
    return list(filter(None, found))

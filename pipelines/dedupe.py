"""Sameness: of an article seen again, and of a text under another code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from crawler.items import Article, Paragraph

# Raise it when what goes into the hash changes: old hashes then still say how they were made.
_VERSION = "1"
_SIZE = 16
# What one look came by, or is read from it, rather than what it says.
_BY = ("page", "listing", "parser", "body", "text_hash")
_READ = ("title", "published_at", "digest", "paragraphs")


def content_hash(columns: Mapping[str, Any]) -> str:
    """Fingerprint of what a reader sees, from the columns of ``articles`` of these names:
    title, published_at, digest, paragraphs. Begins with its version.

    Links, charts, adverts and mentions do not count, so that a change of these alone
    is no new revision. Columns that are NULL are left out, so that one that comes
    later does not change older hashes.
    """
    parts = ((name, columns[name]) for name in _READ)
    return _hash("\x00".join(f"{name}={value}" for name, value in parts if value))


def fingerprint(said: Mapping[str, Any]) -> str:
    """Fingerprint of all that one look at a route says, whatever page and listing it came by,
    whoever read it, and whatever adverts stand in its HTML.
    """
    return _hash("\x00".join(f"{name}={said[name]}" for name in sorted(said) if name not in _BY))


def text_hash(article: Article) -> str | None:
    """Fingerprint of the words of all paragraphs, whatever the title; None without words."""
    return _words_hash(map(Paragraph.plain, article.paragraphs))


def words_hash(paragraphs: str) -> str | None:
    """The same of a ``paragraphs`` column."""
    values = json.loads(paragraphs)
    return _words_hash(
        "\n".join(map("\t".join, each["rows"])) if "rows" in each else each.get("text", "")
        for each in values
    )


def _words_hash(parts: Iterable[str]) -> str | None:
    words = "\n".join(filter(None, parts))
    return _hash(words) if words else None


def _hash(text: str) -> str:
    return f"{_VERSION}:{blake2b(text.encode(), digest_size=_SIZE).hexdigest()}"

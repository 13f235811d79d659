"""Sameness: of an article seen again, and of a text under another code."""

from __future__ import annotations

from hashlib import blake2b

from crawler.items import Article
from pipelines.database.rows import paragraphs_json, time_text

# Raise it when what goes into the hash changes: old hashes then still say how they were made.
_VERSION = "1"
_SIZE = 16


def content_hash(article: Article) -> str:
    """Fingerprint of what a reader sees: title, time, digest, paragraphs. Begins with a version.

    Links, charts, adverts and mentions do not count, so that a change of these alone
    is no new revision. Fields that are None are left out, so that a field that comes
    later does not change older hashes.
    """
    parts = {
        "title": article.title,
        "published_at": article.published_at and time_text(article.published_at),
        "digest": article.digest,
        "paragraphs": paragraphs_json(article.paragraphs),
    }
    return _hash("\x00".join(f"{name}={value}" for name, value in parts.items() if value))


def text_hash(article: Article) -> str | None:
    """Fingerprint of the words of all paragraphs, whatever the title; None without words."""
    words = "\n".join(filter(None, (each.plain() for each in article.paragraphs)))
    return _hash(words) if words else None


def _hash(text: str) -> str:
    return f"{_VERSION}:{blake2b(text.encode(), digest_size=_SIZE).hexdigest()}"

"""One article from several looks: what a route says anew, and what another route adds.

Plain functions over a content: the columns of ``articles`` that the article itself fills,
with ``mentions`` (a tuple of rows) beside them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from crawler.items import Article
from pipelines.database.rows import json_text, paragraphs_json, time_text
from pipelines.dedupe import text_hash

Content: TypeAlias = dict[str, Any]

#: Fields that belong to one body, and are taken together.
_BODY = (
    "paragraphs", "mentions", "text_hash", "body", "category", "parser", "page", "site", "listing",
)  # fmt: skip
# Which site's body is nearer to what its editors wrote, where two say the same.
_RANK = {"posts": 2, "choice": 1}


def content(article: Article) -> Content:
    """What an article says, as columns."""
    time = article.published_at
    return {
        "site": article.site,
        "listing": article.listing,
        "source": article.source,
        "title": article.title,
        "digest": article.digest,
        "published_at": time_text(time) if time else None,
        "published_raw": article.published_raw,
        "url": article.url,
        "author": article.author,
        "editor": article.editor,
        "tags": json_text(article.tags) if article.tags else None,
        "paragraphs": paragraphs_json(article.paragraphs),
        "text_hash": text_hash(article),
        "parser": article.parser,
        "page": article.page,
        "category": article.category,
        "body": article.body,
        "mentions": tuple(
            (m.market, m.code, m.name, m.evidence, m.paragraph) for m in article.mentions
        ),
    }


def revised(old: Content, new: Content) -> Content:
    """The same route says something else: it counts, but what it lost is kept.

    A page that comes with a part missing takes nothing from us.
    """
    kept = {name for name in new if new[name] is None and name not in _BODY} | {"listing"}
    if new["paragraphs"] == "[]":
        kept.update(_BODY)
    if "published_at" in kept:
        kept.add("published_raw")
    return {name: old[name] if name in kept else new[name] for name in new}


def joined(old: Content, new: Content) -> Content:
    """Another route says it: the fuller wins, field by field, and fills what the other lacks.

    The same whichever of the routes came first, and however many there are.
    """
    merged = {name: _better(name, old[name], new[name]) for name in _PREFER}
    first = min(old, new, key=_time)
    merged |= {name: first[name] for name in ("published_at", "published_raw")}
    tags = {tag for each in (old, new) for tag in json.loads(each["tags"] or "[]")}
    merged["tags"] = json_text(sorted(tags)) if tags else None
    fuller = max(old, new, key=_fullness)
    return merged | {name: fuller[name] for name in _BODY}


def differ(one: Content, other: Content) -> bool:
    """Do two contents say different things, whatever page and listing they came by?"""
    return any(one[name] != other[name] for name in one if name not in ("page", "listing"))


def _time(each: Mapping[str, Any]) -> tuple[Any, ...]:
    # The site shows times without a zone eight hours late: the earlier is the right one.
    time, raw = each["published_at"], each["published_raw"]
    return (time is None, time or "", raw is None, len(raw or ""), raw or "")


def _fullness(each: Content) -> tuple[Any, ...]:
    words = sum(len(p.get("text", "")) for p in json.loads(each["paragraphs"]))
    rank = _RANK.get(each["site"], 0)
    # Then by any rule that always decides the same.
    return (words, len(each["mentions"]), rank, json_text([each[name] for name in _BODY]))


def _longer(value: str) -> tuple[int, str]:
    return (len(value), value)


def _original(url: str) -> tuple[bool, int, str]:
    return ("NewsShare" not in url, len(url), url)  # the publisher's page before a reader's


_PREFER: dict[str, Callable[[str], tuple[Any, ...]]] = {
    "title": _longer,
    "digest": _longer,
    "source": _longer,
    "author": _longer,
    "editor": _longer,
    "url": _original,
}


def _better(name: str, *values: str | None) -> str | None:
    return max((value for value in values if value), key=_PREFER[name], default=None)

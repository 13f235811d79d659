"""One article from several looks: what a route says anew, and what another route adds.

Plain functions over a content: the columns of ``articles`` that the article itself fills,
with ``mentions`` (a tuple of rows) beside them. :func:`taken` decides which of them applies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from crawler.items import Article
from pipelines.database.rows import json_text, paragraphs_json, time_text
from pipelines.dedupe import content_hash, fingerprint, text_hash

Content: TypeAlias = dict[str, Any]
#: What a look does to an article: another route ``filled`` it or bettered it; another parser
#: ``reparsed`` the same bytes; its own route ``revised`` its title, time, digest or paragraphs,
#: or ``retouched`` the rest of it.
Change = Literal["filled", "reparsed", "retouched", "revised"]


@dataclass(frozen=True, slots=True)
class Said:
    """The last look at a route: fingerprint of what it gave, SHA-256 of its page, its parser.

    ``only_route`` says that no other was read, ``only_page`` that the article was made of
    that page and of nothing else.
    """

    given: str
    page: str | None
    parser: str
    only_route: bool
    only_page: bool


#: Fields that belong to one body, and are taken together.
BODY = (
    "paragraphs", "mentions", "text_hash", "body", "category", "parser", "page", "site", "listing",
)  # fmt: skip
# How a content came, rather than what it says.
_CAME_BY = ("page", "listing")
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


#: The columns of ``articles`` that are the content.
COLUMNS = tuple(name for name in content(Article("", "", "", "")) if name != "mentions")


def taken(old: Content, new: Content, last: Said | None) -> tuple[Content, Change | None]:
    """The stored article after a look, and what the look did; None: it stays as it is.

    ``last`` is the look at the same route before; None when it was never read. What differs
    in adverts, in the parser's name or in the page alone leaves an article as it is.
    """
    change: Change
    vain: tuple[str, ...] = _CAME_BY
    if last is None:
        merged, change = joined(old, new), "filled"
    elif new["page"] and new["page"] == last.page and new["parser"] != last.parser:
        merged, change, vain = _reparsed(old, new, last), "reparsed", (*_CAME_BY, "parser")
    elif fingerprint(new) == last.given:
        return old, None
    else:
        merged, vain = revised(old, new), (*_CAME_BY, "parser", "body")
        change = "retouched" if content_hash(merged) == content_hash(old) else "revised"
    differs = any(merged[name] != old[name] for name in old if name not in vain)
    return (merged, change) if differs else (old, None)


def revised(old: Content, new: Content) -> Content:
    """The same route says something else: it counts, but what it lost is kept.

    A page that comes with a part missing takes nothing from us.
    """
    kept = {name for name in new if new[name] is None and name not in BODY} | {"listing"}
    if new["paragraphs"] == "[]":
        kept.update(BODY)
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
    return merged | {name: fuller[name] for name in BODY}


def _reparsed(old: Content, new: Content, last: Said) -> Content:
    """Another parser reads the same bytes: as if it had read them first, as far as is known.

    Of an article of several routes it is not known which field is whose: what was read
    from these bytes for certain is their body; of the rest the fuller wins.
    """
    if last.only_page:
        return {**new, "listing": old["listing"]}
    if last.only_route:
        return revised(old, new)
    merged = joined(old, new)
    if old["page"] == new["page"] and new["paragraphs"] != "[]":
        merged |= {name: new[name] for name in BODY if name != "listing"}
    return merged


def _time(each: Mapping[str, Any]) -> tuple[Any, ...]:
    # The site shows times without a zone eight hours late: the earlier is the right one.
    time, raw = each["published_at"], each["published_raw"]
    return (time is None, time or "", raw is None, len(raw or ""), raw or "")


def _fullness(each: Content) -> tuple[Any, ...]:
    words = sum(len(p.get("text", "")) for p in json.loads(each["paragraphs"]))
    rank = _RANK.get(each["site"], 0)
    # Then by any rule that always decides the same.
    return (words, len(each["mentions"]), rank, json_text([each[name] for name in BODY]))


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

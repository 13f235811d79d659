"""STAND-IN of the search, until the index is there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlite_utils import Database

from pipelines.database.select import Filter

Order = Literal["newest", "rank"]
Marked: TypeAlias = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Hit:
    info_code: str
    site: str
    source: str | None
    title: Marked
    snippet: Marked
    published_at: str | None
    url: str | None
    duplicate_group: str | None


@dataclass(frozen=True, slots=True)
class Found:
    hits: tuple[Hit, ...]
    more: bool


def find(
    db: Database, wanted: Filter, *, order: Order = "newest", limit: int = 20, offset: int = 0
) -> Found:
    sql, values = wanted.states(
        "info_code, site, source, title, digest, paragraphs, published_at, url, duplicate_group"
    )
    rows = db.conn.execute(
        f"{sql} ORDER BY published_at DESC, info_code DESC LIMIT {limit + 1} OFFSET {offset}",
        values,
    ).fetchall()
    hits = tuple(
        Hit(
            code,
            site,
            source,
            _marked(title or "", wanted.query),
            _marked(_snippet(digest, paragraphs, wanted.query), wanted.query),
            time,
            url,
            group,
        )
        for code, site, source, title, digest, paragraphs, time, url, group in rows[:limit]
    )
    return Found(hits, len(rows) > limit)


def _snippet(digest: str | None, paragraphs: str, query: str | None) -> str:
    texts = [digest or "", *(each.get("text") or "" for each in json.loads(paragraphs))]
    text = next((each for each in texts if query and query in each), next(filter(None, texts), ""))
    at = max(text.find(query or "") - 30, 0)
    return text[at : at + 120]


def _marked(text: str, query: str | None) -> Marked:
    if not query or query not in text:
        return ((text, False),) if text else ()
    before, hit, after = text.partition(query)
    return tuple(each for each in ((before, False), (hit, True), (after, False)) if each[0])

"""Golden pages: the bundled miniature, one assertion a field, expectations written by hand."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from crawler.demo.site import build, bundled_posts
from crawler.items import Article
from crawler.parsers.finews import BASE, PostPage
from pipelines.database.rows import paragraph_value

GOLDEN = Path(__file__).parent / "golden" / "finews"
CASES = sorted(path.stem for path in GOLDEN.glob("*.json"))
FIELDS = (
    "info_code", "title", "published_at", "published_raw", "digest", "source", "author",
    "editor", "url", "tags", "paragraphs", "mentions",
)  # fmt: skip


@cache
def expected(case: str) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads((GOLDEN / f"{case}.json").read_text(encoding="utf-8"))
    return golden


@cache
def pages() -> dict[str, bytes]:
    return build(bundled_posts())


@cache
def article(case: str) -> Article:
    path = expected(case)["path"]
    return PostPage(pages()[path].decode(), BASE + path).article()


def value(read: Article, field: str) -> Any:
    """A field as its golden JSON has it."""
    if field == "published_at":
        return read.published_at and read.published_at.isoformat()
    if field == "tags":
        return list(read.tags)
    if field == "paragraphs":
        return [paragraph_value(each) for each in read.paragraphs]
    if field == "mentions":
        names = ("market", "code", "name", "evidence", "paragraph")
        return [{name: getattr(each, name) for name in names} for each in read.mentions]
    return getattr(read, field)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("case", CASES)
def test_field(case: str, field: str) -> None:
    golden = expected(case)[field]
    if field == "paragraphs":
        golden = [
            {k: tuple(map(tuple, v)) if k == "rows" else v for k, v in p.items()} for p in golden
        ]
    assert value(article(case), field) == golden


def test_every_bundled_article_has_a_golden_case() -> None:
    paths = {expected(case)["path"] for case in CASES}
    posts = {path for path in pages() if path.count("/") == 5 and "init" not in path}
    assert {path for path in posts if "/sitenews/" not in path} == paths

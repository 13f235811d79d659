"""What the columns of one row should hold, told from the row alone. No SQL here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar, get_args

from crawler.items import Kind, Paragraph
from pipelines.dedupe import content_hash, words_hash

_T = TypeVar("_T")
_KINDS = get_args(Kind)
_PARTS = frozenset(Paragraph._fields)
#: Whether the value of a JSON column is what it should be.
Shape: TypeAlias = Callable[[Any], bool]


def is_texts(value: object) -> bool:
    """A list of texts, as ``tags``."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_objects(value: object) -> bool:
    """A list of objects, as ``mentions`` of an earlier state."""
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def is_object(value: object) -> bool:
    """An object, as ``told``."""
    return isinstance(value, dict)


def is_headers(value: object) -> bool:
    """A list of pairs of texts."""
    return isinstance(value, list) and all(is_texts(each) and len(each) == 2 for each in value)


def is_paragraphs(value: object) -> bool:
    """A list of paragraphs, each with what its kind has."""
    return isinstance(value, list) and all(map(_is_paragraph, value))


def _is_paragraph(each: Any) -> bool:
    if not isinstance(each, dict) or each.get("kind") not in _KINDS or each.keys() - _PARTS:
        return False
    if each["kind"] == "table":
        rows = each.get("rows")
        return isinstance(rows, list) and all(map(is_texts, rows))
    return isinstance(each.get("url" if each["kind"] == "image" else "text"), str)


#: The JSON columns of states of articles; all but ``paragraphs`` may be NULL.
STATE: Mapping[str, Shape] = {
    "tags": is_texts,
    "paragraphs": is_paragraphs,
    "mentions": is_objects,
}


def bad_json(row: Mapping[str, Any], shapes: Mapping[str, Shape] = STATE) -> list[str]:
    """The columns of a row, of those in ``shapes``, that are not the JSON that they should be."""
    return [
        name
        for name, shape in shapes.items()
        if name in row
        and (row[name] is not None or name == "paragraphs")
        and not _holds(row[name], shape)
    ]


def _holds(text: object, shape: Shape) -> bool:
    try:
        return shape(json.loads(text))  # type: ignore[arg-type]  # TypeError where it is no text
    except (ValueError, TypeError, RecursionError):
        return False


def of_article(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a row of ``articles``: a kind of problem, and what it is in words.

    ``first`` and ``last`` are the least and the greatest ``paragraph`` of its mentions.
    """
    if not row["info_code"]:
        yield "no-code", "has no info code"
    if row["title"] is None and row["paragraphs"] == "[]":
        yield "no-content", "has neither a title nor a paragraph"
    bad = bad_json(row)
    yield from (("json", f"holds in {name} what is not what data/README.md says") for name in bad)
    yield from of_state(row)
    if "paragraphs" in bad:
        return  # what is counted and read from them cannot be told
    if not _is_hash_of(row["text_hash"], words_hash, row["paragraphs"]):
        yield "text-hash", "has other words than its text_hash is of"
    if row["last"] is not None:
        count = len(json.loads(row["paragraphs"]))
        if not 0 <= row["first"] <= row["last"] < count:
            yield "paragraph", f"has a mention in a paragraph that is none of its {count}"


def of_state(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the fingerprint of a state of an article, standing or earlier."""
    if not _is_hash_of(row["content_hash"], content_hash, row):
        yield "content-hash", "does not say what its content_hash is of"


def _is_hash_of(value: str | None, made: Callable[[_T], str | None], of: _T) -> bool:
    try:
        return made(of) == value
    except UnicodeEncodeError:  # there is half a character in it, and no hash of that
        return False

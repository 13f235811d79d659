"""An article as lines of text, for terminals, feeds and diffs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

# What says when and by whom a state was written, rather than what it says.
_ABOUT = ("change", "seen_at", "replaced_at", "updated_at", "run_id", "revision", "content_hash")
_MARKS = {"heading": "## ", "list": "- ", "quote": "> "}


def line(paragraph: Mapping[str, Any]) -> str:
    """One paragraph; tables have a line a row.

    >>> line({"kind": "heading", "text": "要闻"})
    '## 要闻'
    """
    if paragraph["kind"] == "table":
        return "\n".join("  | " + " | ".join(row) for row in paragraph["rows"])
    if paragraph["kind"] == "image":
        return f"  [image] {paragraph['url']}"
    return f"{_MARKS.get(paragraph['kind'], '')}{paragraph['text']}"


def lines(
    state: Mapping[str, Any], named: Callable[[str, str], str] = "{}: {}".format
) -> Iterator[str]:
    """What a reader sees of an article, a line a part; ``named`` joins a name and its value."""
    parts = {"title": "title", "time": "published_at", "source": "source", "digest": "digest"}
    yield from (named(name, state[key]) for name, key in parts.items() if state[key])
    for each in state["paragraphs"]:
        yield from line(each).split("\n")


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The fields in which two states of an article differ."""
    return [name for name in after if name not in _ABOUT and after[name] != before[name]]

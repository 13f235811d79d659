"""The fields of an article as a dataset has them: names, types, meanings, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: ``time`` is ISO 8601 with its offset, in Asia/Shanghai; ``texts``, ``paragraphs`` and
#: ``mentions`` are lists, which CSV and SQLite hold as JSON.
Type = Literal["text", "time", "integer", "flag", "texts", "paragraphs", "mentions"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field; every one but ``info_code`` may be unknown, and is null then."""

    name: str
    type: Type
    meaning: str


FIELDS = (
    Field("info_code", "text", "identity of the article, NW and 18 digits; a text, no number"),
    Field("site", "text", "site by which the text came"),
    Field("listing", "text", "listing that showed it first, or the folder of its post file"),
    Field("source", "text", "medium it is attributed to, as written"),
    Field("title", "text", "as written"),
    Field("digest", "text", "the editor's summary, as written"),
    Field("published_at", "time", "as the page tells it"),
    Field("published_raw", "text", "the text that published_at was read from"),
    Field("url", "text", "link to the original that the article gives"),
    Field("author", "text", "author, where the page names one"),
    Field("editor", "text", "editor, where the page names one"),
    Field("tags", "texts", "tags of the page"),
    Field(
        "paragraphs",
        "paragraphs",
        "the body in reading order: kind and text; a table has rows; an image has url, width,"
        " height, alt",
    ),
    Field("content_hash", "text", "fingerprint of title, time, digest and paragraphs"),
    Field("revision", "integer", "1, and one more for each change that its source made later"),
    Field("first_seen_at", "time", "when the corpus first held the article"),
    Field("updated_at", "time", "since when the corpus holds this state of it"),
    Field("run_id", "integer", "run of the crawler that wrote this state"),
    Field("parser", "text", "layout and version that read it"),
    Field("category", "text", "the site's own section"),
    Field("same_text_as", "text", "article that had exactly these paragraphs when this one came"),
    Field("duplicate_group", "text", "first article of its group of near-duplicates, or itself"),
    Field("first_in_group", "flag", "whether it is that first: the earliest published"),
    Field(
        "mentions",
        "mentions",
        "securities, boards and indices that it names: market, code, name, evidence (chart, code,"
        " tag; link is often false), paragraph (from 0)",
    ),
)
COLUMNS = tuple(field.name for field in FIELDS)
#: Fields that are stored as JSON.
JSON_COLUMNS = frozenset(
    field.name for field in FIELDS if field.type in ("texts", "paragraphs", "mentions")
)
#: Fields that are true or false, stored as 1 and 0.
FLAGS = frozenset(field.name for field in FIELDS if field.type == "flag")

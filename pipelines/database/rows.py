"""Records to columns and back: JSON without escapes, times as ISO 8601 in Asia/Shanghai."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from crawler.errors import BrokenRow
from crawler.items import Entry, Paragraph
from crawler.parsers.dates import SHANGHAI

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # json.dumps makes one a call
#: The columns of ``entries`` that make an entry.
ENTRY = "site, listing, url, info_code, title, published_at, told"
#: Halves of characters, which no text can hold, but JSON as an escape.
HALF = re.compile("[\ud800-\udfff]")


def time_text(time: datetime) -> str:
    """An aware time as it stands in every table: one zone, so that texts compare as times."""
    if time.tzinfo is None:
        raise ValueError(f"a time without zone: {time}")
    return time.astimezone(SHANGHAI).isoformat(timespec="seconds")


def time_of(text: str, info_code: str) -> datetime:
    """A time of an article, in Asia/Shanghai. Raises :class:`BrokenRow`."""
    try:
        time = datetime.fromisoformat(text)
        # The same offset: no way by UTC, which the first day of all does not survive.
        same = time.utcoffset() == SHANGHAI.utcoffset(None)
        return time.replace(tzinfo=SHANGHAI) if same else time.astimezone(SHANGHAI)
    except (ValueError, OverflowError) as error:
        raise BrokenRow(info_code, error) from error


def json_text(value: object) -> str:
    """Compact JSON with Chinese characters as they are."""
    return _JSON.encode(value)


def entry_of(row: Sequence[Any]) -> Entry:
    """An entry from its columns in ``entries``, named by :data:`ENTRY`; attempts may follow."""
    site, listing, url, code, title, time, told, *attempts = row
    at = datetime.fromisoformat(time) if time else None
    facts = tuple(json.loads(told).items()) if told else ()
    return Entry(site, listing, url, code, title, at, told=facts, attempts=sum(attempts))


def paragraphs_json(paragraphs: Iterable[Paragraph]) -> str:
    """The ``paragraphs`` column: fields that are None stand nowhere."""
    return json_text([paragraph_value(each) for each in paragraphs])


def paragraphs_of(column: str) -> list[Paragraph]:
    """The paragraphs of a ``paragraphs`` column; the rows of tables as lists."""
    return [Paragraph(**each) for each in json.loads(column)]


def readable(column: str) -> list[Paragraph]:
    """The same of a row that another tool may have written: none where they are none, and U+FFFD
    for halves of characters.
    """
    try:
        values = json.loads(column)
        if "\\ud" in column:  # as only an escape can be
            values = json.loads(HALF.sub("\ufffd", json_text(values)))
        found = [Paragraph(**each) for each in values]
        cells = [cell for each in found for row in each.rows or () for cell in row]
    except (ValueError, TypeError):
        return []
    said = (*(each.text for each in found), *(each.alt for each in found), *cells)
    return found if all(text is None or isinstance(text, str) for text in said) else []


def paragraph_value(paragraph: Paragraph) -> Mapping[str, object]:
    """One paragraph as a JSON object, ``{"kind": "text", "text": "…"}``."""
    if paragraph.text is not None:  # nearly all of them
        return {"kind": paragraph.kind, "text": paragraph.text}
    values = ((name, getattr(paragraph, name)) for name in Paragraph._fields)
    return {name: value for name, value in values if value is not None}


def dicts(db: Database, sql: str, *values: object) -> Iterator[dict[str, Any]]:
    """The rows of a query, by the names of its columns, as they are read."""
    cursor = db.conn.execute(sql, values)
    names = [each[0] for each in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)

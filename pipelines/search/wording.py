"""What of an article is searched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from crawler.items import Paragraph
from pipelines.search.fold import fold
from pipelines.search.grams import indexed


@dataclass(frozen=True, slots=True)
class Wording:
    """A state of an article as the index takes it: the tokens of its title, and of the rest."""

    info_code: str
    published_at: str | None
    content_hash: str
    title: str
    text: str

    @classmethod
    def of(cls, code: str, columns: Mapping[str, Any], paragraphs: Iterable[Paragraph]) -> Wording:
        """Of the ``columns`` of an article, with its paragraphs."""
        title, *rest = parts(columns["title"], columns["digest"], paragraphs)
        time, content_hash = columns["published_at"], columns["content_hash"]
        return cls(code, time, content_hash, indexed([title]), indexed(rest))


def texts(title: str | None, digest: str | None, paragraphs: Iterable[Paragraph]) -> list[str]:
    """What is searched, as it stands: the title, "" if there is none, then all that a reader
    sees of the rest: digest, paragraphs, each cell of a table, the words for a picture.
    """
    found = [digest]
    for each in paragraphs:
        if each.text is not None:
            found.append(each.text)
        elif each.rows is not None:
            found += chain.from_iterable(each.rows)
        found.append(each.alt)
    # Another tool may have written what is no text.
    return [
        title if isinstance(title, str) else "",
        *(t for t in found if t and isinstance(t, str)),
    ]


def parts(title: str | None, digest: str | None, paragraphs: Iterable[Paragraph]) -> list[str]:
    """The same, folded."""
    return [fold(text) for text in texts(title, digest, paragraphs)]

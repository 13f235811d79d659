"""An article as the tables take it, with what follows from it alone: no SQL here, so that another
process than the one that writes can make it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from crawler.items import Article, Paragraph
from pipelines.dedupe import content_hash, fingerprint
from pipelines.merge import Content, content
from pipelines.search.wording import Wording
from pipelines.sentences import sentences_of


class Words(NamedTuple):
    """What a text is found by: by its near-duplicates, and by searches."""

    sentences: tuple[int, ...]
    wording: Wording

    @classmethod
    def of(
        cls, code: str, said: Content, content_hash: str, paragraphs: Iterable[Paragraph]
    ) -> Words:
        """Of a content, and the paragraphs that it holds as JSON."""
        paragraphs = tuple(paragraphs)
        columns = {**said, "content_hash": content_hash}
        return cls(sentences_of(paragraphs), Wording.of(code, columns, paragraphs))


class Draft(NamedTuple):
    """One look at an article: what it says, ``given``, which is its fingerprint, and its words,
    where they are expected to be needed: of an article that is new.
    """

    info_code: str
    page_url: str
    content: Content
    content_hash: str
    given: str
    words: Words | None

    @classmethod
    def of(cls, article: Article, *, new: bool) -> Draft:
        """``new``: the article is not stored, as far as the caller knows."""
        code, said = article.info_code, content(article)
        own = content_hash(said)
        words = Words.of(code, said, own, article.paragraphs) if new else None
        return cls(code, article.page_url, said, own, fingerprint(said), words)

    @property
    def listing(self) -> tuple[str, str]:
        """The site and the listing that it counts for."""
        return self.content["site"], self.content["listing"] or ""

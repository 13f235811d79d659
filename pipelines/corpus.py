"""The corpus from Python: the same filters as ``finews export``, typed articles, data frames.

>>> from pipelines.corpus import Corpus
>>> for article in Corpus("data").select(source="财联社", since="2022-05-01"):  # doctest: +SKIP
...     print(article.published_at, article.title)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from crawler import infocode
from crawler.errors import MissingExtra, StoreError
from crawler.items import Evidence, Mention, Paragraph
from crawler.parsers.dates import SHANGHAI, read_bound
from pipelines.database import select
from pipelines.database.connect import CORPUS, read_corpus
from pipelines.database.rows import time_of
from pipelines.database.select import Dedupe, Filter
from pipelines.export import parquet

#: A time: aware or in Asia/Shanghai. A day, or a text that names one, is its first moment, or
#: its last where it bounds the end.
Time = str | date | datetime
#: One text or several.
Texts = str | Iterable[str]


@dataclass(frozen=True, slots=True)
class Article:
    """An article as the corpus holds it; ``pipelines/fields.py`` tells what each field means.

    Times are aware, in Asia/Shanghai. What is not known is None; lists are empty then.
    """

    info_code: str
    site: str | None
    listing: str | None
    source: str | None
    title: str | None
    digest: str | None
    published_at: datetime | None
    published_raw: str | None
    url: str | None
    author: str | None
    editor: str | None
    tags: tuple[str, ...]
    paragraphs: tuple[Paragraph, ...]
    content_hash: str
    revision: int
    first_seen_at: datetime
    updated_at: datetime
    run_id: int | None
    parser: str | None
    category: str | None
    same_text_as: str | None
    duplicate_group: str | None
    first_in_group: bool | None
    mentions: tuple[Mention, ...]

    @property
    def text(self) -> str:
        """The words of all paragraphs, one a line."""
        return "\n".join(filter(None, (each.plain() for each in self.paragraphs)))


class Corpus:
    """The articles of a data folder, or those that were selected of them.

    ``path`` is the folder that ``--data`` names, or the ``finews.db`` in it. Reads only; each
    iteration sees one state of the corpus, whatever a crawl writes meanwhile, and holds one
    article in memory. Errors are those of :class:`crawler.errors.StoreError` and
    :class:`crawler.errors.BrokenRow`.
    """

    def __init__(self, path: str | Path = "data") -> None:
        path = Path(path)
        if path.is_file() and path.name != CORPUS:
            raise StoreError(f"{path} is no corpus; name its folder or its {CORPUS}", path)
        self._data = path.parent if path.is_file() else path
        self._wanted = Filter()

    def select(
        self,
        *,
        since: Time | None = None,
        until: Time | None = None,
        seen_since: Time | None = None,
        seen_until: Time | None = None,
        site: Texts = (),
        listing: Texts = (),
        source: Texts = (),
        code: Texts = (),
        evidence: Evidence | Iterable[Evidence] = (),
        query: str | None = None,
        min_paragraphs: int | None = None,
        as_of: Time | None = None,
        dedupe: Dedupe = "none",
    ) -> Corpus:
        """The articles that fit: as the options of ``finews export``, in place of earlier ones.

        Raises :class:`ValueError` with a sentence for what cannot be meant, such as a time that
        cannot be read, or an ``as_of`` that is not over.
        """
        then = _time(as_of, end=True)
        if then and not select.is_over(then, datetime.now(SHANGHAI)):
            raise ValueError(f"as_of={as_of!r} is not over yet")
        chosen = Corpus(self._data)
        chosen._wanted = Filter(
            since=_time(since),
            until=_time(until, end=True),
            seen_since=_time(seen_since),
            seen_until=_time(seen_until, end=True),
            sites=_texts(site),
            listings=_texts(listing),
            sources=_texts(source),
            securities=_texts(code),
            evidence=_texts(evidence),
            query=query,
            min_paragraphs=min_paragraphs,
            as_of=then,
            dedupe=dedupe,
        )
        chosen._wanted.check()
        return chosen

    def __iter__(self) -> Iterator[Article]:
        with closing(read_corpus(self._data)) as db:
            for line in select.lines(db, self._wanted):
                yield _article(json.loads(line))

    def __len__(self) -> int:
        with closing(read_corpus(self._data)) as db:
            return select.count(db, self._wanted)

    def get(self, info_code: str) -> Article | None:
        """The article of an info code, in any of its forms, if it is among these."""
        code = infocode.read(info_code)
        if code is None:
            return None
        one = Corpus(self._data)
        one._wanted = replace(self._wanted, among=(code,))
        return next(iter(one), None)

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``, all in memory, with the schema of the Parquet export.

        Raises :class:`MissingExtra` without the extra ``[parquet]``.
        """
        pa = parquet.pyarrow()
        with closing(read_corpus(self._data)) as db:
            found = list(parquet.tables(select.lines(db, self._wanted)))
        return pa.concat_tables(found) if found else parquet.schema().empty_table()

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``; lists are arrays of dicts, times ``datetime64`` in
        Asia/Shanghai. Raises :class:`MissingExtra` without the extra ``[pandas]``.
        """
        try:
            import pandas  # noqa: F401, ICN001, PLC0415 -- an extra, which Arrow calls
        except ImportError as error:
            raise MissingExtra("pandas") from error
        return self.to_arrow().to_pandas()


def _article(value: dict[str, Any]) -> Article:
    for name in ("published_at", "first_seen_at", "updated_at"):
        value[name] = value[name] and time_of(value[name], value["info_code"])
    value["tags"] = tuple(value["tags"] or ())
    value["paragraphs"] = tuple(_paragraph(each) for each in value["paragraphs"])
    value["mentions"] = tuple(Mention(**each) for each in value["mentions"] or ())
    return Article(**value)


def _paragraph(value: dict[str, Any]) -> Paragraph:
    if "rows" in value:
        value["rows"] = tuple(map(tuple, value["rows"]))
    return Paragraph(**value)


def _texts(value: Texts) -> tuple[str, ...]:
    if not isinstance(value, Iterable):
        raise ValueError(f"{value!r} is no text, nor several")  # noqa: TRY004 -- as all of select
    return (value,) if isinstance(value, str) else tuple(value)


def _time(value: Time | None, *, end: bool = False) -> datetime | None:
    return None if value is None else read_bound(str(value), end=end)

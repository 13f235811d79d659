"""Reads stored pages again, over cores: workers parse, this process writes.

Workers open the two files read-only and hand back only what the store does not know yet, so
that a reparse which changes little writes little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from crawler import reading
from crawler.cli import workers
from crawler.items import Article, Failure, Page
from pipelines.database.connect import read_corpus, read_pages
from pipelines.database.pages import Known, StoredPages
from pipelines.draft import Draft
from pipelines.run import Run, now
from pipelines.validate import checked

_NAME = "reparse"  # in run.unfinished
_CHUNK = 50  # articles that a worker reads at a time
_SAVE = 100  # chunks after which the counts in the ledger are brought up to date


@dataclass(slots=True)
class _Read:
    """What became of some articles' pages: records for the store, and counts of what it knows."""

    records: list[Draft | Failure] = field(default_factory=list)
    known: Counter[str] = field(default_factory=Counter)
    nothing: int = 0  # pages that told nothing by themselves
    broken: bool = False  # by an error in the program


def reread(run: Run, groups: Iterable[list[int]], processes: int) -> bool:
    """Read pages, by their ids in groups of one article, into the run; did the program hold?

    ``run.counts["found"]`` is the number of pages at first; those that tell nothing by
    themselves are taken off it. Raises :class:`StoreError`, :class:`WorkerDied`.
    """
    broken = False
    run.unfinished.add(_NAME)
    # Closed at once when a write fails or a person stops it: workers then end.
    with closing(_results(run, groups, processes)) as results:
        for number, read in enumerate(results, start=1):
            run.counts["found"] -= read.nothing
            run.counts.update(read.known)
            broken |= read.broken
            for record in read.records:
                run.store.add(record)
            if number % _SAVE == 0:
                run.save()
    run.store.flush()
    run.unfinished.discard(_NAME)
    return not broken


def _results(run: Run, groups: Iterable[list[int]], processes: int) -> Generator[_Read, None, None]:
    chunks = _chunks(groups)
    if processes > 1:
        return workers.results(partial(_reader, run.data), chunks, processes)
    stored = StoredPages(run.corpus, run.pages)
    return (_read(stored, chunk) for chunk in chunks)


def _reader(data: Path) -> Callable[[list[list[int]]], _Read]:
    """What reads chunks in a worker."""
    return partial(_read, StoredPages(read_corpus(data), read_pages(data)))


def _chunks(groups: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    rest = iter(groups)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _read(stored: StoredPages, chunk: list[list[int]]) -> _Read:
    read = _Read()
    found = stored.pages_of(id_ for ids in chunk for id_ in ids)
    known = stored.known({page.info_code for page in found.values() if page.info_code})
    for ids in chunk:
        pages = [found[id_] for id_ in ids if id_ in found]
        read.nothing += len(ids)
        if pages and not (pages[0].info_code and known.is_owed(pages[0].info_code)):
            _read_article(stored, known, pages, read)
    return read


def _read_article(stored: StoredPages, known: Known, pages: Sequence[Page], read: _Read) -> None:
    """Read the pages of one article. Where one of them gives it, no failure of another counts."""
    articles, failures = list[Article](), dict[str, Failure]()
    for page in pages:
        entry = stored.entry(page)
        outcome = reading.read(page, entry or reading.entry_of(page), stored.newest)
        if isinstance(outcome, Article):
            outcome = checked(outcome, now())
        if isinstance(outcome, Article):
            articles.append(outcome)
        elif outcome:
            # Of two ways to one address, the failure of the first.
            failures.setdefault(outcome.url, outcome)
    read.broken |= any(failure.reason == "unexpected" for failure in failures.values())
    for article in articles:
        if article.info_code not in known.codes:  # which its page alone tells
            known = stored.known({article.info_code})
        draft = Draft.of(article, new=article.info_code not in known.stored)
        if known.is_given(draft):
            read.known["unchanged"] += 1
        else:
            read.records.append(draft)
    if not articles:
        for failure in failures.values():
            if stored.is_recorded(failure):
                read.known["failed"] += 1
            else:
                read.records.append(failure)
    read.nothing -= len(articles or failures)

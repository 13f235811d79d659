"""Datasets: files and folders of articles that a researcher can cite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from pipelines.database.pages import StoredPages
from pipelines.database.select import Filter
from pipelines.export import dataset, jekyll, warc
from pipelines.export.formats import FORMATS, compressed, format_named, is_folder
from pipelines.export.manifest import strangers
from pipelines.export.splits import Split
from pipelines.export.whole import whole_file, whole_folder

__all__ = ["FORMATS", "export", "export_pages"]


def export(
    db: Database,
    dest: Path,
    format: str,
    wanted: Filter,
    on_rows: Callable[[int], object] = lambda _: None,
    *,
    splits: Sequence[Split] = (),
    excel: bool = False,
    prune: bool = False,
) -> Counter[str]:
    """Write the selected articles to ``dest``; the number of ``articles``, and of a ``jekyll``
    folder the files ``written`` and ``removed``.

    All is of one state of the corpus. A file is UTF-8 with LF where it is text. A file or a
    folder stands under its name only when it is whole; the same corpus and arguments give the
    same bytes. ``splits`` make a folder with one file or more for each; ``excel`` is for CSV;
    ``prune`` removes posts that are not selected any more from a ``jekyll`` folder. Raises
    :class:`OSError`, :class:`crawler.errors.MissingExtra`.
    """
    with _one_state(db):
        if format == "jekyll":
            return jekyll.write(db, wanted, dest, lambda: on_rows(1), prune=prune)
        if is_folder(dest, format, split=bool(splits)):
            with whole_folder(dest, strange=strangers) as folder:
                rows = dataset.write(
                    db, wanted, folder, format, on_rows, splits=splits, excel=excel
                )
            return Counter(articles=rows)
        how = format_named(format, excel=excel)
        with whole_file(dest) as file, compressed(file, dest) as packed:
            return Counter(articles=how.write(how.read(db, wanted), packed, on_rows))


@contextmanager
def _one_state(db: Database) -> Iterator[None]:
    """Whatever a crawl writes meanwhile, all that is read is of one moment."""
    db.conn.execute("BEGIN")
    try:
        yield
    finally:
        db.conn.rollback()


def export_pages(
    stored: StoredPages,
    dest: Path,
    sites: tuple[str, ...],
    on_page: Callable[[], object] = lambda: None,
) -> int:
    """Write the stored pages of ``sites`` (all, when none is named) as a web archive; how many.

    Compressed where the name of ``dest`` ends in ``.gz``. Raises :class:`OSError`,
    :class:`crawler.errors.MissingExtra`.
    """
    with whole_file(dest) as file:
        return warc.write(stored, file, sites, gzip=dest.suffix.lower() == ".gz", on_page=on_page)

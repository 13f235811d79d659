"""The formats of datasets: what each reads, writes, and how its files are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from gzip import GzipFile
from pathlib import Path
from typing import Any, BinaryIO, cast

from sqlite_utils import Database

from pipelines.database import select
from pipelines.database.select import Filter
from pipelines.export import csv, jsonl, parquet, sqlite
from pipelines.zstd import zstd

#: Takes what a format reads, an open file, and a call with the number of rows that were written.
Writer = Callable[[Iterator[Any], BinaryIO, Callable[[int], object]], int]

_SHARD = 200_000  # some 200 MB of Parquet


@dataclass(frozen=True, slots=True)
class Format:
    """A format whose files hold articles.

    ``endings`` are those of its files, the first the one that is used in folders, where a file
    has at most ``shard`` articles. ``packages`` are those whose version its bytes depend on.
    """

    write: Writer
    endings: tuple[str, ...]
    read: Callable[[Database, Filter], Iterator[Any]] = select.lines
    shard: int | None = None
    packages: tuple[str, ...] = ()


_PARQUET = Format(parquet.write, (".parquet",), shard=_SHARD, packages=("pyarrow",))
#: Those that hold articles in files. ``hf`` is a folder that Hugging Face's datasets opens.
FILES: Mapping[str, Format] = {
    "csv": Format(csv.write, (".csv", ".csv.gz", ".csv.zst"), select.rows),
    "hf": _PARQUET,
    "jsonl": Format(jsonl.write, (".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson")),
    "parquet": _PARQUET,
    "sqlite": Format(sqlite.write, (".db", ".sqlite", ".sqlite3"), select.rows),
}
#: All by name: ``jekyll`` makes a folder of post files, ``warc`` is of pages.
FORMATS = (*FILES, "jekyll", "warc")
_ENDINGS = {
    ending: name for name, each in FILES.items() if name != "hf" for ending in each.endings
} | {".warc": "warc", ".warc.gz": "warc"}


def format_named(name: str, *, excel: bool = False) -> Format:
    """One of :data:`FILES`; ``excel`` is for CSV."""
    how = FILES[name]
    return replace(how, write=partial(csv.write, excel=True)) if excel else how


def format_of(dest: Path) -> str | None:
    """The format that the ending of a name chooses; None where it is of none."""
    name = dest.name.lower()
    return next((each for end, each in _ENDINGS.items() if name.endswith(end)), None)


def is_folder(dest: Path, format: str, *, split: bool) -> bool:
    """Does an export to ``dest`` make a folder, rather than one file?"""
    return split or format in ("hf", "jekyll") or (format == "parquet" and dest.suffix == "")


@contextmanager
def compressed(file: BinaryIO, dest: Path) -> Iterator[BinaryIO]:
    """The file to write to, compressed as the ending of ``dest`` says; the same bytes each time."""
    if dest.suffix.lower() == ".gz":
        # Without name and time of day, which gzip would keep.
        with GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            yield cast("BinaryIO", packed)
    elif dest.suffix.lower() == ".zst":
        with zstd.ZstdFile(file, "wb") as packed:
            yield cast("BinaryIO", packed)
    else:
        yield file

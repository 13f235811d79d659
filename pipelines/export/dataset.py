"""A dataset in a folder: its files by split and shard, its card with pictures, its manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from crawler import __version__
from pipelines.database.connect import version
from pipelines.database.rows import time_text
from pipelines.database.select import Filter, count
from pipelines.export import manifest
from pipelines.export.card import Part, card, drawn
from pipelines.export.facts import facts
from pipelines.export.formats import Format, format_named
from pipelines.export.manifest import File
from pipelines.export.splits import WHOLE, Split

_CARD = "README.md"


def write(
    db: Database,
    wanted: Filter,
    folder: Path,
    format: str,
    on_rows: Callable[[int], object],
    *,
    splits: Sequence[Split],
    excel: bool,
) -> int:
    """Write the selected articles into an empty folder; the number of rows in all its splits.

    ``data/`` holds the files, ``pictures/`` those of the card, ``README.md``. The corpus must not
    change meanwhile: call it within one transaction.
    """
    how = format_named(format, excel=excel)
    (folder / "data").mkdir()
    (folder / "pictures").mkdir()
    parts, files = [], list[File]()
    for split in splits or (Split(WHOLE),):
        of_split = split.of(wanted)
        made = _write_split(db, of_split, folder, split.name, how, on_rows)
        files += made
        rows = sum(each.rows or 0 for each in made)
        parts.append(
            Part(
                split.name,
                f"data/{split.name}{'-*' if how.shard else ''}{how.endings[0]}",
                rows,
                time_text(of_split.since) if of_split.since else None,
                time_text(of_split.until) if of_split.until else None,
                count(db, replace(of_split, apart_from=None)) - rows,
            )
        )
    command = manifest.command_of(wanted, format, splits, excel=excel)
    known = facts(db, wanted)
    texts = drawn(known)
    kind = "parquet" if how.shard else format
    texts[_CARD] = card(known, parts, command=command, format=kind, version=__version__)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
        files.append(File.of(folder, folder / name))
    about = {
        "command": command,
        "filters": manifest.filters_of(wanted),
        "versions": manifest.versions(version(db), how.packages),
        "rows": sum(each.rows for each in parts),
        "splits": [
            {
                "name": each.name,
                "rows": each.rows,
                "from": each.start,
                "to": each.end,
                "left_out": each.left_out,
            }
            for each in parts
        ],
    }
    text = manifest.manifest_text(about, files)
    (folder / manifest.NAME).write_text(text, encoding="utf-8", newline="")
    return sum(each.rows for each in parts)


def _write_split(
    db: Database,
    wanted: Filter,
    folder: Path,
    name: str,
    how: Format,
    on_rows: Callable[[int], object],
) -> list[File]:
    """The files of one split, one at least, so that an empty one has its schema too."""
    total = count(db, wanted)
    shards = max(-(-total // how.shard), 1) if how.shard else 1
    records, found = how.read(db, wanted), []
    for number in range(shards):
        place = f"-{number:05}-of-{shards:05}" if how.shard else ""
        path = folder / "data" / f"{name}{place}{how.endings[0]}"
        with path.open("wb") as file:
            rows = how.write(islice(records, how.shard), file, on_rows)
        found.append(File.of(folder, path, rows))
    return found

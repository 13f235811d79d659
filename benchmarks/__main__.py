"""Runs the measurements of the table, or those named, and prints it; writes it as bench.json too.

``python -m benchmarks many exchange merging duplicates`` are further ones, which the table leaves
out: they take long, and have no aim.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
import time
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import HEAD, Figure, lines

_TABLE = (
    "start", "parse", "crawl", "nothing_new", "ingest", "reparse", "export", "search", "disk",
    "large", "growth",
)  # fmt: skip
_MORE = ("duplicates", "merging", "many", "exchange")


def main(names: list[str]) -> None:
    if unknown := set(names) - {*_TABLE, *_MORE}:
        sys.exit(
            f"no such measurement: {', '.join(unknown)}; there are {', '.join(_TABLE + _MORE)}"
        )
    print(HEAD)
    found: list[Figure] = []
    for name in names or _TABLE:
        start = time.monotonic()
        for figure in import_module(f"benchmarks.{name}").measure():
            found.append(figure)
            print(*lines(figure), sep="\n", flush=True)
        print(f"  {name} took {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    aims = [each.met for each in found if each.aim]
    print(f"{sum(map(bool, aims))} of {len(aims)} aims are met; ✗ marks the others.")
    rows = [{**asdict(each), "met": each.met} for each in found]
    told = {"machine": _machine(), "figures": rows}
    text = json.dumps(told, ensure_ascii=False, indent=2)
    Path("bench.json").write_text(f"{text}\n", encoding="utf-8")


def _machine() -> dict[str, str | int | None]:
    versions = {name: version(name) for name in ("scrapy", "lxml", "sqlite-utils")}
    return {
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **versions,
    }


if __name__ == "__main__":
    main(sys.argv[1:])

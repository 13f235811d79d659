"""Runs every measurement, or those named (``python -m benchmarks many``), and prints one table;
writes it as bench.json too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks import (
    duplicates,
    exchange,
    export,
    ingest,
    many,
    memory,
    merging,
    parse,
    reparse,
    search,
)

_JOBS = {
    each.__name__.rpartition(".")[2]: each
    for each in (
        parse,
        ingest,
        merging,
        reparse,
        duplicates,
        export,
        search,
        memory,
        many,
        exchange,
    )
}
rows = []
for job in sys.argv[1:] or _JOBS:
    for name, figure in _JOBS[job].measure():
        print(f"{name:<50} {figure:>24}", flush=True)
        rows.append({"name": name.strip(), "figure": figure})
Path("bench.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")

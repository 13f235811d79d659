"""Runs every measurement and prints one table; writes it as bench.json too."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import duplicates, export, ingest, memory, merging, parse, reparse, search

rows = []
for job in (parse, ingest, merging, reparse, duplicates, export, search, memory):
    for name, figure in job.measure():
        print(f"{name:<50} {figure:>24}", flush=True)
        rows.append({"name": name.strip(), "figure": figure})
Path("bench.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")

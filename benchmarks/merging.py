"""Merge: a corpus into an empty one, and into itself, against the ingest that made it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ingest import zipped
from benchmarks.process import finews

POSTS = 50_000


def measure() -> Iterator[tuple[str, str]]:
    """Seconds and memory of the program; articles by their post files, with pages."""
    with tempfile.TemporaryDirectory() as folder:
        files = zipped(Path(folder, "posts.zip"), POSTS)
        other, ours = Path(folder, "other"), Path(folder, "ours")
        ingest, _ = finews("ingest", str(files), "--data", str(other), "--json")
        told = ("into an empty corpus", "again: all is known")
        for what in told:
            seconds, peak = finews("ingest", str(other), "--data", str(ours), "--json")
            yield f"merge of {POSTS:,} {what}, articles/s", f"{POSTS / seconds:,.0f}"
            yield "  times the ingest's time; peak MB", f"{seconds / ingest:.2f}; {peak:.0f}"

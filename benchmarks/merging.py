"""Merge: a corpus into an empty one, and into itself, against the ingest that made it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, bare
from benchmarks.generate.posts import made
from benchmarks.ingest import zipped
from benchmarks.process import finews

POSTS = 50_000


def measure() -> Iterator[Figure]:
    """Whole processes; articles by their post files, with pages."""
    with tempfile.TemporaryDirectory() as folder:
        files = zipped(Path(folder, "posts.zip"), made(POSTS))
        other, ours = Path(folder, "other"), Path(folder, "ours")
        ingest = finews("ingest", str(files), "--data", str(other), "--json")
        for what in ("into an empty corpus", "again: all is known"):
            cost = finews("ingest", str(other), "--data", str(ours), "--json")
            yield bare(f"merge of {POSTS:,} {what}", "articles/s", POSTS / cost.seconds)
            yield bare(" ", "times the ingest's time", cost.seconds / ingest.seconds)
            yield bare(" ", "peak MB", cost.peak)

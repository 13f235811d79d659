"""One job at one size, in a process of its own: ``point.py JOB SIZE`` prints its seconds;
with ``--profile`` where they went instead.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from benchmarks.figures import seconds

#: The jobs, each with a size that takes some seconds.
JOBS = {
    "parse": 5_000,
    "crawl": 1_000,
    "nothing_new": 20_000,
    "ingest": 4_000,
    "reparse": 4_000,
    "export": 40_000,
    "search": 20_000,
}
_SHOWN = 40


def main(name: str, size: str = "", *flags: str) -> None:
    if name not in JOBS:
        sys.exit(f"no such job: {name}; there are {', '.join(JOBS)}")
    with tempfile.TemporaryDirectory() as folder:
        prepare = import_module(f"benchmarks.{name}").job
        job: Callable[[], object] = prepare(int(size or JOBS[name]), Path(folder))
        if "--profile" not in flags:
            print(seconds(job))
            return
        profile = cProfile.Profile()
        profile.runcall(job)
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(_SHOWN)


if __name__ == "__main__":
    main(*sys.argv[1:])

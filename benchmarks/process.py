"""Time and peak memory of a whole process, by the system's own account."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

# In a small process between: a child's peak begins with the size of the process that it left.
_WATCH = """
import json, os, sys, time
silent = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
start = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[silent])
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - start
peak = usage.ru_maxrss / 1024
cpu, code = usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status)
print(json.dumps([seconds, peak, cpu, code]))
"""


class Cost(NamedTuple):
    """Of a process: its seconds by the clock, its peak of resident memory in MB, its CPU
    seconds.
    """

    seconds: float
    peak: float
    cpu: float


def program(*args: str) -> tuple[str, ...]:
    """The command that is finews."""
    return (str(Path(sys.executable).parent / "finews"), *args)


def finews(*args: str) -> Cost:
    """Run the program."""
    return run(*program(*args))


def run(*command: str) -> Cost:
    """Run a command by its whole path. Raises :class:`RuntimeError` when it ends with an error."""
    watch = [sys.executable, "-S", "-E", "-c", _WATCH, *command]
    done = subprocess.run(watch, capture_output=True, check=True)
    *cost, code = json.loads(done.stdout)
    if code:
        raise RuntimeError(f"{' '.join(command)} ended with {code}: {done.stderr.decode()}")
    return Cost(*cost)

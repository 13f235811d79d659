"""Time and peak memory of a whole process, by the system's own account."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

# In a small process between: a child's peak begins with the size of the process that it left.
_WATCH = """
import json, os, sys, time
silent = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[silent])
_, status, usage = os.wait4(process, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024]))
"""


def finews(*args: str) -> tuple[float, float]:
    """Run the program; its seconds and its peak of resident memory in MB."""
    program = str(Path(sys.executable).parent / "finews")
    watch = [sys.executable, "-S", "-E", "-c", _WATCH, program, *args]
    start = time.perf_counter()
    done = subprocess.run(watch, stdout=subprocess.PIPE, check=True)
    seconds = time.perf_counter() - start
    code, peak = json.loads(done.stdout)
    if code:
        raise RuntimeError(f"finews {' '.join(args)} ended with {code}")
    return seconds, peak

"""A run that is told to stop ends within seconds, whatever servers do, and loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from crawler.demo.site import build, bundled_posts
from tests.conftest import ROOT, Program
from tests.replica import Answer, Replica, serving

PAGES = build(bundled_posts())
STALLS = next(path for path in PAGES if path.count("/") >= 5)


@pytest.fixture
def stalling(finews: Program, tmp_path: Path) -> Iterator[Replica]:
    """A site of which one article never answers, and a program that waits for long."""
    (tmp_path / "patient.py").write_text(
        "from crawler.settings import *\nDOWNLOAD_TIMEOUT = 300\nRETRY_TIMES = 0\n"
    )
    finews.env["SCRAPY_SETTINGS_MODULE"] = "patient"
    finews.env["PYTHONPATH"] = f"{ROOT}{os.pathsep}{tmp_path}"
    pages: dict[str, bytes | Answer] = {**PAGES}
    with serving({**pages, STALLS: Answer(PAGES[STALLS], stall=120)}) as replica:
        yield replica


def start(program: Program, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        program.command("crawl", "finews", *args),
        cwd=ROOT,
        env=program.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(done: Callable[[], Any]) -> None:
    last = time.monotonic() + 60
    while not done():
        assert time.monotonic() < last
        time.sleep(0.01)


def open_files(pid: int) -> list[str]:
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.append(os.readlink(each))
    return found


@pytest.mark.parametrize(
    ("number", "times", "most"),
    [(signal.SIGTERM, 1, 12), (signal.SIGINT, 1, 12), (signal.SIGINT, 2, 4)],
)
def test_while_an_answer_is_waited_for(
    finews: Program, stalling: Replica, number: signal.Signals, times: int, most: float
) -> None:
    process = start(finews, "--replay", stalling.url)
    until(lambda: STALLS in stalling.log)
    began = time.monotonic()
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.3)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < most
    assert (process.returncode, err) == (3, "")
    assert out.startswith("Stopped; run it again to go on")
    assert finews.rows("SELECT outcome, reason FROM runs") == [
        ("stopped", f"stopped by {number.name}")
    ]
    stalling.pages[STALLS] = PAGES[STALLS]
    finews("crawl", "finews", "--due", "--replay", stalling.url)  # at once: it is owed
    assert finews.rows("SELECT count(*) FROM articles") == [16]


def test_max_time(finews: Program, stalling: Replica) -> None:
    began = time.monotonic()
    process = start(finews, "--max-time", "2s", "--json", "--replay", stalling.url)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 25
    assert (process.returncode, err) == (3, "")
    assert '"reason": "--max-time is over"' in out
    assert finews.rows("SELECT outcome, reason FROM runs") == [("stopped", "--max-time is over")]
    del stalling.pages[STALLS]
    assert finews.json("crawl", "finews", "--max-time", "9h", "--replay", stalling.url, code=3)


@pytest.mark.parametrize("text", ["0s", "5", "m", "-1m", "1.5h", "9999999h"])
def test_what_is_no_length_of_time(finews: Program, text: str) -> None:
    done = finews.run(finews.command("crawl", "--max-time", text))
    assert done.returncode == 2
    assert f"{text!r} is no length of time such as 90s, 50m or 6h" in done.stderr


def test_stopped_while_it_waits_for_another(finews: Program, stalling: Replica) -> None:
    first = start(finews, "--replay", stalling.url)
    until(lambda: STALLS in stalling.log)
    second = start(finews, "--wait", "--replay", stalling.url)
    until(lambda: "finews.lock" in " ".join(open_files(second.pid)))
    second.send_signal(signal.SIGTERM)
    _, err = second.communicate(timeout=60)
    assert (second.returncode, err) == (3, "finews: stopped before it began\n")
    # Cron does not hear of a run that takes its time, unless it takes all day.
    due = finews.run(finews.command("crawl", "--due", "--replay", stalling.url))
    assert (due.returncode, due.stdout, due.stderr) == (4, "", "")
    os.utime(finews.data / "finews.lock", (1, 1))
    due = finews.run(finews.command("crawl", "--due", "--replay", stalling.url))
    assert (due.returncode, due.stderr) == (4, "")
    assert due.stdout.startswith("finews: the crawl is held up\n  No crawl can begin: another run")
    assert f"(process {first.pid}, since 1970-01-01 08:00)" in due.stdout
    due = finews.run(finews.command("crawl", "--due", "--replay", stalling.url))
    assert (due.returncode, due.stdout) == (4, "")
    first.kill()
    first.communicate(timeout=60)
    stalling.pages[STALLS] = PAGES[STALLS]
    again = finews("crawl", "finews", "--due", "--replay", stalling.url)
    assert again.startswith("finews: the crawl is well again")
    assert finews.rows("SELECT count(*) FROM articles") == [16]

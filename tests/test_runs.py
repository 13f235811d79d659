"""``finews runs``: the ledger for a person, in a table that fits and in whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from pipelines.database.connect import open_corpus
from pipelines.database.lock import RunLock, is_held
from tests.conftest import Program
from tests.kills import blog, posts
from tests.replica import serving

DAY = "2026-11-25T"


def add(finews: Program, *runs: tuple[str, str, str | None, int]) -> None:
    """Rows of ``runs``: command, begin, end (times of one day), articles found and new."""
    db = open_corpus(finews.data)
    for command, begin, end, found in runs:
        db.table("runs").insert(
            {
                "command": command,
                "started_at": f"{DAY}{begin}+08:00",
                "ended_at": end and f"{DAY}{end}+08:00",
                "outcome": end and "finished",
                "found": found,
                "new": found,
                "requests": 7 * found,
                "bytes": 123_456 * found,
            }
        )
    db.close()


def cells(line: str) -> list[str]:
    return line.split()


def test_the_newest_stand_last_and_how_each_ended(finews: Program) -> None:
    add(
        finews,
        ("crawl finews eastmoney --due", "01:00:00", "02:05:00", 12345),
        ("crawl finews", "02:10:00", None, 3),
        ("pages prune", "02:20:00", None, 0),
    )
    head, *lines = finews("runs").splitlines()
    assert cells(head) == [
        "run",
        "started",
        "took",
        "command",
        "outcome",
        "new",
        "chg",
        "fail",
        "req",
        "MB",
        "ref",
    ]
    assert all(cell_len(line) <= 80 for line in lines)
    assert lines[0].startswith("1    11-25 01:00  1h05  crawl")
    assert " finished  12345  " in lines[0]
    assert [" killed " in line for line in lines] == [False, True, True]
    lock = RunLock(finews.data)
    lock.acquire()
    with lock:
        states = [each["state"] for each in finews.json("runs")]
    assert states == ["finished", "killed", "at work"]
    assert [each["id"] for each in finews.json("runs", "--limit", "2")] == [2, 3]
    assert {"bytes", "refusals", "reason", "clock_off", "took"} <= finews.json("runs")[0].keys()


def test_runs_with_nothing_due_are_one_line(finews: Program) -> None:
    due = "crawl finews --due"
    idle = [(due, f"02:{minute:02}:00", f"02:{minute:02}:01", 0) for minute in range(0, 60, 5)]
    add(finews, (due, "01:00:00", "01:01:00", 1), *idle, (due, "03:00:00", "03:01:00", 1))
    _, first, folded, last = finews("runs", "--limit", "3").splitlines()
    assert (cells(first)[0], cells(last)[0]) == ("1", "14")
    assert folded.strip() == "12 runs with nothing due, 11-25 02:00–02:55"
    assert len(finews("runs", "--all").splitlines()) == 15
    # A crawl that was asked for and found nothing stands for itself.
    add(finews, ("crawl finews", "04:00:00", "04:01:00", 0))
    assert cells(finews("runs").splitlines()[-1])[0] == "15"


def test_no_runs_and_no_such_run(finews: Program) -> None:
    open_corpus(finews.data).close()
    assert finews("runs") == "No runs yet.\n"
    for show, code in (("last", 1), ("7", 1), ("first", 2)):
        done = finews.run(finews.command("runs", show))
        assert (done.returncode, done.stdout) == (code, "")


@pytest.fixture
def crawled(finews: Program, tmp_path: Path) -> Program:
    finews.env["FINEWS_CONFIG"] = str(tmp_path / "finews.toml")
    (tmp_path / "finews.toml").write_text('[log]\nfile = "finews.log"')
    with serving(blog(posts(range(8)))) as replica:
        finews.crawl(replica.url, code=3)
        finews.crawl(replica.url, code=3)
    return finews


def test_one_run_whole(crawled: Program) -> None:
    finews = crawled
    ((begin, _), *_) = finews.rows("SELECT started_at, id FROM runs ORDER BY id")
    db = open_corpus(finews.data)
    db.table("alarms").insert(
        {
            "rule": "failing",
            "subject": "finews",
            "message": "half of it did not come",
            **dict.fromkeys(("opened_at", "seen_at", "told_at"), begin),
        }
    )
    db.table("hosts").insert(
        {
            "host": "h.test",
            "refusals": 3,
            "rests": 1,
            "rests_until": "2099-01-01T00:00:00+08:00",
            "reason": "http-429",
            "last_refused_at": begin,
        }
    )
    db.close()
    text = finews("runs", "1")
    assert text.startswith("Run 1: crawl finews\n  began ")
    assert "  8 found, 6 new, 2 failed, " in text
    assert "finews home " in text
    assert "http-404: https://finews.withounder.com/" in text
    assert "h.test refused (http-429) and rests until 2099-01-01 00:00." in text
    assert "opened, failing finews: half of it did not come" in text
    assert "new NW202206010000000000 第0号公告" in text
    assert "warning: failed, not-an-article" in text
    assert "run 2" not in text
    told = finews.json("runs", "last")
    assert (told["id"], told["state"], told["new"]) == (2, "finished", 0)
    assert {each["run"] for each in told["log"]} == {2}
    assert told["walks"][0]["listing"] == "home"
    assert [each["reason"] for each in told["failures"]] == ["not-an-article"]
    for line in text.partition("Log")[0].splitlines():
        assert cell_len(line) <= 80 or "https://" in line


def test_without_a_log_a_hint_how_to_have_one(crawled: Program) -> None:
    crawled.env["FINEWS_CONFIG"] = os.devnull
    assert "No log is kept; set file in [log] of finews.toml" in crawled("runs", "last")
    assert crawled.json("runs", "last")["log"] is None


def test_who_looks_at_the_lock_keeps_no_run_out(tmp_path: Path) -> None:
    held: list[Any] = []
    for _ in range(50):
        lock = RunLock(tmp_path)
        lock.acquire()
        with lock:
            held.append(is_held(tmp_path))
        held.append(is_held(tmp_path))
    assert held == [True, False] * 50

"""The log: a line an event, for machines and for people, and never in a run's way."""

from __future__ import annotations

import fcntl
import json
import logging
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crawler.config import Log
from crawler.demo.site import build, bundled_posts
from crawler.log import event, files_of, lines_of, logging_run
from crawler.parsers.dates import SHANGHAI
from pipelines.database.connect import open_corpus
from pipelines.database.hosts import StoredHosts
from tests.conftest import Program
from tests.kills import blog, posts
from tests.replica import Replica, serving


@pytest.fixture
def settings(finews: Program, tmp_path: Path) -> Path:
    """The settings file of a program, which says nothing yet."""
    file = tmp_path / "finews.toml"
    file.write_text("")
    finews.env["FINEWS_CONFIG"] = str(file)
    return file


def crawl(finews: Program, replica: Replica, *args: str) -> Any:
    return finews.run(finews.command("crawl", "finews", "--replay", replica.url, *args))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_an_event_with_its_run(finews: Program, settings: Path, tmp_path: Path) -> None:
    settings.write_text('[log]\nfile = "logs/finews.jsonl"')
    with serving(blog(posts(range(8)))) as replica:
        done = crawl(finews, replica)
        assert (done.returncode, done.stderr) == (3, "")
        crawl(finews, replica)
    lines = read(tmp_path / "logs" / "finews.jsonl")
    assert {each["run"] for each in lines} == {1, 2}
    first = [each for each in lines if each["run"] == 1]
    assert [list(each)[:5] for each in first] == [
        ["time", "level", "run", "event", "message"]
    ] * len(first)
    for each in first:
        assert datetime.fromisoformat(each["time"]).utcoffset() == timedelta(hours=8)
        assert len(each["time"]) == len("2026-11-25T18:29:03.123+08:00")
    events = [each["event"] for each in first]
    assert (events[0], events[-1]) == ("run-begun", "run-ended")
    assert set(events[1:-1]) == {"walk-begun", "walk-ended", "article-new", "failure"}
    assert events.count("walk-begun") == events.count("walk-ended") > 3
    new = [each for each in first if each["event"] == "article-new"]
    codes = finews.rows("SELECT info_code FROM articles")
    assert {each["info_code"] for each in new} == set(codes)
    assert all(each["title"] in each["message"] and each["listing"] for each in new)
    failures = {each["reason"]: each["level"] for each in first if each["event"] == "failure"}
    assert failures == {"not-an-article": "warning", "http-404": "warning"}
    assert first[-1]["counts"].items() >= {"found": 8, "new": 6, "failed": 2}.items()
    assert first[-1]["outcome"] == "finished"


def test_a_person_gets_sentences(finews: Program) -> None:
    with serving(blog(posts(range(8)))) as replica:
        done = crawl(finews, replica, "--verbose")
    assert "run 1: finews home: a walk begins" in done.stderr
    assert "new NW202206010000000002 第2号公告" in done.stderr
    assert "run 1 ends, finished: 8 found, 6 new, 2 failed" in done.stderr
    assert "Traceback" not in done.stderr


def test_cron_gets_silence_with_a_log_and_without(
    finews: Program, settings: Path, tmp_path: Path
) -> None:
    with serving(build(bundled_posts())) as replica:
        for log in ("", '[log]\nfile = "log"'):
            settings.write_text(log)
            done = crawl(finews, replica, "--due")
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    events = [each["event"] for each in read(tmp_path / "log")]
    assert (events[0], events[-1]) == ("run-begun", "run-ended")


@pytest.mark.parametrize("name", ["/dev/full", "finews.toml/log", "."])
def test_a_log_that_cannot_be_written_is_told_once(
    finews: Program, settings: Path, name: str
) -> None:
    settings.write_text(f'[log]\nfile = "{name}"')
    with serving(build(bundled_posts())) as replica:
        done = crawl(finews, replica)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith("finews: no log is written to ")
    assert finews.rows("SELECT count(*) FROM articles") == [16]


def test_the_log_of_another_run_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with logging_run(lambda: 1, Log(file=path)):
            event("x", "y")
    assert path.read_text() == ""
    assert "another run writes to it" in capsys.readouterr().err


def test_files_are_turned_over_and_no_line_is_lost(tmp_path: Path) -> None:
    log = Log(file=tmp_path / "log", size=1, files=3)
    for run in (1, 2):
        with logging_run(partial(int, run), log):
            for number in range(1500):
                event("article-new", "中" * 300, number=number)
    assert [path.name for path in files_of(log)] == ["log.3", "log.2", "log.1", "log"]
    for path in files_of(log):
        assert path.stat().st_size < 1_001_000
    assert [each["number"] for each in lines_of(log, 2)] == list(range(1500))


def test_half_a_line_of_a_killed_run_is_ended(tmp_path: Path) -> None:
    log = Log(file=tmp_path / "log")
    (tmp_path / "log").write_text('{"run": 1, "ev')
    with logging_run(lambda: 2, log):
        event("x", "y")
    assert [each["event"] for each in lines_of(log, 2)] == ["x"]
    assert list(lines_of(log, 1)) == []


def test_of_libraries_only_what_is_amiss(tmp_path: Path) -> None:
    log = Log(file=tmp_path / "log")
    with logging_run(lambda: 1, log):
        other = logging.getLogger("scrapy.core.engine")
        other.info("Spider opened")
        other.warning("odd %s", "thing")
        other.error("broken", exc_info=ValueError("two\nlines"))
    odd, broken = read(tmp_path / "log")
    assert (odd["event"], odd["logger"], odd["message"]) == (
        "log", "scrapy.core.engine", "odd thing",
    )  # fmt: skip
    assert "ValueError: two" in broken["trace"]
    assert logging.getLogger("finews").handlers == []


def test_hosts_that_refuse_rest_and_answer(tmp_path: Path) -> None:
    log, now = Log(file=tmp_path / "log"), datetime(2022, 6, 1, tzinfo=SHANGHAI)
    clock = [now]
    with logging_run(lambda: 1, log):
        hosts = StoredHosts(open_corpus(tmp_path), lambda: clock[0], 1)
        hosts.answered("h")
        hosts.refused("h", "http-429", None, "finews")
        clock[0] = now + timedelta(hours=1)
        hosts.answered("h")
    lines = read(tmp_path / "log")
    assert [each["event"] for each in lines] == ["host-refuses", "host-rests", "host-answers"]
    assert lines[1]["until"] == "2022-06-01T00:01:01+08:00"
    assert (lines[0]["reason"], lines[0]["site"]) == ("http-429", "finews")

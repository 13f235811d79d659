"""SIGKILL of the real process at any moment: the next run ends as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crawler.demo.site import build, bundled_posts, post
from tests.conftest import ROOT, Program
from tests.replica import Answer, Replica, serving


def many(count: int) -> dict[str, bytes | Answer]:
    """A site of ``count`` posts in three categories, two of them broken."""
    posts = [
        post(
            f"NW20220601{number:010}",
            title=f"第{number}号公告",
            date=f"2022-06-01 00:{number // 60:02}:{number % 60:02} +0800",
            category=("jiaohangbao", "caixunwang", "guojibao")[number % 3],
            tag=("交行报新闻", "财讯网新闻", "国际报新闻")[number % 3],
            body=f"<p>正文第{number}段，同比增长{number}%。</p>",
        )
        for number in range(count)
    ]
    pages: dict[str, bytes | Answer] = dict(build(posts))
    pages[posts[1].path] = Answer(b"<html><body>busy</body></html>")
    pages[posts[2].path] = Answer(status=404)
    return pages


def kill_at(program: Program, replica: Replica, requests: int, *args: str) -> int:
    """Crawl until the replica has had so many requests, then SIGKILL; the exit code."""
    process = subprocess.Popen(
        [*program.command("crawl", "finews", "--replay", replica.url), *args],
        cwd=ROOT,
        env=program.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while len(replica.log) < requests and process.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    return process.wait()


def whole(
    pages: dict[str, Any], folder: Path, corpus_of: Callable[[Program], Any], code: int
) -> Any:
    """The corpus of a run that was never killed."""
    program = Program(folder)
    with serving(pages) as replica:
        program.crawl(replica.url, code=code)
    return corpus_of(program)


@pytest.mark.parametrize("requests", [1, 3, 4, 9, 17, 20, 23])
def test_killed_in_a_small_site(
    finews: Program, tmp_path: Path, corpus_of: Callable[[Program], Any], requests: int
) -> None:
    pages = build(bundled_posts())
    expected = whole(pages, tmp_path / "whole", corpus_of, code=0)
    with serving(pages) as replica:
        replica.delay = 0.01
        assert kill_at(finews, replica, requests) == -signal.SIGKILL
        replica.delay = 0
        finews.crawl(replica.url)
    assert corpus_of(finews) == expected
    assert finews.rows("SELECT outcome FROM runs ORDER BY id") == [None, "finished"]


def test_killed_between_batches_again_and_again(
    finews: Program, tmp_path: Path, corpus_of: Callable[[Program], Any]
) -> None:
    """700 articles: batches of 200 are written meanwhile, and kills fall in and between."""
    pages = many(700)
    expected = whole(pages, tmp_path / "whole", corpus_of, code=3)
    stored = []
    with serving(pages) as replica:
        for requests in (130, 215, 260, 120):
            replica.log.clear()
            assert kill_at(finews, replica, requests) == -signal.SIGKILL
            stored += finews.rows("SELECT count(*) FROM articles")
        finews.crawl(replica.url, code=3)
    assert stored == sorted(stored)
    assert 0 < stored[-1] < 698
    assert corpus_of(finews) == expected
    assert finews.rows("PRAGMA integrity_check") == ["ok"]


def test_what_a_killed_run_left_comes_first(finews: Program) -> None:
    pages = many(30)
    with serving(pages) as replica:
        replica.delay = 0.01
        kill_at(finews, replica, 10)
        owed = finews.rows("SELECT count(DISTINCT url) FROM entries WHERE state = 'pending'")[0]
        assert owed > 0
        replica.log.clear()
        finews.crawl(replica.url, code=3)
    first = replica.log.index("/")
    assert set(replica.log[:first]) == set(replica.log[:first]) - {"/", "/feed.xml", "/emnews/"}
    assert first >= owed

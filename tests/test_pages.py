"""``finews pages``: what is stored, and what pruning drops and keeps."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from crawler.demo.site import build, post
from pipelines.database.lock import RunLock
from tests.conftest import ROOT, Program
from tests.replica import Answer, serving
from tests.stored import change, said

POSTS = [
    post(f"20220601910000000{n}", title=f"第{n}号", body=f"<p>第{n}段。</p>") for n in range(4)
]
OLD = "'2022-06-01T09:00:00+08:00'"


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Four articles; the last one failed, with a page that no parser reads."""
    program = Program(tmp_path_factory.mktemp("crawled") / "data")
    pages: dict[str, bytes | Answer] = dict(build(POSTS))
    pages[POSTS[3].path] = Answer(b"<html><body>busy</body></html>")
    with serving(pages) as replica:
        program.crawl(replica.url, code=3)
    return program


@pytest.fixture
def stored(crawled: Program, finews: Program) -> Program:
    subprocess.run(["cp", "-r", crawled.data, finews.data], check=True)
    return finews


def age(program: Program, where: str = "1") -> None:
    times = f"fetched_at = {OLD}, last_fetched_at = {OLD}"
    change(program, f"UPDATE pages SET {times} WHERE {where}")


def kept(program: Program) -> list[str]:
    return program.rows(
        "SELECT url FROM pages JOIN bodies USING (sha256) ORDER BY url", file="pages.db"
    )


def test_what_is_stored_by_site(stored: Program) -> None:
    found = stored.json("pages")
    (site,) = found["sites"]
    assert (site["site"], site["of_articles"]) == ("finews", 4)
    assert site["pages"] == site["bodies"] > 4
    assert found["file_bytes"] >= site["bytes"] > 0
    assert "finews" in stored("pages")


def test_old_bodies_go_and_what_failed_stays(stored: Program) -> None:
    before, rows = said(stored), stored.rows("SELECT count(*) FROM pages", file="pages.db")
    age(stored)
    would = stored.json("pages", "prune", "--older-than", "90d", "--dry-run")
    assert len(kept(stored)) == rows[0]
    done = stored.json("pages", "prune", "--older-than", "90d")
    assert (done["pages"], done["bodies"], done["bytes"]) == (
        would["pages"], would["bodies"], would["bytes"],
    )  # fmt: skip
    assert done["pages"] == rows[0] - 1
    (url,) = kept(stored)
    assert url.endswith(POSTS[3].path)
    # The rows stay, and say that their bodies were dropped.
    assert stored.rows("SELECT count(*) FROM pages", file="pages.db") == rows
    pruned = "SELECT count(*) FROM pages WHERE pruned_at IS NOT NULL"
    assert stored.rows(pruned, file="pages.db") == [done["pages"]]
    assert said(stored) == before
    assert stored.json("reparse", code=3)["found"] == 1
    # Exported is what there is.
    assert stored.json("export", str(stored.data / "x.warc"))["pages"] == 1
    again = stored.json("pages", "prune", "--older-than", "90d")
    assert again["bodies"] == 0


def test_a_body_that_a_newer_page_needs_stays(stored: Program) -> None:
    age(stored, f"url LIKE '%{POSTS[0].path}'")
    change(
        stored,
        "INSERT INTO pages (site, url, status, headers, sha256, fetched_at, last_fetched_at)"
        " SELECT 'finews', 'https://other.test/', 200, '[]', sha256, '2026-11-01', '2099-01-01'"
        f" FROM pages WHERE url LIKE '%{POSTS[0].path}'",
    )
    assert stored.json("pages", "prune", "--older-than", "1w")["bodies"] == 0


def test_only_a_site(stored: Program) -> None:
    age(stored)
    change(stored, "UPDATE pages SET site = 'other' WHERE url LIKE '%emnews/'")
    assert stored.json("pages", "prune", "--older-than", "1h", "--site", "other")["bodies"] == 1


def test_a_page_that_comes_again_is_whole_again(stored: Program) -> None:
    age(stored)
    stored("pages", "prune", "--older-than", "1d")
    with serving(build(POSTS)) as replica:
        stored.crawl(replica.url, "--full")
    assert sum(POSTS[0].path in url for url in kept(stored)) == 1
    assert stored.json("reparse")["unchanged"] == 4


def test_the_file_gets_smaller(finews: Program) -> None:
    from benchmarks.generate.rows import fill_pages

    fill_pages(finews.data, 1500)
    change(finews, "DELETE FROM entries", file="finews.db")
    size = (finews.data / "pages.db").stat().st_size
    done = finews.json("pages", "prune", "--older-than", "0d")
    assert done["freed_bytes"] > size / 2
    assert (finews.data / "pages.db").stat().st_size == done["file_bytes"] < size / 2
    assert finews.rows("PRAGMA integrity_check", file="pages.db") == ["ok"]


def test_killed_it_leaves_whole_rows_and_the_next_ends_it(finews: Program) -> None:
    from benchmarks.generate.rows import fill_pages

    fill_pages(finews.data, 3000)
    command = finews.command("pages", "prune", "--older-than", "0d")
    for wait in (0.0, 0.05, 0.15):
        process = subprocess.Popen(command, cwd=ROOT, env=finews.env, stdout=subprocess.DEVNULL)
        runs = len(finews.rows("SELECT id FROM runs"))
        until = time.monotonic() + 30
        while len(finews.rows("SELECT id FROM runs")) == runs and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        lost = (
            "SELECT count(*) FROM pages LEFT JOIN bodies USING (sha256)"
            " WHERE bodies.sha256 IS NULL AND pruned_at IS NULL"
        )
        assert finews.rows(lost, file="pages.db") == [0]
    finews("pages", "prune", "--older-than", "0d")
    assert kept(finews) == []
    assert finews.rows("PRAGMA freelist_count", file="pages.db") == [0]
    assert finews.rows("PRAGMA integrity_check", file="pages.db") == ["ok"]


@pytest.mark.parametrize("age", ["90", "1y", "１d"])
def test_ages_that_are_none(finews: Program, age: str) -> None:
    done = finews.run(finews.command("pages", "prune", "--older-than", age))
    assert done.returncode == 2


def test_without_a_corpus(finews: Program) -> None:
    for command in (("pages",), ("pages", "prune", "--older-than", "1d")):
        assert finews.run(finews.command(*command)).returncode == 1
    assert not finews.data.exists()


def test_under_the_lock(stored: Program) -> None:
    lock = RunLock(stored.data)
    lock.acquire()
    with lock:
        done = stored.run(stored.command("pages", "prune", "--older-than", "1d"))
        assert done.returncode == 4
        stored("pages", "prune", "--older-than", "1d", "--dry-run")


def test_the_page_of_a_part_of_a_failing_article_stays(stored: Program) -> None:
    """Of an article that failed the newest page of each address is needed, not the older."""
    age(stored)
    code = "NW202206019100000003"
    for number, time_ in ((1, "2022-01-01"), (2, "2022-01-02")):
        change(stored, "INSERT INTO bodies VALUES (?, x'00')", f"body{number}")
        change(
            stored,
            "INSERT INTO pages (site, info_code, url, status, headers, sha256, fetched_at,"
            " last_fetched_at) VALUES ('finews', ?, 'https://x.test/2', 200, '[]', ?, ?, ?)",
            code,
            f"body{number}",
            time_,
            time_,
        )
    stored("pages", "prune", "--older-than", "1d")
    assert stored.rows("SELECT sha256 FROM bodies WHERE sha256 LIKE 'body%'", file="pages.db") == [
        "body2"
    ]

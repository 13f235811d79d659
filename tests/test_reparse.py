"""Stored pages parsed again: what improves, what stays, what a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generate.rows import fill_pages
from crawler import reading
from crawler.cli.reread import reread
from crawler.demo.site import build, post
from crawler.items import Article, Entry, Failure, Page
from crawler.parsers.dates import SHANGHAI
from pipelines.database.lock import RunLock
from pipelines.database.pages import StoredPages
from pipelines.run import Run
from tests.conftest import ROOT, Program
from tests.replica import serving
from tests.stored import CODE, PAGE, change, crawl_all, part, rewrite, said

CorpusOf = Callable[[Program], dict[str, list[Any]]]
TIME = datetime(2026, 9, 20, tzinfo=SHANGHAI)
POST = post("202206019100000001", title="题目", body="<p>正文第一段。</p>")


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("crawled")
    program = Program(folder / "data")
    crawl_all(program, folder)
    return program


@pytest.fixture
def copied(crawled: Program, finews: Program) -> Program:
    """A folder with articles of every site, for one test."""
    subprocess.run(["cp", "-r", crawled.data, finews.data], check=True)
    return finews


@pytest.fixture
def one(finews: Program) -> Program:
    """A folder with one article."""
    with serving(build([POST])) as replica:
        finews.crawl(replica.url)
    return finews


def url_of(program: Program) -> str:
    (url,) = program.rows("SELECT url FROM sightings LIMIT 1")
    return str(url)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_with_the_same_parsers_nothing_changes(
    copied: Program, corpus_of: CorpusOf, processes: str
) -> None:
    before, stored = corpus_of(copied), said(copied)
    looks = "SELECT * FROM failures ORDER BY id"
    failures = copied.rows(looks)
    summary = copied.json("reparse", "--processes", processes)
    assert summary["exit_code"] == 0
    assert summary["found"] == summary["unchanged"] > 50
    assert (corpus_of(copied), said(copied), copied.rows(looks)) == (before, stored, failures)


def test_articles_of_an_older_parser_improve(copied: Program) -> None:
    """Written worse behind the program's back, they become again what the crawl made of them."""
    # Those of one route, which has a page: others are joined, and fast news tells all by its list.
    plain = (
        "info_code IN (SELECT info_code FROM sightings WHERE content_hash IS NOT NULL"
        " GROUP BY info_code HAVING count(DISTINCT url) = 1) AND page IS NOT NULL"
    )
    before = said(copied)
    total = copied.rows(f"SELECT count(*) FROM articles WHERE {plain}")[0]
    change(
        copied,
        "UPDATE articles SET paragraphs = '[]', body = NULL, tags = NULL, source = NULL,"
        f" content_hash = '1:0', parser = parser || '.old', text_hash = NULL WHERE {plain}",
        file="finews.db",
    )
    change(
        copied, f"DELETE FROM mentions WHERE {plain[: plain.index(' AND page')]}", file="finews.db"
    )
    change(
        copied,
        "UPDATE sightings SET content_hash = '1:0', parser = parser || '.old'"
        f" WHERE {plain[: plain.index(' AND page')]}",
        file="finews.db",
    )
    assert said(copied) != before
    summary = copied.json("reparse", "--processes", "2")
    assert summary["failed"] == 0
    assert (summary["changed"], summary["improved"]) == (0, total)
    assert total > 20
    assert said(copied) == before
    again = copied.json("reparse")
    assert again["unchanged"] == again["found"]


def test_what_failed_and_parses_now_is_stored(one: Program, corpus_of: CorpusOf) -> None:
    before, url = corpus_of(one), url_of(one)
    (page,) = one.rows("SELECT page FROM articles")
    for table in ("mentions", "articles", "sightings"):
        change(one, f"DELETE FROM {table}", file="finews.db")
    change(one, "UPDATE entries SET state = 'failed'", file="finews.db")
    change(
        one,
        "INSERT INTO failures (site, info_code, url, reason, message, page, attempts,"
        " first_failed_at, last_failed_at, run_id) VALUES"
        " ('finews', ?, ?, 'layout-changed', 'x', ?, 6, '2022', '2022', 1)",
        "NW202206019100000001",
        url,
        page,
        file="finews.db",
    )
    assert one.json("reparse")["new"] == 1
    assert corpus_of(one) == before
    assert one.json("failures") == []


def test_a_page_that_parses_no_more_takes_nothing_and_is_told(one: Program) -> None:
    stored, url = said(one), url_of(one)
    rewrite(one, url, b"<html><body>busy</body></html>")
    for attempt in range(2):
        summary = one.json("reparse", code=3)
        assert (summary["failed"], summary["changed"]) == (1, 0), attempt
        (failure,) = one.json("failures")
        # A second reading of the same page is no second attempt.
        assert (failure["reason"], failure["attempts"]) == ("not-an-article", 1)
        assert failure["page"] == one.rows("SELECT page FROM articles")[0]
        assert said(one) == stored
    with serving(build([POST])) as replica:
        assert one.crawl(replica.url)["exit_code"] == 0
        assert replica.articles()
    assert one.json("failures") == []
    assert said(one) == stored


def test_a_look_that_is_owed_is_left_to_the_crawl(one: Program) -> None:
    change(one, "UPDATE sightings SET content_hash = '1:0'", file="finews.db")
    change(one, "UPDATE articles SET parser = 'old/1'", file="finews.db")
    change(one, "UPDATE entries SET state = 'pending'", file="finews.db")
    assert one.json("reparse")["found"] == 0
    assert set(one.rows("SELECT state FROM entries")) == {"pending"}
    assert one.rows("SELECT parser FROM articles") == ["old/1"]


def test_the_newest_answer_of_an_address_counts(one: Program) -> None:
    other = post("202206019100000001", title="新题目", body="<p>正文第一段。</p>")
    with serving(build([other])) as replica:
        change(one, "UPDATE pages SET last_fetched_at = '2020', fetched_at = '2020'")
        one.crawl(replica.url, "--full")
    before = said(one)
    change(one, "UPDATE sightings SET content_hash = '1:0'", file="finews.db")
    one.json("reparse")
    assert said(one) == before


def test_only_some(copied: Program) -> None:
    sites = dict(copied.rows("SELECT site, count(*) FROM articles GROUP BY site"))
    assert copied.json("reparse", "--site", "choice")["found"] == sites["choice"]
    code = copied.rows("SELECT info_code FROM sightings WHERE site = 'finews' LIMIT 1")[0]
    assert copied.json("reparse", "--code", code[2:], "--site", "finews")["found"] == 1


def test_wrong_use_and_no_corpus(finews: Program) -> None:
    assert finews.run(finews.command("reparse", "--code", "123")).returncode == 2
    done = finews.run(finews.command("reparse"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert not finews.data.exists()


def test_under_the_lock(one: Program) -> None:
    lock = RunLock(one.data)
    lock.acquire()
    with lock:
        assert one.run(one.command("reparse")).returncode == 4


def test_a_damaged_body_is_a_sentence(one: Program) -> None:
    change(one, "UPDATE bodies SET zstd = x'00'")
    done = one.run(one.command("reparse", "--processes", "2"))
    assert done.returncode == 1
    assert "damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_in_a_parser_fails_one_page(one: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = said(one)
    monkeypatch.setitem(reading._READERS, "finews", lambda *_: 1 // 0)
    with Run.open(one.data, "reparse") as run:
        groups = StoredPages(run.corpus, run.pages).groups()
        assert not reread(run, groups, processes=1)
        assert run.counts["failed"] == 1
    (failure,) = one.json("failures")
    assert failure["reason"] == "unexpected"
    assert "ZeroDivisionError" in failure["message"]
    assert said(one) == stored


# Killed


def start(program: Program) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        program.command("reparse", "--processes", "2"),
        cwd=ROOT,
        env=program.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def stop_at(program: Program, stored: int, number: signal.Signals) -> int:
    """Reparse until so many articles are stored, then send a signal; the exit code."""
    process = start(program)
    until = time.monotonic() + 60
    workers: list[str] = []
    while process.poll() is None and time.monotonic() < until:
        if program.rows("SELECT count(*) FROM articles")[0] >= stored:
            break
        time.sleep(0.005)
    task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if task.exists():
        workers = task.read_text().split()
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert b"Traceback" not in told, told
    # None of them outlives it: they would keep files open, and cores busy.
    while any(map(is_alive, workers)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(is_alive, workers))
    return process.returncode


def is_alive(pid: str) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_killed_again_and_again_it_ends_like_a_whole_one(
    finews: Program, tmp_path: Path, corpus_of: CorpusOf
) -> None:
    fill_pages(finews.data, 3000)
    whole = Program(tmp_path / "whole")
    subprocess.run(["cp", "-r", finews.data, whole.data], check=True)
    assert whole.json("reparse")["new"] == 3000
    for stored in (0, 200, 900):
        assert stop_at(finews, stored, signal.SIGKILL) == -signal.SIGKILL
    between = finews.rows("SELECT count(*) FROM articles")[0]
    assert 0 < between < 3000
    assert stop_at(finews, between + 200, signal.SIGTERM) == 3
    outcomes = finews.rows("SELECT outcome FROM runs WHERE command = 'reparse' ORDER BY id")
    assert outcomes[-1] == "stopped"
    assert set(outcomes[:-1]) == {None}
    finews.json("reparse")
    assert corpus_of(finews) == corpus_of(whole)
    assert finews.rows("PRAGMA integrity_check") == ["ok"]


def test_a_worker_that_is_killed_ends_the_run_with_a_sentence(finews: Program) -> None:
    fill_pages(finews.data, 3000)
    process = start(finews)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        process.communicate()
        pytest.skip("needs /proc")
    while finews.rows("SELECT count(*) FROM articles")[0] == 0:
        assert process.poll() is None
        time.sleep(0.005)
    workers = [
        pid
        for pid in children.read_text().split()
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(int(workers[0]), signal.SIGKILL)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert told.startswith(b"finews: a worker process died")
    assert b"Traceback" not in told
    assert finews.rows("SELECT outcome FROM runs ORDER BY id DESC LIMIT 1") == ["stopped"]


# One page read


def page(url: str, body: bytes, **more: Any) -> Page:
    given = {"site": "eastmoney", "status": 200, "headers": (), "info_code": CODE, **more}
    return Page(url=url, body=body, sha256=sha256(body).hexdigest(), fetched_at=TIME, **given)


ENTRY = Entry("eastmoney", "344", "https://newsinfo.eastmoney.com/x", CODE)


def test_an_article_on_several_pages() -> None:
    bodies = {1: part(1), 2: part(2), 3: part(3, last=True)}
    pages = {f"{PAGE}_{n}.html": page(f"{PAGE}_{n}.html", body) for n, body in bodies.items()}
    first = page(f"{PAGE}.html", part(1))
    found = reading.read(first, ENTRY, pages.get)
    assert isinstance(found, Article)
    assert [each.text for each in found.paragraphs] == [f"第{n}页的正文。" for n in (1, 2, 3)]
    # As a crawl, which yields the article with its last answer.
    assert found.page == pages[f"{PAGE}_3.html"].sha256
    assert (found.page_url, found.listing) == (f"{PAGE}.html", "344")
    assert reading.read(pages[f"{PAGE}_2.html"], ENTRY, pages.get) is None
    del pages[f"{PAGE}_3.html"]
    lacking = reading.read(first, ENTRY, pages.get)
    assert isinstance(lacking, Failure)
    assert (lacking.reason, lacking.url) == ("truncated", ENTRY.url)


def test_what_is_of_the_fetch_is_no_failure_of_a_parser() -> None:
    gone = b'{"success": 0, "message": "no such article"}'
    assert reading.read(page(ENTRY.url, gone), ENTRY) is None
    assert reading.read(page(ENTRY.url, b'{"success": 1, "data": null}'), ENTRY) is None
    other = "https://finance.eastmoney.com/a/202609190000000043.html"
    assert reading.read(page(other, part(1, last=True)), ENTRY) is None


def test_a_file_is_no_article_or_a_failure_that_waits_for_no_run() -> None:
    name = "_posts/2022-06-01-202206010000000001.md"
    for body, code in ((b"no front matter", name), (b"\xff\xfe\xfa", name)):
        found = reading.read(page(name, body, site="posts"), reading.post_entry(code))
        assert isinstance(found, Failure)
        assert not found.retry
    readme = page("x/README.md", b"text", site="posts")
    assert reading.read(readme, reading.post_entry(readme.url)) is None

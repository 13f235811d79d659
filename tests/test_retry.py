"""``finews failures --retry``: what failed is asked for now, and little else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.demo.site import build, post
from pipelines.database.lock import RunLock
from tests.conftest import Program
from tests.replica import Answer, Replica, serving

POSTS = [
    post(
        f"20220601910000000{number}",
        title=f"第{number}号",
        date=f"2022-06-01 09:00:0{number} +0800",
        category="jiaohangbao",
        tag="交行报新闻",
    )
    for number in range(4)
]
PAGES = build(POSTS)
GONE, BUSY = (each.path for each in POSTS[:2])
CODE = "NW202206019100000000"


@pytest.fixture
def replica() -> Iterator[Replica]:
    with serving(PAGES) as made:
        yield made


@pytest.fixture
def failed(finews: Program, replica: Replica) -> Program:
    """One article given up, one to be tried again."""
    replica.pages[GONE] = Answer(status=404)
    replica.pages[BUSY] = Answer(status=503)
    assert finews.crawl(replica.url, code=3)["failed"] == 2
    replica.log.clear()
    return finews


def test_all_that_failed_is_taken_now_and_no_listing_asked(
    failed: Program, replica: Replica
) -> None:
    replica.pages |= PAGES
    done = failed.json("failures", "--retry", "--replay", replica.url)
    assert (done["new"], done["found"], done["failed"], done["exit_code"]) == (2, 2, 0, 0)
    assert sorted(replica.log) == sorted([GONE, BUSY])
    assert failed("failures") == "Nothing failed.\n"
    assert failed("failures", "--retry") == "Nothing failed.\n"
    assert failed.rows("SELECT command, outcome FROM runs WHERE id = 2") == [
        ("failures --retry", "finished")
    ]
    assert failed.rows("SELECT count(*) FROM walks WHERE run_id = 2") == [0]


def test_one_by_its_code_or_address(failed: Program, replica: Replica) -> None:
    failed.write("UPDATE failures SET next_try_at = '2999-01-01T00:00:00+08:00' WHERE next_try_at")
    replica.pages |= PAGES
    for name in (CODE, CODE[2:], address := f"https://finews.withounder.com{GONE}"):
        assert [each["info_code"] for each in failed.json("failures", name)] == [CODE]
    assert failed.json("failures", address, "--retry", "--replay", replica.url)["new"] == 1
    assert replica.log == [GONE]
    assert len(failed.json("failures")) == 1


def test_attempts_start_anew(failed: Program, replica: Replica) -> None:
    failed.write("UPDATE failures SET attempts = 6, next_try_at = NULL")
    text = failed("failures")
    assert text.count("failed in 6 runs") == text.count("given up") == 2
    done = failed("failures", "--retry", "--replay", replica.url, code=3)
    assert "2 failed" in done
    found = {each["reason"]: each for each in failed.json("failures")}
    assert [found[name]["attempts"] for name in ("http-404", "http-503")] == [1, 1]
    assert found["http-404"]["next_try_at"] is None
    assert found["http-503"]["next_try_at"] is not None


def test_a_listing_that_failed_is_walked_and_no_other(finews: Program, replica: Replica) -> None:
    listing = "/category/jiaohangbao.html"
    replica.pages[listing] = Answer(status=404)
    finews.crawl(replica.url, code=3)
    replica.log.clear()
    replica.pages |= PAGES
    finews.crawl(replica.url)  # it rests for a day
    assert listing not in replica.log
    replica.log.clear()
    done = finews.json("failures", "--retry", "--replay", replica.url)
    assert (done["failed"], replica.log) == (0, [listing])
    assert finews("failures") == "Nothing failed.\n"


def test_a_listing_that_a_retried_page_tells_of_is_walked_by_the_next_crawl(
    failed: Program, replica: Replica
) -> None:
    other = post(CODE[2:], title="第0号", category="jingjibao", tag="经济报新闻")
    replica.pages |= {GONE: build([other])[other.path]}
    failed("failures", CODE, "--retry", "--replay", replica.url, code=3)
    listing = "/category/jingjibao.html"
    assert listing not in replica.log
    replica.pages |= {listing: build([other])[listing], BUSY: PAGES[BUSY]}
    failed.crawl(replica.url)
    assert listing in replica.log


def test_files_are_for_ingest(finews: Program, tmp_path: Path) -> None:
    file = tmp_path / "2022-06-01-202206019100000001.md"
    file.write_bytes(b"\xff\x80" * 50)
    finews("ingest", str(file), code=3)
    done = finews.run(finews.command("failures", "--retry"))
    assert done.returncode == 3
    assert f"{file.name} is a file: read it again by finews ingest" in done.stderr
    assert finews.rows("SELECT count(*) FROM runs") == [1]


def test_usage(failed: Program) -> None:
    assert failed.run(failed.command("failures", "--wait")).returncode == 2
    done = failed.run(failed.command("failures", "NW202206019100000009", "--retry"))
    assert done.returncode == 1
    assert "NW202206019100000009 is not among the failures" in done.stderr
    lock = RunLock(failed.data)
    lock.acquire()
    with lock:
        assert failed.run(failed.command("failures", "--retry")).returncode == 4

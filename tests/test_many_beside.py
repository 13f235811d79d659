"""Several crawls at once in one collector: each is a run of its own, and none spoils another."""

from __future__ import annotations

import signal
import sqlite3
from collections import Counter
from pathlib import Path

from crawler.demo.site import Post, build
from crawler.exchange import keys
from tests import eastmoney, replica
from tests.conftest import Program
from tests.eastmoney import make_stories
from tests.kills import Corpus, posts
from tests.many import Many, RedisServer, leftovers, until
from tests.replica import Answer


def _has(many: Many, table: str) -> bool:
    try:
        return bool(many.program.rows(f"SELECT 1 FROM {table} LIMIT 1"))
    except sqlite3.OperationalError:  # it is not there yet
        return False


def test_a_walk_beside_a_longer_one_leaves_no_hole_behind_it(
    many: Many, redis_server: RedisServer, tmp_path: Path, corpus_of: Corpus
) -> None:
    """The first one's listing shows what the second one knows then: that is no covered ground."""
    alone = Program(tmp_path / "alone")
    with eastmoney.serving(make_stories(120, ("344",), 5)) as server:
        alone("crawl", "eastmoney", "--listing", "344", "--replay", server.url)
        server.delay = 0.15
        collector = many.collect("--once")
        longer = many.work(server.url, "eastmoney", "--listing", "344", "--full")
        until(lambda: len(server.lists) > 9)  # of the plain crawl too
        short = many.work(server.url, "eastmoney", "--listing", "344", "--max-pages", "2")
        assert short.ended()["crawls"][0]["outcome"] == "finished"
        assert longer.ended()["crawls"][0]["outcome"] == "finished"
        assert collector.wait() == 0
    assert corpus_of(many.program) == corpus_of(alone)
    assert many.program.rows("SELECT command, outcome FROM runs") == [
        ("collect eastmoney", "finished"),
        ("collect eastmoney", "finished"),
    ]
    assert many.program.rows("SELECT outcome, pages FROM walks ORDER BY id")[0][0] == "end"
    assert leftovers(redis_server.client) == {}


def test_a_failure_is_taken_at_once_while_a_crawl_goes_on(
    many: Many, redis_server: RedisServer
) -> None:
    made: list[Post] = posts(range(50))
    whole: dict[str, bytes | Answer] = dict(build(made))
    broken = {**whole, made[49].path: Answer(b"<html><body>busy</body></html>")}
    with replica.serving(broken) as server:
        server.delay = 0.3
        many.collect()
        crawling = many.work(server.url)
        until(lambda: _has(many, "failures"))
        server.pages = whole
        retry = many.start(
            "failures", "--retry", "--replay", server.url, "--redis", many.url,
            "--data", str(many.program.data), "--json",
        )  # fmt: skip
        assert retry.ended()["crawls"][0]["new"] >= 1
        assert crawling.running
        assert many.program.rows("SELECT count(*) FROM failures WHERE resolved_at IS NULL") == [0]
        assert crawling.ended()["crawls"][0]["failed"] == 1
    assert max(Counter(server.articles()).values()) == 2
    assert leftovers(redis_server.client) == {}


def test_what_a_dead_worker_wanted_is_wanted_no_more(many: Many, redis_server: RedisServer) -> None:
    """Else it would be begun again by whoever comes, and the lock be held until then."""
    with replica.serving(dict(build(posts(range(20))))) as server:
        server.delay = 0.3
        many.collect()
        worker = many.work(server.url, "--full")
        until(lambda: len(server.articles()) > 3)
        worker.send(signal.SIGKILL)
        until(lambda: many.program.rows("SELECT outcome FROM runs") == ["stopped"])
        assert redis_server.client.xlen(keys.WISHES) == 0
        assert many.program("db", "verify", "--wait")
        server.delay = 0
        assert many.work(server.url).ended()["crawls"][0]["outcome"] == "finished"
    assert many.program.rows("SELECT count(*) FROM articles") == [20]

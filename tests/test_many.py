"""Many who crawl together make the corpus that one machine makes."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from crawler.demo.site import build
from tests import replica
from tests.conftest import Program
from tests.eastmoney import EastmoneyReplica
from tests.harms import SmallBlog, SmallColumns
from tests.kills import LaterBlog, Server, World, difference, posts
from tests.many import Many, RedisServer, leftovers, until

Corpus = Callable[[Program], dict[str, list[Any]]]


class LaterSmallBlog(LaterBlog):
    name = "finews-many-later"
    count = 40


class FaultyColumns(SmallColumns):
    """Columns of which some articles have no JSON, and some are nowhere but in the fast news."""

    name = "eastmoney-faulty"
    codes = (3,)

    def serving(self) -> AbstractContextManager[Server | None]:
        return self._faulty(super().serving())

    @contextmanager
    def _faulty(self, serving: AbstractContextManager[Server | None]) -> Iterator[Server]:
        with serving as server:
            assert isinstance(server, EastmoneyReplica)
            codes = [story.code for story in self.stories]
            server.emptied = set(codes[:6:2])
            server.missing = {codes[7], codes[10]}
            server.vanished = {codes[9]}
            yield server


@pytest.mark.parametrize("kind", [SmallBlog, LaterSmallBlog, FaultyColumns])
def test_three_workers_make_the_corpus_of_one_machine(
    kind: type[World], many: Many, redis_server: RedisServer, tmp_path: Path, corpus_of: Corpus
) -> None:
    world = kind(tmp_path, corpus_of)
    code, _ = world.whole
    if world.base.exists():
        copytree(world.base, many.program.data, dirs_exist_ok=True)
    with world.serving() as server:
        assert server
        _, *words = world.command(server, many.program.data)
        found, told = many.crawl(words[-1], *words[:-2], code=code)
        assert difference(world, many.program, code) is None
        assert len(server.log) == len(world.answers)
        assert sum(each["requests_here"] for each in told) == found["requests"]
        assert found["requests"] == len(server.log) + _robots(server)
        assert leftovers(redis_server.client) == {}
        many.program.write("UPDATE failures SET next_try_at = NULL")  # else they are tried again
        server.log.clear()
        again, _ = many.crawl(words[-1], *words[:-2], workers=2, code=None)
        assert again["new"] == again["changed"] == 0
        assert _articles(server) == []


def _robots(server: Server) -> int:
    return len(server.robots_log) if isinstance(server, EastmoneyReplica) else 1


def _articles(server: Server) -> list[str]:
    if isinstance(server, EastmoneyReplica):
        return [*server.articles, *server.pages]
    return server.articles()


def pages(number: int = 24) -> dict[str, bytes]:
    """A small site."""
    return build(posts(range(number)))


def test_workers_begin_before_the_collector_and_another_one_joins(
    many: Many, redis_server: RedisServer
) -> None:
    with replica.serving(pages()) as server:
        server.delay = 0.1
        first = many.work(server.url)
        first.has_said("nobody collects")
        assert server.log == []
        collector = many.collect("--once")
        until(lambda: len(server.log) > 10)
        late = many.work(server.url)
        told = [each.ended() for each in (first, late)]
        assert collector.ended()["new"] == 24
    assert all(each["requests_here"] for each in told)
    assert {each["crawls"][0]["new"] for each in told} == {24}
    assert leftovers(redis_server.client) == {}


@pytest.mark.parametrize(
    "args",
    [
        ("--listing", "emnews"),
        ("--since", "2022-06-01T00:10:00", "--max-pages", "1"),
    ],
)
def test_a_crawl_has_the_bounds_that_a_worker_gives_it(
    args: tuple[str, ...], many: Many, tmp_path: Path, corpus_of: Corpus
) -> None:
    alone = Program(tmp_path / "alone")
    with replica.serving(pages()) as server:
        alone.crawl(server.url, *args)
        many.crawl(server.url, *args, workers=1)
    assert corpus_of(many.program) == corpus_of(alone)
    assert many.program.rows("SELECT count(*) FROM articles")[0] > 0


def test_what_is_due_is_wanted_again_and_again_of_a_collector_that_stays(many: Many) -> None:
    with replica.serving(pages()) as server:
        many.crawl(server.url, "--due", workers=1)
        assert many.program.rows("SELECT count(*) FROM articles") == [24]
        server.log.clear()
        collector = many.collect()
        worker = many.work(server.url, "--due")
        told = worker.ended()
        assert told["crawls"][0]["outcome"] == "finished"
        assert server.articles() == []
        collector.send(signal.SIGTERM)
        assert collector.wait() == 0


def test_two_crawls_of_a_site_that_are_wanted_differently_go_beside(many: Many) -> None:
    with replica.serving(pages()) as server:
        server.delay = 0.05
        wanted = [
            many.work(server.url, "--listing", "emnews"),
            many.work(server.url, "--listing", "guojibao"),
            many.work(server.url),
        ]
        collector = many.collect("--once")
        assert [each.ended()["outcome"] for each in wanted] == ["finished"] * 3
        assert collector.wait() == 0
    assert many.program.rows("SELECT count(*) FROM articles") == [24]
    assert set(Counter(server.articles()).values()) == {1}


def test_scrapy_is_a_worker_by_its_settings_alone(many: Many) -> None:
    with replica.serving(pages()) as server:
        collector = many.collect("--once")
        chosen = (f"FINEWS_REDIS={many.url}", f"FINEWS_REPLAY={server.url}")
        done = many.program.scrapy("crawl", "finews", *(f"-s{each}" for each in chosen))
        assert done.returncode == 0, done.stderr
        assert collector.ended()["new"] == 24
        assert sorted(server.articles()) == sorted(set(server.articles()))


@pytest.mark.parametrize(
    ("args", "told"),
    [(("nowhere",), "no site 'nowhere'"), (("eastmoney", "--listing", "nope"), "nope")],
)
def test_a_worker_of_what_does_not_exist_is_told_so(
    args: tuple[str, ...], told: str, many: Many
) -> None:
    worker = many.work("http://127.0.0.1:1", *args)
    assert worker.wait() == 2
    assert told in worker.said

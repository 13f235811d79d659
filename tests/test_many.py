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
from tests.many import Many, RedisServer, holders, leftovers, until

Corpus = Callable[[Program], dict[str, list[Any]]]


class LaterSmallBlog(LaterBlog):
    name = "finews-many-later"
    count = 40


class FaultyColumns(SmallColumns):
    """Columns of which some articles have no JSON, and some are nowhere."""

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
            server.missing = {codes[7]}
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
        server.log.clear()
        again, _ = many.crawl(words[-1], *words[:-2], workers=2, code=None)
        assert again["new"] == again["changed"] == again["failed"] == 0
    assert not [each for each in _articles(server) if each not in _failed(many.program)]


def _robots(server: Server) -> int:
    return len(server.robots_log) if isinstance(server, EastmoneyReplica) else 1


def _articles(server: Server) -> list[str]:
    if isinstance(server, EastmoneyReplica):
        return [each.host + each.target for each in server.log if not each.route.is_list]
    return server.articles()


def _failed(program: Program) -> list[str]:
    return program.rows("SELECT url FROM failures WHERE resolved_at IS NULL")

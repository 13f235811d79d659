"""Harm at random moments to those who crawl together: the corpus is that of one machine.

``make kills`` does fifty of each kind; ``FINEWS_KILLS=N`` as many as you like, ``FINEWS_SEED``
others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Program
from tests.harms import HARMS, SmallBlog, SmallColumns, run_harmed
from tests.kills import World, make

SEED = int(os.environ.get("FINEWS_SEED") or 1)
ASKED = os.environ.get("FINEWS_KILLS")
EACH = int(ASKED) // 2 if ASKED else 1
#: How long the network is cut.
CUT_S = 20.0 if ASKED else 3.0


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory, corpus_of: Callable[[Program], Any]
) -> list[World]:
    folder = tmp_path_factory.mktemp("together")
    return [SmallBlog(folder, corpus_of), SmallColumns(folder, corpus_of)]


@pytest.mark.parametrize("turn", range(EACH))
@pytest.mark.parametrize("name", HARMS)
def test_harmed(
    name: str, turn: int, made: list[World], tmp_path: Path, record_property: Any
) -> None:
    record_property("killed in", name)
    number = list(HARMS).index(name)
    world = made[(turn + number) % len(made)]
    chance = make(SEED * 1_000_000 + number * 10_000 + turn)
    done = run_harmed(name, world, tmp_path, chance, CUT_S)
    record_property("asked twice", done.twice)
    assert done.differs is None
    assert done.twice <= done.allowed

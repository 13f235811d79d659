"""SIGKILL at random moments of every phase: the next run ends as if nothing had happened.

``make kills`` runs a hundred; ``FINEWS_KILLS=N`` as many as you like, ``FINEWS_SEED`` others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Program
from tests.kills import PHASES, World, count, make, run_killed, worlds

SEED = int(os.environ.get("FINEWS_SEED") or 1)
ROUND = [(turn, PHASES[turn % len(PHASES)]) for turn in range(count())]
CRAWLS = [(turn, phase) for turn, phase in ROUND if phase.world.startswith(("fin", "east"))]
OTHERS = [each for each in ROUND if each not in CRAWLS]


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory, corpus_of: Callable[[Program], Any]
) -> dict[str, World]:
    return worlds(tmp_path_factory.mktemp("worlds"), corpus_of)


def kill(turn: int, made: dict[str, World], tmp_path: Path, record: Any) -> None:
    phase = PHASES[turn % len(PHASES)]
    record("killed in", phase.name)
    chance = make(SEED * 10_000 + turn)
    assert run_killed(phase, made[phase.world], tmp_path / "kill", chance) is None


def names(kills: list[tuple[int, Any]]) -> list[Any]:
    return [pytest.param(turn, id=f"{turn}-{phase.name}-{phase.world}") for turn, phase in kills]


# Two classes, so that two processes share them (see --dist loadscope).
class TestCrawls:
    @pytest.mark.parametrize("turn", names(CRAWLS))
    def test_killed(
        self, turn: int, made: dict[str, World], tmp_path: Path, record_property: Any
    ) -> None:
        kill(turn, made, tmp_path, record_property)


class TestOthers:
    @pytest.mark.parametrize("turn", names(OTHERS))
    def test_killed(
        self, turn: int, made: dict[str, World], tmp_path: Path, record_property: Any
    ) -> None:
        kill(turn, made, tmp_path, record_property)


def test_every_kind_of_phase_is_among_the_first_nine() -> None:
    assert {phase.name for phase in PHASES[:9]} == {phase.name for phase in PHASES}

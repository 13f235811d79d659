"""Workers: results in order, errors and deaths told, and never a wait for ever."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from crawler.cli.workers import results
from crawler.errors import FinewsError, StoreError, WorkerDied

LARGE = 4_000_000  # an answer takes a while to pass through its pipe


def begin() -> Callable[[int], bytes]:
    return answer


def answer(job: int) -> bytes:
    if job == 13:
        raise StoreError("no such file", Path("x"))
    return bytes([job % 251]) * (LARGE if job >= 1000 else 1000)


def begin_echo() -> Callable[[bytes], bytes]:
    return bytes


def broken() -> Callable[[int], bytes]:
    raise ValueError("cannot begin")


def test_results_come_in_the_order_of_the_jobs() -> None:
    found = list(results(begin, iter(range(14, 60)), 3))
    assert [each[0] for each in found] == list(range(14, 60))


def test_jobs_and_answers_larger_than_a_pipe_do_not_wait_for_each_other() -> None:
    jobs = [bytes([number]) * LARGE for number in range(12)]
    found: list[bytes] = []
    thread = threading.Thread(
        target=lambda: found.extend(results(begin_echo, iter(jobs), 2)), daemon=True
    )
    thread.start()
    thread.join(timeout=30)
    assert found == jobs


def test_errors_are_raised_where_the_answer_is_taken() -> None:
    with pytest.raises(FinewsError, match="no such file"):
        list(results(begin, [1, 13, 2], 2))
    with pytest.raises(ValueError, match="cannot begin"):
        list(results(broken, [1], 1))
    assert not multiprocessing.active_children()


def test_closed_early_all_end() -> None:
    with closing(results(begin, iter(range(14, 10_000)), 2)) as found:
        next(found)
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("seed", range(4))
def test_a_worker_that_is_killed_while_it_answers(seed: int) -> None:
    """At any moment, in the middle of an answer above all: the others must not wait for it."""
    chance = random.Random(seed)
    told = []

    def kill_one() -> None:
        with closing(results(begin, iter(range(1000, 9000)), 2)) as found:
            for number, _ in enumerate(found):
                if number == 3:
                    time.sleep(chance.random() * 0.05)
                    victim = chance.choice(multiprocessing.active_children())
                    os.kill(victim.pid or 0, signal.SIGKILL)

    def work() -> None:
        with pytest.raises(WorkerDied):
            kill_one()
        told.append("died")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout=30)
    assert told == ["died"]

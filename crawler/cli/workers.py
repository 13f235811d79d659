"""Processes that work on one stream of jobs, and whose results come back in order.

Each has a pipe of its own. The pools of the standard library share one, with a lock: a worker that
is killed while it answers keeps the lock, and all wait for ever.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from itertools import cycle
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Generic, TypeVar

from crawler.errors import FinewsError, WorkerDied

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
#: Jobs in hand for each worker: bounds memory, however many there are.
_AHEAD = 3


def results(
    begin: Callable[[], Callable[[_Job], _Result]], jobs: Iterable[_Job], processes: int
) -> Generator[_Result, None, None]:
    """What each job gives, in their order. Close it to end the workers early.

    ``begin`` is called once in each worker and gives what does a job there; it, jobs and results
    are pickled. An error that a job raises is raised here, :class:`WorkerDied` when a worker was
    killed.
    """
    workers = [_Worker(begin) for _ in range(processes)]
    try:
        waiting: deque[_Worker[_Job, _Result]] = deque()
        for worker, job in zip(cycle(workers), jobs, strict=False):
            worker.give(job)
            waiting.append(worker)
            if len(waiting) >= processes * _AHEAD:
                yield waiting.popleft().answer()
        while waiting:
            yield waiting.popleft().answer()
    finally:
        for worker in workers:
            worker.end()


class _Worker(Generic[_Job, _Result]):
    """One process and the pipe to it; either end closes when its process dies."""

    def __init__(self, begin: Callable[[], Callable[[_Job], _Result]]) -> None:
        # Not forked: a child would hold the run's lock and its open databases.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, begin), daemon=True)
        self._process.start()
        theirs.close()

    def give(self, job: _Job) -> None:
        try:
            self._pipe.send(job)
        except OSError as error:
            raise _died() from error

    def answer(self) -> _Result:
        try:
            holds, result = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise _died() from error
        if not holds:
            raise result
        found: _Result = result
        return found

    def end(self) -> None:
        """It ends when it has done the job in hand."""
        self._pipe.close()
        self._process.join()


def _died() -> WorkerDied:
    return WorkerDied("a worker process died, killed perhaps for want of memory")


def _work(pipe: Connection, begin: Callable[[], Callable[[_Job], _Result]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    # Jobs are taken while an answer waits for the parent: else, where both are larger than what
    # a pipe holds, each would wait for the other.
    jobs = SimpleQueue[tuple[_Job] | None]()
    threading.Thread(target=_receive, args=(pipe, jobs), daemon=True).start()
    work: Callable[[_Job], _Result] | None = None
    with suppress(OSError):  # the parent ended, or wants no more
        while given := jobs.get():
            try:
                work = work or begin()
                answer = (True, work(*given))
            except Exception as error:  # noqa: BLE001 -- raised again where the answer is taken
                pipe.send((False, _portable(error)))
            else:
                pipe.send(answer)


def _receive(pipe: Connection, jobs: SimpleQueue[tuple[_Job] | None]) -> None:
    with suppress(EOFError, OSError):
        while True:
            jobs.put((pipe.recv(),))
    jobs.put(None)


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same, where it does not survive being pickled."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own
    except Exception:  # noqa: BLE001 -- whatever its class does
        return FinewsError(str(error))
    return error

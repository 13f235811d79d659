"""What becomes of an outcome: the plan knows of it, and the store has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from crawler.collecting.crawl import Crawl
from crawler.errors import Abandoned, FinewsError, WriteFailed
from crawler.exchange.collector import Came
from crawler.exchange.records import Outcome, outcome_of
from crawler.frontier.plan import Task, failure_of
from crawler.items import Listing
from pipelines.run import Run
from pipelines.store import Record, Store
from pipelines.validate import checked

# What the database says where the record is at fault, and not the disk.
_OF_RECORD = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


class Heard(NamedTuple):
    """An outcome that the plan knows of: what is to be stored of it, what follows, and why it is
    a dead letter, where it is one.
    """

    came: Came
    task: Task
    records: list[Record]
    following: list[Task] = []  # noqa: RUF012 -- never changed
    dead: str | None = None


def hear(crawl: Crawl, task: Task, came: Came) -> Heard:
    """Let the plan know of an outcome."""
    now = crawl.run.clock()
    try:
        outcome = outcome_of(came.fields)
        following = _planned(crawl, task, outcome)
        articles = [checked(each, now) for each in outcome.articles]
    except FinewsError:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever it is, the others must go on
        if isinstance(task.what, Listing):
            crawl.plan.walks.failed(task.what)
        return _broken(came, task, error)
    given_up = [each.message for each in outcome.failures if each.reason == Abandoned.reason]
    records: list[Record] = [
        *outcome.pages, *articles, *outcome.looks, *outcome.failures,
    ]  # fmt: skip
    return Heard(came, task, records, following, "; ".join(given_up) or None)


def _planned(crawl: Crawl, task: Task, outcome: Outcome) -> list[Task]:
    """What follows from an outcome."""
    _count(crawl.run, crawl.site, outcome)
    plan, what = crawl.plan, task.what
    found = [
        each for listing in outcome.discovered for each in plan.listing(listing, discovered=True)
    ]
    if isinstance(what, Listing):
        if outcome.fell_back:
            plan.walks.fell_back(what)
        if outcome.lost:
            plan.walks.failed(what)
        if outcome.walked:
            found += plan.walked(outcome.walked, outcome.entries, outcome.following)
    elif outcome.put_back:
        plan.put_back(what)
    return found


def store(run: Run, heard: Sequence[Heard]) -> list[Heard]:
    """Write what was heard; what the database does not take is a failure by itself."""
    try:
        _write(run.store, [record for each in heard for record in each.records])
    except WriteFailed as error:
        if not isinstance(error.__cause__, _OF_RECORD):
            raise
    except UnicodeError:  # half a character, which no column takes
        pass
    else:
        return list(heard)
    return [_stored_alone(run, each) for each in heard]


def _stored_alone(run: Run, heard: Heard) -> Heard:
    """Write one by itself; what the database does not take is a failure."""
    try:
        _write(run.store, heard.records)
    except WriteFailed as error:
        if not isinstance(error.__cause__, _OF_RECORD):
            raise
        broken = _broken(heard.came, heard.task, error.__cause__)
    except UnicodeError as error:
        broken = _broken(heard.came, heard.task, error)
    else:
        return heard
    _write(run.store, broken.records)
    return broken._replace(following=heard.following)


def _count(run: Run, site: str, outcome: Outcome) -> None:
    """Count what a worker counted, and know what it knows of hosts."""
    run.counts.update(outcome.counts)
    for listing, counts in outcome.tally.items():
        run.tally[site, listing].update(counts)
    off = outcome.clock_off
    if off is not None and (run.clock_off is None or abs(off) < abs(run.clock_off)):
        run.clock_off = off
    for host, known in outcome.hosts.items():
        run.hosts.hear(host, known)
    for host in outcome.resting:
        if rest := run.hosts.rest(host):
            run.resting[host] = rest


def _write(store: Store, records: Iterable[Record]) -> None:
    """Write all or, where that raises, nothing of the last batch."""
    try:
        for record in records:
            store.add(record)
        store.flush()
    except BaseException:
        store.forget()
        raise


def _broken(came: Came, task: Task, error: BaseException) -> Heard:
    """The failure of a task whose outcome cannot be taken; the outcome is kept aside."""
    told = f"{type(error).__name__}: {error}"
    why = f"what came of it could not be taken: {told}"
    failure = failure_of(Abandoned(why, url=task.what.url), task)
    return Heard(came, task, [failure], dead=told)

"""The records that workers and the collector exchange, as JSON.

The fields are those of the classes here and in :mod:`crawler.items`; times are ISO 8601 with
their offset. Bodies of pages stand beside the JSON, as they came but for Zstandard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from crawler.frontier.plan import Task
from crawler.items import Article, Entry, Failure, Listing, Look, Page
from pipelines.hosts import Host
from pipelines.zstd import zstd

#: The fields of an entry in a stream; those of an outcome have its task beside it.
RECORD = b"record"
_TASK = b"task"
_BODY = b"body-%d"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Wish:
    """A crawl that somebody wants: a site, with the arguments of its spider.

    With ``due`` it reads only what is due by now. ``retry`` are the URLs of failures that are to be
    tried again, as if for the first time. ``worker`` is who waits for it.
    """

    site: str
    arguments: dict[str, str] = field(default_factory=dict)
    due: bool = False
    retry: tuple[str, ...] = ()
    worker: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Given:
    """A task as it is given to a worker, with the token by which its outcome is known."""

    token: str
    listing: Listing | None = None
    entry: Entry | None = None
    look: Look | None = None

    def __post_init__(self) -> None:
        if not (self.listing or self.entry):
            raise ValueError("it says nothing to ask for")

    @classmethod
    def of(cls, task: Task, token: str) -> Given:
        """A task under a token."""
        if isinstance(task.what, Listing):
            return cls(token, listing=task.what)
        return cls(token, entry=task.what, look=task.look)

    @property
    def task(self) -> Task:
        """What is to be asked for."""
        what = self.listing or self.entry
        assert what
        return Task(what, self.look)


@dataclass(slots=True)
class Outcome:
    """What became of a task.

    ``walked`` is the page of the listing that was read; it showed ``entries``, and that
    ``following`` follow. ``discovered`` are listings that a page told of. ``fell_back``,
    ``lost`` and ``put_back`` are as :class:`crawler.frontier.setbacks.Hearer` hears of them.
    ``counts`` and ``tally`` (by listing) are what its worker counted since its last outcome,
    ``hosts`` those that it knows otherwise than before, ``resting`` those that it left alone,
    ``clock_off`` as in ``runs``.
    """

    token: str
    pages: list[Page] = field(default_factory=list)
    articles: list[Article] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    walked: Listing | None = None
    entries: list[Entry] = field(default_factory=list)
    following: list[Listing] = field(default_factory=list)
    discovered: list[Listing] = field(default_factory=list)
    fell_back: bool = False
    lost: bool = False
    put_back: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    tally: dict[str, dict[str, int]] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    resting: list[str] = field(default_factory=list)
    clock_off: float | None = None


def to_json(record: object) -> bytes:
    """A record as JSON. Halves of characters, which pages may hold, are kept."""
    built = msgspec.to_builtins(record)
    return json.dumps(built, ensure_ascii=False).encode("utf-8", "surrogatepass")


def from_json(text: bytes, kind: type[_T]) -> _T:
    """A record of this kind. Raises :class:`ValueError` where it is none."""
    try:
        return msgspec.convert(json.loads(text.decode("utf-8", "surrogatepass")), kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"no {kind.__name__}: {error}") from error


def outcome_fields(outcome: Outcome, given: Given) -> dict[bytes, bytes]:
    """An outcome and its task as the fields of an entry in a stream."""
    bare = replace(outcome, pages=[replace(page, body=b"") for page in outcome.pages])
    bodies = {_BODY % n: zstd.compress(page.body) for n, page in enumerate(outcome.pages)}
    return {_TASK: to_json(given), RECORD: to_json(bare), **bodies}


def given_of(fields: Mapping[bytes, bytes]) -> Given:
    """The task whose outcome it is. Raises :class:`ValueError` where there is none."""
    return from_json(fields.get(_TASK, b""), Given)


def outcome_of(fields: Mapping[bytes, bytes]) -> Outcome:
    """An outcome from the fields of an entry. Raises :class:`ValueError` where it is none."""
    outcome = from_json(fields.get(RECORD, b""), Outcome)
    try:
        outcome.pages = [
            replace(page, body=zstd.decompress(fields[_BODY % n]))
            for n, page in enumerate(outcome.pages)
        ]
    except (KeyError, zstd.ZstdError) as error:
        raise ValueError(f"no body: {error!r}") from error
    return outcome

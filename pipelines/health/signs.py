"""What health is judged by: plain records of what the corpus, its runs and the machine show.

Times are aware. :mod:`pipelines.database.signs` reads them from the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.database.rhythm import Brought

#: Outcomes of walks that read what the listing showed.
WELL = ("end", "known", "since", "limit")


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk of a listing. ``outcome`` as in the table, None: it was broken off."""

    at: datetime
    outcome: str | None
    pages: int
    entries: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing that was walked lately: its last walks that ended, newest first, and what it
    brought; ``reason`` and ``message`` of the failure of its pages, None where none is open.
    ``usual`` are walks that tell what it usually shows, None: all but the last do.
    """

    name: str
    walks: Sequence[Walk]
    brought: Brought = field(default_factory=Brought)
    reason: str | None = None
    message: str | None = None
    usual: Sequence[Walk] | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An article that was stored lately, and which of its fields it lacks."""

    at: datetime
    lacks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Failed:
    """An article that failed lately and may yet come."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap of a listing that is open ``since`` then; times ``start`` and ``end`` as stored."""

    listing: str
    since: datetime
    start: str | None
    end: str
    why: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run, which began ``at``, asked of a site."""

    requests: int
    refusals: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Site:
    """A site that was crawled lately; sequences are newest first. ``newest`` is when its newest
    article was published, ``newest_seen`` when that was first seen; ``owes`` that articles which
    it showed are not stored yet.
    """

    name: str
    newest: datetime | None = None
    newest_seen: datetime | None = None
    owes: bool = False
    listings: Sequence[Listing] = ()
    stored: Sequence[Stored] = ()
    failed: Sequence[Failed] = ()
    asked: Sequence[Asked] = ()
    gaps: Sequence[Gap] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """A host that refused lately. It rests ``until`` then, None: it has answered since.
    ``wanted`` says that the last run which stored articles of the site would have asked it.
    """

    name: str
    site: str | None
    reason: str
    refused_at: datetime
    until: datetime | None
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Signs:
    """All signs at ``now``.

    ``free`` are the bytes that are free where the data folder is; ``clock_off`` is as in
    ``runs``, of the last run that was answered; ``verify`` the first problem that the last
    verification found; ``sinks`` what those that failed last said; ``enabled`` the sites that are
    to be crawled; ``open`` the alarms that are open, by rule and subject, and since when.
    """

    now: datetime
    sites: Sequence[Site] = ()
    hosts: Sequence[Host] = ()
    free: int | None = None
    clock_off: float | None = None
    verify: str | None = None
    sinks: Mapping[str, str] = field(default_factory=dict)
    enabled: frozenset[str] = frozenset()
    open: Mapping[tuple[str, str], datetime] = field(default_factory=dict)

"""What a corpus knows of one article: all its states, its routes, and the last look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from pipelines.database import history
from pipelines.database.rows import dicts
from pipelines.union import State

# By which site and address a route was read, and what it gave last.
_Route = tuple[str, str]
_Given = tuple[str | None, ...]


@dataclass(slots=True)
class Knowledge:
    """``states`` are oldest first, the last is that of today; times are as stored.

    ``sightings`` are when it was first seen by site, listing and address; ``given`` is the
    content_hash, page and parser of each route that was read; ``look`` its row of ``looks``.
    """

    states: list[State]
    first_seen_at: str
    same_text_as: str | None
    sightings: dict[tuple[str, str, str], str]
    given: dict[_Route, _Given]
    look: dict[str, Any] | None

    @property
    def whole(self) -> bool:
        """Has it a title and a time?"""
        said = self.states[-1].content
        return said["title"] is not None and said["published_at"] is not None

    def looked_at(self, route: _Route) -> str:
        """When it was looked at last by a route, as far as is known."""
        look, since = self.look, self.states[-1].seen_at
        return max(since, look["looked_at"]) if look and look["url"] == route[1] else since


def knowledge_of(db: Database, code: str) -> Knowledge | None:
    """Read it; None of an article that is not stored."""
    states = history.whole(db, code)
    if not states:
        return None
    first_seen_at, same_text_as = db.conn.execute(
        "SELECT first_seen_at, same_text_as FROM articles WHERE info_code = ?", (code,)
    ).fetchone()
    sightings: dict[tuple[str, str, str], str] = {}
    given: dict[_Route, _Given] = {}
    for its, listing, url, at, *look in db.conn.execute(
        "SELECT site, listing, url, first_seen_at, content_hash, page, parser FROM sightings"
        " WHERE info_code = ? ORDER BY rowid",
        (code,),
    ):
        sightings[its, listing, url] = at
        if look[0] is not None:
            given[its, url] = tuple(look)
    look_at = next(dicts(db, "SELECT * FROM looks WHERE info_code = ?", code), None)
    return Knowledge(states, first_seen_at, same_text_as, sightings, given, look_at)

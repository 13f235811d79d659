"""Every earlier state of an article: kept when it is replaced, given back in order.

``revisions`` holds the states that the source changed, ``corrections`` those that it did
not; ``articles`` the state that stands.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

from sqlite_utils import Database

from crawler.errors import BrokenRow
from pipelines.database.articles import Articles
from pipelines.database.rows import json_text
from pipelines.database.select import (
    EARLIER,
    LASTING,
    OWN,
    TODAY,
    Filter,
    decoded,
    earlier,
    rows,
)
from pipelines.dedupe import content_hash, words_hash
from pipelines.merge import COLUMNS, Change, Content
from pipelines.union import State

# What a state holds; its time is in seen_at.
_KEPT = (
    *(name for name in OWN if name not in (*LASTING, "updated_at")), "page", "body", "mentions",
)  # fmt: skip

_OF_STATE = tuple(name for name in COLUMNS if name != "text_hash")


def keep(db: Database, info_code: str, change: Change, now: str) -> None:
    """Keep the state of a stored article that ``change`` is about to replace at ``now``."""
    names = ", ".join(_KEPT)
    table, more, values = "revisions", "", [now, info_code]
    if change != "revised":
        table, more, values = "corrections", "change, ", [change, *values]
    db.conn.execute(
        f"INSERT INTO {table} ({more}{names}, seen_at, replaced_at)"
        f" SELECT {'?, ' if more else ''}{names}, updated_at, ? FROM ({TODAY})"
        " WHERE info_code = ?",
        values,
    )


def whole(db: Database, info_code: str) -> list[State]:
    """The states of an article as contents, oldest first; none when it is not stored.

    Raises :class:`crawler.errors.BrokenRow`.
    """
    found = Articles(db).get_all((info_code,)).get(info_code)
    if found is None:
        return []
    content, kept = found
    parts = " UNION ALL ".join(
        f"SELECT {', '.join(_OF_STATE)}, mentions, seen_at, replaced_at, run_id, revision,"
        f" {change} AS change, rowid AS number FROM {table} WHERE info_code = ?"
        for table, change in (("revisions", "'revised'"), ("corrections", "change"))
    )
    rows = db.conn.execute(
        f"SELECT * FROM ({parts}) ORDER BY revision, change = 'revised', number",
        (info_code, info_code),
    ).fetchall()
    states: list[State] = []
    came_by: Change | Literal["new"] = "new"
    for *said, mentions, seen_at, until, run_id, _, change, _ in rows:
        own = dict(zip(_OF_STATE, said, strict=True))
        try:
            own |= {"text_hash": words_hash(own["paragraphs"]), "mentions": _mentions(mentions)}
        except (ValueError, TypeError, AttributeError) as error:
            raise BrokenRow(info_code, error) from error
        states.append(State(own, seen_at, until, came_by, run_id))
        came_by = change
    return [*states, State(content, kept["updated_at"], None, came_by, kept["run_id"])]


def rewrite(db: Database, info_code: str, states: Sequence[State], run_id: int) -> int:
    """Write the earlier ones of ``states`` in place of those that are kept; the revision of the
    last. What another corpus wrote was brought by ``run_id``.
    """
    for table in EARLIER:
        db.conn.execute(f"DELETE FROM {table} WHERE info_code = ?", (info_code,))
    revision = 1
    for state, following in pairwise(states):
        said = state.content
        values = {name: said[name] for name in _OF_STATE} | {
            "info_code": info_code,
            "revision": revision,
            "content_hash": content_hash(said),
            "mentions": _mentions_json(said),
            "run_id": state.run_id or run_id,
            "seen_at": state.seen_at,
            "replaced_at": state.until,
        }
        table = "revisions"
        if following.change == "revised":
            revision += 1
        else:
            table, values = "corrections", values | {"change": following.change}
        db.conn.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES (:{', :'.join(values)})", values
        )
    return revision


def _mentions(column: str | None) -> tuple[tuple[Any, ...], ...] | None:
    if column is None:  # a revision of a version before m004_times
        return None
    names = ("market", "code", "name", "evidence", "paragraph")
    return tuple(tuple(each.get(name) for name in names) for each in json.loads(column))


def _mentions_json(said: Content) -> str | None:
    names = ("market", "code", "name", "evidence", "paragraph")
    if said["mentions"] is None:
        return None
    return json_text([dict(zip(names, each, strict=True)) for each in said["mentions"]])


def states(db: Database, info_code: str) -> list[dict[str, Any]]:
    """The states of an article in order, decoded; empty when it is not stored.

    Each with ``change``, what it came by (``new``, or a :data:`~pipelines.merge.Change`),
    ``seen_at``, and ``replaced_at``, None for the one that stands. Between two of them there
    may be others that a version before ``m005_history`` did not keep.
    """
    own = (*OWN, "mentions")
    columns = ", ".join((*own, "replaced_at", "change", "number"))
    parts = (f"SELECT {columns} FROM ({earlier(table)}) WHERE info_code = ?" for table in EARLIER)
    cursor = db.conn.cursor()
    cursor.row_factory = sqlite3.Row
    found = cursor.execute(
        # Times may be equal; a revision ends with its number, after what was corrected of it.
        f"SELECT * FROM ({' UNION ALL '.join(parts)})"
        " ORDER BY revision, change = 'revised', number",
        [info_code] * len(EARLIER),
    ).fetchall()
    today = list(rows(db, Filter(among=(info_code,)), own))
    if not today:
        return []
    came_by = ["new", *(row["change"] for row in found)]
    until = [*(row["replaced_at"] for row in found), None]
    return [
        {
            "change": change,
            "seen_at": row["updated_at"],
            "replaced_at": end,
            **{name: value for name, value in decoded(row).items() if name in own},
        }
        for change, end, row in zip(came_by, until, found + today, strict=True)
    ]

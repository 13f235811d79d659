"""Every earlier state of an article: kept when it is replaced, given back in order.

``revisions`` holds the states that the source changed, ``corrections`` those that it did
not; ``articles`` the state that stands.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlite_utils import Database

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
from pipelines.merge import Change

# What a state holds; its time is in seen_at.
_KEPT = (
    *(name for name in OWN if name not in (*LASTING, "updated_at")), "page", "body", "mentions",
)  # fmt: skip


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

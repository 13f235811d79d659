"""The frontier: what listings showed, what became of it, and what is still owed.

The ``entries`` table is the queue. An entry is written before its article is asked
for and marked in the transaction that stores the article, so a killed run leaves it
pending and the next run finds it there. A code that came by several routes is asked
for by one at a time, by the next when that one failed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlite_utils import Database

from crawler.items import Entry, Listing, Look
from crawler.scope import Scope
from pipelines.database.failures import DUE
from pipelines.database.rows import ENTRY, entry_of, json_text, time_text

#: Of ``entries``, those that are owed: the first condition is that of the index.
PENDING = "state IN ('pending', 'failed') AND state = 'pending'"

_T = TypeVar("_T")
_ASK = 500  # SQL variables at once


@dataclass(frozen=True, slots=True)
class Shown:
    """What one listing page brought: its entries, those not shown there before, articles to ask for
    that were not owed already, and links without an info code. ``known`` and ``before`` are
    the numbers of entries at its end that were all known, and all certainly before the scope.
    """

    entries: int = 0
    new: int = 0
    found: int = 0
    skipped: frozenset[str] = frozenset()
    known: int = 0
    before: int = 0


class Frontier:
    """The frontier of one ``site`` in one run. Its writes are for the caller to commit."""

    def __init__(self, db: Database, site: str, run_id: int, clock: Callable[[], datetime]) -> None:
        self._conn: sqlite3.Connection = db.conn
        self._site = site
        self._run_id = run_id
        self._clock = clock
        self._first = 0
        self._position = 0
        self._revived: list[int] = []  # of those that are passed over
        self._refused = False  # are those asked for that their host refused before?

    def pass_over(self) -> None:
        """Take nothing that is owed now, but what is revived: another crawl asks for it."""
        (self._first,) = self._conn.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()
        self._position = self._first

    def place(self, entry: Entry) -> int | None:
        """The place of an article among those that are owed, in the order in which they are
        taken; None where it is not.
        """
        row = self._conn.execute(
            f"SELECT id FROM entries WHERE site = ? AND listing = ? AND url = ? AND {PENDING}",
            (entry.site, entry.listing, entry.url),
        ).fetchone()
        return row and int(row[0])

    def adopt(self, places: Iterable[int]) -> None:
        """This run asks for these: an earlier one did, and what comes of it comes to this one."""
        self._conn.executemany(
            "UPDATE entries SET run_id = ? FROM entries AS e WHERE e.id = ?"
            " AND entries.info_code = e.info_code AND entries.site = e.site"
            " AND entries.url = e.url AND entries.run_id IS e.run_id AND entries.state = 'pending'",
            [(self._run_id, place) for place in places],
        )

    def revive(self) -> int:
        """Make what failed and is due to be tried again pending; the number of articles owed."""
        revived = self._conn.execute(
            f"""
            UPDATE entries SET state = 'pending' WHERE id IN (
              SELECT e.id FROM failures AS f
              CROSS JOIN entries AS e ON e.info_code = f.info_code AND e.url = f.url
              WHERE f.site = :site AND {DUE} AND e.site = :site
              AND e.state IN ('failed', 'stored'))
            RETURNING id
            """,
            {"site": self._site, "now": time_text(self._clock())},
        ).fetchall()
        self._revived = sorted(id_ for (id_,) in revived) if self._first else []
        if self._first:
            return len(self._revived)
        (owed,) = self._conn.execute(
            f"SELECT count(DISTINCT info_code) FROM entries WHERE site = ? AND {PENDING}",
            (self._site,),
        ).fetchone()
        return int(owed)

    def add_listing(self, listing: Listing) -> None:
        """Remember a listing, so that the next run walks it too."""
        self._conn.execute(
            "INSERT INTO listings VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (listing.site, listing.name, listing.url, time_text(self._clock())),
        )

    def answered(self, listing: str) -> None:
        """A listing was walked as it should: the failures of its pages are over."""
        self._conn.execute(
            "UPDATE failures SET resolved_at = ? WHERE site = ? AND listing = ?"
            " AND info_code IS NULL AND resolved_at IS NULL",
            (time_text(self._clock()), self._site, listing),
        )

    def listings(self) -> list[Listing]:
        """The listings of this site that earlier runs found, oldest first.

        Without those that rest, such as a category page that answered 404 today.
        """
        rows = self._conn.execute(
            "SELECT site, name, url FROM listings AS l WHERE site = :site AND NOT EXISTS"
            " (SELECT 1 FROM failures AS f WHERE f.site = l.site AND f.url = l.url"
            " AND f.next_try_at > :now AND f.last_failed_at <= :now AND f.resolved_at IS NULL)"
            " ORDER BY rowid",
            {"site": self._site, "now": time_text(self._clock())},
        )
        return [Listing(*row) for row in rows]

    def show(self, entries: Sequence[Entry], scope: Scope) -> Shown:
        """Write what a listing page shows; call it before any of it is asked for.

        A link that stands twice counts once, as it stands first. An article that lacks its
        title or time is asked for by each address that is new, to fill what it lacks.
        """
        entries = list({(e.listing, e.url): e for e in reversed(entries)}.values())[::-1]
        skipped = frozenset(e.url for e in entries if e.info_code is None)
        known = self._known(entries)
        stored = self._stored({e.info_code for e in entries if e.info_code})
        new = found = at_end = before = 0
        for entry in entries:
            state, title = known.get((entry.listing, entry.url), (None, None))
            wanted = self._wanted(entry, state, scope, stored)
            before = before + 1 if scope.is_past(entry) else 0
            at_end = at_end + 1 if state else 0
            if state == "stored" and self._is_retitled(entry, title) and scope.holds(entry):
                wanted = "pending"  # edited, it seems
            asked_anew = wanted == "pending" and state in ("outside", "stored")
            if wanted == "pending" and (state is None or asked_anew):
                found += not self._is_owed(entry)
            if state is None:
                new += wanted != "skipped"
                self._insert(entry, wanted)
                if entry.info_code in stored:
                    self._sight(entry)
            elif asked_anew:
                self._ask_anew(entry)
        return Shown(len(entries), new, found, skipped, at_end, before)

    def tell(self, entry: Entry) -> None:
        """Keep what was told of an article that is not owed, such as by a web archive."""
        known = self._conn.execute(
            "SELECT 1 FROM entries WHERE site = ? AND listing = ? AND url = ?",
            (entry.site, entry.listing, entry.url),
        ).fetchone()
        if not known:
            self._insert(entry, "outside")

    def take(self, limit: int, *, refused: bool = False) -> list[Entry]:
        """The next articles to ask for, oldest entry first, one route a code; those at which
        their host went to rest in an earlier run only when they are asked for as ``refused``.

        Marks them as asked for by this run. Empty when nothing is owed: then every
        entry has an outcome, or was asked for and its outcome is on its way.
        """
        if refused != self._refused:
            self._refused, self._position = refused, self._first
        taken, self._revived = self._scan(limit, self._revived[:limit]), self._revived[limit:]
        if not taken and self._position > self._first:
            self._position = self._first  # once more from the start: other routes of what failed
            taken = self._scan(limit)
        entries = []
        for id_, entry in taken:
            elsewhere = self._elsewhere(entry)
            self._mark((id_, *elsewhere))
            entries.append(replace(entry, elsewhere=tuple(elsewhere.values())))
        return entries

    def _scan(self, limit: int, among: Sequence[int] = ()) -> list[tuple[int, Entry]]:
        """The next in order; of those ``among``, where there are any."""
        which = "id IN (SELECT value FROM json_each(:among))" if among else "id > :position"
        rows = self._conn.execute(
            f"""
            SELECT id, {ENTRY},
              refused + coalesce((SELECT attempts FROM failures AS f
                WHERE f.site = e.site AND f.url = e.url AND resolved_at IS NULL), 0)
            FROM entries AS e
            WHERE site = :site AND {PENDING} AND (refused > 0) = :refused
              AND {which} AND run_id IS NOT :run
              AND NOT EXISTS (SELECT 1 FROM entries AS asked WHERE asked.info_code = e.info_code
                              AND asked.state = 'pending' AND asked.run_id = :run)
            ORDER BY id LIMIT :limit
            """,
            {
                "site": self._site,
                "refused": self._refused,
                "position": self._position,
                "among": json_text(among),
                "run": self._run_id,
                "limit": limit,
            },
        ).fetchall()
        by_code: dict[str, tuple[int, Entry]] = {}
        for id_, *row in rows:
            entry = entry_of(row)
            by_code.setdefault(str(entry.info_code), (id_, entry))
            if not among:
                self._position = id_
        return list(by_code.values())

    def _elsewhere(self, entry: Entry) -> dict[int, Entry]:
        """What waits for the same, by its place: the address as further listings show it."""
        rows = self._conn.execute(
            f"SELECT id, {ENTRY} FROM entries WHERE info_code = ? AND site = ? AND url = ?"
            " AND listing <> ? AND state = 'pending' ORDER BY id",
            (entry.info_code, entry.site, entry.url, entry.listing),
        )
        return {id_: entry_of(row) for id_, *row in rows}

    def put_back(self, entry: Entry) -> None:
        """Its host went to rest at it: a later run asks for others first."""
        self._conn.execute(
            "UPDATE entries SET refused = refused + 1 WHERE site = ? AND url = ?",
            (self._site, entry.url),
        )

    def looks(self, limit: int) -> list[tuple[Entry, Look]]:
        """Stored articles that are to be looked at again now, with what to ask by.

        Marks them as asked for by this run. Empty when none is due any more.
        """
        rows = self._conn.execute(
            """
            SELECT e.id, etag, last_modified,
              e.site, e.listing, e.url, e.info_code, e.title, e.published_at, e.told
            FROM looks AS l JOIN entries AS e ON e.id = (
              SELECT min(id) FROM entries WHERE info_code = l.info_code AND url = l.url
              AND site = :site AND state = 'stored')
            WHERE next_look_at <= :now AND NOT EXISTS (
              SELECT 1 FROM entries WHERE info_code = l.info_code AND run_id = :run)
            ORDER BY next_look_at, e.id LIMIT :limit
            """,
            {
                "site": self._site,
                "now": time_text(self._clock()),
                "run": self._run_id,
                "limit": limit,
            },
        ).fetchall()
        self._mark(row[0] for row in rows)
        return [
            (entry := entry_of(row), Look(entry.info_code or "", entry.url, etag, modified))
            for _, etag, modified, *row in rows
        ]

    def _mark(self, ids: Iterable[int]) -> None:
        self._conn.executemany(
            "UPDATE entries SET run_id = ? WHERE id = ?", [(self._run_id, id_) for id_ in ids]
        )

    def _wanted(
        self, entry: Entry, state: str | None, scope: Scope, stored: Mapping[str, bool]
    ) -> str:
        if entry.info_code is None:
            return "skipped"
        if whole := stored.get(entry.info_code):
            needed = scope.full
        else:  # not stored, or by this address not read yet
            needed = scope.full or whole is None or state is None
        if not needed:
            return "stored"
        return "pending" if scope.holds(entry) else "outside"

    def _is_retitled(self, entry: Entry, title: str | None) -> bool:
        """Does the listing show another title than before? Remembers the one that it shows."""
        if not entry.title or entry.title == title:
            return False
        self._conn.execute(
            "UPDATE entries SET title = ? WHERE site = ? AND listing = ? AND url = ?",
            (entry.title, self._site, entry.listing, entry.url),
        )
        return title is not None

    def _known(self, entries: Sequence[Entry]) -> dict[tuple[str, str], tuple[str, str | None]]:
        """State and title of the entries that their listing showed before."""
        states = {}
        for chunk in _chunks(entries):
            marks = ",".join("?" * len(chunk))
            rows = self._conn.execute(
                f"SELECT listing, url, state, title FROM entries WHERE site = ? AND listing IN"
                f" ({','.join('?' * len(names := {e.listing for e in chunk}))})"
                f" AND url IN ({marks})",
                (self._site, *names, *(e.url for e in chunk)),
            )
            states.update({(listing, url): (state, title) for listing, url, state, title in rows})
        return states

    def _stored(self, codes: Iterable[str]) -> dict[str, bool]:
        """Which codes are stored, and whether with title and time."""
        stored: dict[str, bool] = {}
        for chunk in _chunks(sorted(codes)):
            rows = self._conn.execute(
                "SELECT info_code, title IS NOT NULL AND published_at IS NOT NULL FROM articles"
                f" WHERE info_code IN ({','.join('?' * len(chunk))})",
                chunk,
            )
            stored.update((code, bool(whole)) for code, whole in rows)
        return stored

    def _is_owed(self, entry: Entry) -> bool:
        """Is this code owed by another route, or was it asked for in this run?"""
        return bool(
            self._conn.execute(
                "SELECT 1 FROM entries WHERE info_code = ? AND (state = 'pending' OR run_id = ?)",
                (entry.info_code, self._run_id),
            ).fetchone()
        )

    def _ask_anew(self, entry: Entry) -> None:
        """Make an entry pending again, unless its article was looked at in this run."""
        self._conn.execute(
            "UPDATE entries SET state = 'pending' WHERE site = ? AND listing = ? AND url = ?"
            " AND NOT EXISTS (SELECT 1 FROM entries WHERE info_code = ? AND run_id = ?)",
            (self._site, entry.listing, entry.url, entry.info_code, self._run_id),
        )

    def _insert(self, entry: Entry, state: str) -> None:
        now = time_text(self._clock())
        time = entry.published_at and time_text(entry.published_at)
        self._conn.execute(
            "INSERT INTO entries (site, listing, url, info_code, title, published_at, told, state,"
            " first_shown_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.site,
                entry.listing,
                entry.url,
                entry.info_code,
                entry.title,
                time,
                json_text(dict(entry.told)) if entry.told else None,
                state,
                now,
            ),
        )

    def _sight(self, entry: Entry) -> None:
        """A new route of an article we have, whether it will be read or not."""
        self._conn.execute(
            "INSERT INTO sightings (info_code, site, listing, url, first_seen_at)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (entry.info_code, entry.site, entry.listing, entry.url, time_text(self._clock())),
        )


def _chunks(items: Sequence[_T]) -> Iterable[Sequence[_T]]:
    return (items[at : at + _ASK] for at in range(0, len(items), _ASK))

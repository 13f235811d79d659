"""What is known of hosts that refuse, in the table ``hosts``: remembered across runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlite_utils import Database

from pipelines.database.connect import writing
from pipelines.database.rows import time_text
from pipelines.hosts import Host, Hosts


class StoredHosts(Hosts):
    """What this run knows of the hosts. Rests are written at once."""

    def __init__(self, db: Database, clock: Callable[[], datetime], run_id: int) -> None:
        super().__init__(clock)
        self._db = db
        self._run_id = run_id
        self._hosts: dict[str, Host] = {}
        self._runs: dict[str, int | None] = {}  # that it refused last, or that missed it

    def missed(self, host: str) -> None:
        known = self._known(host)
        if self._runs[host] != self._run_id:
            self._runs[host] = self._run_id
            self._save(host, known)

    def hear(self, host: str, known: Host) -> None:
        """Others who ask know this of it, unless something later is known here."""
        if known.at >= self._known(host).at:
            self._change(host, lambda _: known)

    def at_rest(self) -> dict[str, Host]:
        """The hosts that rest now."""
        names = self._db.conn.execute("SELECT host FROM hosts WHERE rests_until IS NOT NULL")
        return {host: self._known(host) for (host,) in names.fetchall() if self.rest(host)}

    def _known(self, host: str) -> Host:
        if host not in self._hosts:
            row = self._db.conn.execute(
                "SELECT refusals, rests, rests_until, reason, last_refused_at, site, run_id"
                " FROM hosts WHERE host = ?",
                (host,),
            ).fetchone()
            known, self._runs[host] = Host(), None
            if row:
                refusals, rests, until, reason, refused, site, self._runs[host] = row
                refused_at = datetime.fromisoformat(refused)
                known = Host(
                    rests,
                    datetime.fromisoformat(until) if until else None,
                    reason,
                    site,
                    refused_at,
                    refusals,
                    at=refused_at,
                ).remembered(self._clock())
            self._hosts[host] = known
        return self._hosts[host]

    def _change(self, host: str, change: Callable[[Host], Host], *, matters: bool = True) -> None:
        before = self._known(host)
        after = self._hosts[host] = change(before)
        if after.refused_at != before.refused_at:
            self._runs[host] = self._run_id
        if matters:
            self._save(host, after)

    def _save(self, host: str, known: Host) -> None:
        row = {
            "host": host,
            "refusals": known.refusals,
            "rests": known.rests,
            "rests_until": time_text(known.until) if known.until else None,
            "reason": known.reason,
            "last_refused_at": time_text(known.refused_at),
            "site": known.site,
            "run_id": self._runs[host],
        }
        with writing(self._db):
            self._db.conn.execute(
                f"INSERT OR REPLACE INTO hosts ({', '.join(row)}) VALUES (:{', :'.join(row)})", row
            )

"""Which articles, as they stand or as they stood: one implementation for every command."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, Literal, TypeAlias, get_args

from sqlite_utils import Database

from crawler.items import Evidence
from pipelines.database.connect import one_state
from pipelines.database.rows import HALF, json_text, time_text
from pipelines.database.search_index import require_current
from pipelines.fields import COLUMNS, FIELDS, FLAGS, JSON_COLUMNS
from pipelines.search.query import parse

Dedupe = Literal["none", "exact", "near"]
#: SQL and its parameters.
Query: TypeAlias = tuple[str, dict[str, Any]]

#: Columns that are set when an article is first stored and never change.
LASTING = ("first_seen_at", "same_text_as")
#: Columns that follow from other articles too, so that no earlier state of an article holds them.
OF_GROUP = ("duplicate_group", "first_in_group")
#: Columns that every state of an article holds, ``mentions`` apart.
OWN = tuple(name for name in COLUMNS if name not in (*OF_GROUP, "mentions"))
#: The tables of earlier states.
EARLIER = ("revisions", "corrections")

_MENTIONS = (
    "(SELECT json_group_array(json_object('market', market, 'code', code, 'name', name,"
    " 'evidence', evidence, 'paragraph', paragraph)) FROM (SELECT * FROM mentions"
    " WHERE mentions.info_code = a.info_code ORDER BY rowid)) AS mentions"
)
# The group that an article had when the second :as_of was over.
_GROUP_THEN = (
    "coalesce((SELECT g.duplicate_group FROM regroupings AS g WHERE g.info_code = a.info_code"
    " AND g.replaced_at > :as_of ORDER BY g.replaced_at LIMIT 1), a.duplicate_group)"
    " AS duplicate_group"
)
# What makes articles one. What is not grouped yet, after a migration, is by itself.
_SAME = {
    "exact": "coalesce(text_hash, info_code)",
    "near": "coalesce(duplicate_group, info_code)",
}


def _standing(group: str) -> str:
    own = ", ".join(f"a.{name}" for name in (*OWN, "page", "body", "text_hash"))
    return f"SELECT {own}, {group}, {_MENTIONS} FROM articles AS a"


#: The articles as they stand, with their ``mentions`` as a JSON list in reading order.
TODAY = _standing("a.duplicate_group")


def earlier(table: str, more: str = "") -> str:
    """SQL for the states in one of ``EARLIER``: the columns ``OWN``, ``body``, ``mentions``,
    ``replaced_at`` and the ``change`` that did it, their ``number`` in order, and ``more``.
    """
    change = "'revised'" if table == "revisions" else "e.change"
    names = (f"{'a' if name in LASTING else 'e'}.{name}" for name in OWN)
    columns = ", ".join(names).replace("e.updated_at", "e.seen_at AS updated_at")
    return (
        f"SELECT {columns}, e.body, e.mentions, e.replaced_at, {change} AS change,"
        f" e.rowid AS number{more} FROM {table} AS e"
        " JOIN articles AS a ON a.info_code = e.info_code"
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """Which articles are wanted; what is None or empty does not narrow.

    ``since`` and ``until`` bound the time of publication, ``seen_since`` and ``seen_until``
    that of first storing, both included; an article without a time is in no selection that
    bounds it. ``sites`` and ``listings`` are those that showed it, by whichever route its text
    came. ``securities`` are codes with their market or without (``1.600519``, ``600519``),
    ``evidence`` says how a mention, of one of these, was found. ``query`` is as
    :func:`pipelines.search.query.parse` reads it, in the title, the digest or a paragraph.
    ``among`` are the info codes that are wanted at all. With ``as_of`` all is as it was known when
    that second was over: the articles first seen by then, each in its state of then.

    ``dedupe`` keeps of the same text (``exact``) or of a group of near-duplicates (``near``)
    the one published first among those that are wanted. ``apart_from`` leaves out articles of
    groups of which one, wanted otherwise, was published between then and ``since``.
    """

    since: datetime | None = None
    until: datetime | None = None
    seen_since: datetime | None = None
    seen_until: datetime | None = None
    sites: tuple[str, ...] = ()
    listings: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    securities: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    query: str | None = None
    min_paragraphs: int | None = None
    as_of: datetime | None = None
    dedupe: Dedupe = "none"
    apart_from: datetime | None = None
    among: tuple[str, ...] | None = None

    def check(self) -> None:
        """Raise :class:`ValueError` with a sentence for what a person cannot have meant."""
        for mistake in chain(self._order(), self._words()):
            raise ValueError(mistake)

    def _order(self) -> Iterator[str]:
        if self.since and self.until and self.since > self.until:
            yield f"since {self.since} is later than until {self.until}"
        if self.seen_since and self.seen_until and self.seen_since > self.seen_until:
            yield f"seen-since {self.seen_since} is later than seen-until {self.seen_until}"
        least = self.min_paragraphs
        if least is not None and (not isinstance(least, int) or not 1 <= least <= _MOST):
            yield f"{least!r} is no number of paragraphs, from 1 on"

    def _words(self) -> Iterator[str]:
        lists = (self.sites, self.listings, self.sources, self.securities, self.evidence)
        texts = [text for each in lists for text in each]
        texts += [] if self.query is None else [self.query]
        yield from (f"{each!r} is no text" for each in texts if not isinstance(each, str))
        yield from (f"{each!r} is no UTF-8" for each in texts if HALF.search(each))
        if self.query is not None:
            try:
                parse(self.query)
            except ValueError as error:
                yield str(error)
        known = {"evidence": get_args(Evidence), "dedupe": get_args(Dedupe)}
        for name, words in (("evidence", self.evidence), ("dedupe", (self.dedupe,))):
            for word in words:
                if word not in known[name]:
                    yield f"{name} {word!r} is none of {', '.join(known[name])}"
        for code in self.securities:
            if not _SECURITY.match(code):
                yield f"{code!r} is no code such as 1.600519 or 600519"

    def states(self, columns: str) -> Query:
        """SQL for ``columns`` of each wanted article in its state, and its parameters."""
        asked = {
            name: each
            for name in self.__slots__
            if (each := getattr(self, name)) or (name == "among" and each is not None)
        }
        wanted = " AND ".join(["1", *self._conditions(asked)])
        where = " AND ".join((wanted, *(sql for name, sql in _PUBLISHED.items() if name in asked)))
        if self.apart_from:
            before = f"{wanted} AND published_at >= :apart_from AND published_at < :since"
            where += f" AND {_SAME['near']} NOT IN ({self._all(_SAME['near'], before)})"
        if self.dedupe != "none":
            some = self._all(f"info_code, published_at, {_SAME[self.dedupe]} AS same", where)
            where += (
                " AND info_code IN (SELECT info_code FROM (SELECT info_code, row_number() OVER"
                " (PARTITION BY same ORDER BY published_at IS NULL, published_at, info_code)"
                f" AS place FROM ({some})) WHERE place = 1)"
            )
        values = {name: _bindable(each) for name, each in asked.items()}
        if self.query:
            values["match"] = parse(self.query).match
        return self._all(columns, where), values

    def _all(self, columns: str, where: str) -> str:
        """All states, each article in one of them."""
        first = "duplicate_group = info_code AS first_in_group"
        sql = f"SELECT {columns} FROM (SELECT *, {first} FROM ({{}})) AS state WHERE {where}"
        if self.as_of is None:
            return sql.format(TODAY)
        # A state stands from the second in which it was seen to that in which it was replaced.
        sql += " AND first_seen_at <= :as_of AND updated_at <= :as_of"
        more = f", words_hash(e.paragraphs) AS text_hash, {_GROUP_THEN}"
        past = [sql.format(earlier(table, more)) for table in EARLIER]
        return " UNION ALL ".join(
            (
                sql.format(_standing(_GROUP_THEN)),
                *(f"{each} AND replaced_at > :as_of" for each in past),
            )
        )

    def _conditions(self, asked: Container[str]) -> Iterator[str]:
        if "seen_since" in asked:
            yield "first_seen_at >= :seen_since"
        if "seen_until" in asked:
            yield "first_seen_at <= :seen_until"
        if "sources" in asked:
            # Of one, articles_by_source gives them in order of time; else + keeps it out.
            one = len(self.sources) == 1 and self.among is None
            yield "source = :sources ->> 0" if one else f"+source IN {_LIST.format('sources')}"
        if self.sites or self.listings:
            yield self._sighted(asked)
        if self.securities or self.evidence:
            yield self._mentioned(asked)
        if self.query:
            yield _SAID if self.as_of is None else _HOLDS
        if "min_paragraphs" in asked:
            yield "json_array_length(paragraphs) >= :min_paragraphs"
        if self.among is not None:
            yield f"info_code IN {_LIST.format('among')}"

    def _sighted(self, asked: Container[str]) -> str:
        seen = {
            "sites": f"site IN {_LIST.format('sites')}",
            "listings": f"listing IN {_LIST.format('listings')}",
            "as_of": "first_seen_at <= :as_of",
        }
        where = " AND ".join(sql for name, sql in seen.items() if name in asked)
        # Asked of each: a site may have shown nearly all, and a page wants the newest few.
        of = "s.info_code = state.info_code"
        return f"EXISTS (SELECT 1 FROM sightings AS s WHERE {of} AND {where})"

    def _mentioned(self, asked: Container[str]) -> str:
        named = {
            # The first is for the index.
            "securities": f"code IN {_BARE} AND (code IN {_LIST.format('securities')}"
            f" OR market || '.' || code IN {_LIST.format('securities')})",
            "evidence": f"evidence IN {_LIST.format('evidence')}",
        }
        where = " AND ".join(sql for name, sql in named.items() if name in asked)
        if self.as_of is None and self.securities and self.among is None:
            return f"info_code IN (SELECT info_code FROM mentions WHERE {where})"
        if self.as_of is None:  # few articles are asked, or most have one of any kind
            of = "m.info_code = state.info_code"
            return f"EXISTS (SELECT 1 FROM mentions AS m WHERE {of} AND {where})"
        # The table holds those of today; each state has its own as JSON.
        each = ", ".join(f"value ->> '{name}' AS {name}" for name in ("market", "code", "evidence"))
        return f"EXISTS (SELECT 1 FROM (SELECT {each} FROM json_each(mentions)) WHERE {where})"


_SECURITY = re.compile(r"(?:[0-9]{1,3}\.)?[0-9A-Za-z_]+\Z")
_MOST = 1_000_000  # paragraphs
_LIST = "(SELECT value FROM json_each(:{}))"
_BARE = "(SELECT substr(value, instr(value, '.') + 1) FROM json_each(:securities))"
# As bytes: another tool may have written what is no text.
_HOLDS = "holds(:query, CAST(title AS BLOB), CAST(digest AS BLOB), CAST(paragraphs AS BLOB))"
# The index holds the states of today.
_SAID = (
    "info_code IN (SELECT info_code FROM searched WHERE id IN"
    " (SELECT rowid FROM search WHERE search MATCH :match))"
)
_PUBLISHED = {"since": "published_at >= :since", "until": "published_at <= :until"}


def _bindable(value: object) -> object:
    if isinstance(value, datetime):
        return time_text(value)
    return json_text(value) if isinstance(value, tuple) else value


def is_over(as_of: datetime, now: datetime) -> bool:
    """May what was known at ``as_of`` be asked for? What will be known by then is not known yet:
    the same time would give something else later.
    """
    return as_of.replace(microsecond=0) <= now - timedelta(seconds=1)


def states(db: Database, wanted: Filter, columns: str) -> Query:
    """:meth:`Filter.states` for a corpus; :class:`crawler.errors.StoreError` where it asks for
    words and the search index is not there.
    """
    if wanted.query and wanted.as_of is None:
        require_current(db)
    return wanted.states(columns)


def count(db: Database, wanted: Filter) -> int:
    """How many articles the filter selects."""
    with one_state(db):
        sql, values = states(db, wanted, "info_code")
        (total,) = db.conn.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()
    return int(total)


def count_lost(db: Database, as_of: datetime) -> int:
    """How many articles were known at ``as_of`` in a state that was not kept.

    Only a version before ``m005_history`` replaced one without keeping it.
    """
    (known,) = db.conn.execute(
        "SELECT count(*) FROM articles WHERE first_seen_at <= ?", (time_text(as_of),)
    ).fetchone()
    return int(known) - count(db, Filter(as_of=as_of))


def rows(db: Database, wanted: Filter, columns: Sequence[str] = COLUMNS) -> Iterator[sqlite3.Row]:
    """The selected articles as stored, by time and info code, those without time first.

    Lists are JSON. One consistent state, whatever a crawl writes meanwhile; memory does
    not grow. Bytes that are no UTF-8, which only another tool can have put there, are U+FFFD.
    """
    with _state_of(db, wanted):
        sql, values = states(db, wanted, ", ".join(columns))
        sql += _ORDER
        cursor = db.conn.cursor()
        cursor.row_factory = sqlite3.Row
        given = 0
        try:
            for row in cursor.execute(sql, values):
                yield row
                given += 1
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
            be_lenient(db)  # not from the beginning: it costs a tenth
            yield from cursor.execute(f"{sql} LIMIT -1 OFFSET {given}", values)


def lines(db: Database, wanted: Filter) -> Iterator[bytes]:
    """The selected articles as JSON objects in UTF-8, without line breaks, in the order of
    :func:`rows`; what is unknown is null.
    """
    pairs = ", ".join(
        f"'{field.name}', {_AS_JSON.get(field.type, '{}').format(field.name)}" for field in FIELDS
    )
    made = f"CAST(json_object({pairs}) AS BLOB), published_at, info_code"
    with _state_of(db, wanted):
        sql, values = states(db, wanted, made)
        for line, _, _ in db.conn.execute(sql + _ORDER, values):
            try:
                line.decode()
            except UnicodeDecodeError:
                yield _without_halves(line.decode(errors="replace"))
            else:
                yield _without_halves(line) if b"\\ud" in line else line


def _state_of(db: Database, wanted: Filter) -> AbstractContextManager[None]:
    """One statement reads one state; whether there is an index to ask is another one."""
    return one_state(db) if wanted.query else nullcontext()


def _without_halves(line: str | bytes) -> bytes:
    """JSON can hold halves of characters as escapes, and readers of it refuse them."""
    return HALF.sub("\ufffd", json_text(json.loads(line))).encode()


def be_lenient(db: Database) -> None:
    """Read bytes that are no UTF-8 as U+FFFD from now on; only another tool writes such texts."""
    db.conn.text_factory = partial(str, encoding="utf-8", errors="replace")


_ORDER = " ORDER BY published_at, info_code"
_LISTED = "json({})"
_AS_JSON = {
    "texts": _LISTED,
    "paragraphs": _LISTED,
    "mentions": _LISTED,
    "flag": "json(CASE {} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)",
}


def decoded(row: sqlite3.Row) -> dict[str, Any]:
    """An article with its JSON columns as values; what is unknown is None."""
    values = dict(zip(row.keys(), row, strict=True))
    for name in JSON_COLUMNS & values.keys():
        values[name] = values[name] and json.loads(values[name])
    for name in FLAGS & values.keys():
        values[name] = None if values[name] is None else bool(values[name])
    return values


def article(db: Database, code: str, as_of: datetime | None = None) -> dict[str, Any] | None:
    """One article, decoded, with its ``sightings`` and the codes of its ``near_duplicates``, the
    earliest published first; None when it is not stored, or was not by then.
    """
    row = next(rows(db, Filter(as_of=as_of, among=(code,))), None)
    if row is None:
        return None
    cursor = db.conn.cursor()
    cursor.row_factory = sqlite3.Row
    seen = cursor.execute(
        "SELECT site, listing, url, first_seen_at FROM sightings WHERE info_code = ?"
        " AND first_seen_at <= coalesce(?, first_seen_at) ORDER BY rowid",
        (code, as_of and time_text(as_of)),
    )
    return {
        **decoded(row),
        "sightings": [dict(each) for each in seen],
        "near_duplicates": _near(db, row, as_of),
    }


def _near(db: Database, row: sqlite3.Row, as_of: datetime | None) -> list[str]:
    group, code = row["duplicate_group"], row["info_code"]
    sql, values = Filter(as_of=as_of).states("info_code, published_at, duplicate_group")
    found = db.conn.execute(
        # As the index has them: without those that are their own group.
        f"SELECT info_code FROM ({sql}) WHERE (duplicate_group = :group AND duplicate_group <>"
        " info_code OR info_code = :group) AND info_code <> :code"
        " ORDER BY published_at IS NULL, published_at, info_code",
        {**values, "group": group, "code": code},
    )
    return [code for (code,) in found]

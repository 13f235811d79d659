"""Groups of near-duplicates, kept as articles come and change.

What makes two texts near-duplicates is in :mod:`pipelines.sentences`; a group is all that
they link, directly or by others. Each text is found by its ``probes``, which its group has
posted in the table ``sentences``: so a batch reads a few rows for each article, whatever is
stored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from sqlite_utils import Database

from pipelines.database.postings import Postings
from pipelines.database.rows import json_text
from pipelines.sentences import packed, shared, unpacked, whole

# Two texts are near-duplicates when they share half of the heavier one; and so close that
# the one need not be posted beside the other when they share more than three quarters.
_ALIKE = 0.5
_CLOSE = 0.75
#: A group grows no larger. No story goes round so often; what so many texts share is a form, such
#: as 「详见公告」, and each earlier one that a backfill finds would rename all.
LARGEST = 500
_TEXTS = """
  SELECT t.id, t.info_code, t.published_at, t.sentences, a.duplicate_group, f.published_at
  FROM {} JOIN texts AS f ON f.info_code = a.duplicate_group"""
_BY_ID = _TEXTS.format(
    "json_each(?) AS asked JOIN texts AS t ON t.id = asked.value"
    " JOIN articles AS a ON a.info_code = t.info_code"
)
_BY_CODE = _TEXTS.format(
    "json_each(?) AS asked JOIN texts AS t ON t.info_code = asked.value"
    " JOIN articles AS a ON a.info_code = t.info_code"
)
# The first of a group has its own code: the index leaves it, and all who are alone, out.
_BY_GROUP = _TEXTS.format("articles AS a JOIN texts AS t ON t.info_code = a.info_code") + (
    " WHERE (a.duplicate_group = ?1 AND a.duplicate_group <> a.info_code) OR a.info_code = ?1"
)


@dataclass(frozen=True, slots=True)
class State:
    """A state of an article: since ``at``, its time and the sentences of its text.

    ``new`` when it was not stored before.
    """

    info_code: str
    published_at: str | None
    sentences: tuple[int, ...]
    at: str
    new: bool = False


class Duplicates:
    """The groups of one corpus. Its writes are for the caller to commit."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._postings: Postings | None = None

    def write(self, states: Sequence[State]) -> None:
        """Group articles that are stored already, in this order.

        The ``duplicate_group`` of a new one is its own code before.
        """
        if states:
            self._postings = self._postings or Postings(self._db.conn)
            batch = _Batch(self._db.conn, self._postings)
            batch.load(states)
            for state in states:
                batch.apply(state)
            batch.save()

    def forget(self) -> None:
        """What was written since the last commit is rolled back: read it anew."""
        self._postings = None


@dataclass(slots=True, eq=False)
class _Group:
    first: tuple[bool, str, str]  # its smallest _Text.key: ends with the info code
    texts: dict[int, _Text] = field(default_factory=dict)
    complete: bool = True  # False: there may be more in the tables, and its name is as there


@dataclass(slots=True, eq=False)
class _Text:
    id: int
    info_code: str
    published_at: str | None
    sentences: tuple[int, ...]
    group: _Group
    named: str  # its group as told last
    core: tuple[int, ...] = ()
    of: int = -1  # how many sentences were common when core was made

    @property
    def key(self) -> tuple[bool, str, str]:
        return _key(self.published_at, self.info_code)


def _key(published_at: str | None, info_code: str) -> tuple[bool, str, str]:
    return (published_at is None, published_at or "", info_code)


class _Batch:
    """Some states, worked out in memory: what they touch is read once and written once."""

    def __init__(self, conn: sqlite3.Connection, postings: Postings) -> None:
        self._conn = conn
        self._postings = postings
        (last,) = self._conn.execute("SELECT max(id) FROM texts").fetchone()
        self._next = (last or 0) + 1
        self._texts: dict[int, _Text] = {}
        self._by_code: dict[str, _Text] = {}
        self._groups: dict[str, _Group] = {}  # by their name in the tables
        self._turning: list[int] = []
        self._written: dict[int, _Text] = {}
        self._touched: dict[_Group, None] = {}
        self._renamed: dict[str, str] = {}
        self._regroupings: dict[tuple[str, str], str] = {}

    def load(self, states: Iterable[State]) -> None:
        """Read what the states will look up: at once, since each statement costs its time."""
        # New ones too: somebody may have deleted them from articles.
        self._remember(_BY_CODE, json_text([each.info_code for each in states]))
        found = [self._postings.probes(each.sentences) for each in states if each.sentences]
        self._look_up(chain.from_iterable(found))

    def apply(self, state: State) -> None:
        """Work out one change."""
        text = self._by_code.get(state.info_code)
        if text is None:
            self._add(state)
        elif text.sentences == state.sentences and not state.new:
            self._redate(text, state.published_at)
        else:
            self._rewrite(text, state)
        while self._turning:
            self._turn(self._turning.pop(0))
        self._tell(state.at)

    def save(self) -> None:
        """Write what was worked out."""
        conn = self._conn
        values = [
            (each.id, each.info_code, each.published_at, packed(each.sentences))
            for each in self._written.values()
        ]
        conn.executemany(
            "INSERT INTO texts VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET published_at = excluded.published_at, sentences = excluded.sentences",
            values,
        )
        self._postings.save()
        conn.executemany(
            "UPDATE articles SET duplicate_group = ? WHERE info_code = ?",
            [(name, code) for code, name in self._renamed.items()],
        )
        conn.executemany(
            # Several changes within a second: the group before it stood longest. By a clock
            # that was set back: they follow each other.
            "INSERT INTO regroupings SELECT ?1, ?2, max(?3, coalesce((SELECT max(replaced_at)"
            " FROM regroupings WHERE info_code = ?1), ?3)) WHERE true ON CONFLICT DO NOTHING",
            [(code, name, at) for (code, at), name in self._regroupings.items()],
        )

    def _add(self, state: State) -> None:
        if not state.sentences:
            return
        code = state.info_code
        alone = _Group(_key(state.published_at, code))
        text = _Text(self._next, code, state.published_at, state.sentences, alone, code)
        self._next += 1
        self._texts[text.id] = self._by_code[code] = self._written[text.id] = text
        self._put(text)
        if state.new:
            # It never stood alone, so it leaves no trace of that.
            text.named = text.group.first[2]
            if text.named != code:
                self._renamed[code] = text.named

    def _redate(self, text: _Text, published_at: str | None) -> None:
        if text.published_at == published_at:
            return
        group, was_first = text.group, text.key == text.group.first
        text.published_at = published_at
        self._written[text.id] = text
        if was_first:
            self._complete(group)
            group.first = min(each.key for each in group.texts.values())
        elif text.key < group.first:
            self._complete(group)
            group.first = text.key
        self._touched[group] = None

    def _rewrite(self, text: _Text, state: State) -> None:
        """Another text: what only the old one held together falls apart."""
        self._complete(text.group)
        rest = [each for each in text.group.texts.values() if each is not text]
        self._lift([*rest, text])
        text.sentences, text.published_at, text.of = state.sentences, state.published_at, -1
        self._written[text.id] = text
        for each in [*sorted(rest, key=_id), text]:
            self._put(each)

    def _turn(self, number: int) -> None:
        """A sentence is common from now on: what only it held together falls apart."""
        if number in self._postings.common:
            return
        texts = self._texts
        holders = [texts[each] for each in self._postings.turn(number) if each in texts]
        groups = dict.fromkeys(each.group for each in holders)
        for group in groups:
            self._complete(group)
        lifted = sorted((text for group in groups for text in group.texts.values()), key=_id)
        self._lift(lifted)
        for each in lifted:
            self._put(each)

    def _put(self, text: _Text) -> None:
        """Join a text that is in no group with all that are like it."""
        text.group = group = _Group(text.key, {text.id: text})
        self._touched[group] = None
        if not text.sentences:
            return
        wanted = self._postings.probes(text.sentences)
        self._look_up(wanted)
        if posted := self._postings.posted(wanted):
            alike, close = self._like(text, dict.fromkeys(chain.from_iterable(posted.values())))
            for found in alike:
                self._complete(found)
                if len(group.texts) + len(found.texts) <= LARGEST:
                    group = self._merged(group, found)
            if close:
                wanted = [each for each in wanted if close.isdisjoint(posted.get(each, ()))]
        self._turning += self._postings.post(text.id, wanted)

    def _like(self, text: _Text, posters: Iterable[int]) -> tuple[Iterable[_Group], set[int]]:
        """The groups of near-duplicates of a text, and which of the posters are close to it."""
        close, alike, other = set[int](), dict[_Group, None](), dict[_Group, None]()
        for id in posters:
            if (found := self._texts.get(id)) is None:
                continue  # its article was deleted by hand
            likeness = self._likeness(text, found)
            if likeness > _CLOSE:
                close.add(id)
            (alike if likeness >= _ALIKE else other)[found.group] = None
        for group in other:
            if group not in alike:
                self._complete(group)
                if any(self._likeness(text, each) >= _ALIKE for each in group.texts.values()):
                    alike[group] = None
        return alike, close

    def _merged(self, one: _Group, other: _Group) -> _Group:
        kept, gone = (one, other) if one.first < other.first else (other, one)
        self._complete(gone)
        kept.texts |= gone.texts
        for text in gone.texts.values():
            text.group = kept
        self._touched.pop(gone, None)
        self._touched[kept] = None
        return kept

    def _lift(self, texts: Sequence[_Text]) -> None:
        """Take all texts of some groups out of them, as if they had never been put."""
        posted = {each.id: [*self._core(each), whole(each.sentences)] for each in texts}
        self._look_up(number for numbers in posted.values() for number in numbers)
        for each in texts:
            self._touched.pop(each.group, None)
            self._postings.take_back(each.id, posted[each.id])

    def _tell(self, at: str) -> None:
        """Note whose group has another name now."""
        for group in self._touched:
            name = group.first[2]
            for text in group.texts.values():
                if text.named != name:
                    self._regroupings.setdefault((text.info_code, at), text.named)
                    self._renamed[text.info_code] = text.named = name
        self._touched.clear()

    def _likeness(self, one: _Text, other: _Text) -> float:
        core = self._core(one)
        if not core:
            return float(one.sentences == other.sentences)
        return shared(core, self._core(other))

    def _core(self, text: _Text) -> tuple[int, ...]:
        if text.of != len(self._postings.common):
            text.core = self._postings.core(text.sentences)
            text.of = len(self._postings.common)
        return text.core

    def _look_up(self, numbers: Iterable[int]) -> None:
        """Have the postings of these numbers, and the texts that they name, in memory."""
        if unknown := self._postings.look_up(numbers).difference(self._texts):
            self._remember(_BY_ID, json_text(sorted(unknown)))

    def _complete(self, group: _Group) -> None:
        if not group.complete:
            self._remember(_BY_GROUP, group.first[2])
            group.complete = True

    def _remember(self, sql: str, value: str) -> None:
        for id, code, published_at, blob, name, first_at in self._conn.execute(sql, (value,)):
            if id not in self._texts:
                group = self._groups.get(name)
                if group is None:
                    group = self._groups[name] = _Group(_key(first_at, name), complete=False)
                text = _Text(id, code, published_at, unpacked(blob), group, name)
                group.texts[id] = self._texts[id] = self._by_code[code] = text


def _id(text: _Text) -> int:
    return text.id

"""By which sentences the texts of a corpus are found, and which sentences are common."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence

from pipelines.sentences import packed, probes, unpacked

#: A sentence that so many texts have which are not close to each other is common: it tells
#: no copy from a template or a disclaimer, and counts no more.
COMMON = 16
# Rows kept in memory (some 10 MB) before they are moved to the large table. With 1,000,000
# texts stored a batch that writes there at once rewrites 30 MB of pages.
_RECENT = 100_000


class Postings:
    """The postings of a corpus: its newest in memory, of the others what was looked up.

    Between two :meth:`save` they change in memory alone.
    """

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.common = {number for (number,) in conn.execute("SELECT hash FROM common_sentences")}
        self._recent: dict[int, tuple[int, ...]] = {}
        self._rows = 0
        (last,) = conn.execute("SELECT max(id) FROM texts").fetchone()
        self._last: int = last or 0
        for text, hashes in conn.execute("SELECT text, hashes FROM recent_sentences"):
            self._remember(text, unpacked(hashes))
        self._clear()

    def _clear(self) -> None:
        self._known: dict[int, tuple[int, ...]] = {}
        # By text: what is not in the tables yet, and what still is.
        self._posted: dict[int, list[int]] = {}
        self._removed: dict[int, list[int]] = {}
        self._turned: list[int] = []
        self._probes: dict[tuple[int, ...], list[int]] = {}

    def posted(self, numbers: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """Those of the numbers, looked up before, that texts have posted, with the texts."""
        known = self._known
        return {number: texts for number in numbers if (texts := known[number])}

    def core(self, sentences: tuple[int, ...]) -> tuple[int, ...]:
        """Those that are not common."""
        if self.common.isdisjoint(sentences):
            return sentences
        return tuple(each for each in sentences if each not in self.common)

    def probes(self, sentences: tuple[int, ...]) -> list[int]:
        """See :func:`pipelines.sentences.probes`."""
        found = self._probes.get(sentences)
        if found is None:
            found = self._probes[sentences] = probes(self.core(sentences), sentences)
        return found

    def look_up(self, numbers: Iterable[int]) -> set[int]:
        """Have the postings of these numbers in memory; the texts of those that were not."""
        missing = set(numbers).difference(self._known)
        if not missing:
            return set()
        known = self._known
        known |= dict.fromkeys(missing, ())
        known |= {number: self._recent[number] for number in missing & self._recent.keys()}
        found = {text for texts in self.posted(missing).values() for text in texts}
        for number, text in self._conn.execute(
            "SELECT hash, text FROM json_each(?) CROSS JOIN sentences ON hash = value",
            (str(sorted(missing)),),  # is JSON, and made four times as fast
        ):
            known[number] += (text,)
            found.add(text)
        return found

    def post(self, text: int, numbers: Sequence[int]) -> list[int]:
        """Post numbers for a text; those that are so common now that they must be turned."""
        if not numbers:
            return []
        known, many, alone = self._known, list[int](), (text,)
        for number in numbers:
            if posted_by := known[number]:
                known[number] = posted_by = posted_by + alone
                if len(posted_by) >= COMMON:
                    many.append(number)
            else:
                known[number] = alone
        if removed := self._removed.get(text):
            self._removed[text] = [number for number in removed if number not in numbers]
            numbers = [number for number in numbers if number not in removed]
        self._posted[text] = [*self._posted.get(text, ()), *numbers]
        return many

    def take_back(self, text: int, numbers: Iterable[int]) -> None:
        """Undo what a text posted of these, now or then."""
        posted = self._posted.get(text, [])
        for number in numbers:
            posted_by = self._known[number]
            if text in posted_by:
                self._known[number] = tuple(each for each in posted_by if each != text)
                if number in posted:
                    posted.remove(number)
                else:
                    self._removed.setdefault(text, []).append(number)

    def turn(self, number: int) -> tuple[int, ...]:
        """Make a number common, for good; the texts that had posted it."""
        texts = self._known[number]
        for text in texts:
            self.take_back(text, (number,))
        self.common.add(number)
        self._turned.append(number)
        self._probes.clear()
        return texts

    def save(self) -> None:
        """Write what changed."""
        for text, numbers in self._posted.items():
            self._remember(text, numbers)
        rows = self._posted
        changed = [text for text, numbers in self._removed.items() if numbers]
        if old := [*changed, *(text for text in rows if text <= self._last)]:
            rows = {**rows, **self._rewritten(old)}
        self._conn.executemany(
            "INSERT OR REPLACE INTO recent_sentences VALUES (?, ?)",
            [(text, packed(numbers)) for text, numbers in rows.items()],
        )
        self._last = max(self._last, *rows, 0)
        self._conn.executemany(
            "INSERT INTO common_sentences VALUES (?)", [(number,) for number in self._turned]
        )
        if self._rows >= _RECENT:
            # In the order of the keys each page is written once.
            self._conn.executemany(
                "INSERT INTO sentences VALUES (?, ?)",
                (
                    (number, text)
                    for number in sorted(self._recent)
                    for text in self._recent[number]
                ),
            )
            self._conn.execute("DELETE FROM recent_sentences")
            self._recent, self._rows = {}, 0
        self._clear()

    def _rewritten(self, texts: Iterable[int]) -> dict[int, list[int]]:
        """Take away what was removed; the recent rows of texts that were stored before."""
        rows = {text: list(self._posted.get(text, ())) for text in texts}
        for text, hashes in self._conn.execute(
            "SELECT text, hashes FROM json_each(?) CROSS JOIN recent_sentences ON text = value",
            (str([*rows]),),
        ):
            removed = self._removed.get(text, ())
            rows[text] += (number for number in unpacked(hashes) if number not in removed)
        for text, removed in self._removed.items():
            for number in removed:
                if text in (posted_by := self._recent.get(number, ())):
                    self._recent[number] = tuple(each for each in posted_by if each != text)
                    self._rows -= 1
            self._conn.executemany(
                "DELETE FROM sentences WHERE hash = ? AND text = ?",
                [(number, text) for number in removed],
            )
        return rows

    def _remember(self, text: int, numbers: Collection[int]) -> None:
        alone = (text,)  # one for all: most are posted by no other
        known = self._recent.keys() & numbers
        self._recent |= {
            **dict.fromkeys(numbers, alone),
            **{number: self._recent[number] + alone for number in known},
        }
        self._rows += len(numbers)

"""What changed from one state of an article to the next, for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from typing import Any, Literal, TypeAlias

from pipelines.lines import differing, lines

Kind = Literal["same", "removed", "added", "left-out"]
#: Pieces of a line in order; True: this piece is not in the line beside it.
Pieces: TypeAlias = tuple[tuple[str, bool], ...]
Named: TypeAlias = Callable[[str, str], str]
_CONTEXT = 1
# Pairs of lines or characters that are compared for one page; a million may take half a second.
_PAIRS = 6_000_000


class Work:
    """How much may still be compared."""

    def __init__(self, pairs: int = _PAIRS) -> None:
        self._left = pairs

    def take(self, old: Sequence[str], new: Sequence[str]) -> bool:
        """May these be compared with each other?"""
        pairs = len(old) * len(new)
        may = pairs <= self._left
        self._left -= pairs if may else 0
        return may


@dataclass(frozen=True, slots=True)
class Step:
    """How a state came to be: ``change`` and ``revision`` as in the history, the ``fields`` that
    differ, the lines that do; ``lost`` says that what stood before was not kept. ``too_long``:
    the lines are too many to be compared. Lines that are too long are shown whole.
    """

    change: str
    seen_at: str
    revision: int
    fields: Sequence[str]
    lines: Sequence[tuple[Kind, Pieces]]
    lost: bool
    too_long: bool


def steps(states: Sequence[Mapping[str, Any]], named: Named = "{}: {}".format) -> list[Step]:
    """The steps of a history, the newest first; none of an article with one state. ``named``
    as for :func:`pipelines.lines.lines`.
    """
    found, work = [], Work()
    for before, after in pairwise(states):
        old, new = list(lines(before, named)), list(lines(after, named))
        too_long = not work.take(old, new)
        found.append(
            Step(
                change=after["change"],
                seen_at=after["seen_at"],
                revision=after["revision"],
                fields=differing(before, after),
                lines=[] if too_long else list(compared(old, new, work)),
                lost=before["replaced_at"] != after["seen_at"],
                too_long=too_long,
            )
        )
    return found[::-1]


def compared(old: Sequence[str], new: Sequence[str], work: Work) -> Iterator[tuple[Kind, Pieces]]:
    """The lines that differ, with one beside them for context.

    >>> list(compared(["涨3%"], ["涨5%"], Work()))[0]
    ('removed', (('涨', False), ('3', True), ('%', False)))
    """
    first = True
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT):
        if not first:
            yield "left-out", ()
        first = False
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                yield from (("same", ((text, False),)) for text in old[start:end])
            else:
                yield from _replaced(old[start:end], new[new_start:new_end], work)


def _replaced(old: Sequence[str], new: Sequence[str], work: Work) -> Iterator[tuple[Kind, Pieces]]:
    added: list[Pieces] = []
    for before, after in zip_longest(old, new):
        if before is None or after is None:
            whole = ((after if before is None else before, False),)
            if before is None:
                added.append(whole)
            else:
                yield "removed", whole
        else:
            mine, other = _marked(before, after, work)
            yield "removed", mine
            added.append(other)
    yield from (("added", each) for each in added)


def _marked(old: str, new: str, work: Work) -> tuple[Pieces, Pieces]:
    """Both lines, with what is only in one of them marked."""
    if not work.take(old, new):
        return ((old, False),), ((new, False),)
    before: list[tuple[str, bool]] = []
    after: list[tuple[str, bool]] = []
    for tag, start, end, new_start, new_end in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        differs = tag != "equal"
        before.append((old[start:end], differs))
        after.append((new[new_start:new_end], differs))
    return tuple(each for each in before if each[0]), tuple(each for each in after if each[0])

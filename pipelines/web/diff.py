"""What changed from one state of an article to the next, for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, pairwise, takewhile, zip_longest
from operator import itemgetter
from typing import Any, Literal, TypeAlias, TypeVar

from pipelines.lines import differing, lines

Kind = Literal["same", "removed", "added", "left-out"]
#: Pieces of a line in order; True: this piece is not in the line beside it.
Pieces: TypeAlias = tuple[tuple[str, bool], ...]
Text = TypeVar("Text", str, list[str])
Named: TypeAlias = Callable[[str, str], str]
_CONTEXT = 1
#: How many of the newest steps are shown.
STEPS = 50
# Lines or characters of one side that are compared, where both sides differ.
_LONGEST = 300
# What is compared for one page, in steps of the worst case, which is cubic: half a second.
_EFFORT = 60_000_000


class Work:
    """How much may still be compared."""

    def __init__(self, effort: int = _EFFORT) -> None:
        self._left = effort

    def take(self, old: Sequence[str], new: Sequence[str]) -> bool:
        """May these be compared with each other?"""
        effort = len(old) * len(new) * min(len(old), len(new))
        may = max(len(old), len(new)) <= _LONGEST and effort <= self._left
        self._left -= effort if may else 0
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
    """The newest ``STEPS`` of a history, the newest first; none of an article with one state.
    ``named`` as for :func:`pipelines.lines.lines`.
    """
    found, work = [], Work()
    for before, after in reversed(list(pairwise(states[-STEPS - 1 :]))):
        old, new = _apart(list(lines(before, named)), list(lines(after, named)), _CONTEXT)
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
    return found


def _apart(old: Text, new: Text, kept: int = 0) -> tuple[Text, Text]:
    """Both from where they begin to differ to where they end, with ``kept`` parts around.

    >>> _apart("abcde", "abXde", 1)
    ('bcd', 'bXd')
    """
    begin = _common(old, new)
    end = min(_common(old[::-1], new[::-1]), min(len(old), len(new)) - begin)
    begin, end = max(begin - kept, 0), max(end - kept, 0)
    return old[begin : len(old) - end], new[begin : len(new) - end]


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many parts both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


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
    begin = _common(old, new)
    mine, other = _apart(old, new)
    if not work.take(mine, other):
        return ((old, False),), ((new, False),)
    before = [(old[:begin], False)]
    after = [(new[:begin], False)]
    for tag, start, end, new_start, new_end in SequenceMatcher(
        None, mine, other, autojunk=False
    ).get_opcodes():
        differs = tag != "equal"
        before.append((mine[start:end], differs))
        after.append((other[new_start:new_end], differs))
    rest = (old[begin + len(mine) :], False)
    return _joined([*before, rest]), _joined([*after, rest])


def _joined(pieces: Iterable[tuple[str, bool]]) -> Pieces:
    """The same text in the fewest pieces."""
    each = groupby(pieces, key=itemgetter(1))
    whole = (("".join(text for text, _ in some), differs) for differs, some in each)
    return tuple(piece for piece in whole if piece[0])

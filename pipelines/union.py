"""The states of one article that two corpora know, as one history: what a corpus would know that
had looked when either did. No SQL here.

:func:`united` takes the states in order of time. Where the corpora read the article by one
address, the later look counts, as in :mod:`pipelines.merge`; where by different ones, they are
joined. The same whichever of the two is ``mine``, and with one of the two again the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from pipelines.database.rows import json_text
from pipelines.dedupe import content_hash
from pipelines.merge import BODY, Change, Content, joined, revised

# How a content came; how it was read; and by what it was said.
_CAME_BY = ("page", "listing")
_READ_BY = (*_CAME_BY, "parser", "body")
_SAID_BY = (*_READ_BY, "site", "category", "published_raw", "text_hash")


@dataclass(frozen=True, slots=True)
class State:
    """What an article said from ``seen_at`` on, up to ``until``, as times in tables.

    ``until`` None: it stands. It is before the next state began where one in between was not
    kept. ``change`` is what the state came by; ``run_id`` the run of this corpus that wrote it,
    None where another one's did.
    """

    content: Content
    seen_at: str
    until: str | None
    change: Change | Literal["new"]
    run_id: int | None = field(default=None, compare=False)


def united(mine: Sequence[State], theirs: Sequence[State], *, shared: bool) -> list[State]:
    """The states of both as one history, oldest first.

    ``shared`` says that both read the article by the same address. A state that was joined with
    another, and so does not stand as it was, is kept with no duration: whoever merges the same
    corpus again finds it there.
    """
    if mine == theirs:
        return list(mine)
    one, other = sorted((mine, theirs), key=_key)
    found = _fold(one, other, shared)
    if found != list(one) and _fold(other, one, shared) == list(other):
        return list(other)  # it knew all that the one did
    return found


def _key(states: Sequence[State]) -> tuple[int, str]:
    # The longer first: within a second either may seem to hold the other.
    said = json_text([(each.seen_at, each.change, each.content) for each in states])
    return -len(states), said


def _fold(one: Sequence[State], other: Sequence[State], shared: bool) -> list[State]:
    """Both in order of time; within a second ``one`` before the ``other``."""
    both = (one, other)
    order = sorted(
        (state.seen_at, side, number) for side in (0, 1) for number, state in enumerate(both[side])
    )
    found: list[State] = []
    for _, side, number in order:
        state = both[side][number]
        before = both[side][number - 1] if number else None
        more: list[State] = []
        if not found:
            more = [state]
        elif not (side and _knows(found, state, before, shared)):
            more = list(_step(found[-1], state, before, shared))
        if not more:
            found[-1] = replace(found[-1], until=_later(found[-1].until, state.until))
        found += more
    return list(_closed(found))


def _knows(found: Sequence[State], state: State, before: State | None, shared: bool) -> bool:
    """Does a state tell nothing beside what stood within the second in which it was seen?"""
    at = state.seen_at
    first = next((number for number, each in enumerate(found) if each.seen_at == at), len(found))
    then = found[max(first - 1, 0) :]
    return any(each.seen_at == at and each.content == state.content for each in then) or any(
        next(_step(each, state, before, shared), None) is None for each in then
    )


def _step(now: State, state: State, before: State | None, shared: bool) -> Iterator[State]:
    """What follows ``now`` when a corpus came by ``state``, from ``before``; nothing where that
    tells nothing else.
    """
    old, new = now.content, state.content
    if before and before.content == old:
        yield state  # as that corpus went on from there itself
    elif before:
        joins = state.change in ("filled", "reparsed")
        yield from _changed(state, old, (_joined if joins else revised)(old, new))
    elif not shared:
        merged = _joined(old, new)
        same = _same(old, new, _SAID_BY)
        if not same and merged != new:
            yield replace(state, until=state.seen_at, change="filled")
        if not same or not _same(old, merged, _CAME_BY):
            yield replace(state, content=merged, change="filled")
    elif not _same(old, new, _SAID_BY):
        yield from _changed(state, old, revised(old, new))


def _changed(state: State, old: Content, merged: Content) -> Iterator[State]:
    new = state.content
    change: Change = "retouched"
    if new["page"] and new["page"] == old["page"] and new["parser"] != old["parser"]:
        change = "reparsed"
        if new["paragraphs"] != "[]":
            merged = merged | {name: new[name] for name in BODY if name != "listing"}
    elif state.change == "filled":
        change = "filled"
    elif content_hash(merged) != content_hash(old):
        change = "revised"
    if not _same(old, merged, _CAME_BY if change == "filled" else _READ_BY):
        yield replace(state, content=merged, change=change)


def _joined(one: Content, other: Content) -> Content:
    # Of the oldest revisions it is not known what they mentioned.
    return joined(*({**each, "mentions": each["mentions"] or ()} for each in (one, other)))


def _same(one: Content, other: Content, but: Sequence[str]) -> bool:
    return all(one[name] == other[name] for name in one if name not in but)


def _later(one: str | None, other: str | None) -> str | None:
    return None if one is None or other is None else max(one, other)


def _closed(states: Sequence[State]) -> Iterator[State]:
    """Each until the next began, or until what it was replaced by and not kept."""
    for state, following in pairwise(states):
        until = following.seen_at
        yield replace(state, until=until if state.until is None else min(state.until, until))
    yield replace(states[-1], until=None)

"""The histories of one article in two corpora, as one; see :mod:`pipelines.union`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import Article, Paragraph
from pipelines.dedupe import content_hash
from pipelines.merge import Change, Content, content, joined, revised
from pipelines.union import State, united
from tests.looks import CODE

contents = st.builds(
    Article,
    info_code=st.just(CODE),
    site=st.sampled_from(["finews", "posts"]),
    page_url=st.just("x"),
    parser=st.sampled_from(["a/1", "a/2"]),
    title=st.sampled_from([None, "题", "题目"]),
    source=st.sampled_from([None, "新华社"]),
    tags=st.sampled_from([(), ("甲",), ("乙",)]),
    paragraphs=st.sampled_from([(), (Paragraph("text", "一"),), (Paragraph("text", "二二"),)]),
    page=st.sampled_from(["p", "q", "r"]),
    listing=st.sampled_from(["home", "emnews"]),
).map(content)


def differs(old: Content, new: Content) -> bool:
    """As the store takes it: a change of how it came is none."""
    return any(old[name] != new[name] for name in old if name not in ("page", "listing", "parser"))


@st.composite
def histories(draw: st.DrawFn, offset: int = 0, after: Sequence[State] = ()) -> list[State]:
    """The states that one corpus knew, at every other second from ``offset`` on, those ``after``
    it first.
    """
    said = draw(st.lists(contents, min_size=1, max_size=4))
    least = int(after[-1].seen_at) // 2 if after else 0
    places = st.lists(st.integers(least, 4), min_size=len(said), max_size=len(said))
    states = list(after)
    for place, new in zip(draw(places.map(sorted)), said, strict=True):
        at = str(2 * place + offset)
        if not states:
            states.append(State(new, at, None, "new"))
            continue
        old = states[-1].content
        own = "retouched" if content_hash(revised(old, new)) == content_hash(old) else "revised"
        change: Change = draw(st.sampled_from([own, "filled", "reparsed"]))
        look = {"filled": joined(old, new), "reparsed": new | {"page": old["page"]}}
        after_it = look.get(change, revised(old, new))
        if differs(old, after_it) and (change != "reparsed" or old["parser"] != new["parser"]):
            states[-1] = replace(states[-1], until=at)
            states.append(State(after_it, at, None, change))
    return states


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[State], list[State]]:
    """Those of two corpora; of which one may have begun as a copy of the other."""
    one = draw(histories())
    shared = draw(st.integers(0, len(one)))
    copy = [*one[: shared - 1], replace(one[shared - 1], until=None)] if shared else []
    return one, draw(histories(1, copy))


def at(states: list[State], second: int) -> State | None:
    """The state that stood when a second was over."""
    known = [each for each in states if each.seen_at <= str(second)]
    return known[-1] if known else None


@settings(deadline=None, max_examples=100)
@given(pairs(), st.booleans())
def test_two_histories_are_one(pair: tuple[list[State], list[State]], shared: bool) -> None:
    a, b = pair
    both = united(a, b, shared=shared)
    assert both == united(b, a, shared=shared)  # whichever was merged into the other
    for each in (a, b):  # and again: by then the address is one that both have read
        for again in (shared, True):
            assert united(both, each, shared=again) == both
            assert united(each, both, shared=again) == both
    for one, following in pairwise(both):
        assert one.until == following.seen_at
    assert both[-1].until is None
    assert both[0].change == "new"
    assert "new" not in [each.change for each in both[1:]]
    for second in range(10):
        then = at(both, second)
        known = [state for each in (a, b) if (state := at(each, second))]
        assert (then is None) == (not known)
        if then and len(known) == 1:  # what only one knew is as it was
            assert then == replace(known[0], until=then.until)


@settings(deadline=None)
@given(histories())
def test_a_history_with_itself_or_a_part_of_itself_is_itself(a: list[State]) -> None:
    for number in range(1, len(a) + 1):
        part = [*a[: number - 1], replace(a[number - 1], until=None)]
        assert united(a, part, shared=True) == a

"""Near-duplicates: what joins a group and what does not, whatever the order it comes in."""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import WriteFailed
from crawler.items import Paragraph
from crawler.parsers.dates import SHANGHAI
from pipelines.database import duplicates, postings
from pipelines.database.rows import time_text
from pipelines.run import Run
from pipelines.sentences import packed, probes, sentences, shared, unpacked, weight, whole
from tests import old
from tests.looks import Looks, article, at, looking

Group = set[int]


def story(number: int, paragraphs: int = 6) -> list[str]:
    """Made-up paragraphs of two sentences each, which no other number has."""
    chance = random.Random(number)
    hanzi = [chr(0x4E00 + each) for each in range(2000)]

    def sentence() -> str:
        return "，".join("".join(chance.choices(hanzi, k=12)) for _ in range(2)) + "。"

    return [sentence() + sentence() for _ in range(paragraphs)]


def hour(number: int) -> datetime:
    return datetime(2022, 6, 1, number, tzinfo=SHANGHAI)


def code(number: int) -> str:
    return f"NW20220601{number:010}"


def piece(number: int, text: Iterable[str], **parts: Any) -> Any:
    return article("\n".join(text), code=code(number), **{"published_at": None, **parts})


def groups(looks: Looks) -> list[Group]:
    """The groups of more than one, by the numbers of their articles; checks their names."""
    found = defaultdict[str, list[tuple[bool, str, str]]](list)
    for one, group, time in looks.rows(
        "SELECT info_code, duplicate_group, published_at FROM articles"
    ):
        found[group].append((time is None, time or "", one))
    assert all(min(members)[2] == name for name, members in found.items())
    return sorted(
        ({int(each[2][-10:]) for each in group} for group in found.values() if len(group) > 1),
        key=min,
    )


@pytest.fixture
def looks(tmp_path: Path) -> Iterator[Looks]:
    with looking(tmp_path) as found:
        yield found


A, B, C = (story(number) for number in range(3))
LEAD = story(9, 1)

COPIES = {
    "another attribution": [*A, "（文章来源：远山日报社客户端）"],
    "a paragraph changed": [*A[:2], *LEAD, *A[3:]],
    "a lead paragraph": [*LEAD, *A],
    "other order": A[::-1],
    "a paragraph missing": A[1:],
    "half of it": A[:3],
    "punctuation": [each.replace("，", "　").replace("。", "！ ") for each in A],
    "other paragraphs": ["".join(A)],
}
OTHERS = {
    "another text": B,
    "one paragraph quoted": [*A[:1], *B],
    "a roundup with all of it": [*A, *B, *C],
    "less than half": [*A[:2], *B[:4]],
    "every sentence changed": [each.replace("。", "亿元。") for each in A],
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_joins(looks: Looks, copy: list[str]) -> None:
    looks.take(piece(1, A), piece(2, B))
    looks.take(piece(3, copy))
    assert groups(looks) == [{1, 3}]


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_text_does_not(looks: Looks, other: list[str]) -> None:
    looks.take(piece(1, A))
    looks.take(piece(3, other))
    assert groups(looks) == []


def test_tables_count_and_pictures_do_not(looks: Looks) -> None:
    table = Paragraph("table", rows=tuple((each, "3.5%") for each in A))
    image = Paragraph("image", url="https://finews.test/a.png", alt=A[0])
    looks.take(
        *(piece(number, (), paragraphs=(table,)) for number in (1, 2)),
        *(piece(number, (), paragraphs=(image,)) for number in (3, 4)),
    )
    assert groups(looks) == [{1, 2}]


def test_texts_of_a_few_words(looks: Looks) -> None:
    texts = ["详见公告。", "“详见公告”", "涨３．５%。", "涨3.5％", "涨35%。", "……", "……", "", ""]
    looks.take(*(piece(number, [text] if text else []) for number, text in enumerate(texts, 1)))
    assert groups(looks) == [{1, 2}, {3, 4}]
    assert looks.rows("SELECT count(*) FROM texts") == [5]


def test_short_news_that_ends_as_others_do(looks: Looks) -> None:
    """By what is shared in characters: a closing sentence is half of the sentences here."""
    looks.take(*(piece(n, [story(n, 1)[0], "敬请广大投资者注意风险。"]) for n in range(12)))
    assert groups(looks) == []


def test_the_middle_one_links(looks: Looks) -> None:
    looks.take(piece(1, A))
    looks.take(piece(3, [*A[4:], *B[:4]]))
    assert groups(looks) == []
    looks.take(piece(2, [*A[2:], *B[:2]]))
    assert groups(looks) == [{1, 2, 3}]


def test_the_first_is_the_earliest_published_whenever_it_came(looks: Looks) -> None:
    def first() -> list[str]:
        return looks.rows("SELECT DISTINCT duplicate_group FROM articles")

    looks.take(piece(5, A))
    looks.take(piece(4, A))
    assert first() == [code(4)]
    looks.take(piece(9, A, published_at=hour(9)), piece(8, A, published_at=hour(9)))
    assert first() == [code(8)]
    looks.take(piece(7, A, published_at=hour(8)))
    assert first() == [code(7)]
    assert looks.take(piece(5, A, published_at=hour(7)))["changed"]
    assert first() == [code(5)]
    assert looks.take(piece(5, A, published_at=hour(10)))["changed"]
    assert first() == [code(7)]
    other = {"site": "posts", "page_url": "a.md"}
    assert looks.take(piece(4, A, published_at=hour(6), **other))["filled"]
    assert first() == [code(4)]
    assert looks.rows(f"SELECT published_at FROM texts WHERE info_code = '{code(4)}'") == [
        time_text(hour(6))
    ]


def test_a_revision_joins_leaves_and_splits(looks: Looks) -> None:
    looks.take(piece(1, A), piece(2, [*A[2:], *B[:2]]), piece(3, [*A[4:], *B[:4]]), piece(4, C))
    assert groups(looks) == [{1, 2, 3}]
    assert looks.take(piece(2, C))["changed"]
    assert groups(looks) == [{2, 4}]
    looks.take(piece(2, [*A[2:], *B[:2]]))
    assert groups(looks) == [{1, 2, 3}]
    looks.take(piece(3, [*C, *LEAD]))
    assert groups(looks) == [{1, 2}, {3, 4}]


def test_a_text_that_comes_later(looks: Looks) -> None:
    looks.take(piece(1, []), piece(2, A))
    looks.take(piece(1, A, site="posts", page_url="a.md"))
    assert groups(looks) == [{1, 2}]
    assert looks.rows("SELECT * FROM regroupings") == [(code(2), code(2), time_text(at(2)))]


def test_what_does_not_change_the_text_changes_no_group(looks: Looks) -> None:
    looks.take(piece(1, A), piece(2, A))
    before = [looks.rows(f"SELECT * FROM {table}") for table in ("texts", "recent_sentences")]
    looks.take(piece(1, A, title="另题", source="新华社"), piece(2, A[:3] + A[3:], author="某人"))
    assert [
        looks.rows(f"SELECT * FROM {table}") for table in ("texts", "recent_sentences")
    ] == before


DISCLAIMER = [story(77, 1)[0], story(78, 1)[0]]


@pytest.mark.parametrize("own", [1, 2, 6])
def test_a_disclaimer_makes_no_copies(looks: Looks, own: int) -> None:
    """Even of short articles of which it is most: they part when it is seen to be common."""
    several = [piece(number, [*story(number, own), *DISCLAIMER]) for number in range(100, 160)]
    for each in several:
        looks.take(each)
    assert groups(looks) == []
    looks.take(piece(200, [*story(100, own), *DISCLAIMER]))
    assert groups(looks) == [{100, 200}]


def test_a_template_whose_other_half_is_fixed_makes_no_copies(looks: Looks) -> None:
    fixed = story(50, 6)
    looks.take(*(piece(number, [*story(number, 5), *fixed]) for number in range(100, 150)))
    assert groups(looks) == []
    assert looks.rows("SELECT count(*) > 4 FROM common_sentences") == [1]


def test_a_story_that_goes_round_stays_one(looks: Looks) -> None:
    """Forty copies, each with its own lead: no sentence of it becomes common."""
    looks.take(*(piece(number, [*story(number, 1), *A]) for number in range(100, 140)))
    assert groups(looks) == [set(range(100, 140))]
    assert looks.rows("SELECT count(*) FROM common_sentences") == [0]


def test_texts_of_nothing_but_common_sentences(looks: Looks) -> None:
    looks.take(*(piece(number, [*story(number, 2), *DISCLAIMER]) for number in range(100, 200)))
    looks.take(piece(1, DISCLAIMER), piece(2, DISCLAIMER[:1]))
    looks.take(piece(3, DISCLAIMER[::-1]), piece(4, DISCLAIMER[:1]), piece(5, DISCLAIMER[1:]))
    looks.take(*(piece(number, DISCLAIMER) for number in range(10, 40)))
    assert groups(looks) == [{1, 3, *range(10, 40)}, {2, 4}]


def test_old_sentences_are_moved_to_the_large_table(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postings, "_RECENT", 30)
    for number in range(1, 13):
        looks.take(piece(number, story(number % 6)))
    assert groups(looks) == [{number, number + 6} for number in range(1, 7)]
    assert looks.rows("SELECT count(*) FROM sentences")[0] >= 30
    looks.take(piece(1, story(9)))
    looks.take(piece(7, story(9)), piece(8, story(9)))
    assert groups(looks) == [{1, 7, 8}, *({number, number + 6} for number in range(3, 7))]
    looks.take(piece(1, story(1)), piece(2, story(1)))
    assert groups(looks) == [{1, 2}, *({number, number + 6} for number in range(3, 7)), {7, 8}]


def test_a_clock_that_was_set_back(looks: Looks) -> None:
    looks.take(piece(3, A), after=100)
    looks.take(piece(2, A), after=10)
    looks.take(piece(1, A), after=-50)
    assert looks.rows("SELECT * FROM regroupings WHERE info_code = '" + code(3) + "'") == [
        (code(3), code(3), time_text(at(110)))
    ]


def test_articles_that_were_deleted_by_hand(looks: Looks) -> None:
    looks.take(*(piece(number, A) for number in range(1, 5)))
    with looks.run.corpus.atomic():
        looks.run.corpus.conn.execute("DELETE FROM articles WHERE info_code <> ?", (code(3),))
    looks.take(piece(5, A))
    looks.take(piece(2, A), piece(4, B), piece(6, B))
    looks.take(piece(1, A))
    assert groups(looks) == [{1, 2, 3, 5}, {4, 6}]


def test_a_flush_that_fails_leaves_no_trace(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = ("articles", "texts", "recent_sentences", "common_sentences", "regroupings")

    def content() -> list[Any]:
        return [looks.rows(f"SELECT * FROM {table}") for table in tables]

    several = [piece(number, [*story(number, 2), *DISCLAIMER]) for number in range(100, 130)]
    looks.take(*several[:10])
    before = content()
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.database.duplicates.packed", lambda of: object())
        with pytest.raises(WriteFailed):
            looks.take(*several[10:])
    assert content() == before
    looks.take()
    assert looks.rows("SELECT count(*) FROM articles") == [30]
    assert groups(looks) == []
    assert looks.rows("SELECT count(*) FROM common_sentences") != [0]


# Worlds so small that no sentence becomes common: what is known then is the plain definition.
BITS = [story(number, 1)[0].split("。")[0] + "。" for number in range(20, 28)]
some_texts = st.lists(st.sampled_from(BITS), max_size=6)
some_times = st.sampled_from([None, hour(7), hour(8)])
some_pieces = st.builds(
    lambda number, text, time, route: piece(
        number, text, published_at=time, page_url=route, title=f"题{number}"
    ),
    st.integers(1, 7), some_texts, some_times, st.sampled_from(["a", "b"]),
)  # fmt: skip


def linked(texts: dict[str, tuple[int, ...]]) -> dict[str, frozenset[str]]:
    """By the definition: all that near-duplicates link."""
    found = {one: {one} for one in texts}
    for one, mine in texts.items():
        for other, its in texts.items():
            if shared(mine, its) >= 0.5 and found[one] is not found[other]:
                found[one] |= found[other]
                for each in found[other]:
                    found[each] = found[one]
    return {one: frozenset(group) for one, group in found.items()}


def by_definition(looks: Looks) -> None:
    texts, times = {}, {}
    for one, time, blob in looks.rows(
        "SELECT a.info_code, a.published_at, t.sentences FROM articles AS a"
        " LEFT JOIN texts AS t ON t.info_code = a.info_code"
    ):
        texts[one], times[one] = unpacked(blob or b""), time
    expected = linked(texts)
    for one, group in looks.rows("SELECT info_code, duplicate_group FROM articles"):
        first = min(expected[one], key=lambda each: (times[each] is None, times[each] or "", each))
        assert group == first


AS_OF = """
SELECT info_code, coalesce((SELECT duplicate_group FROM regroupings AS r
  WHERE r.info_code = a.info_code AND replaced_at > ?1 ORDER BY replaced_at LIMIT 1),
  duplicate_group) FROM articles AS a WHERE first_seen_at <= ?1 ORDER BY info_code"""


def as_of(looks: Looks, seconds: float) -> list[Any]:
    return looks.run.corpus.conn.execute(AS_OF, (time_text(at(seconds)),)).fetchall()


@contextmanager
def fresh() -> Iterator[Looks]:
    with tempfile.TemporaryDirectory() as folder, looking(Path(folder)) as looks:
        yield looks


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(some_pieces, min_size=1, max_size=4), max_size=6), st.booleans())
def test_groups_are_as_defined_and_known_as_they_were(steps: list[list[Any]], small: bool) -> None:
    """After each batch; and the same again when all is grouped anew after a migration."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        if small:
            patched.setattr(postings, "_RECENT", 5)
        data, then = Path(folder), {}
        with looking(data) as looks:
            for batch in steps:
                looks.take(*batch)
                by_definition(looks)
                then[looks.seconds[0]] = as_of(looks, looks.seconds[0])
            for seconds, was in then.items():
                assert as_of(looks, seconds) == was
            with looks.run.corpus.atomic():
                looks.run.corpus.conn.execute("UPDATE articles SET duplicate_group = NULL")
        with looking(data) as looks:
            by_definition(looks)
            for seconds, was in then.items():
                assert as_of(looks, seconds) == was


@settings(deadline=None, max_examples=40)
@given(st.lists(some_pieces, max_size=8, unique_by=lambda each: each.info_code), st.randoms())
def test_the_order_of_storing_does_not_matter(pieces: list[Any], chance: random.Random) -> None:
    found = []
    for size in (1, 3):
        chance.shuffle(pieces)
        with fresh() as looks:
            for start in range(0, len(pieces), size):
                looks.take(*pieces[start : start + size])
            found.append(dict(looks.rows("SELECT info_code, duplicate_group FROM articles")))
    assert found[0] == found[1]


def test_grouping_anew_is_done_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with looking(tmp_path) as looks:
        looks.take(*(piece(number, [*story(number, 2), *DISCLAIMER]) for number in range(30)))
        looks.take(piece(40, A), piece(41, A), piece(42, [*story(3, 2), *DISCLAIMER]))
        before = groups(looks)
        with looks.run.corpus.atomic():
            looks.run.corpus.conn.execute("UPDATE articles SET duplicate_group = NULL")
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.database.regroup._BATCH", 10)
        patched.setattr("pipelines.database.duplicates.packed", lambda of: object())
        with pytest.raises(WriteFailed), Run.open(tmp_path, "test"):
            pass
    with looking(tmp_path) as looks:
        assert groups(looks) == before == [{3, 42}, {40, 41}]


@pytest.mark.parametrize("version", old.names(old.SETS["finews"])[:-1])
def test_an_older_database_is_grouped_when_it_is_opened(tmp_path: Path, version: str) -> None:
    old.restore(tmp_path, "finews", version)
    with looking(tmp_path) as looks:
        assert looks.rows("SELECT count(*) FROM articles WHERE duplicate_group IS NULL") == [0]
        assert looks.rows("SELECT count(*) FROM texts")[0] > 0


some_sentences = st.lists(st.integers(1, 12).map(lambda n: (n * 7919 << 8) + n * 20), unique=True)


@given(some_sentences, some_sentences)
def test_near_duplicates_share_a_probe(one: list[int], other: list[int]) -> None:
    mine, its = sorted(one), sorted(other)
    if shared(mine, its) >= 0.5:
        assert {*probes(mine, mine)} & {*probes(its, its)}
    assert unpacked(packed(mine)) == tuple(mine)
    assert weight([whole(mine)]) == 0


@given(st.text())
def test_any_text_has_sentences(text: str) -> None:
    found = sentences(text)
    assert all(one < other for one, other in pairwise(found))
    assert sentences(f"（{text}）\n") == found


def test_a_group_grows_no_larger_than_a_bound(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form that thousands have, read newest first: each would rename all that came before."""
    monkeypatch.setattr(duplicates, "LARGEST", 5)
    for number in range(20, 8, -1):
        looks.take(piece(number, A, published_at=hour(number)))
    # The first five that were stored; they are named after the earliest of them.
    assert groups(looks) == [{16, 17, 18, 19, 20}]
    alone = looks.rows("SELECT count(*) FROM articles WHERE duplicate_group = info_code")
    assert alone == [8]
    looks.take(piece(8, B, published_at=hour(8)))
    looks.take(piece(7, B, published_at=hour(7)))
    assert groups(looks) == [{7, 8}, {16, 17, 18, 19, 20}]

"""The search index stands with the articles: through changes, kills, upgrades and other tools."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import WriteFailed
from crawler.items import Article, Paragraph
from crawler.parsers.dates import SHANGHAI
from pipelines.database import search_index
from pipelines.database.connect import writing
from pipelines.database.search import find
from pipelines.database.search_index import DAY, day_of, is_current, rebuild
from pipelines.database.select import Filter
from pipelines.run import Run
from tests import old, searching

DAYS = [datetime(2024, 1, day, 9, tzinfo=SHANGHAI) for day in (1, 2)]


def clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Run.open(tmp_path, "test", clock=clock) as run:
        yield run


def article(number: int, title: str | None, said: str = "", **more: Any) -> Article:
    code = f"NW20240101{number:010}"
    values = {"published_at": DAYS[0], "paragraphs": (Paragraph("text", said),) if said else ()}
    return Article(code, "posts", f"{code}.md", "test/1", title=title, **{**values, **more})


def take(run: Run, *articles: Article) -> None:
    for each in articles:
        run.store.add(each)
    run.store.flush()


def change(run: Run, sql: str) -> None:
    """As another tool would."""
    with writing(run.corpus):
        run.corpus.conn.execute(sql)


def codes(run: Run, query: str) -> list[int]:
    return [int(hit.info_code[-4:]) for hit in find(run.corpus, Filter(query=query)).hits]


def assert_whole(run: Run) -> None:
    run.store.flush()
    assert searching.terms(run.data) == searching.whole(run.data)
    assert run.corpus.conn.execute(
        "SELECT count(*) FROM articles AS a LEFT JOIN searched AS s ON s.info_code = a.info_code"
        " WHERE s.content_hash IS NOT a.content_hash"
    ).fetchone() == (0,)
    times = run.corpus.conn.execute(
        "SELECT s.id, a.published_at FROM searched AS s JOIN articles AS a USING (info_code)"
    ).fetchall()
    assert all(day_of(time) < id < day_of(time) + DAY for id, time in times)


def test_a_revision_is_found_by_what_it_says_now(run: Run) -> None:
    take(run, article(1, "央行降准"), article(2, "央行降息"))
    assert codes(run, "降准") == [1]
    take(run, article(1, "央行加息"))
    assert codes(run, "降准") == []
    assert codes(run, "加息") == [1]
    assert codes(run, "央行") == [2, 1]
    assert_whole(run)


def test_one_that_got_another_time_takes_its_place(run: Run) -> None:
    take(run, article(1, "甲"), article(2, "甲乙", published_at=DAYS[1]))
    assert codes(run, "甲") == [2, 1]
    take(run, article(1, "甲", published_at=DAYS[1] + timedelta(hours=1)))
    assert codes(run, "甲") == [1, 2]
    take(run, article(2, "甲乙", published_at=DAYS[0]))
    assert codes(run, "甲") == [1, 2]
    assert_whole(run)


def test_what_is_stored_and_changed_in_one_batch(run: Run) -> None:
    take(run, article(1, "甲"), article(1, "乙"), article(1, "丙", published_at=DAYS[1]))
    take(run, article(1, "丁"), article(2, "丁"), article(1, "戊", published_at=DAYS[0]))
    assert [codes(run, each) for each in "甲乙丙丁戊"] == [[], [], [], [2], [1]]
    assert_whole(run)


looks = st.tuples(
    st.integers(1, 4),
    st.sampled_from([None, "甲", "甲乙", "A股300750"]),
    st.sampled_from(["", "甲。乙", "300 A股"]),
    st.sampled_from([None, *DAYS]),
    st.sampled_from(["posts/a.md", "posts/b.md"]),
    st.booleans(),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(looks, max_size=12))
def test_after_any_history_the_index_is_as_if_made_anew(
    tmp_path_factory: pytest.TempPathFactory, taken: list[Any]
) -> None:
    with Run.open(tmp_path_factory.mktemp("data"), "test", clock=clock) as run:
        for number, title, said, time, route, flush in taken:
            if title or said:
                each = article(number, title, said, published_at=time)
                run.store.add(Article(**{**_values(each), "page_url": f"{route}/{number}"}))
            if flush:
                run.store.flush()
        assert_whole(run)
        before = [codes(run, each) for each in ("甲", "股30", "a股")]
        rebuild(run.corpus)
        assert_whole(run)
        assert [codes(run, each) for each in ("甲", "股30", "a股")] == before


def _values(each: Article) -> dict[str, Any]:
    return {name: getattr(each, name) for name in Article.__slots__}


def test_a_failed_write_leaves_the_index_as_it_was(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(run, article(1, "甲"))
    kept = search_index.SearchIndex.write

    def full(index: Any, changes: Any) -> None:
        kept(index, changes)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(search_index.SearchIndex, "write", full)
    run.store.add(article(1, "乙"))
    with pytest.raises(WriteFailed):
        run.store.flush()
    monkeypatch.undo()
    run.store._clear()
    assert codes(run, "甲") == [1]
    assert_whole(run)
    take(run, article(1, "丙"))
    assert_whole(run)


def test_what_another_tool_changed_is_found_after_the_next_run(tmp_path: Path) -> None:
    with Run.open(tmp_path, "test", clock=clock) as run:
        take(run, article(1, "甲"), article(2, "甲"))
        change(
            run, "UPDATE articles SET title = '己', content_hash = '1:x' WHERE info_code LIKE '%1'"
        )
        take(run, article(1, "庚"))
        assert not is_current(run.corpus)  # it cannot be told what is to be taken out
    with Run.open(tmp_path, "test", clock=clock) as run:
        assert codes(run, "甲") == [2]
        assert codes(run, "庚") == [1]
        assert_whole(run)


def test_what_another_tool_took_away_and_comes_again(tmp_path: Path) -> None:
    with Run.open(tmp_path, "test", clock=clock) as run:
        take(run, article(1, "甲"), article(2, "甲"))
        change(run, "DELETE FROM articles WHERE info_code LIKE '%1'")
        assert codes(run, "甲") == [2]
        take(run, article(1, "乙"))
    with Run.open(tmp_path, "test", clock=clock) as run:
        assert codes(run, "甲 OR 乙") == [2, 1]
        assert_whole(run)


def test_other_rules_make_the_index_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Run.open(tmp_path, "test", clock=clock) as run:
        take(run, article(1, "甲"))
        change(run, "UPDATE search_state SET rules = '0, Unicode 3'")
        change(run, "DELETE FROM searched")
        change(run, "INSERT INTO search (search) VALUES ('delete-all')")
    with Run.open(tmp_path, "test", clock=clock) as run:
        assert "search index of 1 articles anew" in caplog.text
        assert codes(run, "甲") == [1]
        assert_whole(run)
    caplog.clear()
    with Run.open(tmp_path, "test", clock=clock):
        assert not caplog.text


def test_one_article_that_another_tool_broke_stops_no_run(run: Run) -> None:
    take(run, article(1, "甲", "乙"), article(2, "甲"))
    change(
        run,
        "UPDATE articles SET paragraphs = '{', published_at = 'gestern' WHERE info_code LIKE '%1'",
    )
    assert rebuild(run.corpus) == 2
    assert find(run.corpus, Filter(query="甲", among=("NW202401010000000002",))).hits
    assert is_current(run.corpus)


@pytest.mark.parametrize("version", old.names(old.SETS["finews"])[:-1])
def test_an_upgrade_makes_the_index(tmp_path: Path, version: str) -> None:
    old.restore(tmp_path, "finews", version)
    with Run.open(tmp_path, "test", clock=clock) as run:
        assert_whole(run)
        assert codes(run, "旧库")


def test_a_day_has_its_rows() -> None:
    assert day_of(None) == 0
    assert day_of("0001-01-01T00:00:00+08:00") == DAY
    assert day_of("2024-01-02T00:00:00+08:00") - day_of("2024-01-01T23:59:59+08:00") == DAY
    assert day_of("nie") == 0


def test_a_rebuild_leaves_one_part_and_a_small_log(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "_BATCH", 20)
    monkeypatch.setattr(search_index, "_STEP", 2)
    take(run, *(article(number, f"甲{number}", "乙丙丁" * number) for number in range(200)))
    done: list[tuple[int, int]] = []
    rebuild(run.corpus, lambda *each: done.append(each))
    assert done == [(number, 200) for number in range(20, 201, 20)]
    parts = run.corpus.conn.execute("SELECT count(DISTINCT segid) FROM search_idx").fetchone()
    assert parts == (1,)
    assert_whole(run)


def test_the_index_survives_vacuum(tmp_path: Path) -> None:
    with Run.open(tmp_path, "test", clock=clock) as run:
        take(run, *(article(number, f"甲{number}") for number in range(50)))
    with closing(sqlite3.connect(tmp_path / "finews.db")) as db:
        db.execute("VACUUM")
    with Run.open(tmp_path, "test", clock=clock) as run:
        assert codes(run, "甲49") == [49]
        assert_whole(run)

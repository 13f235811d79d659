"""When listings are walked again: by their rhythm, between bounds, sooner after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from crawler.config import Polling
from crawler.demo.site import build, bundled_posts
from crawler.parsers.dates import SHANGHAI
from pipelines.database.connect import open_corpus, writing
from pipelines.database.due import Due, Walked, next_walk
from pipelines.database.frontier import Frontier
from pipelines.database.hosts import StoredHosts
from pipelines.database.rhythm import DAYS, Rhythm, brought, by_day, count_between, usual_by_now
from tests.conftest import Program
from tests.replica import serving

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
# A Wednesday.
NOON = datetime(2026, 6, 17, 12, tzinfo=SHANGHAI)
POLLING = Polling()
LEAST, MOST = timedelta(seconds=POLLING.least), timedelta(seconds=POLLING.most)


def history(now: datetime, day: int = 40, night: int = 0, weekend: int = 0) -> dict[datetime, int]:
    """Four weeks: so many articles an hour from 9 to 18 on working days, at night, at weekends."""
    start = now.replace(hour=0, minute=0) - DAYS * DAY
    found = {}
    hour = start
    while hour < now:
        rests, busy = hour.weekday() >= 5, 9 <= hour.hour < 18
        found[hour] = weekend if rests else day if busy else night
        hour += HOUR
    return {hour: count for hour, count in found.items() if count}


def test_a_busy_hour_a_night_and_a_weekend() -> None:
    hours = history(NOON)
    rhythm = Rhythm(hours, NOON)
    assert rhythm.reaches(1, NOON, MOST) - NOON < 3 * MINUTE
    night = NOON.replace(hour=1)
    assert Rhythm(history(night), night).reaches(1, night, MOST) == night + MOST
    saturday = NOON + 3 * DAY
    assert Rhythm(history(saturday), saturday).reaches(1, saturday, MOST) == saturday + MOST


def test_the_morning_is_seen_to_come() -> None:
    """Walked last at 8: what comes from 9 on is waited for, and no longer."""
    eight = NOON.replace(hour=8)
    at = Rhythm(history(eight), eight).reaches(1, eight, MOST)
    assert eight + HOUR < at < eight + HOUR + 30 * MINUTE


def test_a_holiday_shows_in_the_last_hours() -> None:
    """A working day on which nothing comes is soon polled as a quiet one is."""
    silent = {hour: n for hour, n in history(NOON).items() if hour.date() != NOON.date()}
    usual, holiday = (Rhythm(hours, NOON) for hours in (history(NOON), silent))
    assert holiday.expected(NOON, NOON + HOUR) < usual.expected(NOON, NOON + HOUR) / 4


def test_more_than_usual_is_polled_more_often() -> None:
    rush = history(NOON, day=2) | {NOON - HOUR: 60, NOON - 2 * HOUR: 60}
    assert Rhythm(rush, NOON).expected(NOON, NOON + HOUR) > 5


def test_without_any_history() -> None:
    """One article an hour is supposed, and soon it is known better."""
    assert 0 < Rhythm({}, NOON).expected(NOON, NOON + HOUR) <= 1
    one_day = {NOON - n * HOUR: 60 for n in range(1, 36)}
    assert Rhythm(one_day, NOON).expected(NOON, NOON + HOUR) > 10


HISTORIES = st.dictionaries(
    st.integers(0, DAYS * 24 - 1).map(lambda back: NOON - back * HOUR), st.integers(1, 500)
)


@given(HISTORIES, st.integers(1, 6000), st.integers(1, 6000), st.floats(0.01, 1000))
def test_what_is_expected_adds_up(
    hours: dict[datetime, int], first: int, more: int, articles: float
) -> None:
    rhythm = Rhythm(hours, NOON)
    one, two = NOON + first * MINUTE, NOON + (first + more) * MINUTE
    parts = rhythm.expected(NOON, one) + rhythm.expected(one, two)
    assert parts == pytest.approx(rhythm.expected(NOON, two))
    at = rhythm.reaches(articles, NOON, 7 * DAY)
    assert NOON < at <= NOON + 7 * DAY
    if at < NOON + 7 * DAY:
        assert rhythm.expected(NOON, at) == pytest.approx(articles, rel=1e-3)
    else:
        assert rhythm.expected(NOON, at) <= articles * 1.001


@given(HISTORIES, st.lists(st.sampled_from(["known", "end", "failed", None]), max_size=12))
def test_a_next_walk_is_within_the_bounds(
    hours: dict[datetime, int], outcomes: list[str | None]
) -> None:
    walks = [Walked(NOON - n * HOUR, outcome) for n, outcome in enumerate(outcomes)]
    at = next_walk(walks, hours, POLLING, NOON)
    if not walks or walks[0].outcome is None:
        assert at == NOON
    else:
        assert NOON + LEAST <= at <= NOON + MOST


def test_after_failures_less_and_less_often() -> None:
    walks = [Walked(NOON, "failed")]
    pauses = []
    for _ in range(7):
        pauses.append((next_walk(walks, history(NOON), POLLING, NOON) - NOON) / MINUTE)
        walks.append(Walked(NOON, "failed"))
    assert pauses == [5, 10, 20, 40, 80, 120, 120]


def test_after_a_clock_that_was_ahead() -> None:
    assert next_walk([Walked(NOON + DAY, "known")], history(NOON), POLLING, NOON) == NOON


def test_parts_of_hours_count_in_part() -> None:
    hours = {NOON: 60, NOON + HOUR: 30}
    assert count_between(hours, NOON + 30 * MINUTE, NOON + 80 * MINUTE) == pytest.approx(40)
    assert count_between(hours, NOON - DAY, NOON) == 0


def test_a_usual_day_by_this_hour() -> None:
    hours = history(NOON)
    assert usual_by_now(hours, NOON) == 3 * 40
    assert usual_by_now(hours, NOON.replace(hour=9, minute=30)) == 20
    assert usual_by_now(history(NOON + 3 * DAY, weekend=2), NOON + 3 * DAY) == 24
    assert usual_by_now({}, NOON) is None
    assert by_day(hours, NOON, 4) == [0, 360, 360, 120]


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Database]:
    db = open_corpus(tmp_path)
    yield db
    db.close()


def walk(db: Database, at: datetime, outcome: str | None = "end", run: str = "finished") -> None:
    with writing(db):
        id_ = db.conn.execute(
            "INSERT INTO runs (command, started_at, outcome) VALUES ('crawl', ?, ?)",
            (at.isoformat(), run),
        ).lastrowid
        db.conn.execute(
            "INSERT INTO walks (run_id, site, listing, started_at, outcome)"
            " VALUES (?, 'finews', 'home', ?, ?)",
            (id_, (at + MINUTE).isoformat(), outcome),
        )
        db.conn.execute(
            "INSERT OR IGNORE INTO listings VALUES ('finews', 'home', 'https://a.test/', ?)",
            (at.isoformat(),),
        )


def due(db: Database, now: datetime) -> Due:
    return Due(db, "finews", POLLING, now)


def test_times_count_from_the_beginning_of_a_run_and_cron_is_not_punctual(
    corpus: Database,
) -> None:
    walk(corpus, NOON, "failed")
    assert due(corpus, NOON).at("home") == NOON + LEAST
    assert due(corpus, NOON + LEAST - MINUTE).listings(["home"]) == []
    assert due(corpus, NOON + LEAST - MINUTE / 6).listings(["home", "other"]) == ["home", "other"]


def test_a_host_at_rest_is_not_asked_but_not_for_ever_either(corpus: Database) -> None:
    walk(corpus, NOON)
    for rest, expected in ((90 * MINUTE, 120 * MINUTE), (DAY, MOST)):
        with writing(corpus):
            until = (NOON + 30 * MINUTE + rest).isoformat()
            corpus.conn.execute(
                "INSERT OR REPLACE INTO hosts"
                " VALUES ('a.test', 1, 1, ?, 'http-429', ?, 'finews', 1)",
                (until, NOON.isoformat()),
            )
        assert due(corpus, NOON + MINUTE).at("home") == NOON + expected


def test_a_page_that_is_not_there_rests_as_long_as_it_may(corpus: Database) -> None:
    walk(corpus, NOON, "failed")
    with writing(corpus):
        corpus.conn.execute(
            "INSERT INTO failures (site, listing, url, reason, message, attempts, next_try_at,"
            " first_failed_at, last_failed_at, run_id) VALUES ('finews', 'home', 'https://a.test/',"
            " 'http-404', '', 1, ?, '', '', 1)",
            ((NOON + DAY).isoformat(),),
        )
    assert due(corpus, NOON + HOUR).at("home") == NOON + MOST


def test_what_a_clock_that_ran_ahead_wrote_is_not_waited_for(corpus: Database) -> None:
    ahead = (NOON + 400 * DAY).isoformat()
    walk(corpus, NOON + 400 * DAY, "failed")
    with writing(corpus):
        corpus.conn.execute(
            "INSERT INTO hosts VALUES ('a.test', 3, 3, ?, 'timeout', ?, 'finews', 1)",
            ((NOON + 401 * DAY).isoformat(), ahead),
        )
        corpus.conn.execute(
            "INSERT INTO failures (site, listing, url, reason, message, attempts, next_try_at,"
            " first_failed_at, last_failed_at, run_id) VALUES ('finews', 'home', 'https://a.test/',"
            " 'http-404', '', 1, ?, ?, ?, 1)",
            ((NOON + 401 * DAY).isoformat(), ahead, ahead),
        )
    assert due(corpus, NOON).listings(["home"]) == ["home"]
    assert StoredHosts(corpus, lambda: NOON, 2).rest("a.test") is None
    listings = Frontier(corpus, "finews", 2, lambda: NOON).listings()
    assert [each.name for each in listings] == ["home"]


def entry(db: Database, state: str, run_id: int | None) -> None:
    with writing(db):
        db.conn.execute(
            "INSERT INTO entries (site, listing, url, info_code, state, first_shown_at, run_id)"
            " VALUES ('finews', 'home', 'https://a.test/1', 'NW1', ?, '', ?)",
            (state, run_id),
        )


@pytest.mark.parametrize(
    ("outcome", "owes"), [("finished", False), ("stopped", True), (None, True), ("error", True)]
)
def test_what_a_run_left_that_did_not_end_is_owed(
    corpus: Database, outcome: str, owes: bool
) -> None:
    """Of one that came to its end it waits for a host that rests."""
    walk(corpus, NOON, run=outcome)
    entry(corpus, "pending", 1)
    assert due(corpus, NOON).owes() is owes


@pytest.mark.parametrize("rests", [False, True])
def test_a_failure_and_a_look_are_owed_when_they_are_due(corpus: Database, rests: bool) -> None:
    walk(corpus, NOON)
    entry(corpus, "stored", 1)
    if rests:
        with writing(corpus):
            corpus.conn.execute(
                "INSERT INTO hosts VALUES ('a.test', 1, 1, ?, 'http-429', ?, 'finews', 1)",
                ((NOON + DAY).isoformat(), NOON.isoformat()),
            )
    at = (NOON + HOUR).isoformat()
    failure = (
        "INSERT INTO failures (site, info_code, url, reason, message, attempts, next_try_at,"
        " first_failed_at, last_failed_at, run_id) VALUES ('finews', 'NW1', 'https://a.test/1',"
        " 'http-500', '', 1, ?, '', '', 1)"
    )
    look = "INSERT INTO looks VALUES ('NW1', 'https://a.test/1', 1, '', ?, NULL, NULL, NULL)"
    for sql in (failure, look):
        with writing(corpus):
            corpus.conn.execute("DELETE FROM failures")
            corpus.conn.execute(sql, (at,))
        assert due(corpus, NOON).owes() is False
        assert due(corpus, NOON + HOUR).owes() is not rests


def test_articles_without_a_time_count_for_when_they_were_seen(corpus: Database) -> None:
    walk(corpus, NOON)
    with writing(corpus):
        for code, published, seen in (
            ("NW1", NOON - DAY, NOON),
            ("NW2", None, NOON - 2 * HOUR),
            ("NW3", NOON - 60 * DAY, NOON),
        ):
            time = published and published.isoformat()
            corpus.conn.execute(
                "INSERT INTO articles (info_code, site, published_at, paragraphs, content_hash,"
                " revision, first_seen_at, updated_at, run_id, parser)"
                " VALUES (?, 'finews', ?, '[]', '', 1, ?, '', 1, '')",
                (code, time, seen.isoformat()),
            )
            for url in ("a", "b"):
                corpus.conn.execute(
                    "INSERT INTO sightings (info_code, site, listing, url, first_seen_at)"
                    " VALUES (?, 'finews', 'home', ?, '')",
                    (code, url),
                )
    found = brought(corpus, "finews", NOON)["home"]
    assert found.hours == {NOON - DAY: 1, NOON - 2 * HOUR: 1}
    assert found.newest == NOON - 2 * HOUR


def test_only_what_is_due_is_asked_for(finews: Program) -> None:
    with serving(build(bundled_posts())) as replica:
        assert finews("crawl", "finews", "--due", "--replay", replica.url) == ""
        assert finews.rows("SELECT count(*) FROM articles") == [16]
        # Listings that the first run discovered, and then nothing.
        first = len(replica.log)
        finews("crawl", "finews", "--due", "--replay", replica.url)
        assert {each.split("/")[1] for each in replica.log[first:]} == {"category"}
        replica.log.clear()
        finews("crawl", "finews", "--due", "--replay", replica.url)
        assert replica.log == []
        finews.write(
            "UPDATE runs SET started_at = '2026-01-01T00:00:00+08:00' WHERE id ="
            " (SELECT run_id FROM walks WHERE listing = 'emnews')"
        )
        finews("crawl", "finews", "--due", "--replay", replica.url)
        assert sorted(replica.log) == ["/", "/emnews/", "/feed.xml"]  # of the same run
    runs = finews.rows("SELECT command, outcome, requests > 0 FROM runs")
    assert [each[2] for each in runs] == [1, 1, 0, 1]
    assert {each[:2] for each in runs} == {("crawl --due finews", "finished")}


def test_runs_that_had_nothing_to_do_are_not_kept_for_ever(finews: Program) -> None:
    with serving(build(bundled_posts())) as replica:
        for _ in range(3):
            finews("crawl", "finews", "--due", "--replay", replica.url)
        finews.write("UPDATE runs SET ended_at = '2020-01-01T00:00:00+08:00'")
        finews("crawl", "finews", "--due", "--replay", replica.url)
    assert finews.rows("SELECT id FROM runs") == [1, 2, 4]

"""Rests of hosts by a clock of our own, and how long a server asks to be left alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.exceptions import DownloadTimeoutError
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from sqlite_utils import Database

from crawler.frontier.fetch import fetch_failed, retry_after
from crawler.parsers.dates import SHANGHAI
from pipelines.database import schema
from pipelines.database.connect import open_corpus
from pipelines.database.hosts import StoredHosts
from pipelines.hosts import Host, Rest

HOST = "np-listapi.eastmoney.com"
URL = f"https://{HOST}/"
START = datetime(2026, 9, 19, 1, 0, 0, 250_000, tzinfo=SHANGHAI)
MOST = timedelta(days=30)
names = (f"host{number}.test" for number in count())


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


class World:
    """Hosts in a database, a clock, and what another process would know of them."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = Clock()
        self.hosts = self.another()

    def another(self, rests: Sequence[float] = (30, 120, 600)) -> StoredHosts:
        hosts = StoredHosts(self.db, self.clock, 1)
        hosts.rests = [seconds(each) for each in rests]
        return hosts

    def refuse(self, times: int = 1, reason: str = "http-403", wait: float = 0) -> None:
        for _ in range(times):
            self.hosts.refused(HOST, reason, seconds(wait) if wait else None, "finews")

    def left(self) -> float:
        """How many seconds the host rests yet; 0 when it does not."""
        rest = self.hosts.rest(HOST)
        return (rest.until - self.clock.now).total_seconds() if rest else 0

    def sleep_out(self) -> None:
        self.clock.forward(seconds(self.left()))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(open_corpus(tmp_path))


def about(length: float) -> object:
    """That long, never shorter; whole seconds may make it one longer."""
    return pytest.approx(length + 0.5, abs=0.5)


def test_a_host_that_is_not_known_may_be_asked(world: World) -> None:
    assert world.hosts.rest(HOST) is None


@pytest.mark.parametrize("reason", ["http-403", "http-503", "timeout", "connection", "empty"])
def test_the_third_refusal_in_a_row_begins_a_rest(world: World, reason: str) -> None:
    world.refuse(2, reason)
    assert world.left() == 0
    world.refuse(1, reason)
    assert world.left() == about(30)
    rest = world.hosts.rest(HOST)
    assert rest and (rest.host, rest.reason) == (HOST, reason)
    assert rest.until.utcoffset() == timedelta(hours=8)


def test_an_answer_between_begins_the_count_anew(world: World) -> None:
    for _ in range(5):
        world.refuse(2)
        world.hosts.answered(HOST)
    assert world.left() == 0


def test_refusals_of_one_host_are_not_those_of_another(world: World) -> None:
    for host in ("a.test", "b.test", "c.test"):
        world.hosts.refused(host, "http-403", None, "finews")
    world.refuse(3)
    assert world.left() > 0
    assert not any(world.hosts.rest(host) for host in ("a.test", "b.test", "c.test"))


def test_too_many_requests_need_no_second_word(world: World) -> None:
    world.refuse(1, "http-429")
    assert world.left() == about(30)


@pytest.mark.parametrize("reason", ["http-403", "http-404", "http-429", "http-503"])
@pytest.mark.parametrize("wait", [1, 7, 45, 86_400])
def test_a_host_that_names_its_wait_rests_so_long(world: World, reason: str, wait: int) -> None:
    """Shorter or longer than ours: the host knows best."""
    world.refuse(1, reason, wait)
    assert world.left() == about(wait)


def test_the_end_of_a_rest_is_never_before_its_second(world: World) -> None:
    """Rows hold whole seconds; a fraction of one must not be lost."""
    for fraction in (0, 1, 250_000, 999_999):
        world.clock.now = (world.clock.now + timedelta(days=3)).replace(microsecond=fraction)
        world.refuse(1, "http-429", 7)
        world.clock.forward(seconds(7) - timedelta(microseconds=1))
        assert world.hosts.rest(HOST)
        assert world.another().rest(HOST)
        world.sleep_out()
        world.hosts.answered(HOST)


def test_rests_get_longer_and_stay_at_the_longest(world: World) -> None:
    world.refuse(2)
    lengths = []
    for _ in range(5):
        world.refuse()
        lengths.append(world.left())
        world.sleep_out()
        assert world.hosts.rest(HOST) is None
    assert lengths == [about(each) for each in (30, 120, 600, 600, 600)]


def test_rests_get_longer_where_the_host_names_a_short_wait_again_and_again(world: World) -> None:
    lengths = []
    for _ in range(5):
        world.refuse(1, "http-429", 2)
        lengths.append(world.left())
        world.sleep_out()
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (about(2), about(600))


def test_one_refusal_after_a_rest_is_enough(world: World) -> None:
    world.refuse(3)
    world.sleep_out()
    world.refuse()
    assert world.left() == about(120)


def test_after_an_answer_it_takes_three_again_but_the_rest_is_longer(world: World) -> None:
    world.refuse(3)
    world.sleep_out()
    world.hosts.answered(HOST)
    world.refuse(2)
    assert world.left() == 0
    world.refuse()
    assert world.left() == about(120)


@pytest.mark.parametrize(("good", "length"), [(19, 120), (20, 30)])
def test_twenty_good_answers_in_a_row_end_the_count(world: World, good: int, length: int) -> None:
    world.refuse(3)
    world.sleep_out()
    for _ in range(good):
        world.hosts.answered(HOST)
    world.refuse(3)
    assert world.left() == about(length)


def test_good_answers_count_only_in_a_row(world: World) -> None:
    world.refuse(3)
    world.sleep_out()
    for good in (15, 15):
        for _ in range(good):
            world.hosts.answered(HOST)
        world.refuse()
    world.refuse(2)
    assert world.left() == about(120)


def test_a_rest_is_known_to_the_next_run(world: World) -> None:
    world.refuse(3, "timeout")
    assert world.another().rest(HOST) == world.hosts.rest(HOST)
    row = next(iter(world.db["hosts"].rows))
    rest = world.hosts.rest(HOST)
    assert rest
    assert row == {
        "host": HOST,
        "refusals": 3,
        "rests": 1,
        "rests_until": rest.until.isoformat(timespec="seconds"),
        "reason": "timeout",
        "last_refused_at": START.isoformat(timespec="seconds"),
        "site": "finews",
        "run_id": 1,
    }
    world.sleep_out()
    world.hosts = world.another()
    assert world.hosts.rest(HOST) is None
    world.refuse()
    assert world.left() == about(120)


def test_the_end_of_the_count_is_known_to_the_next_run(world: World) -> None:
    world.refuse(3)
    world.sleep_out()
    for _ in range(20):
        world.hosts.answered(HOST)
    world.hosts = world.another()
    world.refuse(2)
    assert world.left() == 0
    world.refuse()
    assert world.left() == about(30)


@pytest.mark.parametrize("days", [1, 2.5, 9])
def test_a_long_wait_that_the_host_named_holds_for_later_runs(world: World, days: float) -> None:
    world.refuse(1, "http-503", timedelta(days=10).total_seconds())
    world.clock.forward(timedelta(days=days))
    assert world.hosts.rest(HOST)
    assert world.another().rest(HOST)


def test_refusals_add_up_over_runs_and_an_answer_ends_them(world: World) -> None:
    world.refuse(2)
    world.hosts = world.another()
    world.hosts.answered(HOST)
    world.hosts = world.another()
    world.refuse(2)
    assert world.left() == 0
    world.hosts = world.another()
    world.refuse()
    assert world.left() == about(30)


@pytest.fixture(scope="module")
def shared() -> Database:
    db = Database(memory=True)
    schema.corpus.apply(db)
    return db


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("refused"),
            st.sampled_from(["http-403", "http-429", "http-503", "timeout", "empty"]),
            st.one_of(st.none(), st.integers(1, 86_400)),
        ),
        st.tuples(st.just("answered"), st.just(""), st.none()),
        st.tuples(st.just("later"), st.just(""), st.integers(0, 100_000_000)),
    ),
    max_size=40,
)


@given(steps)
def test_whatever_comes_rests_hold_and_are_remembered(
    shared: Database, steps: list[tuple[str, str, int | None]]
) -> None:
    """A named wait is kept to the second, and a new process knows what this one knows."""
    host, clock = next(names), Clock()
    hosts = StoredHosts(shared, clock, 1)
    hosts.rests = [seconds(30), seconds(120)]
    owed = clock.now
    for what, reason, number in steps:
        if what == "later":
            clock.forward(timedelta(milliseconds=number or 0))
        elif hosts.rest(host):
            continue  # it is not asked
        elif what == "answered":
            hosts.answered(host)
        else:
            hosts.refused(host, reason, seconds(number) if number else None, "finews")
            if number or reason == "http-429":
                owed = clock.now + seconds(number or 30)
        rest = hosts.rest(host)
        assert StoredHosts(shared, clock, 1).rest(host) == rest
        if clock.now < owed:
            assert rest
            assert rest.until >= owed
        if rest:
            assert rest == Rest(host, rest.until, rest.reason)
            assert rest.until > clock.now
            assert rest.until.microsecond == 0


def test_what_others_knew_earlier_does_not_undo_what_they_knew_later(shared: Database) -> None:
    host, clock = next(names), Clock()
    hosts = StoredHosts(shared, clock, 1)
    refused = Host().changed(
        lambda known: known.refused("http-429", None, "finews", clock.now, hosts.rests), clock.now
    )
    answered = refused.changed(Host.answered, clock.now)  # at once: later all the same
    hosts.hear(host, refused)
    assert hosts.rest(host)
    for known in (answered, refused):
        hosts.hear(host, known)
        assert hosts.rest(host) is None
    clock.forward(seconds(10))
    again = answered.changed(
        lambda known: known.refused("http-429", None, "finews", clock.now, hosts.rests), clock.now
    )
    StoredHosts(shared, clock, 2).hear(host, again)
    assert StoredHosts(shared, clock, 3).rest(host)


def said(text: str | bytes, date: str | None = None, status: int = 429) -> Response:
    headers: dict[str, str | bytes] = {"Retry-After": text}
    return Response(URL, status=status, headers=headers | ({"Date": date} if date else {}))


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("1", seconds(1)),
        ("120", seconds(120)),
        (" 7 ", seconds(7)),
        ("007", seconds(7)),
        ("999999999", MOST),
        ("9" * 30, MOST),
        ("9" * 5000, MOST),
        ("0", None),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("Wed, 99 Foo 2026 00:00:00 GMT", None),
        (b"\xb2", None),
        (b"\xff\xfe\x00", None),
    ],
)
def test_seconds_and_what_is_none(text: str | bytes, wait: timedelta | None) -> None:
    """However large a number is, it asks for a long wait."""
    assert retry_after(said(text)) == wait


def test_no_word_of_it() -> None:
    assert retry_after(Response(URL, status=429)) is None


@given(st.integers(1, 10**9))
def test_every_number_of_seconds(number: int) -> None:
    assert retry_after(said(str(number))) == min(seconds(number), MOST)


@given(st.integers(-(10**7), 10**7), st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_every_date_counts_from_the_server_s_own_clock(ahead: int, now: datetime) -> None:
    now = now.replace(microsecond=0, tzinfo=UTC)
    date = format_datetime(now + seconds(ahead), usegmt=True)
    wait = retry_after(said(date, format_datetime(now, usegmt=True)))
    assert wait == (min(seconds(ahead), MOST) if ahead > 0 else None)


def test_a_date_counts_from_our_clock_where_the_server_tells_none() -> None:
    ahead = retry_after(said(format_datetime(datetime.now(UTC) + seconds(90), usegmt=True)))
    assert ahead and seconds(85) < ahead <= seconds(90)
    assert retry_after(said(format_datetime(datetime.now(UTC) - seconds(5), usegmt=True))) is None


@given(st.one_of(st.binary(max_size=60), st.text("0123456789:, GMTadeJnuW-+", max_size=40)))
def test_no_text_breaks_it(text: bytes | str) -> None:
    wait = retry_after(said(text.encode() if isinstance(text, str) else text))
    assert wait is None or timedelta(0) < wait <= MOST


@pytest.mark.parametrize(
    ("status", "wait", "refusal"),
    [
        (403, None, True),
        (429, None, True),
        (503, None, True),
        (404, None, False),
        (500, None, False),
        (500, "5", True),
        (404, "5", True),
    ],
)
def test_which_statuses_refuse(status: int, wait: str | None, refusal: bool) -> None:
    response = said(wait, status=status) if wait else Response(URL, status=status)
    failed = fetch_failed(HttpError(response), URL)
    assert (failed.reason, failed.refusal) == (f"http-{status}", refusal)
    assert failed.wait == (seconds(5) if wait else None)


def test_a_time_out_refuses() -> None:
    failed = fetch_failed(DownloadTimeoutError(), URL)
    assert (failed.reason, failed.refusal, failed.retry) == ("timeout", True, True)

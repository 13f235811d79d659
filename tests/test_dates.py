"""Times as sites write them, bounds as people write them, and what lies between bounds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import Entry
from crawler.parsers.dates import SHANGHAI, read_bound, read_time
from crawler.scope import Scope

NOON = datetime(2022, 5, 31, 12, 0, 0, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "text",
    [
        "2022-05-31 12:00:00",
        "2022-05-31T12:00:00",
        "2022-5-31 12:00:00",
        "(GMT+8, Asia/Shanghai, CST) 2022-05-31 12:00:00",
        "\u3000发布于 2022-05-31 12:00:00 +0800",
    ],
)
def test_a_time_is_read_anywhere_and_is_in_shanghai(text: str) -> None:
    found = read_time(text)
    assert found == NOON
    assert found.utcoffset() == timedelta(hours=8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(GMT+8, Asia/Shanghai, CST) ",
        "2022-05-31",
        "2022-05-31 12:00",
        "2022-13-01 12:00:00",
        "2022-02-30 12:00:00",
        "2021-02-29 12:00:00",
        "2022-05-31 24:00:00",
        "2022-05-31 12:60:00",
        "2022-05-31 12:00:60",
        "0000-01-01 00:00:00",
        "２０２２-05-31 12:00:00",
        "今天 16:25",
        "2022年05月31日 12:00:00",
    ],
)
def test_no_time_or_an_impossible_one_is_none(text: str) -> None:
    assert read_time(text) is None


def test_summer_time_of_the_eighties_is_not_for_articles() -> None:
    found = read_time("2022-07-01 00:30:00")
    assert found is not None and found.astimezone(UTC).isoformat() == "2022-06-30T16:30:00+00:00"


@settings(deadline=None)
@given(st.datetimes())
def test_every_second_survives(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=SHANGHAI)
    assert read_time(f"{moment.replace(tzinfo=None).isoformat(' ')}") == moment


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2022-05-31", "2022-05-31T00:00:00+08:00", "2022-05-31T23:59:59.999999+08:00"),
        (" 20220531 ", "2022-05-31T00:00:00+08:00", "2022-05-31T23:59:59.999999+08:00"),
        ("9999-12-31", "9999-12-31T00:00:00+08:00", "9999-12-31T23:59:59.999999+08:00"),
        ("2022-05-31T15:30", "2022-05-31T15:30:00+08:00", "2022-05-31T15:30:00+08:00"),
        ("2022-05-31 15:30:01", "2022-05-31T15:30:01+08:00", "2022-05-31T15:30:01+08:00"),
        ("2022-05-31T00:00:00Z", "2022-05-31T00:00:00+00:00", "2022-05-31T00:00:00+00:00"),
        ("2022-05-31T00:00-05:00", "2022-05-31T00:00:00-05:00", "2022-05-31T00:00:00-05:00"),
    ],
)
def test_a_bound_as_first_and_as_last_moment(text: str, first: str, last: str) -> None:
    assert read_bound(text).isoformat() == first
    assert read_bound(text, end=True).isoformat() == last


@pytest.mark.parametrize("text", ["", "2022", "31.05.2022", "2022-02-30", "2022-05-31T25:00"])
def test_a_wrong_bound_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text!r} is no day or time; write 2022-05-31"):
        read_bound(text)


@settings(deadline=None)
@given(st.text(max_size=20) | st.from_regex(r"[0-9W:T+-]{1,12}", fullmatch=True), st.booleans())
def test_any_bound_is_an_aware_time_or_a_value_error(text: str, end: bool) -> None:
    read_time(text)
    try:
        bound = read_bound(text, end=end)
    except ValueError:
        return
    assert bound.tzinfo is not None


def entry(*, at: datetime | None = None, day: date | None = None) -> Entry:
    return Entry("finews", "home", "https://a.test/", None, None, at, day)


def scope(since: str = "", until: str = "") -> Scope:
    return Scope.read(listings=(), since=since, until=until, full="", max_pages="")


@pytest.mark.parametrize(
    ("since", "until", "held"),
    [
        ("", "", True),
        ("2022-05-31", "2022-05-31", True),
        ("2022-05-31T12:00:00", "", True),
        ("2022-05-31T12:00:01", "", False),
        ("", "2022-05-31T12:00:00", True),
        ("", "2022-05-31T11:59:59", False),
        ("2022-05-31T04:00:00Z", "2022-05-31T04:00:00Z", True),
        ("2022-06-01", "", False),
        ("", "2022-05-30", False),
    ],
)
def test_bounds_include_their_own_moment(since: str, until: str, held: bool) -> None:
    assert scope(since, until).holds(entry(at=NOON)) is held


@pytest.mark.parametrize(
    ("since", "until", "held"),
    [
        ("2022-05-31T23:59:59", "", True),
        ("2022-06-01T00:00:00", "", False),
        ("", "2022-05-31T00:00:00", True),
        ("", "2022-05-30T23:59:59", False),
    ],
)
def test_a_day_is_outside_only_when_all_of_it_is(since: str, until: str, held: bool) -> None:
    assert scope(since, until).holds(entry(day=NOON.date())) is held


@pytest.mark.parametrize(
    ("since", "until", "held"),
    [("2022-05-31T17:00:00Z", "", False), ("", "2022-05-30T20:00:00Z", True)],
)
def test_a_day_is_a_day_in_shanghai_whatever_the_zone(since: str, until: str, held: bool) -> None:
    assert scope(since, until).holds(entry(day=NOON.date())) is held


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_first_and_the_last_day_of_all_break_nothing(day: date) -> None:
    assert scope("2022-05-31").holds(entry(day=day)) is (day == date.max)


def test_an_entry_without_a_time_is_never_outside() -> None:
    assert scope("2022-05-31", "2022-05-31").holds(entry())


@pytest.mark.parametrize("pages", ["0", "-1", "many"])
def test_a_wrong_number_of_pages_is_refused(pages: str) -> None:
    with pytest.raises(ValueError, match=r"max_pages|many"):
        Scope.read(listings=(), since="", until="", full="", max_pages=pages)

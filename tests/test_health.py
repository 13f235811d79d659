"""What needs a person and what does not: each rule at its edge, and one word a cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.config import Health
from crawler.parsers.dates import SHANGHAI
from pipelines.database.rhythm import Brought
from pipelines.health.rules import RULES, Problem, judge
from pipelines.health.signs import (
    Asked,
    Failed,
    Gap,
    Host,
    Listing,
    Signs,
    Site,
    Stored,
    Walk,
)

LIMITS = Health()
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# A Wednesday.
NOW = datetime(2026, 6, 17, 12, tzinfo=SHANGHAI)
ALL = frozenset({"published_at", "source", "paragraphs"})


def walks(*outcomes: str | None, entries: Sequence[int] = (20,)) -> list[Walk]:
    """Walks every ten minutes up to now, the newest first."""
    return [
        Walk(NOW - n * 10 * MINUTE, outcome, 1, entries[min(n, len(entries) - 1)])
        for n, outcome in enumerate(outcomes)
    ]


def news(until: datetime, day: int = 10, weekend: int = 4) -> Brought:
    """Four weeks: so many articles in each hour of a day from 6 to 22."""
    start = until.replace(hour=0, minute=0) - 28 * DAY
    hours = {}
    hour = start
    while hour < until:
        if 6 <= hour.hour < 22 and (count := weekend if hour.weekday() >= 5 else day):
            hours[hour] = count
        hour += HOUR
    return Brought(hours, until)


def listing(name: str = "350", **parts: Any) -> Listing:
    given = {"walks": walks(*["known"] * 20), "brought": news(NOW - 5 * MINUTE), **parts}
    return Listing(name, **given)


def site(*listings: Listing, **parts: Any) -> Site:
    given = {"newest": NOW - 5 * MINUTE, "newest_seen": NOW, **parts}
    return Site("eastmoney", listings=listings or (listing(),), **given)


def signs(*sites: Site, **parts: Any) -> Signs:
    return Signs(NOW, sites or (site(),), free=10**12, clock_off=0.5, **parts)


def told(given: Signs) -> list[tuple[str, str]]:
    return [(each.rule, each.subject) for each in judge(given, LIMITS).problems]


def only(given: Signs) -> Problem:
    (problem,) = judge(given, LIMITS).problems
    assert problem.message[0].isupper() or problem.message.startswith(problem.subject)
    assert "\n" not in problem.message
    return problem


def test_nothing_is_wrong() -> None:
    assert told(signs()) == []
    assert told(Signs(NOW)) == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"free": 499_999_999}, ("disk", "")),
        ({"free": 500_000_000}, None),
        ({"clock_off": 301.0}, ("clock", "")),
        ({"clock_off": -301.0}, ("clock", "")),
        ({"clock_off": -299.0}, None),
        ({"clock_off": None}, None),
        ({"verify": "finews.db: row 7 missing from index"}, ("verify", "")),
        ({"sinks": {"mail": "connection refused"}}, ("sink", "mail")),
    ],
)
def test_the_machine(parts: dict[str, Any], expected: tuple[str, str] | None) -> None:
    assert told(replace(signs(), **parts)) == ([expected] if expected else [])


def test_which_way_the_clock_is_wrong() -> None:
    assert "3 h ahead of those" in only(replace(signs(), clock_off=-3 * 3600.0)).message
    assert "10 min behind those" in only(replace(signs(), clock_off=600.0)).message


# -- listings that do not come


@pytest.mark.parametrize(
    ("outcomes", "reason", "expected"),
    [
        (["failed", "known"], "http-500", None),
        (["failed", "failed", "known"], "http-500", "failing"),
        (["failed", "failed"], "dns", "failing"),
        (["failed", "failed"], "layout-changed", "layout"),
        (["failed", "failed"], "unexpected", "layout"),
        (["known", "failed", "failed"], None, None),
        ([None, "failed", "failed"], "http-500", None),
    ],
)
def test_walks_that_fail(
    outcomes: list[str | None], reason: str | None, expected: str | None
) -> None:
    bad = listing(walks=walks(*outcomes), reason=reason, message="it did not work")
    found = told(signs(site(bad, listing("344"))))
    assert found == ([(expected, "eastmoney")] if expected else [])


def test_a_site_that_is_not_reached_is_one_trouble_however_it_shows() -> None:
    """It is told by the rule that saw it first."""
    bad = site(listing(walks=walks("failed", "failed"), reason="http-429", message="…"))
    refuses = host(HOUR)
    assert told(signs(bad)) == [("failing", "eastmoney")]
    for rule in ("failing", "refused", "rest"):
        open_ = {(rule, "eastmoney"): NOW - HOUR}
        for seen in (signs(bad, open=open_), signs(bad, hosts=[refuses], open=open_)):
            verdict = judge(seen, LIMITS)
            assert [(each.rule, each.subject) for each in verdict.problems] == [(rule, "eastmoney")]
            assert (rule, "eastmoney") not in verdict.unknown
    assert told(signs(open={("failing", "eastmoney"): NOW - HOUR})) == []


def test_a_site_that_is_down_is_told_once_with_its_listings() -> None:
    names = [str(number) for number in range(10)]
    down = walks("failed", "failed")
    bad = [listing(each, walks=down, reason="http-500", message="status 500") for each in names]
    problem = only(signs(site(*bad, failed=[Failed(NOW, "http-500")] * 12)))
    assert problem.message == (
        "eastmoney: 10 of 10 listings (0, 1, 2, 3, 4 …) did not come, several times in a row."
        " (http-500: status 500)"
    )
    assert problem.parts == tuple(names)


def stored(number: int, *lacks: str, back: timedelta = HOUR) -> list[Stored]:
    return [Stored(NOW - back - n * MINUTE, frozenset(lacks)) for n in range(number)]


@pytest.mark.parametrize(
    ("failed", "reason", "expected"),
    [
        (5, "http-500", None),
        (6, "http-500", "failing"),
        (7, "layout-changed", "layout"),
        (12, "timeout", "failing"),
    ],
)
def test_articles_that_fail(failed: int, reason: str, expected: str | None) -> None:
    bad = [Failed(NOW, reason)] * failed
    found = told(signs(site(stored=stored(50), failed=bad)))
    assert found == ([(expected, "eastmoney")] if expected else [])


def test_old_failures_are_no_news() -> None:
    bad = [Failed(NOW - 4 * DAY, "http-500")] * 12
    assert told(signs(site(stored=stored(2), failed=bad))) == []


# -- refusals


def host(rest: timedelta, **parts: Any) -> Host:
    given = {"site": "eastmoney", "reason": "http-429", "refused_at": NOW, "until": NOW + rest}
    return Host("np-listapi.eastmoney.com", **{**given, **parts})


@pytest.mark.parametrize(("rest", "wrong"), [(599, False), (600, True), (86400, True)])
def test_a_host_at_rest(rest: int, wrong: bool) -> None:
    given = signs(hosts=[host(timedelta(seconds=rest))])
    assert told(given) == ([("rest", "eastmoney")] if wrong else [])


def test_several_hosts_of_a_site_are_one_trouble() -> None:
    hosts = [replace(host(HOUR), name=f"{n}.eastmoney.com") for n in range(4)]
    assert only(signs(hosts=hosts)).parts == tuple(each.name for each in hosts)


def test_a_host_that_nobody_misses() -> None:
    """It is asked where another fails, rests for long, and all is well again."""
    idle = host(6 * HOUR, refused_at=NOW - HOUR, wanted=False)
    assert told(signs(hosts=[idle])) == []
    assert told(signs(site(owes=True), hosts=[idle])) == [("rest", "eastmoney")]
    failed = listing(walks=walks("failed", "known"))
    assert told(signs(site(failed), hosts=[idle])) == [("rest", "eastmoney")]


def test_a_host_that_refuses_now_and_then_is_one_trouble() -> None:
    """It answers a few and refuses again: told once, over when two runs were not refused."""
    open_ = {("rest", "eastmoney"): NOW - HOUR}
    runs = [Asked(9, 0, NOW - n * 10 * MINUTE) for n in range(5)]
    for back, wrong in ((5, True), (9, True), (11, False)):
        answers = host(HOUR, until=None, refused_at=NOW - back * MINUTE)
        given = signs(site(asked=runs), hosts=[answers])
        assert told(given) == []
        assert told(replace(given, open=open_)) == ([("rest", "eastmoney")] if wrong else [])


def test_of_a_host_at_rest_nothing_else_is_told() -> None:
    bad = listing(walks=walks(*["failed"] * 9), reason="http-429", message="…")
    asked = [Asked(10, 9, NOW)] * 3
    troubled = site(bad, failed=[Failed(NOW, "timeout")] * 12, asked=asked)
    verdict = judge(signs(troubled, hosts=[host(HOUR)]), LIMITS)
    assert [each.rule for each in verdict.problems] == ["rest"]
    assert ("failing", "eastmoney") in verdict.unknown
    assert "refuses (http-429)" in verdict.problems[0].message


def test_a_host_that_does_not_answer() -> None:
    assert "does not answer (timeout)" in only(signs(hosts=[host(HOUR, reason="timeout")])).message


@pytest.mark.parametrize(
    ("last", "before", "wrong"),
    [
        ([(10, 3)] * 3, [(10, 0)] * 9, True),
        ([(10, 3), (10, 3), (10, 0)], [(10, 0)] * 9, False),
        ([(10, 1)] * 3, [(10, 0)] * 9, False),
        ([(10, 3)] * 3, [(10, 2)] * 9, False),  # as always
        ([(2, 1)] * 3, [(10, 0)] * 9, False),  # few
        ([(10, 3)] * 2, [], False),
    ],
)
def test_refusals(last: list[tuple[int, int]], before: list[tuple[int, int]], wrong: bool) -> None:
    asked = [Asked(*each, NOW) for each in (*last, *before)]
    assert told(signs(site(asked=asked))) == ([("refused", "eastmoney")] if wrong else [])


# -- fields and shapes


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_field_that_is_gone(name: str) -> None:
    problem = only(signs(site(stored=[*stored(12, name), *stored(60, back=DAY)])))
    assert (problem.rule, problem.parts) == ("field", (name,))
    assert "100% have no" in problem.message


@pytest.mark.parametrize(
    ("last", "before"),
    [
        (stored(12, "source"), stored(60, "source", back=DAY)),  # as always
        ([*stored(5, "source"), *stored(7)], stored(60, back=DAY)),
        (stored(12, "source"), stored(20, back=DAY)),  # too little is known
        (stored(11, "source"), []),
        (stored(12, "source", back=4 * DAY), stored(60, back=5 * DAY)),  # long ago
    ],
)
def test_fields_that_are_as_usual(last: list[Stored], before: list[Stored]) -> None:
    assert told(signs(site(stored=[*last, *before]))) == []


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        ((8, 8, 20), True),
        ((0, 0, 20), True),
        ((8, 20, 20), False),
        ((10, 10, 20), False),
        ((1, 1, 3), False),
    ],
)
def test_a_listing_that_shows_less(entries: tuple[int, ...], wrong: bool) -> None:
    small = listing(walks=walks(*["known"] * 20, entries=entries))
    assert told(signs(site(small))) == ([("layout", "eastmoney")] if wrong else [])
    short = listing(walks=walks(*["known"] * 8, entries=entries))
    assert told(signs(site(short))) == []


# -- silence


def quiet(
    newest: datetime, now: datetime, brought: Brought | None = None, *, alone: bool = False
) -> Signs:
    silent = brought or news(newest)
    last = [Walk(now - n * 10 * MINUTE, "known", 1, 20) for n in range(20)]
    one = Listing("350", last, silent)
    other = [] if alone else [Listing("344", last, news(now))]
    given = Site("eastmoney", newest, newest, listings=[one, *other])
    return Signs(now, [given], free=10**12)


def test_silence_where_something_always_comes() -> None:
    """Four an hour come at weekends, ten on such days: a person could know after an hour where
    others show that it is no holiday, else half an hour later.
    """
    assert told(quiet(NOW - 50 * MINUTE, NOW)) == []
    assert "11 or more on other such days" in only(quiet(NOW - 65 * MINUTE, NOW)).message
    assert told(quiet(NOW - 65 * MINUTE, NOW, alone=True)) == []
    problem = only(quiet(NOW - 90 * MINUTE, NOW))
    assert (problem.rule, problem.subject, problem.parts) == ("quiet", "eastmoney", ("350",))
    assert problem.message == (
        "eastmoney: nothing new in 1 of 2 listings (350) (350: none since 2026-06-17 10:30, in"
        " 1 h 30 min that brought 6 or more on other days)."
    )


def test_nights_and_weekends_are_quiet_by_themselves() -> None:
    six = NOW.replace(hour=6, minute=20)
    assert told(quiet(six - 8 * HOUR - 20 * MINUTE, six)) == []
    saturday = NOW + 3 * DAY
    friday = saturday - 15 * HOUR
    assert told(quiet(friday, saturday, news(friday, weekend=0))) == []


def test_a_holiday_is_like_a_weekend() -> None:
    """Nothing from the evening before: no other day was like it, but for the weekends."""
    evening = NOW.replace(hour=21) - DAY
    assert told(quiet(evening, NOW, news(evening, weekend=0), alone=True)) == []
    monday = NOW + 5 * DAY
    assert told(quiet(monday - 5 * DAY, monday, news(monday - 5 * DAY, weekend=0))) != []


def test_a_fault_that_lasts_does_not_become_usual() -> None:
    """What is usual is looked for before the alarm."""
    since = NOW - 5 * DAY
    lacking = site(stored=stored(250, "source"))
    assert told(signs(lacking)) == []
    assert told(signs(lacking, open={("field", "eastmoney"): since})) == [("field", "eastmoney")]
    small = walks(*["known"] * 30, entries=(5,))
    open_ = {("layout", "eastmoney"): since}
    whole = walks(*["known"] * 30, entries=(20,))
    assert told(signs(site(listing(walks=small, usual=whole)), open=open_)) != []
    assert told(signs(site(listing(walks=whole, usual=whole)), open=open_)) == []
    refused = site(asked=[Asked(10, 4, NOW)] * 200)
    assert told(signs(refused)) == []
    open_ = {("refused", "eastmoney"): since}
    assert told(signs(refused, open=open_)) == [("refused", "eastmoney")]
    assert told(signs(site(asked=[Asked(10, 0, NOW)] * 200), open=open_)) == []


def test_room_that_comes_and_goes_is_one_trouble() -> None:
    open_ = {("disk", ""): NOW - HOUR}
    assert told(replace(signs(open=open_), free=550_000_000)) == [("disk", "")]
    assert told(replace(signs(open=open_), free=601_000_000)) == []


def pace(until: datetime, day: int, weekend: int = 0) -> Listing:
    last = [Walk(until, "known", 1, 20)]
    return Listing("other", last, news(until, day, weekend))


def test_while_others_keep_their_pace_it_is_a_day_like_others_of_its_kind() -> None:
    """Nothing comes to this one at weekends: they say nothing of a working day."""
    silent = news(NOW - 2 * HOUR, weekend=0)
    given = quiet(NOW - 2 * HOUR, NOW, silent)
    busy = Site("finews", listings=[pace(NOW, 30)])
    assert told(given) == [("quiet", "eastmoney")]
    alone = replace(given, sites=[replace(given.sites[0], listings=given.sites[0].listings[:1])])
    assert told(alone) == []
    assert told(replace(alone, sites=[*alone.sites, busy])) == [("quiet", "eastmoney")]
    assert "on other such days" in judge(given, LIMITS).problems[0].message
    # A holiday: the others bring little too.
    hours = {h: 9 if h.date() == NOW.date() else n for h, n in news(NOW, 30, 0).hours.items()}
    still = Listing("other", [Walk(NOW, "known", 1, 20)], Brought(hours, NOW - MINUTE))
    assert told(replace(alone, sites=[*alone.sites, Site("finews", listings=[still])])) == []


def test_one_day_of_an_outage_does_not_hide_the_next() -> None:
    silent = news(NOW - 3 * HOUR)
    lost = (NOW - 5 * DAY).date()
    holed = Brought({h: n for h, n in silent.hours.items() if h.date() != lost}, silent.newest)
    assert [rule for rule, _ in told(quiet(NOW - 3 * HOUR, NOW, holed))] == ["quiet"]


def test_too_little_is_known_to_be_silent() -> None:
    silent = news(NOW - 6 * HOUR)
    young = {hour: n for hour, n in silent.hours.items() if hour > NOW - 5 * DAY}
    assert told(quiet(NOW - 6 * HOUR, NOW, Brought(young, silent.newest))) == []


def test_what_is_not_walked_well_is_not_called_silent() -> None:
    failing = listing(walks=walks("failed"), brought=news(NOW - 6 * HOUR))
    assert told(signs(site(failing))) == []


def test_by_a_wrong_clock_nothing_is_called_silent_or_old() -> None:
    silent = quiet(NOW - 10 * HOUR, NOW)
    assert told(replace(silent, clock_off=-20_000.0)) == [("clock", "")]


@pytest.mark.parametrize(("age", "seen", "wrong"), [(97, 1, True), (95, 1, False), (97, 97, False)])
def test_a_site_whose_newest_is_old(age: int, seen: int, wrong: bool) -> None:
    """But not one that was as old when we came."""
    newest = NOW - age * HOUR
    old = site(listing(brought=Brought({})), newest=newest, newest_seen=newest + seen * HOUR)
    assert told(signs(old)) == ([("old", "eastmoney")] if wrong else [])


@pytest.mark.parametrize(("age", "wrong"), [(23, False), (24, True)])
def test_a_gap_that_is_open(age: int, wrong: bool) -> None:
    gap = Gap("350", NOW - age * HOUR, "2026-06-15T10:00:00+08:00", "2026-06-16T10:00", "scrolled")
    given = signs(site(gaps=[gap]))
    assert told(given) == ([("gap", "eastmoney")] if wrong else [])
    if wrong:
        assert only(given).parts == ("350 2026-06-15T10:00:00+08:00",)


def test_of_a_site_that_is_not_crawled_nothing_is_known() -> None:
    names = [("quiet", "finews"), ("quiet", "choice"), ("disk", ""), ("gap", "eastmoney")]
    verdict = judge(signs(open=dict.fromkeys(names, NOW), enabled=frozenset({"finews"})), LIMITS)
    assert verdict.problems == []
    assert ("quiet", "finews") in verdict.unknown
    assert verdict.dropped == {("quiet", "choice")}


RANDOM = st.builds(
    Listing,
    name=st.sampled_from(["a", "b", "c"]),
    walks=st.lists(
        st.builds(
            Walk,
            at=st.integers(0, 9999).map(lambda back: NOW - back * MINUTE),
            outcome=st.sampled_from(["known", "end", "since", "limit", "failed", None]),
            pages=st.integers(0, 3),
            entries=st.integers(0, 50),
        ),
        max_size=14,
    ),
    brought=st.dictionaries(
        st.integers(0, 27 * 24).map(lambda back: NOW - back * HOUR), st.integers(1, 9), max_size=40
    ).map(lambda hours: Brought(hours, max(hours, default=None))),
    reason=st.sampled_from([None, "http-500", "http-429", "layout-changed"]),
    message=st.just("…"),
)


@given(
    st.lists(RANDOM, max_size=4),
    st.lists(st.builds(Stored, at=st.just(NOW), lacks=st.frozensets(st.sampled_from(sorted(ALL))))),
    st.lists(st.builds(Failed, at=st.just(NOW), reason=st.sampled_from(["dns", "mojibake"]))),
    st.lists(
        st.builds(Asked, requests=st.integers(0, 9), refusals=st.integers(0, 9), at=st.just(NOW))
    ),
    st.floats(-9999, 9999),
)
def test_whatever_the_signs_one_word_a_rule_and_subject(
    listings: list[Listing],
    articles: list[Stored],
    failed: list[Failed],
    asked: list[Asked],
    off: float,
) -> None:
    troubled = site(*listings, stored=articles, failed=failed, asked=asked)
    verdict = judge(replace(signs(troubled), clock_off=off), LIMITS)
    names = [(each.rule, each.subject) for each in verdict.problems]
    assert len(names) == len(set(names))
    assert {rule for rule, _ in names} <= set(RULES)

"""Faults of a world of :mod:`tests.week`, one after another: what is to be told of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.cron import EVERY, HOUR, Cron, Message, Tick
from tests.week import RATES, Faults, Published


@dataclass(frozen=True)
class Case:
    """A fault, and the alarm that is to come of it, with ``subject`` in its subject and ``words``
    in its text; no ``rule``: none.

    It lasts ``least`` hours, and until it is told of, but no longer than ``most``. ``known``
    says when a person could know at the earliest, ``polls`` which sites' polls may tell.
    """

    name: str
    rule: str
    subject: str
    begin: Callable[[Cron], None]
    known: Callable[[Cron, datetime], datetime | None]
    words: tuple[str, ...] = ()
    sites: tuple[str, ...] = ("finews", "eastmoney")
    least: float = 1
    most: float = 3
    reminders: int = 0
    codes: frozenset[int] = frozenset((0, 3))


@dataclass
class Outcome:
    """What became of a case; ``polls`` and ``minutes`` are from when a person could know."""

    case: Case
    began: datetime
    ended: datetime
    known: datetime | None
    told: datetime | None
    recovered: datetime | None
    polls: int | None
    messages: list[Message]
    ticks: list[Tick]
    complete_after: float | None = None  # hours
    lost: list[Published] = field(default_factory=list)

    @property
    def minutes(self) -> int | None:
        return (
            int((self.told - self.known).total_seconds() / 60) if self.told and self.known else None
        )

    @property
    def recovery(self) -> int | None:
        return _minutes(self.ended, self.recovered)


def _minutes(start: datetime | None, end: datetime | None) -> int | None:
    return int((end - start).total_seconds() / 60) if start and end else None


def play(cron: Cron, case: Case, *, after: float = 12, calm: float = 2) -> Outcome:
    """Let it happen, end it, wait ``after`` hours for what is told of its end, and be ``calm``
    for some more, that nothing else is told.
    """
    began, first = cron.now, len(cron.ticks)
    case.begin(cron)

    def told(kind: str) -> datetime | None:
        found = (t.at for t in cron.ticks[first:] if any(m.kind == kind for m in t.messages))
        return next(found, None)

    cron.until(began + case.least * HOUR)
    if case.rule:
        cron.until(began + case.most * HOUR, lambda: told("alarm"))
    known, ended = case.known(cron, began), cron.now
    repair(cron)
    if told("alarm"):
        cron.until(ended + after * HOUR, lambda: told("recovery"))
    cron.until(cron.now + calm * HOUR)
    alarm = told("alarm")
    return Outcome(
        case=case,
        began=began,
        ended=ended,
        known=known,
        told=alarm,
        recovered=told("recovery"),
        polls=_polls(cron, case.sites, known, alarm) if known and alarm else None,
        messages=[m for t in cron.ticks[first:] for m in t.messages],
        ticks=cron.ticks[first:],
    )


def repair(cron: Cron) -> None:
    """All is as it should be."""
    cron.world.faults = Faults()
    cron.world.on_request = lambda _: None
    cron.ahead, cron.file_size = timedelta(), None
    cron.configure()


def missing(cron: Cron, until: datetime | None = None) -> list[Published]:
    """What was published and is not stored, but for what scrolled away before the first crawl."""
    stored = set(cron.program.rows("SELECT info_code FROM articles"))
    began = datetime.fromisoformat(cron.program.rows("SELECT started_at FROM runs LIMIT 1")[0])
    return [
        each
        for each in cron.world.published
        if each.at <= (until or cron.now) and each.code not in stored
        if each.at > began or each.site == "eastmoney"
    ]


def complete(
    cron: Cron, hours: tuple[float, ...] = (0, 1, 6, 24)
) -> tuple[float | None, list[Published]]:
    """Crawl by hand, and again later for what has failed before, until all is stored: after how
    many hours that is so, and what is still missing.
    """
    end, waited = cron.now, 0.0
    for pause in hours:
        waited += pause
        cron.world.set(cron.now + pause * HOUR)
        cron.crawl()
        if not (lost := missing(cron, end)):
            return waited, []
    return None, lost


def check(outcome: Outcome) -> None:
    """One alarm, one recovery, and nothing lost."""
    case = outcome.case
    expected = ["alarm", *["reminder"] * case.reminders, "recovery"] if case.rule else []
    assert [each.kind for each in outcome.messages] == expected, outcome.messages
    assert {each.rule for each in outcome.messages} <= {case.rule}
    assert all(case.subject in each.subject for each in outcome.messages)
    assert all(word in outcome.messages[0].text for word in case.words)
    assert outcome.polls is None or outcome.polls <= 2
    assert {tick.code for tick in outcome.ticks} <= case.codes
    for tick in outcome.ticks:
        assert len(tick.titles) == len(tick.messages), tick
        assert all(each.text in tick.out for each in tick.messages)
        assert tick.err == ""
    assert outcome.lost == []


def quiet(cron: Cron) -> None:
    """Nothing was told, nothing failed, and nothing was missed by more than a walk."""
    assert cron.messages == []
    assert [(tick.at, tick.code, tick.out) for tick in cron.ticks if tick.code or tick.out] == []
    assert missing(cron, cron.now - timedelta(hours=2) - EVERY) == []


def stored_once(cron: Cron) -> None:
    """All that was published is stored, each once and with its time."""
    published = {each.code: each.at.isoformat() for each in cron.world.published}
    rows = cron.program.rows("SELECT info_code, published_at FROM articles")
    assert missing(cron) == []
    assert [row for row in rows if published[row[0]] != row[1]] == []


def _polls(cron: Cron, sites: tuple[str, ...], known: datetime, told: datetime) -> int:
    """How many runs walked listings between the one that could show it and the alarm."""
    return sum(known < tick.at <= told and not tick.walked.isdisjoint(sites) for tick in cron.ticks)


def first_poll(*sites: str) -> Callable[[Cron, datetime], datetime | None]:
    """At the first walk of a listing of the sites."""

    def known(cron: Cron, began: datetime) -> datetime | None:
        walks = (t.at for t in cron.ticks if t.at > began and not t.walked.isdisjoint(sites))
        return next(walks, None)

    return known


def articles(number: int, site: str) -> Callable[[Cron, datetime], datetime | None]:
    """When so many articles of the site were read that were published since."""

    def known(cron: Cron, began: datetime) -> datetime | None:
        fresh = {each.code for each in cron.world.published if each.at > began}
        seen = list(
            dict.fromkeys(
                (a.name, a.at)
                for a in cron.world.log
                if a.at > began and a.site == site and f"NW{a.name}" in fresh and a.status == 200
            )
        )
        return seen[number - 1][1] if len(seen) >= number else None

    return known


def silent(*listings: str, least: int = 5) -> Callable[[Cron, datetime], datetime | None]:
    """When one of them had brought ``least`` articles since that hour on each day of the last four
    weeks.
    """

    def known(cron: Cron, began: datetime) -> datetime | None:
        times = [
            at
            for name in listings
            if (at := _fifth(name, cron.world.published, began, least)) is not None
        ]
        return min(times, default=None)

    return known


def _fifth(name: str, published: list[Published], began: datetime, least: int) -> datetime | None:
    latest = timedelta()
    for day in _days_before(began.date(), min(each.at for each in published).date()):
        start = began - (began.date() - day)
        later = [each.at - start for each in published if each.listing == name and each.at > start]
        if len(later) < least:
            return None
        latest = max(latest, later[least - 1])
    return began + latest


def _days_before(day: date, first: date) -> list[date]:
    days = [day - timedelta(days=back) for back in range(1, 28)]
    return [each for each in days if each > first]


def at_once(cron: Cron, began: datetime) -> datetime | None:
    """At the first run."""
    return next((tick.at for tick in cron.ticks if tick.at > began), None)


def _down(site: str) -> Callable[[Cron], None]:
    return lambda cron: cron.world.faults.down.add(site)


def _stale(name: str) -> Callable[[Cron], None]:
    return lambda cron: cron.world.faults.stale.update({name: cron.now})


def _ahead(hours: float) -> Callable[[Cron], None]:
    def begin(cron: Cron) -> None:
        cron.ahead = hours * HOUR

    return begin


def _little_space(cron: Cron) -> None:
    cron.configure("[health]\ndisk = 100_000_000")


def _no_space(cron: Cron) -> None:
    cron.file_size = 10_000  # what it says must fit


def _killed(cron: Cron) -> None:
    cron.world.on_request = lambda number: cron.kill() if number == 3 else None


def _two_at_once(cron: Cron) -> None:
    cron.prepare()
    codes: list[int] = []

    def run(number: int) -> None:
        if number == 3 and not codes:
            codes.append(cron.beside())
            assert codes == [4]

    cron.world.on_request = run


def _reboot(cron: Cron) -> None:
    """The machine goes down in the middle of a run, and comes back hours later."""
    _killed(cron)
    cron.tick()
    repair(cron)
    cron.world.set(cron.now + 3 * HOUR)


_EAST = ("eastmoney",)
_COLUMNS = [name for name in RATES if name[0].isdigit()]
CASES = [
    Case("down", "failing", "eastmoney", _down("eastmoney"), first_poll(*_EAST), sites=_EAST),
    Case(
        "blog down", "failing", "finews", _down("finews"), first_poll("finews"),
        sites=("finews",), most=8,
    ),
    Case(
        "down 26 h", "failing", "eastmoney", _down("eastmoney"), first_poll(*_EAST),
        sites=_EAST, least=26, most=26, reminders=1,
    ),
    Case(
        "layout", "layout", "eastmoney", lambda cron: cron.world.faults.layout.add("eastmoney"),
        first_poll(*_EAST), words=("data",), sites=_EAST,
    ),
    Case(
        "blog layout", "layout", "finews", lambda cron: cron.world.faults.layout.add("finews"),
        first_poll("finews"), sites=("finews",), most=8,
    ),
    Case(
        "stale", "quiet", "eastmoney", _stale("eastmoney"), silent(*_COLUMNS),
        sites=_EAST, most=36,
    ),
    Case(
        "stale 7x24", "quiet", "eastmoney", _stale("7x24"), silent("7x24"),
        words=("7x24",), sites=_EAST, most=36,
    ),
    Case(
        "no source", "field", "eastmoney",
        lambda cron: cron.world.faults.gone.update({"Art_Media_Name", "mediaName"}),
        articles(6, "eastmoney"), words=("no source",), sites=_EAST, most=10,
    ),
    Case(
        "no time", "field", "eastmoney",
        lambda cron: cron.world.faults.gone.update({"Art_ShowTime", "showTime"}),
        articles(6, "eastmoney"), words=("no time",), sites=_EAST, most=10,
    ),
    Case(
        "throttled", "rest", "eastmoney",
        lambda cron: cron.world.faults.throttled.add("eastmoney"), first_poll(*_EAST), sites=_EAST,
    ),
    Case("clock ahead", "clock", "", _ahead(3), first_poll("finews", "eastmoney")),
    Case("clock behind", "clock", "", _ahead(-3), first_poll("finews", "eastmoney")),
    Case("little space", "disk", "", _little_space, at_once),
    Case("no space", "data", "", _no_space, at_once, codes=frozenset((0, 1, 3))),
    Case("two at once", "", "", _two_at_once, at_once),
    Case("kill -9", "", "", _killed, at_once, least=0.2, codes=frozenset((0, -9))),
    Case("reboot", "", "", _reboot, at_once, codes=frozenset((0, -9))),
]  # fmt: skip

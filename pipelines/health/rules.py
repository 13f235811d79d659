"""The rules of health: what needs a person, by the signs alone. Thresholds are settings.

A cause is told once: while a host rests or a listing fails, nothing is said of what follows
from that, and what can not be judged now is left as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median

from crawler.config import Health
from crawler.errors import Locked
from pipelines.health.signs import WELL, Asked, Host, Listing, Signs, Site, Walk
from pipelines.health.silence import is_forgotten, silence
from pipelines.health.words import clock_time, some, span

#: All rules; the order is that in which ``finews alarm`` shows them.
RULES = (
    "data", "disk", "clock", "verify", "held", "rest", "layout", "failing", "refused", "field",
    "quiet", "old", "gap", "sink",
)  # fmt: skip
_UNREACHED = ("rest", "failing", "refused")
_OF_SITES = ("rest", "layout", "failing", "refused", "field", "quiet", "old", "gap")

#: Reasons of failures that tell of a page which is not what it was.
_SHAPE = frozenset(
    {"layout-changed", "not-an-article", "unexpected", "no-content", "mojibake", "unreadable-text"}
)
#: Reasons that tell that nobody answered.
_SILENT = frozenset({"timeout", "connection", "dns", "refused", "http-500", "http-502"})

# Articles that are looked at for what they lack or how they failed, and to know what is usual.
_LAST, _BEFORE, _FEWEST = 12, 30, 6
_LATELY, _EVER = timedelta(days=3), timedelta(days=3650)
# Walks that tell what a listing usually shows, and entries below which that says nothing.
_SHAPES, _ENTRIES = 10, 4
_RUNS, _CALM = 3, 2

_FIELDS = {"published_at": "time", "source": "source", "paragraphs": "paragraphs"}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something needs a person. ``subject`` is the site, host or sink, "" the machine or the data
    folder; ``message`` says in whole sentences what is wrong and why we think so; ``parts`` are
    the listings or fields concerned.
    """

    rule: str
    subject: str
    message: str
    parts: tuple[str, ...] = ()


@dataclass(slots=True)
class Verdict:
    """The problems there are; alarms, by rule and subject, that can not be judged now, and those
    that nobody judges any more.
    """

    problems: list[Problem] = field(default_factory=list)
    unknown: set[tuple[str, str]] = field(default_factory=set)
    dropped: set[tuple[str, str]] = field(default_factory=set)


def judge(signs: Signs, limits: Health) -> Verdict:
    """Judge all signs."""
    verdict = Verdict()
    verdict.problems += _machine(signs, limits)
    skewed = any(each.rule == "clock" for each in verdict.problems)
    known = {site.name for site in signs.sites}
    for rule, name in signs.open:
        if rule in _OF_SITES and name not in known:
            (verdict.unknown if name in signs.enabled else verdict.dropped).add((rule, name))
    for site in signs.sites:
        _judge_site(site, signs, limits, verdict, skewed=skewed)
    return verdict


def _machine(signs: Signs, limits: Health) -> Iterator[Problem]:
    # Room that comes and goes is one trouble.
    enough = limits.disk * 1_000_000 * (1.2 if ("disk", "") in signs.open else 1)
    if signs.free is not None and signs.free < enough:
        free = signs.free // 1_000_000
        yield Problem(
            "disk", "", f"The disk is nearly full: {free} MB are free where the data folder is."
        )
    if signs.clock_off is not None and abs(signs.clock_off) > limits.clock:
        way = "behind" if signs.clock_off > 0 else "ahead of"
        off = span(timedelta(seconds=abs(signs.clock_off)))
        yield Problem(
            "clock", "", f"The clock of this machine is {off} {way} those of the sites; times at"
            " which articles are first seen are wrong."
        )  # fmt: skip
    if signs.verify:
        yield Problem("verify", "", f"finews db verify found the files damaged: {signs.verify}")
    yield from (sink_problem(sink, error) for sink, error in signs.sinks.items())


def held_problem(error: Locked) -> Problem:
    """Runs are turned away by one that does not end."""
    return Problem(
        "held",
        "",
        f"No crawl can begin: {error}. Look what that process does, and end it where it hangs.",
    )


def sink_problem(sink: str, error: str) -> Problem:
    """What goes out does not arrive."""
    return Problem("sink", sink, f"What goes out by {sink} does not get through: {error}.")


def _judge_site(
    site: Site, signs: Signs, limits: Health, verdict: Verdict, *, skewed: bool
) -> None:
    hosts = [each for each in signs.hosts if each.site == site.name]
    if resting := _resting(site, hosts, signs, limits):
        _unreached(site, [_rest(site, resting)], signs, verdict)
        verdict.unknown |= {(rule, site.name) for rule in _OF_SITES if rule not in _UNREACHED}
        return
    broken = [each for each in site.listings if _is_broken(each, limits.walks)]
    names = {each.name for each in broken}
    found = list(_broken(site, broken))
    if skewed:
        # By such a clock articles are of the future, and fail.
        verdict.unknown |= {(rule, site.name) for rule in ("layout", "failing")}
    else:
        found += _articles(site, signs, limits)
    # One word for a site where both fail, such as one that is down.
    told = {each.rule: each for each in reversed(found)}
    if "layout" in told:
        verdict.problems.append(told["layout"])
    failing = [each for rule, each in told.items() if rule == "failing"]
    _unreached(site, [*failing, *_refused(site, signs, limits)], signs, verdict)
    verdict.problems += _lacking(site, signs, limits, verdict)
    well = [each for each in site.listings if each.name not in names and each.walks]
    if "layout" not in told:
        verdict.problems += _misshapen(site, well, limits, verdict)
    if skewed or len(well) < len(site.listings):
        verdict.unknown |= {(rule, site.name) for rule in ("quiet", "old", "gap")}
    if skewed:
        return
    quiet = list(_quiet(site, well, signs, limits, verdict))
    verdict.problems += quiet
    verdict.problems += _gap(site, names, signs.now, limits)
    if quiet:
        verdict.unknown.add(("old", site.name))
    else:
        verdict.problems += _old(site, well, limits)


def _unreached(site: Site, found: Sequence[Problem], signs: Signs, verdict: Verdict) -> None:
    """That a site does not give what it is asked for is one trouble, in whichever way it shows:
    told by the rule that saw it first, until none does.
    """
    if not found:
        return
    first = found[0].rule
    rule = next((each for each in _UNREACHED if (each, site.name) in signs.open), first)
    parts = dict.fromkeys(part for each in found for part in each.parts)
    verdict.problems.append(replace(found[0], rule=rule, parts=tuple(parts)))
    verdict.unknown |= {(each, site.name) for each in _UNREACHED if each != rule}


def _resting(site: Site, hosts: Sequence[Host], signs: Signs, limits: Health) -> list[Host]:
    """The hosts of a site that refuse and are missed; one that is asked only where another fails
    may rest on when all is well.

    What refuses now and then is one trouble: it is over when two runs were not refused.
    """
    failed = any(each.walks and each.walks[0].outcome == "failed" for each in site.listings)
    long = timedelta(seconds=limits.rest)
    resting = [
        each
        for each in hosts
        if each.until
        and each.until - each.refused_at >= long
        and (site.owes or failed or each.wanted)
    ]
    told = any((rule, site.name) in signs.open for rule in _UNREACHED)
    if resting or not told or len(site.asked) < _CALM:
        return resting
    return [each for each in hosts if each.refused_at >= site.asked[_CALM - 1].at]


def _rest(site: Site, resting: Sequence[Host]) -> Problem:
    told = "; ".join(
        f"{each.name} {'does not answer' if each.reason in _SILENT else 'refuses'} ({each.reason})"
        + (f" and is left alone until {clock_time(each.until)}" if each.until else " now and then")
        for each in resting
    )
    message = f"{site.name}: {told}. What it owes is asked for when it answers."
    return Problem("rest", site.name, message, tuple(each.name for each in resting))


def _is_broken(listing: Listing, needed: int) -> bool:
    """Did its last walks all fail?"""
    last = listing.walks[:needed]
    return len(last) >= needed and all(each.outcome == "failed" for each in last)


def _broken(site: Site, broken: Sequence[Listing]) -> Iterator[Problem]:
    for rule in ("layout", "failing"):
        own = [each for each in broken if (each.reason in _SHAPE) == (rule == "layout")]
        if not own:
            continue
        how = (
            "can not be read any more; has the site changed?"
            if rule == "layout"
            else "did not come, several times in a row."
        )
        told = "; ".join(dict.fromkeys(f"{each.reason}: {each.message}" for each in own[:3]))
        yield Problem(
            rule,
            site.name,
            f"{site.name}: {some([each.name for each in own], len(site.listings))} {how} ({told})",
            tuple(each.name for each in own),
        )


def _articles(site: Site, signs: Signs, limits: Health) -> Iterator[Problem]:
    """Do articles fail that listings show?"""
    told = any((rule, site.name) in signs.open for rule in ("failing", "layout"))
    # That they grow old does not mend them.
    since = signs.now - (_EVER if told else _LATELY)
    outcomes = sorted(
        [
            *((each.at, None) for each in site.stored if each.at > since),
            *((each.at, each.reason) for each in site.failed if each.at > since),
        ],
        key=lambda outcome: outcome[0],
        reverse=True,
    )[:_LAST]
    reasons = Counter(reason for _, reason in outcomes if reason)
    if reasons.total() < max(limits.failures * len(outcomes), _FEWEST):
        return
    shape = sum(number for reason, number in reasons.items() if reason in _SHAPE)
    which = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
    yield Problem(
        "layout" if shape * 2 > reasons.total() else "failing",
        site.name,
        f"{site.name}: {reasons.total()} of the last {len(outcomes)} articles failed ({which});"
        " see finews failures.",
        ("articles",),
    )


def _refused(site: Site, signs: Signs, limits: Health) -> Iterator[Problem]:
    """Are more requests turned away than before, run after run?"""
    last, before = site.asked[:_RUNS], site.asked[_RUNS:]
    share = _refusals(last)
    if ("refused", site.name) in signs.open:
        wrong = share >= limits.refusals / 2  # by now it is usual
    else:
        wrong = (
            len(last) == _RUNS
            and all(_refusals([each]) >= limits.refusals for each in last)
            and sum(each.refusals for each in last) >= _FEWEST
            and share >= _refusals(before) + limits.refusals
        )
    if wrong:
        yield Problem(
            "refused",
            site.name,
            f"{site.name} turns {share:.0%} of our requests away, before it was"
            f" {_refusals(before):.0%}.",
        )


def _refusals(runs: Sequence[Asked]) -> float:
    requests = sum(each.requests for each in runs)
    return sum(each.refusals for each in runs) / requests if requests else 0.0


def _lacking(site: Site, signs: Signs, limits: Health, verdict: Verdict) -> Iterator[Problem]:
    """Do the last articles lack a field that earlier ones had?"""
    opened = signs.open.get(("field", site.name))
    last = [each for each in site.stored[:_LAST] if signs.now - each.at < _LATELY]
    before = site.stored[len(last) :]
    if len(last) < _LAST or (len(before) < _BEFORE and not opened):
        verdict.unknown.add(("field", site.name))
        return
    lost = {}
    for name in _FIELDS:
        share = sum(name in each.lacks for each in last) / len(last)
        usual = sum(name in each.lacks for each in before) / len(before) if before else 0.0
        # While it is told, what is usual now is what is told.
        limit = limits.missing if opened else min(usual + limits.missing, 1.0)
        if share >= limit and (opened or share > usual):
            lost[name] = (share, usual)
    if lost:
        told = ", ".join(
            f"{share:.0%} have no {_FIELDS[name]}, usually {usual:.0%}"
            for name, (share, usual) in lost.items()
        )
        message = f"{site.name}: of the last {len(last)} articles {told}."
        yield Problem("field", site.name, message, tuple(lost))


def _misshapen(
    site: Site, well: Sequence[Listing], limits: Health, verdict: Verdict
) -> Iterator[Problem]:
    """Do listings show far fewer entries than they used to?"""
    found = {}
    for each in well:
        now = _shown(each.walks)[: limits.walks]
        before = _shown(each.walks)[limits.walks :] if each.usual is None else _shown(each.usual)
        usual = median(before) if len(before) >= _SHAPES else 0
        if usual >= _ENTRIES and now and all(number < limits.shape * usual for number in now):
            found[each.name] = f"{each.name} shows {now[0]:.0f} entries a page, usually {usual:.0f}"
    if found:
        told = "; ".join(list(found.values())[:3])
        yield Problem(
            "layout",
            site.name,
            f"{site.name}: {some(list(found), len(site.listings))} changed its shape ({told}).",
            tuple(found),
        )
    elif len(well) < len(site.listings):
        verdict.unknown.add(("layout", site.name))


def _shown(walks: Sequence[Walk]) -> list[float]:
    """How many entries a page of each walk showed."""
    return [each.entries / each.pages for each in walks if each.outcome in WELL and each.pages]


def _quiet(
    site: Site, well: Sequence[Listing], signs: Signs, limits: Health, verdict: Verdict
) -> Iterator[Problem]:
    found = {each.name: said for each in well if (said := silence(each, signs, limits.quiet))}
    if found:
        told = "; ".join(list(found.values())[:3])
        yield Problem(
            "quiet",
            site.name,
            f"{site.name}: nothing new in {some(list(found), len(site.listings))} ({told}).",
            tuple(found),
        )
    opened = signs.open.get(("quiet", site.name))
    if opened and any(is_forgotten(each, opened) for each in well):
        verdict.unknown.add(("quiet", site.name))


def _old(site: Site, well: Sequence[Listing], limits: Health) -> Iterator[Problem]:
    """Is a site out of date that was not when its newest article came?"""
    walked = max((each.walks[0].at for each in well), default=None)
    too_old = timedelta(hours=limits.old)
    if walked and site.newest and walked - site.newest > too_old:
        if site.newest_seen and site.newest_seen - site.newest > too_old:
            return  # it was as old when we first came
        yield Problem(
            "old",
            site.name,
            f"{site.name}: its newest article is of {clock_time(site.newest)},"
            f" {span(walked - site.newest)} ago.",
        )


def _gap(site: Site, broken: set[str], now: datetime, limits: Health) -> Iterator[Problem]:
    open_ = [
        each
        for each in site.gaps
        if each.listing not in broken and now - each.since >= timedelta(hours=limits.gap)
    ]
    if open_:
        told = "; ".join(
            f"{each.listing} from {(each.start or 'the beginning')[:16].replace('T', ' ')}"
            f" to {each.end[:16].replace('T', ' ')}, {each.why}"
            for each in open_[:3]
        )
        parts = tuple(f"{each.listing} {each.start or ''}".strip() for each in open_)
        yield Problem(
            "gap",
            site.name,
            f"{site.name}: {len(open_)} gap{'s' * (len(open_) > 1)} in what listings showed"
            f" ({told}); see finews gaps.",
            parts,
        )

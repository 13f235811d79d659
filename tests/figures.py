"""What a week cost and what faults came to, in lines of at most 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from statistics import median, quantiles

from tests.cron import Cron
from tests.faults import Outcome
from tests.week import RATES

_LISTINGS = len(RATES) + 2  # the front page and the feed of the blog too


def row(outcome: Outcome) -> str:
    """A line of the table of faults, below :data:`tests.conftest.FAULTS`: numbers of alarms,
    reminders and recoveries; after how many polls and minutes it was told of, how many minutes
    after its end that it was over, after how many hours all was stored, what was lost.
    """
    kinds = Counter(each.kind for each in outcome.messages)
    number = "/".join(str(kinds[kind]) for kind in ("alarm", "reminder", "recovery"))
    rules = ",".join(dict.fromkeys(each.rule for each in outcome.messages)) or "-"
    figures = (outcome.polls, outcome.minutes, outcome.recovery, outcome.complete_after)
    shown = " ".join("    -" if each is None else f"{each:5g}" for each in figures)
    return f"{outcome.case.name:<13} {rules:<25.25} {number:>7} {shown} {len(outcome.lost):5}"


def figures(cron: Cron) -> list[str]:
    """What the runs cost, and how soon articles were seen by where they are listed first."""
    began = cron.ticks[0].at
    log = [each for each in cron.world.log if each.at >= began]
    asked = Counter(each.kind for each in log)
    most = len(cron.ticks) * _LISTINGS
    idle = len({tick.at for tick in cron.ticks} - {each.at for each in log})
    costs = sorted(tick.seconds for tick in cron.ticks)
    share = f"{asked['listing'] / most:.0%} of what polling all each time asks"
    return [
        (
            f"runs {len(costs)}, of them without a request {idle};"
            f" seconds: median {median(costs):.2f}, longest {costs[-1]:.2f}"
        ),
        f"requests for listings {asked['listing']} of {most}, {share}",
        f"requests for articles {asked['article']}, for robots.txt {asked['robots']}",
        f"{'first seen after, in minutes':<30} number median   95 %",
        *_latencies(cron, began),
    ]


def _latencies(cron: Cron, began: datetime) -> Iterator[str]:
    seen = dict(cron.program.rows("SELECT info_code, first_seen_at FROM articles"))
    for name in RATES:
        minutes = [
            (datetime.fromisoformat(seen[each.code]) - each.at).total_seconds() / 60
            for each in cron.world.published
            if each.listing == name and each.at > began and each.code in seen
        ]
        if len(minutes) > 1:
            most = quantiles(minutes, n=20, method="inclusive")[-1]
            yield f"  {name:<28} {len(minutes):6} {median(minutes):6.0f} {most:6.0f}"

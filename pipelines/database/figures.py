"""The figures of a corpus that are watched over time: what stands in a metrics file.

They are asked for after every run, so they read indexes and what is open, not all rows. At a
million articles and half a million runs that is about half a second: the count of the articles
by site and the sums over the runs are the two that grow with the corpus.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlite_utils import Database

from pipelines.database.coverage import gaps
from pipelines.database.ledger import TIME_OVER
from pipelines.database.rows import time_text

#: By the values of its labels, such as ``("eastmoney",)``; ``()`` where it has none.
Figure: TypeAlias = Mapping[tuple[str, ...], float]

#: How a run can have ended; ``none``: it has not, or it was killed.
OUTCOMES = ("finished", "stopped", "error", "none")

_ARTICLES = "SELECT site, count(*) FROM articles GROUP BY site"
_LISTED = "SELECT DISTINCT site FROM listings"
_NEWEST = "SELECT site, strftime('%s', max(published_at)) FROM articles WHERE site = ?"
# The first condition is that of the index.
_PENDING = """
  SELECT site, count(DISTINCT coalesce(info_code, url)) FROM entries
  WHERE state IN ('pending', 'failed') AND state = 'pending' GROUP BY site
"""
_FAILURES = "SELECT site, count(*) FROM failures WHERE resolved_at IS NULL GROUP BY site"
_ALARMS = "SELECT rule, subject, 1 FROM alarms WHERE closed_at IS NULL"
_RESTS = "SELECT host, strftime('%s', rests_until) FROM hosts WHERE rests_until > ?"
# Files that are read say nothing of the sites.
_CRAWLS = "command LIKE 'crawl%' OR command LIKE 'scrapy crawl%'"
_LAST = f"""
  SELECT strftime('%s', started_at), strftime('%s', ended_at), outcome FROM runs
  WHERE {_CRAWLS} ORDER BY id DESC LIMIT 1
"""
_GOOD = f"""
  SELECT strftime('%s', ended_at) FROM runs WHERE ({_CRAWLS})
  AND (outcome = 'finished' OR reason = '{TIME_OVER}')
  ORDER BY id DESC LIMIT 1
"""
_TOTALS = "SELECT sum(requests), sum(bytes), sum(refusals), sum(new) FROM runs"


def figures(db: Database, now: datetime) -> dict[str, Figure]:
    """Each figure by its name in the metrics file, without ``finews_``; times are seconds since
    1970. What is not known is left out: a figure without values, or a value.
    """
    articles = _rows(db, _ARTICLES)
    sites = sorted({*db.conn.execute(_LISTED), *articles})
    found: dict[str, Figure] = {
        "articles": _by_site(sites, articles),
        "newest_article_timestamp_seconds": ChainMap(
            *(dict(_rows(db, _NEWEST, *site)) for site in sites)
        ),
        "pending": _by_site(sites, _rows(db, _PENDING)),
        "failures_open": _by_site(sites, _rows(db, _FAILURES)),
        "gaps_open": _by_site(sites, Counter((gap["site"],) for gap in gaps(db))),
        "alarm_open": _rows(db, _ALARMS),
        "host_rests_until_timestamp_seconds": _rows(db, _RESTS, time_text(now)),
        "last_good_run_timestamp_seconds": _rows(db, _GOOD),
    }
    for start, end, outcome in db.conn.execute(_LAST):
        found |= {
            "run_start_timestamp_seconds": _value(start),
            "run_end_timestamp_seconds": _value(end),
            "run_outcome": {(each,): each == (outcome or "none") for each in OUTCOMES},
        }
    names = ("requests_total", "bytes_total", "refusals_total", "articles_new_total")
    totals = db.conn.execute(_TOTALS).fetchone()
    return found | {
        name: {(): float(total or 0)} for name, total in zip(names, totals, strict=True)
    }


def _rows(db: Database, sql: str, *values: object) -> Figure:
    """The last column by the ones before it."""
    rows = db.conn.execute(sql, values)
    return {tuple(labels): float(value) for *labels, value in rows if value is not None}


def _value(value: str | None) -> Figure:
    return {} if value is None else {(): float(value)}


def _by_site(sites: Sequence[tuple[str, ...]], found: Figure) -> Figure:
    """With a zero for the other sites: a figure that stays away tells nobody anything."""
    return dict.fromkeys(sites, 0.0) | dict(found)

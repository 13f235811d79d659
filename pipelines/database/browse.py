"""What the pages of ``finews serve`` ask: quick at a million articles, by indexes alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlite_utils import Database

from pipelines.database.coverage import Span, gaps
from pipelines.database.report import last_walks
from pipelines.database.rows import dicts, json_text, time_text

# One look into articles_by_source for each, rather than all its entries.
_SOURCES = """
  WITH RECURSIVE sources(source) AS (
    SELECT min(source) FROM articles UNION ALL
    SELECT (SELECT min(source) FROM articles WHERE source > s.source) FROM sources AS s
    WHERE s.source IS NOT NULL)
"""
_BY_DAY = f"""
  {_SOURCES}
  SELECT a.source, substr(a.published_at, 1, 10) AS day, count(*) FROM sources AS s
  CROSS JOIN articles AS a ON a.source = s.source
  WHERE s.source IS NOT NULL AND a.published_at >= :since AND a.published_at < :until GROUP BY 1, 2
  UNION ALL
  SELECT NULL, substr(published_at, 1, 10), count(*) FROM articles
  WHERE source IS NULL AND published_at >= :since AND published_at < :until GROUP BY 2
"""
# The same by articles_by_site and sightings_by_listing: an import has no listings.
_SITE_NAMES = """
  WITH RECURSIVE of_articles(site) AS (
    SELECT min(site) FROM articles UNION ALL
    SELECT (SELECT min(site) FROM articles WHERE site > s.site) FROM of_articles AS s
    WHERE s.site IS NOT NULL),
  of_sightings(site) AS (
    SELECT min(site) FROM sightings UNION ALL
    SELECT (SELECT min(site) FROM sightings WHERE site > s.site) FROM of_sightings AS s
    WHERE s.site IS NOT NULL),
  names(site) AS (
    SELECT site FROM of_articles UNION SELECT site FROM of_sightings
    UNION SELECT site FROM listings)
"""
_SITES = f"""
  {_SITE_NAMES}
  SELECT l.site, (SELECT count(*) FROM articles WHERE site = l.site) AS articles,
    (SELECT max(published_at) FROM articles WHERE site = l.site) AS newest_published_at
  FROM names AS l WHERE l.site IS NOT NULL ORDER BY 1
"""
_MONTH = "published_at >= ? AND published_at < ?"
# The names by which the newest rows know a security; of an index there are very many.
_NAMES = """
  SELECT name FROM (SELECT name FROM mentions WHERE code = ? AND market = ? LIMIT 500)
  WHERE name IS NOT NULL GROUP BY name ORDER BY count(*) DESC, name LIMIT 3
"""


def newest(db: Database, now: datetime) -> str | None:
    """The latest time of publication up to ``now``, as stored; None where none is known."""
    sql = "SELECT max(published_at) FROM articles WHERE published_at <= ?"
    found: str | None = _one(db, sql, time_text(now))
    return found


def count(db: Database) -> int:
    """How many articles there are."""
    return int(_one(db, "SELECT count(*) FROM articles"))


def sources(db: Database) -> list[str]:
    """The names of all sources, sorted."""
    sql = f"{_SOURCES} SELECT source FROM sources WHERE source IS NOT NULL"
    return [name for (name,) in db.conn.execute(sql)]


def site_names(db: Database) -> list[str]:
    """The names of all sites that showed an article or are listed, sorted."""
    sql = f"{_SITE_NAMES} SELECT site FROM names WHERE site IS NOT NULL ORDER BY 1"
    return [name for (name,) in db.conn.execute(sql)]


def by_day(db: Database, first: str, last: str) -> list[tuple[str | None, str, int]]:
    """Rows of source, day and number of the articles published from one day to another."""
    # A text that follows all times of the last day.
    return db.conn.execute(_BY_DAY, {"since": first, "until": f"{last}U"}).fetchall()


def sites(db: Database) -> list[dict[str, Any]]:
    """A row a site with its ``articles``, ``newest_published_at`` and open ``failures``."""
    failed = Counter(
        site for (site,) in db.conn.execute("SELECT site FROM failures WHERE resolved_at IS NULL")
    )
    return [row | {"failures": failed[row["site"]]} for row in dicts(db, _SITES)]


def listings(
    db: Database,
    missing: Iterable[dict[str, Any]],
    covered: Mapping[tuple[str, str], Sequence[Span]],
) -> list[dict[str, Any]]:
    """A row a listing that is known: its last walk, ``complete_to`` by what is ``covered``, and
    how many open ``failures`` and of the gaps ``missing`` it has.
    """
    failed = Counter(
        db.conn.execute("SELECT site, listing FROM failures WHERE resolved_at IS NULL").fetchall()
    )
    open_ = Counter((gap["site"], gap["listing"]) for gap in missing)
    return [
        row
        | {"complete_to": max((span.end for span in covered.get(name, ())), default=None)}
        | {"failures": failed[name], "gaps": open_[name]}
        for row in last_walks(db)
        for name in [(row["site"], row["listing"])]
    ]


def last_run(db: Database) -> dict[str, Any] | None:
    """The last run that began; None where there was none."""
    sql = "SELECT command, started_at, ended_at, outcome FROM runs ORDER BY id DESC LIMIT 1"
    return next(dicts(db, sql), None)


def missing(db: Database) -> list[dict[str, Any]]:
    """The gaps of all listings, those that reach furthest first."""
    return sorted(gaps(db), key=lambda gap: str(gap["to_at"]), reverse=True)


def source(db: Database, name: str, most: int) -> dict[str, Any] | None:
    """How much a source published: ``articles``, ``first`` and ``last`` time, and ``months``,
    pairs of month and number, of the last ``most``; None where no article names it.
    """
    where = "FROM articles WHERE source = ?"
    articles = int(_one(db, f"SELECT count(*) {where}", name))
    if not articles:
        return None
    # Each by one look into articles_by_source; together they would read all its entries.
    first, last = (_one(db, f"SELECT {end}(published_at) {where}", name) for end in ("min", "max"))
    months = [
        (month, int(_one(db, f"SELECT count(*) {where} AND {_MONTH}", name, month, after)))
        for month, after in (pairwise(_months(first, last, most + 1)) if first else ())
    ]
    return {"articles": articles, "first": first, "last": last, "months": months}


def _months(first: str, last: str, most: int) -> list[str]:
    """The months from one time to another as ``2022-05``, and the one after; the last ``most``."""
    try:
        begin, end = (int(time[:4]) * 12 + int(time[5:7]) - 1 for time in (first, last))
    except ValueError:  # another tool wrote it
        return []
    return [f"{each // 12:04}-{each % 12 + 1:02}" for each in range(begin, end + 2)[-most:]]


def names(db: Database, market: str, code: str) -> list[str]:
    """What articles call a security, the usual name first."""
    return [name for (name,) in db.conn.execute(_NAMES, (code, market))]


def is_mentioned(db: Database, market: str, code: str) -> bool:
    """Is there an article that names this security?"""
    sql = "SELECT EXISTS (SELECT 1 FROM mentions WHERE code = ? AND market = ?)"
    return bool(_one(db, sql, code, market))


def mentioned(db: Database, market: str, code: str, most: int) -> tuple[int, str | None]:
    """How many articles name a security, and the time of the first; one more than ``most`` says
    that there are more, and the time is of no meaning then.
    """
    sql = (
        "SELECT count(*), min(a.published_at) FROM (SELECT DISTINCT info_code FROM mentions"
        " WHERE code = ? AND market = ? LIMIT ?) JOIN articles AS a USING (info_code)"
    )
    number, first = db.conn.execute(sql, (code, market, most + 1)).fetchone()
    return int(number), first


def markets(db: Database, code: str) -> list[str]:
    """The markets in which articles name a security of this code."""
    sql = "SELECT DISTINCT market FROM mentions WHERE code = ? ORDER BY market"
    return [market for (market,) in db.conn.execute(sql, (code,))]


def titles(db: Database, codes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Title and source of some articles, by their codes."""
    sql = (
        "SELECT info_code, title, source FROM articles"
        " WHERE info_code IN (SELECT value FROM json_each(?))"
    )
    return {row["info_code"]: row for row in dicts(db, sql, json_text(list(codes)))}


def briefly(db: Database, codes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Title, source, times, text and link of some articles, by their codes."""
    found = dicts(
        db,
        "SELECT info_code, title, source, published_at, updated_at, digest, paragraphs, url"
        " FROM articles WHERE info_code IN (SELECT value FROM json_each(?))",
        json_text(list(codes)),
    )
    return {row["info_code"]: row for row in found}


def _one(db: Database, sql: str, *values: object) -> Any:
    return db.conn.execute(sql, values).fetchone()[0]

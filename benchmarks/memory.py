"""Memory: a crawl of 500 articles into an empty corpus and into one of 200,000."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.process import finews
from crawler.demo.server import serve, static
from crawler.demo.site import build, post
from pipelines.run import Run

STORED = 200_000
CRAWLED = 500


def measure() -> Iterator[tuple[str, str]]:
    """Peak resident memory of the whole process, by the system's own account."""
    posts = [
        post(f"20220601{number:010}", title=f"第{number}条", date="2022-06-01 09:00:00 +0800")
        for number in range(CRAWLED)
    ]
    peaks = {}
    with serve(static({"finews.withounder.com": build(posts)})) as url:
        for stored in (0, STORED):
            with tempfile.TemporaryDirectory() as folder:
                fill(Path(folder), stored)
                peaks[stored] = _crawl(url, folder)
    for stored, peak in peaks.items():
        yield f"memory: crawl of {CRAWLED} with {stored:,} stored, MB", f"{peak:.1f}"
    yield "  difference, MB", f"{peaks[STORED] - peaks[0]:+.1f}"


def fill(data: Path, stored: int) -> None:
    """Put made-up articles, their entries and sightings into a corpus, as a crawl would."""
    with Run.open(data, "fill") as run:
        run.corpus.conn.executescript(f"""
        BEGIN;
        CREATE TEMP TABLE code AS WITH RECURSIVE n(i) AS
          (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {stored})
          SELECT printf('NW20210101%010d', i) AS code FROM n WHERE {stored};
        INSERT INTO articles (info_code, site, listing, title, paragraphs, content_hash, text_hash,
          revision, first_seen_at, updated_at, run_id, parser, duplicate_group)
          SELECT code, 'finews', 'emnews', code, '[{{"kind":"text","text":"' || code || '"}}]',
          code, code, 1, '2021-01-01', '2021-01-01', {run.id}, 'fill/1', code FROM code;
        INSERT INTO entries (site, listing, url, info_code, state, first_shown_at, run_id)
          SELECT 'finews', 'emnews', 'https://finews.withounder.com/emnews/' || code, code,
          'stored', '2021-01-01', {run.id} FROM code;
        INSERT INTO sightings (info_code, site, listing, url, first_seen_at)
          SELECT code, 'finews', 'emnews', code, '2021-01-01' FROM code;
        DROP TABLE code;
        COMMIT;
    """)


def _crawl(url: str, data: str) -> float:
    _, peak = finews(
        "crawl", "finews", "--listing", "category/emnews", "--json",
        "--replay", url, "--data", data,
    )  # fmt: skip
    return peak

"""The metrics file, read as Prometheus reads it."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlite_utils import Database

from crawler.config_file import InForce, read
from crawler.errors import MissingExtra, StoreError
from crawler.parsers.dates import SHANGHAI
from pipelines.database.connect import open_corpus, writing
from pipelines.database.rows import time_text
from pipelines.metrics import write_metrics
from pipelines.ready import check
from tests.conftest import Program

NOW = datetime(2026, 11, 3, 10, 5, tzinfo=SHANGHAI)


def written(db: Database, data: Path, file: Path) -> dict[tuple[str, ...], float]:
    """The values by name and labels."""
    write_metrics(db, data, file, NOW)
    found = {}
    for family in text_string_to_metric_families(file.read_text(encoding="utf-8")):
        assert family.documentation.endswith(".")
        assert family.type in ("gauge", "counter")
        for sample in family.samples:
            found[sample.name.removeprefix("finews_"), *sample.labels.values()] = sample.value
    return found


def insert(db: Database, table: str, **row: object) -> None:
    with writing(db):
        db.conn.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )


def test_the_figures_of_a_crawl(finews: Program, tmp_path: Path) -> None:
    """What the commands say, the file says."""
    finews("demo")
    status, file = finews.json("status"), tmp_path / "finews.prom"
    db = open_corpus(finews.data)
    found = written(db, finews.data, file)
    db.close()
    assert found["articles", "finews"] + found["articles", "eastmoney"] == status["articles"]
    newest = datetime.fromisoformat(status["newest_published_at"]).timestamp()
    assert newest in (
        found["newest_article_timestamp_seconds", site] for site in ("finews", "eastmoney")
    )
    assert found["articles_new_total",] == status["articles"]
    assert found["requests_total",] == sum(finews.rows("SELECT requests FROM runs"))
    assert found["pages_bytes",] >= finews.data.joinpath("pages.db").stat().st_size
    assert 0 < found["corpus_bytes",] < found["disk_free_bytes",]
    assert [each.name for each in tmp_path.glob("finews.prom*")] == ["finews.prom"]


def test_figures_that_the_demo_has_not(tmp_path: Path) -> None:
    db = open_corpus(tmp_path)
    at, soon = time_text(NOW), time_text(NOW + timedelta(hours=1))
    for outcome in ("finished", "error"):
        insert(db, "runs", command="crawl", started_at=at, ended_at=soon, outcome=outcome,
               requests=3, bytes=50, refusals=1)  # fmt: skip
    insert(db, "runs", command="crawl", started_at=soon)
    insert(db, "runs", command="ingest x", started_at=at, ended_at=at, outcome="finished")
    insert(db, "listings", site="choice", name="37", url="http://x", first_seen_at=at)
    insert(db, "listings", site="finews", name="a", url="http://x", first_seen_at=at)
    for listing in ("a", "b"):
        insert(db, "entries", site="finews", listing=listing, url="http://x", info_code="NW1",
               state="pending", first_shown_at=at)  # fmt: skip
        insert(db, "walks", run_id=1, site="finews", listing=listing, started_at=at,
               outcome="failed")  # fmt: skip
    failed = {"site": "finews", "reason": "timeout", "message": "", "attempts": 1, "run_id": 1}
    failed |= {"first_failed_at": at, "last_failed_at": at}
    insert(db, "failures", url="http://x", **failed)
    insert(db, "failures", url="http://y", resolved_at=at, **failed)
    told = {"message": "", "opened_at": at, "seen_at": at, "told_at": at}
    insert(db, "alarms", rule="failing", subject='a"b\\', **told)
    insert(db, "alarms", rule="disk", subject="", closed_at=at, **told)
    rest = {"refusals": 3, "rests": 1, "reason": "http-429", "last_refused_at": at}
    insert(db, "hosts", host="rests:81", rests_until=soon, **rest)
    insert(db, "hosts", host="rested", rests_until=at, **rest)
    found = written(db, tmp_path, tmp_path / "finews.prom")
    db.close()
    space = ("disk_free_bytes", "corpus_bytes", "pages_bytes")
    assert {name: value for name, value in found.items() if name[0] not in space} == {
        ("articles", "choice"): 0,
        ("articles", "finews"): 0,
        ("pending", "choice"): 0,
        ("pending", "finews"): 1,
        ("failures_open", "choice"): 0,
        ("failures_open", "finews"): 1,
        ("gaps_open", "choice"): 0,
        ("gaps_open", "finews"): 2,
        ("alarm_open", "failing", 'a"b\\'): 1,
        ("run_start_timestamp_seconds",): NOW.timestamp() + 3600,
        ("run_outcome", "finished"): 0,
        ("run_outcome", "stopped"): 0,
        ("run_outcome", "error"): 0,
        ("run_outcome", "none"): 1,
        ("last_good_run_timestamp_seconds",): NOW.timestamp() + 3600,
        ("requests_total",): 6,
        ("bytes_total",): 100,
        ("refusals_total",): 2,
        ("articles_new_total",): 0,
        ("host_rests_until_timestamp_seconds", "rests:81"): NOW.timestamp() + 3600,
    }


def test_a_new_corpus_has_figures(tmp_path: Path) -> None:
    db = open_corpus(tmp_path)
    found = written(db, tmp_path, tmp_path / "finews.prom")
    db.close()
    assert found["requests_total",] == 0
    assert not any(name.startswith("run_") for name, *_ in found)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    db = open_corpus(tmp_path)
    with pytest.raises(StoreError, match="No such file or directory"):
        write_metrics(db, tmp_path, tmp_path / "no" / "finews.prom", NOW)
    db.close()


def test_what_is_missing_is_told_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given(text: str) -> InForce:
        return read(text, tmp_path / "finews.toml", {})

    there = given('[metrics]\nfile = "finews.prom"')
    check(there)
    check(given('[metrics]\nfile = "no/finews.prom"'))  # the alarm sink tells it
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    check(given(""))
    with pytest.raises(MissingExtra, match=r"\[metrics\]"):
        check(there)
    db = open_corpus(tmp_path)
    with pytest.raises(MissingExtra, match=r"\[metrics\]"):
        write_metrics(db, tmp_path, tmp_path / "finews.prom", NOW)
    db.close()

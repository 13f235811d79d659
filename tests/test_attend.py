"""After a run: each alarm is told once, and then daily, and when it is well again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler import config
from crawler.errors import Locked, WriteFailed
from crawler.parsers.dates import SHANGHAI
from pipelines.database.alarms import open_alarms, settle
from pipelines.database.connect import open_corpus, writing
from pipelines.database.lock import RunLock
from pipelines.database.outbox import hush
from pipelines.health.attend import Attended, attend
from pipelines.health.note import Note
from pipelines.health.rules import Problem, Verdict
from tests.receivers import Receiver, receiving

NOW = datetime(2026, 6, 17, 12, tzinfo=SHANGHAI)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DOWN = Problem("failing", "finews", "finews: its listing home did not come.", ("home",))


class Data:
    """A data folder whose alarms are settled at times after ``NOW``."""

    def __init__(self, folder: Path) -> None:
        self.db = open_corpus(folder)

    def settle(self, after: timedelta, *problems: Problem, unknown: str = "") -> list[str]:
        verdict = Verdict(list(problems), {("failing", unknown)} if unknown else set())
        ids = settle(self.db, verdict, NOW + after, DAY)
        return [
            self.db.conn.execute("SELECT kind FROM messages WHERE id = ?", (each,)).fetchone()[0]
            for each in ids
        ]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Data]:
    found = Data(tmp_path)
    yield found
    found.db.close()


def test_once_then_daily_then_well_again(data: Data) -> None:
    assert data.settle(0 * HOUR) == []
    assert data.settle(0 * HOUR, DOWN) == ["alarm"]
    for hours in range(1, 24):
        assert data.settle(hours * HOUR, replace(DOWN, message=f"since {hours}")) == []
    assert data.settle(24 * HOUR, DOWN) == ["reminder"]
    assert data.settle(25 * HOUR, DOWN) == []
    assert data.settle(48 * HOUR, DOWN) == ["reminder"]
    assert data.settle(49 * HOUR) == ["recovery"]
    assert data.settle(50 * HOUR) == []
    assert data.settle(51 * HOUR, DOWN) == ["alarm"]
    (text,) = data.db.conn.execute("SELECT text FROM messages WHERE kind = 'recovery'").fetchone()
    assert text == "Well again. Since 2026-06-17 12:00: finews: its listing home did not come."


def test_what_cannot_be_judged_stays_as_it_is(data: Data) -> None:
    data.settle(0 * HOUR, DOWN)
    assert data.settle(30 * HOUR, unknown="finews") == []
    assert [each.rule for each in open_alarms(data.db)] == ["failing"]


def test_two_causes_are_two_alarms(data: Data) -> None:
    other = replace(DOWN, subject="eastmoney")
    assert data.settle(0 * HOUR, DOWN, other) == ["alarm", "alarm"]
    assert data.settle(1 * HOUR, other) == ["recovery"]


def test_hushed_until_more_is_concerned(data: Data) -> None:
    more = replace(DOWN, parts=("home", "feed"))
    data.settle(0 * HOUR, DOWN)
    with writing(data.db):
        assert hush(data.db, "failing", "finews", NOW) == 1
    assert data.settle(30 * HOUR, DOWN) == []
    assert data.settle(31 * HOUR, more) == ["reminder"]
    assert not open_alarms(data.db)[0].hushed
    with writing(data.db):
        hush(data.db, "failing", None, NOW)
    assert data.settle(60 * HOUR, more) == []
    assert data.settle(61 * HOUR, DOWN) == []  # less, and a person knows
    assert data.settle(62 * HOUR, more) == []
    assert data.settle(90 * HOUR) == ["recovery"]


# -- with what goes out


def settings(**parts: dict[str, Any]) -> config.Settings:
    tables: dict[str, Any] = {
        name: replace(getattr(config.Settings(), name), **of) for name, of in parts.items()
    }
    return replace(config.Settings(), **tables)


@contextmanager
def broken_home(folder: Path) -> Iterator[None]:
    """A corpus whose one listing failed twice."""
    db = open_corpus(folder)
    with writing(db):
        at = NOW.isoformat()
        db.conn.execute("INSERT INTO runs (command, started_at) VALUES ('crawl', ?)", (at,))
        db.conn.execute(
            "INSERT INTO listings VALUES ('finews', 'home', 'https://a.test/', ?)", (at,)
        )
        for _ in range(2):
            db.conn.execute(
                "INSERT INTO walks (run_id, site, listing, started_at, outcome)"
                " VALUES (1, 'finews', 'home', ?, 'failed')",
                (at,),
            )
    db.close()
    yield


def mend(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "finews.db")) as db, db:
        db.execute("UPDATE walks SET outcome = 'end'")


def after_run(
    folder: Path,
    given: config.Settings,
    after: timedelta = 0 * HOUR,
    *,
    finished: bool = True,
    trouble: WriteFailed | None = None,
) -> Attended:
    return attend(folder, given, lambda: NOW + after, finished=finished, trouble=trouble)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def kinds(attended: Attended) -> list[tuple[str, str]]:
    return [(each.kind, each.rule) for each in attended.messages]


def test_a_broken_site_is_told_by_every_way_once(tmp_path: Path, receiver: Receiver) -> None:
    given = settings(
        alarms={"webhook_url": receiver.url + "/hook", "ping_url": receiver.url + "/p"}
    )
    with broken_home(tmp_path):
        found = after_run(tmp_path, given)
        assert kinds(found) == [("alarm", "failing")]
        assert found.wrong == [("failing", "finews")]
        assert after_run(tmp_path, given) == Attended([], found.wrong)
        mend(tmp_path)
        assert kinds(after_run(tmp_path, given)) == [("recovery", "failing")]
    assert receiver.paths == ["/p", "/hook", "/p", "/p", "/hook"]
    assert "finews is failing" in receiver.posts[0]["title"]
    assert "well again" in receiver.posts[1]["title"]


def test_the_ping_is_called_after_a_good_run_only(tmp_path: Path, receiver: Receiver) -> None:
    given = settings(alarms={"ping_url": receiver.url + "/p"})
    after_run(tmp_path, given, finished=False)
    assert receiver.paths == []
    after_run(tmp_path, given)
    assert receiver.paths == ["/p"]


def test_a_ping_that_failed_is_tried_again(tmp_path: Path, receiver: Receiver) -> None:
    given = settings(alarms={"ping_url": receiver.url + "/p"})
    receiver.status = 500
    assert kinds(after_run(tmp_path, given)) == [("alarm", "sink")]
    receiver.status = 200
    assert kinds(after_run(tmp_path, given)) == [("recovery", "sink")]
    assert receiver.paths == ["/p", "/p"]


def test_a_run_that_does_not_end_is_told(tmp_path: Path) -> None:
    after_run(tmp_path, settings())
    held = Locked("another run (process 7, since …) works in data", tmp_path, NOW - DAY)

    def turned_away(after: timedelta) -> Attended:
        return attend(tmp_path, settings(), lambda: NOW + after, finished=False, held=held)

    assert kinds(turned_away(0 * HOUR)) == [("alarm", "held")]
    assert kinds(turned_away(1 * HOUR)) == []
    assert kinds(after_run(tmp_path, settings(), 2 * HOUR)) == [("recovery", "held")]


def test_a_site_that_is_switched_off(tmp_path: Path) -> None:
    with broken_home(tmp_path):
        after_run(tmp_path, settings())
        off = settings(crawl={"sites": ("eastmoney",)})
        assert kinds(after_run(tmp_path, off, HOUR)) == []  # it may have been crawled by hand
        found = after_run(tmp_path, off, 3 * DAY)
    assert kinds(found) == [("recovery", "failing")]
    assert found.messages[0].text.startswith("Not judged any more, since it is not crawled.")


def test_a_damaged_file_is_told_once(tmp_path: Path, receiver: Receiver) -> None:
    given = settings(alarms={"webhook_url": receiver.url + "/hook"})
    after_run(tmp_path, given)
    path = tmp_path / "finews.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content[:16384] + b"\xff" * (len(content) - 16384))
    assert kinds(after_run(tmp_path, given)) == [("alarm", "data")]
    assert kinds(after_run(tmp_path, given, HOUR)) == []
    assert len(receiver.posts) == 1
    assert "finews.db cannot be opened" in receiver.posts[0]["text"]


def test_a_folder_that_takes_nothing_is_told_once(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(alarms={"webhook_url": receiver.url + "/hook"})
    spare = tmp_path / "tmp"
    spare.mkdir()
    monkeypatch.setattr("pipelines.health.note.gettempdir", lambda: str(spare))
    data = tmp_path / "data"
    data.write_text("no folder at all")
    assert kinds(after_run(data, given)) == [("alarm", "data")]
    assert kinds(after_run(data, given, HOUR)) == []
    data.unlink()
    assert kinds(after_run(data, given, 2 * HOUR)) == [("recovery", "data")]
    assert list(spare.iterdir()) == []
    assert [each["kind"] for each in receiver.posts] == ["alarm", "recovery"]


def test_a_ping_that_fails_and_metrics_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1/p"
    (tmp_path / "no.prom").mkdir()
    given = settings(alarms={"ping_url": nobody}, metrics={"file": tmp_path / "no.prom"})
    data = tmp_path / "data"
    found = after_run(data, given)
    assert kinds(found) == [("alarm", "sink"), ("alarm", "sink")]
    assert found.wrong == []  # it does not fail a crawl
    assert nobody not in "".join(each.text for each in found.messages)
    assert kinds(after_run(data, given)) == []
    assert kinds(after_run(data, settings())) == [("recovery", "sink"), ("recovery", "sink")]


def test_no_ping_comes_while_messages_do_not_get_through(
    tmp_path: Path, receiver: Receiver
) -> None:
    given = settings(alarms={"ping_url": receiver.url + "/p", "command": ("false",)})
    with broken_home(tmp_path):
        for _ in range(3):
            after_run(tmp_path, given)
    assert receiver.paths == ["/p"]  # of the first run, which did not know it yet


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    given = settings(log={"file": tmp_path / "nowhere" / "finews.jsonl"})
    data = tmp_path / "data"
    assert kinds(after_run(data, given)) == [("alarm", "sink")]
    assert kinds(after_run(data, given)) == []
    assert kinds(after_run(data, settings())) == [("recovery", "sink")]


def test_a_sink_that_fails_is_told_by_the_other_one(tmp_path: Path, receiver: Receiver) -> None:
    given = settings(
        alarms={"webhook_url": receiver.url + "/hook", "command": ("false",), "timeout": 2}
    )
    with broken_home(tmp_path):
        after_run(tmp_path, given)
        assert kinds(after_run(tmp_path, given)) == [("alarm", "sink")]
    texts = [each["text"] for each in receiver.posts]
    assert len(texts) == 2
    assert texts[1].startswith("What goes out by command does not get through: ")


def test_while_another_process_attends_nothing_is_done(tmp_path: Path) -> None:
    with broken_home(tmp_path):
        lock = RunLock(tmp_path, "alarms.lock")
        lock.acquire()
        assert after_run(tmp_path, settings()) == Attended()
        lock.release()
        assert kinds(after_run(tmp_path, settings())) == [("alarm", "failing")]


FULL = WriteFailed("finews.db refused a write: database or disk is full", Path("finews.db"))


def test_a_data_folder_that_failed(tmp_path: Path) -> None:
    after_run(tmp_path, settings())
    found = after_run(tmp_path, settings(), finished=False, trouble=FULL)
    assert kinds(found) == [("alarm", "data")]
    assert found.messages[0].text == (
        "The data folder fails, so runs end at once: finews.db refused a write: database or disk"
        " is full."
    )
    assert kinds(after_run(tmp_path, settings(), finished=False, trouble=FULL)) == []
    assert kinds(after_run(tmp_path, settings())) == [("recovery", "data")]


def test_told_once_when_nothing_can_be_written(tmp_path: Path, receiver: Receiver) -> None:
    given = settings(alarms={"webhook_url": receiver.url + "/hook"})
    after_run(tmp_path, given)
    with closing(sqlite3.connect(tmp_path / "finews.db")) as db, db:
        for table in ("alarms", "messages"):
            db.execute(
                f"CREATE TRIGGER full_{table} BEFORE INSERT ON {table}"
                " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
            )
    told = [
        kinds(after_run(tmp_path, given, hours * HOUR, finished=False, trouble=FULL))
        for hours in (0, 1, 23, 25, 26)
    ]
    assert told == [[("alarm", "data")], [], [], [("reminder", "data")], []]
    assert len(receiver.posts) == 2
    with closing(sqlite3.connect(tmp_path / "finews.db")) as db, db:
        db.execute("DROP TRIGGER full_alarms")
        db.execute("DROP TRIGGER full_messages")
    assert kinds(after_run(tmp_path, given, 27 * HOUR)) == [("recovery", "data")]
    assert [each["kind"] for each in receiver.posts] == ["alarm", "reminder", "recovery"]
    assert kinds(after_run(tmp_path, given, 28 * HOUR)) == []


def test_a_note_is_written_in_place_and_a_broken_one_is_none(tmp_path: Path) -> None:
    note = Note(tmp_path)
    assert note.read() is None
    note.reserve()
    size = (tmp_path / "alarms.note").stat().st_size
    problem = Problem("disk", "", "满" * 9000)
    note.write(problem, NOW, ["mail"])
    assert (tmp_path / "alarms.note").stat().st_size == size == 4096
    found = note.read()
    assert found
    assert (found.problem.rule, found.at, found.sinks) == ("disk", NOW, ("mail",))
    note.clear()
    assert note.read() is None
    for text in ("", "{", "[1]", '{"rule": 1}', '{"at": "x"}'):
        (tmp_path / "alarms.note").write_text(text)
        assert note.read() is None

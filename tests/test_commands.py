"""The commands as a user types them: help, exit codes, output."""

from __future__ import annotations

import csv
import json
import os
import pty
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from crawler.cli import COMMANDS
from crawler.demo.site import build, bundled_posts
from pipelines.database.lock import RunLock
from tests.conftest import ROOT, Program
from tests.replica import serving


@pytest.fixture
def demo(finews: Program) -> Program:
    """A program whose data folder holds the miniature."""
    finews("demo")
    return finews


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_common_options(finews: Program, command: str) -> None:
    text = finews(command, "--help")
    assert f"finews {command}" in text.partition("Example")[2]
    assert "--data" in text
    assert "--json" in text


def test_the_list_of_commands_loads_none_of_them() -> None:
    done = subprocess.run(
        ["python", "-X", "importtime", "-c", "from crawler.cli import main; main(['--help'])"],
        executable=os.sys.executable,  # type: ignore[attr-defined]
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("scrapy", "sqlite_utils", "lxml", "crawler.cli.export"):
        assert name not in done.stderr
    for name, does in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert does in done.stdout


@pytest.mark.parametrize(
    "args",
    [
        ("crawl", "nowhere"),
        ("crawl", "--since", "yesterday"),
        ("crawl", "--replay", "ftp://x"),
        ("crawl", "--max-pages", "0"),
        ("crawl", "--since", "2022-06-01", "--until", "2022-05-01"),
        ("export", "a.csv", "--since", "2022-06-01", "--until", "2022-05-01"),
        ("export", "a.csv", "--prune"),
        ("export", "news.txt"),
        ("show", "12345"),
        ("show", "NW202001010000000001", "--history", "--as-of", "2022-06-01"),
        ("export", "a.csv", "--as-of", "2999-01-01"),
        ("failures", "--wait"),
        ("nonsense",),
    ],
)
def test_wrong_usage_is_exit_2(finews: Program, args: tuple[str, ...]) -> None:
    done = finews.run(finews.command(*args))
    assert done.returncode == 2
    assert "Error:" in done.stderr
    assert not finews.data.exists()


@pytest.mark.parametrize("command", ["status", "failures", "export"])
def test_without_a_corpus_there_is_a_clear_error(finews: Program, command: str) -> None:
    args = (command, "out.jsonl") if command == "export" else (command,)
    done = finews.run(finews.command(*args))
    assert done.returncode == 1
    assert done.stderr.startswith("finews: no corpus at ")
    assert done.stderr.count("\n") == 1


def test_a_second_run_exits_4_and_can_wait(finews: Program) -> None:
    with serving(build(bundled_posts())) as replica:
        lock = RunLock(finews.data)
        lock.acquire()
        with lock:
            done = finews.run(finews.command("crawl", "finews", "--replay", replica.url))
            assert done.returncode == 4
            assert f"process {os.getpid()}" in done.stderr
            waiting = subprocess.Popen(
                finews.command("crawl", "finews", "--replay", replica.url, "--wait"),
                cwd=ROOT,
                env=finews.env,
                stdout=subprocess.DEVNULL,
            )
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(1.5)
        assert waiting.wait(30) == 0


def test_a_file_that_is_no_database(finews: Program) -> None:
    finews.data.mkdir()
    (finews.data / "finews.db").write_bytes(b"not a database, but long enough" * 100)
    for command in (("status",), ("crawl", "finews", "--replay", "http://127.0.0.1:1")):
        done = finews.run(finews.command(*command))
        assert done.returncode == 1
        assert "file is not a database" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made(finews: Program) -> None:
    finews.data.parent.joinpath("way").write_text("a file in the way")
    finews.data = finews.data.parent / "way" / "data"
    done = finews.run(finews.command("crawl", "finews", "--replay", "http://127.0.0.1:1"))
    assert done.returncode == 1
    assert done.stderr.startswith("finews: ")


def test_a_failed_write_is_loud_and_ends_the_run(finews: Program) -> None:
    """A trigger that refuses every article stands in for a full disk."""
    finews("demo")
    with sqlite3.connect(finews.data / "finews.db") as db:
        db.execute("DELETE FROM articles")
        db.execute("UPDATE entries SET state = 'pending' WHERE state = 'stored'")
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON articles"
            " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
        )
    with serving(build(bundled_posts())) as replica:
        done = finews.run(finews.command("crawl", "finews", "--replay", replica.url))
        assert done.returncode == 1
        assert "finews.db refused a write: database or disk is full" in done.stderr
        with sqlite3.connect(finews.data / "finews.db") as db:
            db.execute("DROP TRIGGER full")
        finews("crawl", "finews", "--replay", replica.url)
    assert finews.rows("SELECT count(*) FROM articles") == [16]


def test_jsonl_has_every_article_in_order_of_time(demo: Program, tmp_path: Path) -> None:
    dest = tmp_path / "out" / "news.jsonl"
    demo("export", str(dest))
    rows = [json.loads(line) for line in dest.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 23
    times = [row["published_at"] for row in rows]
    assert times == sorted(times)
    (row,) = (row for row in rows if row["info_code"] == "NW202205209100000505")
    assert row["source"] == "上海证券报"
    assert [each["kind"] for each in row["paragraphs"]] == ["text", "heading", "text"]
    assert {each["evidence"] for each in row["mentions"]} == {"chart", "code", "link"}
    assert row["tags"] == ["东财滚动新闻"]
    assert row["author"] is None
    assert "\\u" not in dest.read_text(encoding="utf-8")


def test_csv_reads_back_equal(demo: Program, tmp_path: Path) -> None:
    demo("export", str(tmp_path / "a.csv"))
    demo("export", str(tmp_path / "a.jsonl"))
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    for row, line in zip(rows, lines, strict=True):
        for name, value in json.loads(line).items():
            cell = row[name]
            if isinstance(value, list):
                assert json.loads(cell) == value
            else:
                assert cell == ("" if value is None else str(value))


def test_export_twice_gives_the_same_bytes(demo: Program, tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        demo("export", str(tmp_path / name))
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl", "data"]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("--since", "2022-06-01", "--until", "2022-06-30"), 4),
        (("--until", "2021-12-08"), 4),
        (("--since", "2022-05-31T15:25:28", "--until", "2022-05-31T15:25:28"), 1),
        (("--since", "2022-05-31T07:25:28+00:00", "--until", "2022-05-31"), 1),
        (("--source", "财联社"), 2),
        (("--source", "财联社", "--source", "新华社"), 3),
        (("--site", "finews"), 16),
        (("--site", "eastmoney"), 8),
        (("--site", "choice"), 0),
    ],
)
def test_filters(demo: Program, tmp_path: Path, filters: tuple[str, ...], count: int) -> None:
    dest = tmp_path / "out"
    told = demo.json("export", str(dest), "--format", "jsonl", *filters)
    assert told["articles"] == count == len(dest.read_bytes().splitlines())


def test_export_that_fails_leaves_the_old_file(demo: Program, tmp_path: Path) -> None:
    done = demo.run(demo.command("export", "/proc/nothing/news.csv"))
    assert done.returncode == 1
    assert "cannot be written" in done.stderr


def test_show_takes_every_form_of_a_code(demo: Program) -> None:
    for form in (
        "NW202205319100001010",
        "202205319100001010",
        "https://finance.eastmoney.com/a/202205319100001010.html",
    ):
        assert demo.json("show", form)["info_code"] == "NW202205319100001010"
    text = demo("show", "202205319100001010")
    assert "澜州市财政局网站" in text
    done = demo.run(demo.command("show", "NW202001010000000001"))
    assert done.returncode == 1
    assert "is not stored" in done.stderr


def test_status_and_sites(demo: Program) -> None:
    status = demo.json("status")
    assert (status["articles"], status["pending"], status["failures"]) == (23, 0, 0)
    assert status["last_run"]["outcome"] == "finished"
    assert {each["listing"] for each in status["listings"]} > {"home", "emnews", "feed"}
    sites = demo.json("sites")
    assert {(each["site"], each["listing"]) for each in sites} >= {
        ("finews", "home"),
        ("finews", "cailianshe"),
    }


@pytest.mark.parametrize("command", ["status", "sites", "failures", "demo", "runs", "db"])
def test_tables_fit_80_columns(demo: Program, command: str) -> None:
    from rich.cells import cell_len

    for line in demo(command).splitlines():
        assert cell_len(line) <= 80 or "https://" in line or str(demo.data) in line


def test_a_terminal_gets_a_bar(finews: Program) -> None:
    """On a pseudo-terminal the crawl draws its bar and still ends with the summary."""
    with serving(build(bundled_posts())) as replica:
        replica.delay = 0.05
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            finews.command("crawl", "finews", "--replay", replica.url),
            cwd=ROOT,
            env={**finews.env, "TERM": "xterm", "COLUMNS": "80"},
            stdout=follower,
            stderr=follower,
        )
        os.close(follower)
        shown = b""
        while True:
            try:
                chunk = os.read(leader, 4096)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk
        os.close(leader)
        assert process.wait(30) == 0
    text = shown.decode()
    assert "16 found" in text
    assert "Done: 16 new of 16 articles found" in text


@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGINT, 2)]
)
def test_stopped_is_told_and_loses_nothing(
    finews: Program, number: signal.Signals, times: int
) -> None:
    with serving(build(bundled_posts())) as replica:
        replica.delay = 0.1
        process = subprocess.Popen(
            finews.command("crawl", "finews", "--replay", replica.url),
            cwd=ROOT,
            env=finews.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while len(replica.articles()) < 4:
            assert process.poll() is None
        for _ in range(times):
            process.send_signal(number)
            time.sleep(0.02)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 3, (out, err)
        assert out.startswith("Stopped; run it again to go on")
        assert "Traceback" not in err
        if times == 1:
            assert 3 <= finews.rows("SELECT count(*) FROM articles")[0] < 16
        replica.delay = 0
        finews("crawl", "finews", "--replay", replica.url)
    assert finews.rows("SELECT outcome FROM runs") == ["stopped", "finished"]
    assert finews.rows("SELECT count(*) FROM articles") == [16]


def test_a_failed_write_of_the_frontier_is_loud_too(finews: Program) -> None:
    finews("demo")
    with sqlite3.connect(finews.data / "finews.db") as db:
        db.execute("DELETE FROM entries")
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON entries"
            " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
        )
    with serving(build(bundled_posts())) as replica:
        done = finews.run(finews.command("crawl", "finews", "--replay", replica.url))
    assert done.returncode == 1
    assert "finews.db refused a write: database or disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("Broken off by an error")
    assert finews.rows("SELECT outcome FROM runs ORDER BY id DESC LIMIT 1") == ["error"]


@pytest.mark.parametrize("command", ["status", "sites", "failures", "export"])
def test_a_damaged_database_is_told(demo: Program, command: str) -> None:
    path = demo.data / "finews.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = bytearray(path.read_bytes())
    content[16384 : 16384 * 20] = b"\xff" * (16384 * 19)
    path.write_bytes(content)
    args = (command, "out.csv") if command == "export" else (command,)
    done = demo.run(demo.command(*args))
    assert done.returncode == 1
    assert done.stderr.startswith("finews: ")
    assert "Traceback" not in done.stderr


def test_a_proxy_is_not_asked_for_the_mirror(finews: Program) -> None:
    finews.env["http_proxy"] = finews.env["https_proxy"] = "http://127.0.0.1:9"
    assert "23 new of 23" in finews("demo")


def test_scrapy_shell_leaves_the_data_folder_alone(finews: Program) -> None:
    with serving(build(bundled_posts())) as replica:
        url, data = f"{replica.url}/emnews/", f"FINEWS_DATA={finews.data}"
        done = finews.scrapy("shell", url, "-c", "response.status", "-s", data)
    assert (done.returncode, done.stdout.strip()) == (0, "200"), done.stderr
    assert not finews.data.exists()

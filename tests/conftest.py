"""What the tests share: the program itself, and the corpus that it made."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
#: The head of the table of faults of make week; :mod:`tests.figures` makes its rows.
FAULTS = f"{'fault':<13} {'told by':<25} {'a/re/ok':>7} polls   min    ok whole  lost"
# No finews.toml that lies about has a say here.
os.environ["FINEWS_CONFIG"] = os.devnull


class Zygote:
    """The process that finews is forked from, see :mod:`tests.zygote`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(
        self, command: list[str], env: dict[str, str], **more: str | int
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; ``more`` is what else may stand in a request."""
        with TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            code = int(self._ask(_request(command, env, out, err) | more))
            said = (file.read_text(encoding="utf-8") for file in (out, err))
            return subprocess.CompletedProcess(command, code, *said)

    def start(self, command: list[str], env: dict[str, str], out: Path, err: Path) -> int:
        """Run a command beside all else; its process id."""
        return int(self._ask(_request(command, env, out, err) | {"beside": True, "timeout": 300}))

    def poll(self, pid: int) -> int | None:
        """The exit code of a command that was started; to be asked for until it is there."""
        code = self._ask({"poll": pid})
        return int(code) if code else None

    def _ask(self, asked: dict[str, Any]) -> str:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip()


def _request(command: list[str], env: dict[str, str], out: Path, err: Path) -> dict[str, Any]:
    out.touch()
    err.touch()
    asked = {"args": command, "env": env, "cwd": str(ROOT), "timeout": 120}
    return asked | {"out": str(out), "err": str(err)}


@cache
def the_zygote() -> Zygote:
    """The one that all share who run one command at a time."""
    return Zygote()


class Program:
    """Runs ``finews`` and ``scrapy`` as a user does, on a data folder of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        #: What its clock shows when it begins; None: the time it is.
        self.clock: datetime | None = None
        self.env = {
            **os.environ,
            "SCRAPY_SETTINGS_MODULE": "tests.fast_settings",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
        }

    def command(self, *args: str) -> list[str]:
        return [str(BIN / "finews"), *args, "--data", str(self.data)]

    def __call__(self, *args: str, code: int | None = 0) -> str:
        """Run ``finews``; its output. Fails unless it exits with ``code``."""
        done = self.run(self.command(*args))
        assert code in (None, done.returncode), (args, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout

    def json(self, *args: str, code: int | None = 0) -> Any:
        return json.loads(self(*args, "--json", code=code))

    def crawl(self, url: str, *args: str, code: int | None = 0) -> Any:
        """Crawl the site finews from a replica; the summary."""
        return self.json("crawl", "finews", "--replay", url, *args, code=code)

    def at(
        self,
        now: datetime,
        *args: str,
        file_size: int | None = None,
        zygote: Zygote | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``finews`` with a clock that shows ``now`` when it begins.

        Two at once need a ``zygote`` each.
        """
        more: dict[str, str | int] = {"now": now.isoformat()}
        if file_size is not None:
            more["file_size"] = file_size
        return (zygote or the_zygote()).run(self.command(*args), self.env, **more)

    def scrapy(self, *args: str) -> subprocess.CompletedProcess[str]:
        return self.run([str(BIN / "scrapy"), *args])

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        if command[0] == str(BIN / "finews"):
            more = {"now": self.clock.isoformat()} if self.clock else {}
            return the_zygote().run(command, self.env, **more)
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def rows(self, sql: str, *values: Any, file: str = "finews.db") -> list[Any]:
        """Rows of one of the two databases; single columns as bare values."""
        with closing(sqlite3.connect(self.data / file)) as db:
            found = db.execute(sql, values).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def write(self, sql: str) -> None:
        """Change the corpus behind the program's back, such as to let time pass."""
        with closing(sqlite3.connect(self.data / "finews.db")) as db, db:
            db.execute(sql)


@pytest.fixture
def finews(tmp_path: Path) -> Program:
    return Program(tmp_path / "data")


@pytest.fixture(scope="session")
def corpus_of() -> Callable[[Program], dict[str, list[Any]]]:
    """What a corpus says, without when and in which run it was said."""

    def read(program: Program) -> dict[str, list[Any]]:
        rows = program.rows
        return {
            "articles": rows(
                "SELECT info_code, site, listing, source, title, digest, published_at,"
                " published_raw, url, author, editor, tags, paragraphs, content_hash, revision,"
                " parser, page, text_hash, same_text_as, duplicate_group FROM articles"
                " ORDER BY info_code"
            ),
            "mentions": rows("SELECT * FROM mentions ORDER BY info_code, rowid"),
            "sightings": rows(
                "SELECT info_code, site, listing, url FROM sightings ORDER BY 1, 2, 3, 4"
            ),
            "entries": rows(
                "SELECT site, listing, url, info_code, title, published_at, state FROM entries"
                " ORDER BY 1, 2, 3"
            ),
            "listings": rows("SELECT site, name, url FROM listings ORDER BY 1, 2"),
            "failures": rows(
                "SELECT site, listing, info_code, url, reason FROM failures"
                " WHERE resolved_at IS NULL ORDER BY url"
            ),
            "revisions": rows(
                "SELECT info_code, revision, source, title, digest, published_at, url, author,"
                " editor, tags, paragraphs, content_hash, page FROM revisions ORDER BY 1, 2"
            ),
            "coverage": rows("SELECT site, listing, from_at, to_at FROM coverage ORDER BY 1, 2, 4"),
        }

    return read


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A :class:`tests.many.RedisServer`, for tests that do it no harm."""
    from tests.many import RedisServer

    server = RedisServer(tmp_path_factory.mktemp("redis") / "data")
    yield server
    server.close()


@pytest.fixture
def many(finews: Program, redis_server: Any) -> Iterator[Any]:
    """Those who crawl together for the corpus of ``finews``, a :class:`tests.many.Many`."""
    from tests.many import together

    redis_server.client.flushall()
    with together(finews, redis_server.url) as made:
        yield made


@pytest.fixture(scope="session")
def web_program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The demo's corpus with articles that changed, as :mod:`tests.web` adds them."""
    from tests.web import add_changed

    made = Program(tmp_path_factory.mktemp("web") / "data")
    made("demo")
    add_changed(made.data)
    return made


@pytest.fixture(scope="session")
def web_site(web_program: Program) -> Iterator[Any]:
    """``finews serve`` over it, a :class:`tests.web.Served`; for tests that only read."""
    from tests.web import serving

    with serving(web_program.data) as served:
        yield served


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many of the kills did no harm, and in which phases they fell; figures of the week."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
    ]
    kills = [
        (dict(report.user_properties)["killed in"], report.outcome == "passed")
        for report in reports
        if "killed in" in dict(report.user_properties)
    ]
    properties = [each for report in reports for each in report.user_properties]
    for kind in ("week", "fault"):
        lines = [str(said) for name, said in properties if name == kind]
        if lines and kind == "fault":
            terminalreporter.write_line(FAULTS)
        for line in lines:
            terminalreporter.write_line(line)
    if kills:
        phases = Counter(phase for phase, _ in kills)
        told = ", ".join(f"{phase} {number}" for phase, number in sorted(phases.items()))
        well = sum(passed for _, passed in kills)
        terminalreporter.write_line(f"{well} of {len(kills)} kills did no harm ({told})")
    twice: dict[str, list[int]] = {}
    for report in reports:
        of = dict(report.user_properties)
        if "asked twice" in of:
            twice.setdefault(of["killed in"], []).append(of["asked twice"])
    for phase, numbers in twice.items():
        most, some = max(numbers), sum(map(bool, numbers))
        told = f"{sum(numbers)} articles asked for twice, at most {most}, by {some}"
        terminalreporter.write_line(f"{phase}: {told} of {len(numbers)}")

"""What keeps ``finews serve`` answering: limits for questions, slow readers, and its end."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from datasette.plugins import pm
from datasette.views.base import DatasetteError
from sqlite_utils import Database

from crawler.items import Paragraph
from pipelines.database import browse, coverage
from pipelines.database.select import Filter
from pipelines.health.note import Note
from pipelines.health.rules import Problem
from pipelines.run import Run
from pipelines.web import page, server, stream
from pipelines.web.diff import STEPS, Work, compared, steps
from pipelines.web.page import Refused
from pipelines.web.tables import mended, mistake
from pipelines.web.words import WORDS
from tests.conftest import Program
from tests.looks import START, article
from tests.web import CHANGED, Served, serving

# SQLite looks at no clock while it works at this.
ENDLESS = "select instr(hex(zeroblob(1000000)), hex(zeroblob(500000)) || 'x')"


@pytest.fixture
def site(web_site: Served) -> Served:
    return web_site


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus whose CSV does not fit into what lies between a server and its reader."""
    data = tmp_path_factory.mktemp("long") / "data"
    with Run.open(data, "long", clock=lambda: START) as run:
        for number in range(60):
            text = Paragraph("text", f"{number}" + "长" * 100_000)
            run.store.add(article(code=f"NW20220601{number:010}", paragraphs=(text,)))
        run.store.flush()
    return data


class TestSql:
    @pytest.mark.parametrize(
        "path",
        [
            f"/finews.json?sql={quote(ENDLESS)}",
            "/finews?sql=select+zeroblob(60000000),+zeroblob(60000000)",
            "/finews.json?sql=select+*+from+pragma_database_list",
            "/finews.csv?sql=select+1",
            f"/finews?sql={'+' * 50_000}",  # which Datasette reads with a slow pattern
            "/finews/articles.json?sql=select+1",
            "/finews?sql",
        ],
    )
    def test_there_is_none(self, site: Served, path: str) -> None:
        begin = time.monotonic()
        answer = site.get(path)
        assert (answer.status, "There is no SQL here" in answer.text) == (403, True)
        assert time.monotonic() - begin < 2

    def test_parts_of_it_are_refused_too(self, site: Served) -> None:
        assert site.get("/finews/articles.json?_where=1").status == 403
        assert "?sql=" not in site.get("/finews").text
        assert "?sql=" not in site.get("/finews/articles").text

    @pytest.mark.parametrize("name", ["_facet", "_facet_array", "_facet_date"])
    def test_nobody_counts_by_facets(self, site: Served, name: str) -> None:
        assert site.get(f"/finews/articles.json?{name}=tags").status == 400

    @pytest.mark.parametrize("query", ["_timelimit=x", "_ttl=²", "_size=1001", "_size=x"])
    def test_numbers_that_are_none_are_told(self, site: Served, query: str) -> None:
        assert site.get(f"/finews/articles.json?{query}").status == 400

    def test_rows_that_take_too_long_are_a_sentence(self) -> None:
        told = mistake(DatasetteError("<script>", title="SQL Interrupted", status=400))
        assert isinstance(told, Refused)
        assert (told.status, "too long" in WORDS["en"][str(told)]) == (503, True)

    def test_tables_are_not_sent_whole(self, site: Served) -> None:
        assert site.get("/finews/articles.csv?_stream=1").status in (400, 404)

    def test_long_patterns_are_refused(self, site: Served) -> None:
        answer = site.get(f"/finews/articles.json?paragraphs__glob={'*a' * 200}")
        assert (answer.status, "too complex" in answer.text) == (400, True)
        assert site.get("/finews/articles.json?paragraphs__contains=的").status == 200

    @pytest.mark.parametrize(
        "path",
        [
            "/finews", "/finews.json", "/finews/articles.json?_trace=1", "/finews/nothing.json",
            "/finews/pragma_database_list.json", "/finews/articles.json?_sort=nothing",
            "/finews/articles/nothing", "/nothing", "/search?page=x",
        ],
    )  # fmt: skip
    def test_nothing_tells_where_the_folder_is(
        self, site: Served, web_program: Program, path: str
    ) -> None:
        text = site.get(path).text
        assert str(web_program.data.parent) not in text
        assert "site-packages" not in text


class TestOtherSites:
    @pytest.mark.parametrize("where", ["cross-site", "same-site"])
    @pytest.mark.parametrize(
        ("mode", "dest", "status"),
        [
            ("no-cors", "image", 403),
            ("cors", "empty", 403),
            ("navigate", "iframe", 403),
            ("navigate", "document", 200),
        ],
    )
    def test_they_may_lead_here_and_not_load(
        self, site: Served, where: str, mode: str, dest: str, status: int
    ) -> None:
        told = {"sec_fetch_site": where, "sec_fetch_mode": mode, "sec_fetch_dest": dest}
        for path in ("/search.json", "/static/finews.css"):
            assert site.get(path, **told).status == status

    def test_our_own_pages_load_what_they_need(self, site: Served) -> None:
        told = {"sec_fetch_site": "same-origin", "sec_fetch_mode": "no-cors"}
        assert site.get("/static/finews.css", **told, sec_fetch_dest="style").status == 200

    def test_an_unknown_name_is_told_what_to_do(self, site: Served) -> None:
        answer = site.get("/", host="evil.test")
        assert (answer.status, "finews serve --name" in answer.text) == (400, True)

    @pytest.mark.parametrize(
        "name", ["news.example.org:8080", "https://news.example.org", "a/b", "", "::1/x"]
    )
    def test_a_name_that_never_matches_is_refused(self, finews: Program, name: str) -> None:
        done = finews.run(finews.command("serve", "--name", name))
        assert (done.returncode, "is no host name" in done.stderr) == (2, True)


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_reader_who_takes_nothing_holds_nothing_up(
        self, long: Path, number: signal.Signals
    ) -> None:
        with serving(long) as served, stalled(served):
            end(served, number)

    @pytest.mark.parametrize("work", [ENDLESS, None])
    def test_busy_threads_hold_nothing_up(
        self, tmp_path: Path, finews: Program, work: str | None
    ) -> None:
        """Run as the command is, in a process of its own whose thread does not end."""
        code = (
            "import sqlite3, threading, time\n"
            "from pathlib import Path\n"
            "from pipelines.web import server\n"
            f"made = server.server(Path({str(tmp_path / 'data')!r}), ())\n"
            f"work = {work!r}\n"
            "def busy():\n"
            "    if work: sqlite3.connect(':memory:').execute(work).fetchall()\n"
            "    else:\n"
            "        while True: pass\n"
            "threading.Thread(target=busy).start()\n"
            "with (listening := server.bound('127.0.0.1', 0)):\n"
            "    print(server.address(listening), flush=True)\n"
            "    made.run(sockets=[listening])\n"
        )
        with Run.open(tmp_path / "data", "empty", clock=lambda: START):
            pass
        with running(code) as served:
            assert served.get("/").status == 200
            end(served, signal.SIGTERM)


def end(served: Served, number: signal.Signals) -> None:
    begin = time.monotonic()
    served.process.send_signal(number)
    assert served.process.wait(timeout=20) == 0
    assert time.monotonic() - begin < 4  # two where nothing else runs


@contextmanager
def running(code: str) -> Iterator[Served]:

    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        yield Served(process.stdout.readline().strip().rstrip("/"), process)
    finally:
        process.kill()
        _, err = process.communicate(timeout=10)
    assert err == ""


@contextmanager
def stalled(served: Served, number: int = 1) -> Iterator[list[socket.socket]]:
    """Readers who ask for the whole CSV and take nothing of it."""
    host, port = served.url.removeprefix("http://").split(":")
    readers = []
    try:
        for _ in range(number):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect((host, int(port)))
            reader.sendall(b"GET /search.csv HTTP/1.1\r\nHost: localhost\r\n\r\n")
            readers.append(reader)
        for reader in readers:
            assert reader.recv(12) == b"HTTP/1.1 200"
        yield readers
    finally:
        for reader in readers:
            reader.close()


def state(number: int, *texts: str) -> dict[str, Any]:
    at = f"2022-06-01T{number // 60:02}:{number % 60:02}:00+08:00"
    about = {"change": "revised", "seen_at": at, "replaced_at": at, "revision": number}
    empty: dict[str, Any] = dict.fromkeys(("title", "published_at", "source", "digest"))
    return {**empty, **about, "paragraphs": [{"kind": "text", "text": each} for each in texts]}


class TestDiff:
    @pytest.mark.parametrize("length", [99, 100, 800, 20_000])
    @pytest.mark.parametrize("pair", [("xaa", "aya"), ("aaxb", "aayb"), ("ab", "ba")])
    def test_hostile_texts_cost_little(self, pair: tuple[str, str], length: int) -> None:
        one, other = (each * length for each in pair)
        states = [state(at, *((one, other) if at % 2 else (other, one)) * 5) for at in range(60)]
        assert cost(lambda: steps(states)) < 5  # half a second where nothing else runs

    @pytest.mark.parametrize("length", [99, 100, 5000])
    def test_hostile_lines_cost_little(self, length: int) -> None:
        states = [state(at, *("xaa" if at % 2 else "aya") * length) for at in range(60)]
        assert cost(lambda: steps(states)) < 5

    def test_what_both_share_costs_nothing(self) -> None:
        before, after = "甲" * 5000 + "3" + "乙" * 5000, "甲" * 5000 + "5" + "乙" * 5000
        (removed, added) = compared([before], [after], Work())
        assert removed[1] == (("甲" * 5000, False), ("3", True), ("乙" * 5000, False))
        assert added[1][1] == ("5", True)

    def test_a_line_in_a_long_text_is_shown_with_its_neighbours(self) -> None:
        texts = [str(number) for number in range(3000)]
        (step,) = steps([state(1, *texts), state(2, *texts[:1500], "新", *texts[1500:])])
        assert [(kind, pieces[0][0]) for kind, pieces in step.lines] == [
            ("same", "1499"), ("added", "新"), ("same", "1500"),
        ]  # fmt: skip

    def test_texts_that_end_alike_are_not_cut_twice(self) -> None:
        (removed, added) = compared(["涨涨"], ["涨涨涨"], Work())
        assert "".join(text for text, _ in removed[1]) == "涨涨"
        assert "".join(text for text, _ in added[1]) == "涨涨涨"

    def test_the_newest_steps_are_shown_and_the_rest_is_told(self, tmp_path: Path) -> None:
        minute = iter(range(1000))
        with Run.open(
            tmp_path / "data", "many", clock=lambda: START + timedelta(minutes=next(minute))
        ) as run:
            for number in range(STEPS + 3):
                text = f"第{number}次修改后的一句话，说的是港口的吞吐量。"
                run.store.add(article(code=CHANGED, paragraphs=(Paragraph("text", text),)))
                run.store.flush()
        with serving(tmp_path / "data") as served:
            html = served.get(f"/article/{CHANGED}").text
        assert html.count('class="step"') == STEPS
        assert "finews show" in html


def cost(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


class TestCsv:
    def test_a_fifth_reader_is_told_to_come_back(self, long: Path) -> None:
        with serving(long) as served:
            with stalled(served, 4):
                answer = served.get("/search.csv")
                assert answer.status == 503
                assert {name.lower() for name in answer.headers} >= {"retry-after"}
                assert served.head("/search.csv").status == 200
            served.process.send_signal(signal.SIGTERM)

    def test_a_reader_who_takes_nothing_is_left(
        self, long: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "_PATIENCE", 0.5)
        with within(long) as served, stalled(served, 4):
            threads = {each for each in threading.enumerate() if "_write" in each.name}
            assert len(threads) == 4
            deadline = time.monotonic() + 20
            while served.get("/search.csv?q=nothing").status == 503:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            for each in threads:
                each.join(10)
                assert not each.is_alive()

    def test_what_is_not_found_in_time_is_given_up(
        self, long: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slowly(db: Database, _: Filter, **__: object) -> Iterator[sqlite3.Row]:
            endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 2 FROM n) SELECT i FROM n"
            yield from db.conn.execute(f"{endless} WHERE i = 3")

        monkeypatch.setattr(stream, "whole", slowly)
        monkeypatch.setattr(stream, "_PATIENCE", 0.3)
        with within(long) as served:
            answer = served.get("/search.csv")
            assert (answer.status, "takes too long" in answer.text) == (503, True)

    def test_each_row_has_its_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stream, "_PATIENCE", 0.3)
        with closing(asyncio.new_event_loop()) as loop:
            pipe = stream._Pipe(loop)
            for _ in pipe.each(iter([sqlite3.Row] * 3)):  # type: ignore[list-item]
                time.sleep(0.2)
            assert not pipe.is_over()
            time.sleep(0.4)
            assert pipe.is_over()


@contextmanager
def within(data: Path) -> Iterator[Served]:
    """A server in this process, whose parts a test may replace."""
    made = server.server(data, ())
    with server.bound("127.0.0.1", 0) as listening:
        url = server.address(listening).rstrip("/")
        thread = threading.Thread(target=lambda: asyncio.run(made._serve([listening])), daemon=True)
        thread.start()
        try:
            yield Served(url, None)  # type: ignore[arg-type]
        finally:
            made.should_exit = made.force_exit = True
            thread.join(10)
            pm.unregister(name="finews")


class TestKept:
    def test_a_slow_figure_holds_up_no_other(self) -> None:
        async def both() -> str:
            desk, never = asked(), asyncio.Event()
            slow = asyncio.ensure_future(desk.kept("slow", never.wait))
            await asyncio.sleep(0)
            found = await asyncio.wait_for(desk.kept("quick", quick), 5)
            slow.cancel()
            return str(found)

        assert asyncio.run(both()) == "found"

    def test_what_is_too_slow_is_asked_once(self) -> None:
        times = []

        async def slow() -> str:
            times.append(1)
            raise page.TooSlow

        async def often() -> None:
            desk = asked()
            for _ in range(3):
                with pytest.raises(page.TooSlow):
                    await desk.kept("slow", slow)

        asyncio.run(often())
        assert len(times) == 1

    def test_what_was_found_before_is_shown_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(page, "_KEPT_SECONDS", -1)

        async def slow() -> str:
            raise page.TooSlow

        async def twice() -> list[str]:
            desk, never = asked(), asyncio.Event()
            first = await desk.kept("x", quick)
            failed = await desk.kept("x", slow)
            asking = asyncio.ensure_future(desk.kept("x", never.wait))
            await asyncio.sleep(0)
            meanwhile = await asyncio.wait_for(desk.kept("x", quick), 5)
            asking.cancel()
            return [str(each) for each in (first, failed, meanwhile)]

        assert asyncio.run(twice()) == ["found"] * 3


async def quick() -> str:
    return "found"


def asked() -> Any:
    return Asked()


class Asked(page.Desk):
    """A desk whose questions are coroutines."""

    def __init__(self) -> None:
        super().__init__(SimpleNamespace(), Path())

    async def ask(self, question: Any) -> Any:
        return await question()


def test_the_home_page_knows_what_could_not_be_stored(long: Path, finews: Program) -> None:
    problem = Problem("storage", "disk", "the disk is full, 0 bytes are left")
    Note(long).write(problem, START, ())
    try:
        with serving(long) as served:
            text = served.get("/", accept_language="en").text
        assert problem.message in text
        assert "Nothing needs attention" not in text
        for command in ("status", "alarm"):
            shown = finews.run([*finews.command(command), "--data", str(long)]).stdout
            assert "the disk is full" in shown
    finally:
        Note(long).clear()


def test_styles_are_taken_out_of_tags_alone() -> None:
    value = '<input value="x style=" name="n" STYLE-x="1"><p style="color: red" id="a">'
    assert str(mended(value)) == value.replace(' style="color: red"', "")
    for text in ('say style="x" here', '<p title="> style=">', "<i a=' style=\"x\"'>"):
        assert str(mended(text)) == text
    assert str(mended("<b style='x' c>")) == "<b c>"


def test_listings_are_complete_to_the_end_of_what_is_covered(web_program: Program) -> None:

    with closing(sqlite3.connect(web_program.data / "finews.db")) as conn:
        db = Database(conn)
        ends = {
            (site, listing): end
            for site, listing, end in conn.execute(
                "SELECT site, listing, max(to_at) FROM coverage GROUP BY 1, 2"
            )
        }
        found = browse.listings(db, [], coverage.spans(db))
    assert ends
    assert {(each["site"], each["listing"]): each["complete_to"] for each in found} == {
        (each["site"], each["listing"]): ends.get((each["site"], each["listing"])) for each in found
    }

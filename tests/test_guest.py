"""A good guest: hosts that refuse are left alone, by what the server's own log tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from crawler import settings
from crawler.demo.eastmoney import Route
from crawler.demo.server import Answer, Request, serve
from crawler.parsers.dates import SHANGHAI
from crawler.spiders.eastmoney import EastmoneySpider
from tests.conftest import ROOT, Program
from tests.eastmoney import (
    FAST,
    NEWEST,
    Asked,
    EastmoneyReplica,
    Story,
    Trouble,
    make_stories,
    make_story,
    serving,
)

LISTS, FLASH = "np-listapi.eastmoney.com", "np-weblist.eastmoney.com"
ARTICLES, PAGES = "newsinfo.eastmoney.com", "finance.eastmoney.com"
STORIES = make_stories(30, ("350",))
ALL = {f"NW{story.code}" for story in STORIES}
REFUSED = "http-403"


def crawl(finews: Program, replica: EastmoneyReplica, *args: str, code: int | None = 0) -> Any:
    """Crawl one column; the summary. The replica's logs begin anew."""
    replica.log.clear()
    replica.robots_log.clear()
    return finews.json(
        "crawl", "eastmoney", "--listing", "350", "--replay", replica.url, *args, code=code
    )


def stored(finews: Program) -> set[str]:
    return set(finews.rows("SELECT info_code FROM articles"))


def of(replica: EastmoneyReplica, host: str) -> list[Asked]:
    return [each for each in replica.log if each.host == host]


def pauses(log: Sequence[Asked]) -> list[float]:
    """The seconds before each request, beginning with the second."""
    return [later.at - earlier.at for earlier, later in pairwise(log)]


def time_passes(finews: Program) -> None:
    """The rests of all hosts are over since a minute."""
    ago = (datetime.now(SHANGHAI) - timedelta(minutes=1)).isoformat(timespec="seconds")
    finews.write(f"UPDATE hosts SET rests_until = '{ago}', last_refused_at = '{ago}'")


def impatient(finews: Program, folder: Path, text: str) -> None:
    """Other settings than those that all tests share."""
    (folder / "own_settings.py").write_text(f"from tests.fast_settings import *\n{text}\n")
    finews.env["PYTHONPATH"] += f":{folder}"
    finews.env["SCRAPY_SETTINGS_MODULE"] = "own_settings"


class Choosy(EastmoneyReplica):
    """Has ``trouble`` with some articles only, by kind and code; ``robots_trouble`` by host."""

    def __init__(self, stories: Sequence[Story]) -> None:
        super().__init__(stories)
        self.trouble: dict[tuple[str, str], Trouble] = {}
        self.robots_trouble: Mapping[str, Trouble] = {}

    def answer(self, request: Request) -> Answer:
        trouble = self.robots_trouble.get(request.host)
        if request.path != "/robots.txt" or trouble is None:
            return super().answer(request)
        given = refusal(trouble)
        self._note(self.robots_log, request, given)
        return given

    def _trouble(self, request: Request, route: Route) -> Answer | None:
        trouble = self.trouble.get((route.kind, route.name))
        return super()._trouble(request, route) if trouble is None else refusal(trouble)


def refusal(trouble: Trouble) -> Answer:
    if isinstance(trouble, int):
        return Answer(status=trouble)
    return Answer() if trouble == "empty" else Answer(stall=60 * (trouble == "stall"), reset=True)


@contextmanager
def choosing(stories: Sequence[Story]) -> Iterator[Choosy]:
    replica = Choosy(stories)
    with serve(replica.answer) as replica.url:
        yield replica


def test_defaults_are_well_below_what_is_blocked() -> None:
    """More than 5 a second, 200 a minute or 300 in five minutes, or 10 at a time, are."""
    delay = float(EastmoneySpider.custom_settings["DOWNLOAD_DELAY"])
    assert 300 / delay <= 150
    assert settings.CONCURRENT_REQUESTS_PER_DOMAIN == settings.CONCURRENT_REQUESTS == 1
    assert sorted(settings.FINEWS_RESTS) == settings.FINEWS_RESTS
    retry = "scrapy.downloadermiddlewares.retry.RetryMiddleware"
    assert settings.DOWNLOADER_MIDDLEWARES[retry] is None  # it knows no rest
    assert settings.COOKIES_ENABLED is False


def test_one_request_at_a_time(finews: Program) -> None:
    with serving(STORIES) as replica:
        replica.delay = 0.03
        crawl(finews, replica)
        assert min(pauses(replica.log)) >= 0.03
        assert len(replica.log) == len(set(replica.log)) == 32


class Throttle(NamedTuple):
    """What a host does to so many requests, and how many of them are not yet a rest's reason."""

    status: Trouble
    times: int
    before: int
    settings: str = ""


THROTTLES = {
    "403": Throttle(403, 3, 3),
    "403 after the first rest too": Throttle(403, 4, 3),
    "429": Throttle(429, 1, 1),
    "503": Throttle(503, 3, 3),
    "stall": Throttle("stall", 3, 3, "DOWNLOAD_TIMEOUT = 0.8\nRETRY_TIMES = 0"),
    "empty": Throttle("empty", 3, 3),
}


@pytest.mark.parametrize("name", THROTTLES)
def test_a_throttle_is_waited_for_and_nothing_is_lost(
    finews: Program, tmp_path: Path, name: str
) -> None:
    """Refused three times in a row (429: once) the host has its rest before all else."""
    status, times, before, more = THROTTLES[name]
    impatient(finews, tmp_path, f"FINEWS_RESTS = [0.5, 1.5, 600]\n{more}")
    with serving(STORIES) as replica:
        replica.throttle(after=8, status=status, for_requests=times, hosts={ARTICLES})
        summary = crawl(finews, replica)
        log = of(replica, ARTICLES)
        rests = pauses(log)[8 + before - 1 : 8 + times]
        if status == "stall":  # only then did we know
            rests[0] -= 0.8
        assert rests[0] >= 0.5
        assert not rests[1:] or rests[1] >= 1.5
        assert {f"NW{code}" for code in replica.articles} == ALL
        assert len(log) == len(ALL) + times
        assert replica.pages == []
    assert (summary["new"], summary["failed"], summary["resting"]) == (len(ALL), 0, [])
    assert stored(finews) == ALL
    assert finews.json("failures") == finews.json("status")["resting"] == []


def test_resets_are_waited_for_too(finews: Program, tmp_path: Path) -> None:
    """By chance, perhaps: a fresh connection may make a request once more by itself."""
    impatient(finews, tmp_path, "FINEWS_RESTS = [2, 600]")
    with serving(STORIES) as replica:
        replica.throttle(after=8, status="reset", for_seconds=1.5, hosts={ARTICLES})
        summary = crawl(finews, replica)
        log = of(replica, ARTICLES)
        refused = [index for index, each in enumerate(log) if each.status == 0]
        assert refused == list(range(8, 8 + len(refused)))
        assert 3 <= len(refused) <= 3 * 2
        assert pauses(log)[refused[-1]] >= 2
        assert replica.pages == []
    assert (summary["new"], summary["failed"]) == (len(ALL), 0)
    assert stored(finews) == ALL


def test_throttled_lists_are_waited_for_and_read_to_their_ends(finews: Program) -> None:
    """Of columns and of the fast news; empty answers are no end of a list."""
    columns = ("344", "345", "350", "351", "353", "349", "355")
    stories = make_stories(120, columns)
    with serving(stories) as replica:
        replica.throttle(status="empty", for_requests=3, hosts={LISTS})
        replica.throttle(after=1, status=429, for_requests=1, hosts={FLASH})
        summary = finews.json("crawl", "eastmoney", "--replay", replica.url)
        assert pauses(of(replica, LISTS))[2] >= 1
        assert pauses(of(replica, FLASH))[1] >= 1
        assert {each.host for each in replica.log} == {LISTS, FLASH, ARTICLES}
    assert summary["new"] == len(stories)
    ends = dict(finews.rows("SELECT listing, outcome FROM walks"))
    assert ends == dict.fromkeys((*columns, "7x24"), "end")


class Dated(EastmoneyReplica):
    """Its fourth article answers with a status and ``Retry-After``: seconds, or a date in 3 s."""

    def __init__(self, status: int, form: str) -> None:
        super().__init__(STORIES)
        self.until = 0.0
        self._status, self._form = status, form

    def _trouble(self, request: Request, route: Route) -> Answer | None:
        if route.kind != "article" or self.until or len(self.articles) < 3:
            return super()._trouble(request, route)
        self.until = int(time.time() + 3) if self._form == "date" else time.time() + 2
        date = format_datetime(datetime.fromtimestamp(self.until, UTC), usegmt=True)
        told = date if self._form == "date" else "2"
        return Answer(status=self._status, headers={"Retry-After": told})


@pytest.mark.parametrize(("status", "form"), [(429, "seconds"), (502, "seconds"), (503, "date")])
def test_retry_after_is_honoured_to_the_second(finews: Program, status: int, form: str) -> None:
    """Whatever status it comes with: it is also no reason to try again at once."""
    replica = Dated(status, form)
    with serve(replica.answer) as replica.url:
        crawl(finews, replica)
        log = of(replica, ARTICLES)
        assert [each.status for each in log] == [200] * 3 + [status] + [200] * (len(ALL) - 3)
        assert log[4].at - time.monotonic() + time.time() >= replica.until
    assert stored(finews) == ALL


def test_a_throttle_that_lasts(finews: Program, tmp_path: Path) -> None:
    """The run ends with what it has and says until when; later runs keep to that."""
    impatient(finews, tmp_path, "FINEWS_RESTS = [0.3, 1, 600]")
    with serving(STORIES) as replica:
        replica.throttle(after=12, status=403)
        began = datetime.now(SHANGHAI)
        summary = crawl(finews, replica, code=3)
        assert (summary["outcome"], summary["new"], summary["failed"]) == ("finished", 10, 0)
        resting = {each["host"]: each for each in summary["resting"]}
        assert set(resting) == {ARTICLES, PAGES}
        for each in resting.values():
            assert each["reason"] == REFUSED
            left = datetime.fromisoformat(each["until"]) - began
            assert timedelta(seconds=600) <= left < timedelta(seconds=640)
        # Three refusals, then one after each of the rests of 0.3 and 1 seconds.
        for host, good in ((ARTICLES, 10), (PAGES, 0)):
            log = of(replica, host)
            assert len(log) == good + 5
            assert pauses(log)[-2] >= 0.3
            assert pauses(log)[-1] >= 1

        status = finews.json("status")
        assert {each["host"] for each in status["resting"]} == set(resting)
        assert {each["until"] for each in status["resting"]} == {
            each["until"] for each in summary["resting"]
        }
        assert status["pending"] == len(ALL) - 10
        minute = resting[ARTICLES]["until"].replace("T", " ")[:16]
        words = finews("status").replace("T", " ")
        assert f"{ARTICLES} refused (http-403), rests until {minute}" in words

        replica.relent()
        replica.log.clear()
        replica.robots_log.clear()
        told = finews("crawl", "eastmoney", "--listing", "350", "--replay", replica.url, code=3)
        assert f"{ARTICLES} refused (http-403) and rests until {minute}" in told
        assert {each.host for each in replica.log + replica.robots_log} == {LISTS}
        assert len(stored(finews)) == 10

        replica.throttle(status=403, hosts={ARTICLES, PAGES})
        time_passes(finews)
        crawl(finews, replica, code=3)
        assert len(of(replica, ARTICLES)) == len(of(replica, PAGES)) == 1
        assert set(finews.rows("SELECT rests, rests_until > last_refused_at FROM hosts")) == {
            (4, 1)
        }

        replica.relent()
        time_passes(finews)
        summary = crawl(finews, replica)
        assert replica.pages == []
        assert (summary["new"], summary["failed"], summary["resting"]) == (20, 0, [])
        assert len(replica.articles) == 20
    assert stored(finews) == ALL
    assert finews.json("failures") == []
    assert finews.rows("SELECT DISTINCT state FROM entries") == ["stored"]
    assert finews.rows("SELECT rests FROM hosts WHERE host = ?", ARTICLES) == [0]


def test_empty_answers_of_all_hosts_stop_the_crawl(finews: Program, tmp_path: Path) -> None:
    """Not one look at each article: they are refusals, whatever was asked for."""
    impatient(finews, tmp_path, "FINEWS_RESTS = [600]")
    with serving(STORIES) as replica:
        replica.throttle(after=7, status="empty")
        summary = crawl(finews, replica, code=3)
        assert {each["host"] for each in summary["resting"]} == {ARTICLES, PAGES}
        assert len(of(replica, ARTICLES)) == 5 + 3
        assert len(of(replica, PAGES)) == 3
        replica.relent()
        time_passes(finews)
        crawl(finews, replica)
    assert stored(finews) == ALL


def test_nothing_is_given_up_while_a_host_rests(finews: Program, tmp_path: Path) -> None:
    """Fast news without a page, and an article whose page is missing: their JSON may tell."""
    impatient(finews, tmp_path, "FINEWS_RESTS = [600]")
    bare = replace(make_story(9000, NEWEST, (), (FAST,)), own_page=False)
    with choosing([*STORIES[:10], bare]) as replica:
        lost = STORIES[4].code
        replica.trouble[("page", lost)] = 404
        replica.throttle(status=403, hosts={ARTICLES})
        crawl(finews, replica, "--listing", "7x24", code=3)
        assert finews.rows("SELECT url FROM failures WHERE next_try_at IS NULL") == []
        replica.relent()
        time_passes(finews)
        crawl(finews, replica, "--listing", "7x24")
    assert {f"NW{lost}", f"NW{bare.code}"} <= stored(finews)
    assert len(stored(finews)) == 11
    assert finews.json("failures") == []


def test_pages_that_refuse_alone_fail_alone(finews: Program, tmp_path: Path) -> None:
    """What the HTML page brings is no failure; no host rests for one page."""
    impatient(finews, tmp_path, "DOWNLOAD_TIMEOUT = 0.8\nRETRY_TIMES = 0")
    with choosing(STORIES) as replica:
        brought = {STORIES[7].code, STORIES[20].code}
        replica.trouble = dict(
            zip((("article", code) for code in brought), (403, "stall"), strict=True)
        )
        summary = crawl(finews, replica)
        assert (summary["new"], summary["failed"], summary["resting"]) == (30, 0, [])
        assert set(replica.pages) == brought
        new = [make_story(8000 + number, NEWEST, ("350",), ()) for number in range(20)]
        replica.stories[:0] = new
        lost = new[6].code, new[13].code
        for kind in ("article", "page"):
            replica.trouble |= {(kind, lost[0]): 403, (kind, lost[1]): "stall"}
        summary = crawl(finews, replica, code=3)
        assert (summary["new"], summary["failed"], summary["resting"]) == (18, 2, [])
        assert sorted(replica.pages) == sorted(lost)
    found = {each["info_code"]: each for each in finews.json("failures")}
    assert set(found) == {f"NW{code}" for code in lost}
    assert {each["reason"] for each in found.values()} == {REFUSED, "timeout"}
    assert all(each["next_try_at"] for each in found.values())
    assert finews.rows("SELECT host FROM hosts WHERE rests") == []


def test_pages_that_refuse_for_ever_do_not_starve_the_others(
    finews: Program, tmp_path: Path
) -> None:
    """Three in a row look like a host that refuses, run after run; the others come through."""
    impatient(finews, tmp_path, "FINEWS_RESTS = [600]")
    with choosing(STORIES[:12]) as replica:
        bad = [story.code for story in STORIES[5:8]]
        replica.trouble = {(kind, code): 403 for kind in ("article", "page") for code in bad}
        crawl(finews, replica, code=3)
        new = []
        for number in range(3):
            time_passes(finews)
            new.append(make_story(8000 + number, NEWEST, ("350",), ()))
            replica.stories.insert(0, new[-1])
            crawl(finews, replica, code=None)
    missing = {f"NW{story.code}" for story in (*STORIES[:12], *new)} - stored(finews)
    assert missing == {f"NW{code}" for code in bad}


def test_robots_are_obeyed_for_each_host(finews: Program) -> None:
    with serving(make_stories(70, ("350",))) as replica:
        replica.robots = {
            LISTS: "User-agent: *\nCrawl-delay: 0.4\n",
            ARTICLES: "User-agent: *\nDisallow: /kuaixun/\n",
        }
        summary = crawl(finews, replica)
        assert (summary["new"], summary["failed"]) == (70, 0)
        lists = [each for each in replica.robots_log + replica.log if each.host == LISTS]
        assert len(lists) == 5
        # In sum: the server may note one of them late.
        assert sum(pauses(lists)) >= 3 * 0.4
        assert replica.articles == []
        assert len(replica.pages) == 70
        assert sum(pauses(of(replica, PAGES))) < 70 * 0.2
        asked = [each.host for each in replica.robots_log]
        assert sorted(asked) == sorted({LISTS, ARTICLES, PAGES})
    assert finews.rows("SELECT outcome FROM walks") == ["end"]


def test_robots_are_asked_for_once_a_day_and_obeyed_meanwhile(finews: Program) -> None:
    with serving(make_stories(5, ("350",))) as replica:
        replica.robots = {ARTICLES: "User-agent: *\nDisallow: /kuaixun/\n"}
        crawl(finews, replica)
        replica.robots = {}
        replica.robots_log.clear()
        crawl(finews, replica, "--full")
        assert (replica.articles, replica.robots_log) == ([], [])
        yesterday = datetime.now(SHANGHAI) - timedelta(hours=25)
        finews.write(f"UPDATE robots SET fetched_at = '{yesterday.isoformat(timespec='seconds')}'")
        crawl(finews, replica, "--full")
        assert len(replica.articles) == 5
        assert sorted(each.host for each in replica.robots_log) == sorted({LISTS, ARTICLES})


def test_robots_that_answer_500_forbid_all_until_they_are_there(finews: Program) -> None:
    with choosing(STORIES) as replica:
        replica.robots_trouble = {ARTICLES: 500, PAGES: 500}
        summary = crawl(finews, replica, code=3)
        assert {each.host for each in replica.log} == {LISTS}
        assert summary["new"] == 0
        # It is no reason to knock for every article.
        assert len(replica.robots_log) <= 1 + 2 * 10
        replica.robots_trouble = {}
        time_passes(finews)
        assert crawl(finews, replica)["new"] == len(ALL)
    assert finews.json("failures") == []


@pytest.mark.parametrize("trouble", ["stall", 503])
def test_robots_that_do_not_answer_forbid_all(
    finews: Program, tmp_path: Path, trouble: Trouble
) -> None:
    impatient(finews, tmp_path, "DOWNLOAD_TIMEOUT = 0.8\nRETRY_TIMES = 0\nFINEWS_PATIENCE = 0")
    with choosing(STORIES[:5]) as replica:
        replica.robots_trouble = {LISTS: trouble, PAGES: trouble}
        summary = crawl(finews, replica, code=3)
        assert replica.log == []
        assert summary["failures"] or summary["resting"]
        replica.robots_trouble = {}
        time_passes(finews)
        assert crawl(finews, replica)["new"] == 5
        assert {each.status for each in replica.robots_log} == {404}
    assert finews.json("failures") == []


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_a_wait_and_the_rest_is_remembered(
    finews: Program, tmp_path: Path, sign: signal.Signals
) -> None:
    impatient(finews, tmp_path, "FINEWS_RESTS = [50]\nFINEWS_PATIENCE = 60")
    command = finews.command("crawl", "eastmoney", "--listing", "350", "--json")
    with serving(STORIES) as replica:
        replica.throttle(after=3, status=429, hosts={ARTICLES})
        process = subprocess.Popen(
            [*command, "--replay", replica.url],
            cwd=ROOT,
            env=finews.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        until = time.monotonic() + 20
        while not any(each.status == 429 for each in replica.log) and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.7)
        assert process.poll() is None
        began = time.monotonic()
        os.kill(process.pid, sign)
        output, errors = process.communicate(timeout=20)
        assert time.monotonic() - began < 3
        assert len(of(replica, ARTICLES)) == 4
        if sign == signal.SIGTERM:
            assert (process.returncode, errors) == (3, b"")
            summary = json.loads(output)
            assert (summary["outcome"], summary["new"]) == ("stopped", 3)
            assert [each["host"] for each in summary["resting"]] == [ARTICLES]
        replica.relent()
        finews.env["SCRAPY_SETTINGS_MODULE"] = "tests.fast_settings"
        crawl(finews, replica, code=3)
        assert of(replica, ARTICLES) == []
        assert ARTICLES not in {each.host for each in replica.robots_log}
        time_passes(finews)
        crawl(finews, replica)
    assert stored(finews) == ALL

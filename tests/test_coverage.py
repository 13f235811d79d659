"""Coverage: what a listing is known to be complete of, and the gaps that are left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crawler.demo.site import build, bundled_posts, post
from pipelines.database.coverage import Span, joined
from tests.conftest import Program
from tests.eastmoney import EastmoneyReplica, make_stories, serving
from tests.replica import Answer
from tests.replica import serving as serving_blog

SPANS = "SELECT listing, from_at IS NULL FROM coverage WHERE site = 'finews' ORDER BY 1"


def blog(count: int) -> dict[str, bytes]:
    """A blog of ``count`` posts of one source, three a day."""
    return build(
        post(
            f"NW2022060{number // 9 + 1}{number:010}",
            date=f"2022-06-0{number // 9 + 1} 10:{number % 60:02}:00 +0800",
            category="emnews",
        )
        for number in range(count)
    )


def gaps(program: Program) -> set[tuple[str, str]]:
    return {(each["listing"], each["why"]) for each in program.json("gaps")}


def crawl(program: Program, replica: EastmoneyReplica, *args: str, code: int = 0) -> None:
    program("crawl", "eastmoney", "--listing", "350", "--replay", replica.url, *args, code=code)


def test_a_crawl_covers_what_its_listings_show(finews: Program) -> None:
    with serving_blog(build(bundled_posts())) as replica:
        for _ in range(2):
            finews.crawl(replica.url)
            spans = finews.rows(SPANS)
            assert ("cailianshe", 1) in spans  # a category page shows all
            assert ("emnews", 0) in spans
            assert ("feed", 0) in spans
            assert "home" not in dict(spans)  # five of each tag prove nothing
            assert len(spans) == len(dict(spans))
            assert gaps(finews) == set()


def test_a_listing_of_the_newest_that_moved_on_leaves_a_gap_which_is_told(
    finews: Program,
) -> None:
    with serving_blog(blog(12)) as replica:
        finews.crawl(replica.url)
        replica.pages.update(blog(60))
        summary = finews.crawl(replica.url, code=3)
        told = {each["listing"] for each in summary["gaps"]}
        assert told >= {"emnews", "feed"}
        assert gaps(finews) == {(listing, "scrolled") for listing in told}
        assert finews.crawl(replica.url)["gaps"] == []  # told once
        assert gaps(finews) == {(listing, "scrolled") for listing in told}  # and still there
        assert "no longer shown" in finews("gaps")


def test_what_overlaps_is_no_gap(finews: Program) -> None:
    with serving_blog(blog(12)) as replica:
        finews.crawl(replica.url)
        replica.pages.update(blog(20))
        assert finews.crawl(replica.url)["gaps"] == []
        assert gaps(finews) == set()


def test_a_listing_that_shows_nothing_covers_nothing_and_leaves_no_gap(finews: Program) -> None:
    site = build([post("NW202206010000000001", category="caixunwang", tag="财讯网新闻")])
    with serving_blog(site) as replica:
        for _ in range(2):
            assert finews.crawl(replica.url)["gaps"] == []
            time.sleep(1.1)  # times are kept to the second
    assert gaps(finews) == set()
    assert "emnews" not in dict(finews.rows(SPANS))


def test_an_article_that_is_owed_keeps_its_listings_open(finews: Program) -> None:
    site = build(bundled_posts())
    path = next(path for path in site if path.endswith("NW202205299100001212.html"))
    with serving_blog(site | {path: Answer(status=500)}) as replica:
        finews.crawl(replica.url, code=3)
        assert ("emnews", "owed") not in gaps(finews)
        owed = {listing for listing, why in gaps(finews) if why == "owed"}
        assert owed  # those that showed it
        assert not owed & set(dict(finews.rows(SPANS)))
        replica.pages[path] = site[path]
        finews.crawl(replica.url)
    assert gaps(finews) == set()
    assert owed - {"home"} <= set(dict(finews.rows(SPANS)))


def test_an_article_that_is_given_up_leaves_no_gap(finews: Program) -> None:
    site = build(bundled_posts())
    path = next(path for path in site if path.endswith("NW202205299100001212.html"))
    with serving_blog(site | {path: Answer(status=404)}) as replica:
        finews.crawl(replica.url, code=3)
    assert gaps(finews) == set()
    assert len(finews.json("failures")) == 1


def test_a_killed_walk_leaves_a_gap_that_the_next_run_closes(finews: Program) -> None:
    with serving(make_stories(260, ["350"], 5)) as replica:
        crawl(finews, replica)
        covered = finews.rows("SELECT from_at, to_at FROM coverage")
        before = {story.code for story in replica.stories}
        replica.arriving, replica.delay = 60, 0.1
        replica._arrive()  # far more than one page
        replica.arriving, asked = 0, len(replica.log)
        command = finews.command("crawl", "eastmoney", "--listing", "350", "--replay", replica.url)
        process = subprocess.Popen(command, env=finews.env, stdout=subprocess.DEVNULL)
        while len(replica.log) < asked + 2:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        replica.delay = 0
        assert gaps(finews) == {("350", "interrupted")}
        assert finews.rows("SELECT from_at, to_at FROM coverage") == covered
        crawl(finews, replica)
        assert gaps(finews) == set()
        arrived = {story.code for story in replica.stories} - before
        stored = set(finews.rows("SELECT substr(info_code, 3) FROM articles"))
        assert arrived <= stored
    assert len(finews.rows("SELECT * FROM coverage")) == 1
    # It stopped where the ground was covered.
    assert finews.rows("SELECT outcome FROM walks ORDER BY id") == ["end", None, "known"]


def test_since_covers_from_there_and_a_backfill_extends_it(finews: Program) -> None:
    with serving(make_stories(600, ["350"], 7)) as replica:
        times = sorted(story.shown for story in replica.stories if "350" in story.columns)
        late, early = times[len(times) * 3 // 4], times[len(times) // 4]
        crawl(finews, replica, "--since", late.isoformat())
        ((start, _),) = finews.rows("SELECT from_at, to_at FROM coverage")
        assert start == late.isoformat()
        crawl(finews, replica, "--since", early.isoformat())
        ((start, _),) = finews.rows("SELECT from_at, to_at FROM coverage")
        assert start == early.isoformat()
        wanted = {f"NW{s.code}" for s in replica.stories if s.shown >= early and "350" in s.columns}
        assert wanted == set(finews.rows("SELECT info_code FROM articles"))
    assert gaps(finews) == set()


def test_fill_reads_back_to_a_gap_and_closes_it(finews: Program) -> None:
    with serving(make_stories(600, ["350"], 7)) as replica:
        own = sorted(story.shown for story in replica.stories if "350" in story.columns)
        oldest, late = own[len(own) // 4], own[len(own) * 3 // 4]
        whole = list(replica.stories)
        replica.stories = [story for story in whole if story.shown <= oldest]
        crawl(finews, replica)
        replica.stories = whole
        crawl(finews, replica, "--since", late.isoformat(), code=3)
        ((start, end),) = ((each["from_at"], each["to_at"]) for each in finews.json("gaps"))
        assert (start, end) == (oldest.isoformat(), late.isoformat())
        told = finews("gaps", "--fill", "--replay", replica.url)
        assert told.endswith("No gaps.\n")
        assert {f"NW{story.code}" for story in whole if "350" in story.columns} == set(
            finews.rows("SELECT info_code FROM articles")
        )


def test_full_looks_at_all_and_covers_the_same(finews: Program) -> None:
    with serving(make_stories(100, ["350"], 3)) as replica:
        crawl(finews, replica)
        crawl(finews, replica, "--full")
    assert finews.rows("SELECT outcome, covered FROM walks") == [("end", 1), ("end", 1)]
    assert len(finews.rows("SELECT * FROM coverage")) == 1


def test_a_walk_cut_short_covers_nothing(finews: Program) -> None:
    with serving(make_stories(200, ["350"], 3)) as replica:
        crawl(finews, replica, "--max-pages", "2")
        assert gaps(finews) == {("350", "limit")}
        assert finews.rows("SELECT * FROM coverage") == []
        crawl(finews, replica)
    assert gaps(finews) == set()


_SPAN = st.tuples(st.integers(0, 30), st.integers(0, 10)).map(
    lambda pair: Span(f"{pair[0]:02}", f"{sum(pair):02}")
)


@given(st.lists(_SPAN, max_size=12))
def test_joined_spans_cover_the_same_and_nothing_twice(spans: list[Span]) -> None:
    def moments(of: list[Span]) -> set[int]:
        return {half for span in of for half in range(2 * int(span.start), 2 * int(span.end) + 1)}

    found = joined(spans)
    assert moments(found) == moments(spans)
    assert found == sorted(found)
    assert all(one.end < other.start for one, other in pairwise(found))

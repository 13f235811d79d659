"""Later looks at an article: in its first two days, and when a listing shows another title."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from crawler.demo.site import build, post
from crawler.items import Article, Look
from crawler.parsers.dates import SHANGHAI
from pipelines import store
from pipelines.run import Run
from tests.conftest import Program
from tests.eastmoney import make_stories
from tests.eastmoney import serving as serving_eastmoney
from tests.replica import Answer, Replica, serving

NOW = datetime.now(SHANGHAI)
CODE = f"{NOW:%Y%m%d}0000000001"
OLD = "202206010000000002"
DUE = "UPDATE looks SET next_look_at = '2020-01-01T00:00:00+08:00' WHERE next_look_at IS NOT NULL"


def site(title: str = "题目", body: str = "<p>正文。</p>") -> tuple[str, dict[str, bytes]]:
    """One post of this hour, one of long ago, and the path of the first."""
    new = post(CODE, title=title, body=body, date=f"{NOW - timedelta(hours=1):%F %T} +0800")
    old = post(OLD, date="2022-06-01 09:00:00 +0800")
    return unquote(new.path), build([new, old])


def crawled(finews: Program, replica: Replica) -> list[str]:
    """Crawl; the article pages asked for."""
    before = len(replica.articles())
    finews.crawl(replica.url)
    return replica.articles()[before:]


def test_a_new_article_is_looked_at_when_its_look_is_due_and_an_old_one_is_not(
    finews: Program,
) -> None:
    path, pages = site()
    with serving(pages) as replica:
        assert len(crawled(finews, replica)) == 2
        assert crawled(finews, replica) == []  # not due yet
        due = dict(finews.rows("SELECT info_code, next_look_at FROM looks"))
        assert due[f"NW{OLD}"] is None
        (seen,) = finews.rows(f"SELECT first_seen_at FROM articles WHERE info_code = 'NW{CODE}'")
        first = datetime.fromisoformat(due[f"NW{CODE}"])
        assert first == datetime.fromisoformat(seen) + timedelta(hours=1)
        finews.write(DUE)
        assert crawled(finews, replica) == [path]
        assert finews.rows(f"SELECT looks FROM looks WHERE info_code = 'NW{CODE}'") == [1]
        assert crawled(finews, replica) == []


def test_a_look_at_an_edited_article_makes_a_revision(finews: Program) -> None:
    path, pages = site()
    with serving(pages) as replica:
        finews.crawl(replica.url)
        edited = site(body="<p>更正后的正文。</p>")[1]
        replica.pages[path] = edited[path]  # the listings show nothing of it
        finews.write(DUE)
        summary = finews.crawl(replica.url)
    assert (summary["changed"], summary["failed"]) == (1, 0)
    article = finews.json("show", CODE)
    assert (article["revision"], article["paragraphs"][0]["text"]) == (2, "更正后的正文。")


def test_looks_that_find_nothing_record_nothing_but_their_time(finews: Program) -> None:
    path, pages = site()
    with serving(pages) as replica:
        finews.crawl(replica.url)
        before = finews.rows("SELECT * FROM articles"), finews.rows("SELECT * FROM sightings")
        for looks in (1, 2, 3):
            finews.write(DUE)
            crawled(finews, replica)
            assert finews.rows(f"SELECT looks FROM looks WHERE info_code = 'NW{CODE}'") == [looks]
        assert (finews.rows("SELECT * FROM articles"), finews.rows("SELECT * FROM sightings")) == (
            before
        )
        assert finews.rows("SELECT * FROM revisions") == []
        assert replica.articles().count(path) == 4


def test_the_last_look_is_the_last(finews: Program) -> None:
    with serving(site()[1]) as replica:
        finews.crawl(replica.url)
        seen = (NOW - timedelta(hours=49)).isoformat(timespec="seconds")
        finews.write(f"UPDATE articles SET first_seen_at = '{seen}'")
        finews.write(DUE)
        finews.crawl(replica.url)
        assert finews.rows("SELECT count(next_look_at) FROM looks") == [0]


def test_a_server_that_knows_etags_is_asked_by_them(finews: Program) -> None:
    path, pages = site()
    with serving(pages) as replica:
        replica.pages[path] = Answer(pages[path], headers={"ETag": '"a"'})
        finews.crawl(replica.url)
        finews.write(DUE)
        asked = finews.rows("SELECT count(*) FROM pages", file="pages.db")
        assert crawled(finews, replica) == [path]
        assert finews.rows("SELECT count(*) FROM pages", file="pages.db") == asked
        kept = f"SELECT looks, etag FROM looks WHERE info_code = 'NW{CODE}'"
        assert finews.rows(kept) == [(1, '"a"')]
        replica.pages[path] = Answer(site(title="又一题")[1][path], headers={"ETag": '"b"'})
        finews.write(DUE)
        finews.crawl(replica.url)
        assert finews.rows(kept) == [(2, '"b"')]
    assert finews.json("show", CODE)["revision"] == 2


def test_an_article_that_is_gone_stays_and_is_not_looked_at_again(finews: Program) -> None:
    path, pages = site()
    with serving(pages) as replica:
        finews.crawl(replica.url)
        del replica.pages[path]
        finews.write(DUE)
        summary = finews.crawl(replica.url)
        assert (summary["failed"], summary["failures"]) == (0, [])
        gone = f"SELECT gone_at IS NOT NULL, next_look_at FROM looks WHERE info_code = 'NW{CODE}'"
        assert finews.rows(gone) == [(1, None)]
        assert crawled(finews, replica) == []
    assert finews.json("show", CODE)["title"] == "题目"


def test_a_look_that_fails_for_now_is_no_failure_and_one_that_is_no_article_is(
    finews: Program,
) -> None:
    path, pages = site()
    with serving(pages) as replica:
        finews.crawl(replica.url)
        replica.pages[path] = Answer(status=500)
        finews.write(DUE)
        assert finews.crawl(replica.url)["failed"] == 0
        replica.pages[path] = b"<html><body>busy</body></html>"
        finews.write(DUE)
        assert finews.crawl(replica.url, code=3)["failures"][0]["reason"] == "not-an-article"
        replica.pages[path] = pages[path]
        finews.crawl(replica.url)
    assert finews.json("failures") == []
    assert finews.json("show", CODE)["revision"] == 1


def test_another_title_on_a_listing_is_looked_into(finews: Program) -> None:
    stories = make_stories(30, ["350"], 2)
    with serving_eastmoney(stories) as replica:
        asked = ("crawl", "eastmoney", "--listing", "350", "--replay", replica.url)
        finews(*asked)
        story = next(each for each in stories if "350" in each.columns)
        replica.edited = {story.code: "改过的题目"}
        before = len(replica.articles)
        assert finews.json(*asked)["changed"] == 1
        assert replica.articles[before:] == [story.code]
        assert finews.json("show", story.code)["title"] == "改过的题目"
        finews(*asked)
        assert len(replica.articles) == before + 1


def test_a_look_that_finds_another_page_is_spent(finews: Program) -> None:
    """Else it would be taken by every run of cron, for ever."""
    path, pages = site()
    with serving(pages) as replica:
        finews.crawl(replica.url)
        replica.pages[path] = Answer(b"<html><body>busy</body></html>")
        finews.write(DUE)
        finews.crawl(replica.url, code=3)
        now = datetime.now(SHANGHAI).isoformat()
        assert finews.rows("SELECT count(*) FROM looks WHERE next_look_at <= ?", now) == [0]


def test_an_article_and_the_look_that_brought_it_are_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_BATCH_S", 0)  # each record is due to be written at once
    with Run.open(tmp_path, "test") as run:
        stored = "SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM looks)"
        run.store.add(Article(f"NW{OLD}", "finews", "https://x.test/", "test/1", title="题"))
        assert run.corpus.conn.execute(stored).fetchone() == (0, 0)
        run.store.add(Look(f"NW{OLD}", "https://x.test/"))
        assert run.corpus.conn.execute(stored).fetchone() == (1, 1)

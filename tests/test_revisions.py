"""An article seen again: a change is a revision, a correction is taken, a loss is not."""

from __future__ import annotations

from typing import Any

from crawler.demo.site import build, post
from tests.conftest import Program
from tests.replica import Answer, Replica, serving

CODE = "202206019100000001"


def page(**parts: str | None) -> tuple[str, bytes]:
    given: dict[str, Any] = {
        "title": "题目",
        "date": "2022-06-01 09:00:00 +0800",
        "digest": "摘要甲。",
        "body": "<p>正文第一段。</p>",
        "source": "新华社",
        **parts,
    }
    one = post(CODE, **given)
    return one.path, build([one])[one.path]


def look_again(finews: Program, first: bytes, second: bytes | Answer) -> tuple[Any, Any]:
    """Store the first page, look at the second; the summary and the article after it."""
    path, _ = page()
    with serving(build([post(CODE, date="2022-06-01 09:00:00 +0800")])) as replica:
        replica.pages[path] = first
        finews.crawl(replica.url)
        replica.pages[path] = second
        summary = finews.crawl(replica.url, "--full", code=None)
    return summary, finews.json("show", CODE)


def test_another_digest_is_a_revision_that_keeps_the_old(finews: Program) -> None:
    summary, article = look_again(finews, page()[1], page(digest="摘要乙。")[1])
    assert summary["changed"] == 1
    assert (article["revision"], article["digest"]) == (2, "摘要乙。")
    assert finews.rows("SELECT revision, digest, title, source FROM revisions") == [
        (1, "摘要甲。", "题目", "新华社")
    ]


def test_another_source_is_taken_without_a_revision(finews: Program) -> None:
    summary, article = look_again(finews, page()[1], page(source="央视新闻")[1])
    assert (summary["changed"], summary["unchanged"]) == (0, 1)
    assert (article["revision"], article["source"]) == (1, "央视新闻")
    assert finews.rows("SELECT count(*) FROM revisions") == [0]


def test_other_links_only_are_no_revision(finews: Program) -> None:
    link = '<a href="http://quote.eastmoney.com/unify/r/1.609999" data-code="1,609999">第一</a>'
    linked = page(body=f"<p>正文{link}段。</p>")[1]
    summary, article = look_again(finews, page()[1], linked)
    assert summary["changed"] == 0
    assert [each["code"] for each in article["mentions"]] == ["609999"]


def test_a_page_that_lost_its_parts_takes_nothing_away(finews: Program) -> None:
    bare = page(title="", digest=None, body="<p>正文第二段。</p>")[1]
    bare = bare.replace(b" 2022-06-01 09:00:00</small>", b"</small>")
    summary, article = look_again(finews, page()[1], bare)
    assert summary["changed"] == 1
    assert (article["title"], article["digest"]) == ("题目", "摘要甲。")
    assert article["published_at"] == "2022-06-01T09:00:00+08:00"
    assert article["paragraphs"] == [{"kind": "text", "text": "正文第二段。"}]


def test_a_body_that_is_gone_is_kept(finews: Program) -> None:
    summary, article = look_again(finews, page()[1], page(body="<p></p>")[1])
    assert summary["unchanged"] == 1
    assert article["paragraphs"] == [{"kind": "text", "text": "正文第一段。"}]


def test_a_look_that_fails_is_tried_again_and_the_article_stays(finews: Program) -> None:
    summary, article = look_again(finews, page()[1], Answer(status=503))
    assert (summary["failed"], article["title"]) == (1, "题目")
    path, answer = page()
    with serving(build([post(CODE, date="2022-06-01 09:00:00 +0800")])) as replica:
        replica.pages[path] = answer
        assert crawl_articles(finews, replica) == [path]
    assert finews.json("failures") == []


def crawl_articles(finews: Program, replica: Replica) -> list[str]:
    finews.crawl(replica.url)
    return replica.articles()


def test_back_to_what_it_said_is_a_change_too_whatever_listing_led_there(
    finews: Program,
) -> None:
    path, first = page()
    with serving(build([post(CODE, date="2022-06-01 09:00:00 +0800")])) as replica:
        replica.pages[path] = first
        finews.crawl(replica.url)
        for digest, listing in (("摘要乙。", "emnews"), ("摘要甲。", "feed")):
            replica.pages[path] = page(digest=digest)[1]
            assert finews.crawl(replica.url, "--full", "--listing", listing)["changed"] == 1
            assert finews.json("show", CODE)["digest"] == digest
    assert finews.rows("SELECT revision FROM articles") == [3]

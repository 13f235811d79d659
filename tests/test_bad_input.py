"""Bad input is normal: each is stored right or stands in failures, and the rest goes on."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from crawler.demo.site import build, post
from tests.conftest import Program
from tests.replica import Answer, serving

BASE = "https://finews.withounder.com"
CODE = "202206019100000001"
INFO = f"NW{CODE}"
GOOD = post("202206019100000002", title="照常的一篇", date="2022-06-01 10:00:00 +0800")
TITLE = "中文标题：镕与喆在同一行"
BAD = post(
    CODE,
    title=TITLE,
    date="2022-06-01 09:00:00 +0800",
    digest="摘要写在这里。（财联社）",
    body="<p>正文第一段，说的是市场。</p><p>正文第二段，说的是别的。</p>",
)
PAGE = build([BAD])[BAD.path]


def without(page: bytes, pattern: str) -> bytes:
    cut, times = re.subn(pattern, "", page.decode(), flags=re.DOTALL)
    assert times
    return cut.encode()


@dataclass
class Case:
    """What the bad page answers, and the reason that must stand in failures."""

    answer: bytes | Answer
    reason: str
    kept: bool = True  # is the answer in pages.db?


FAILING = {
    "status 500": Case(Answer(b"oops", status=500), "http-500"),
    "status 404": Case(Answer(b"gone", status=404), "http-404"),
    "stall": Case(Answer(PAGE, stall=20), "timeout", kept=False),
    "cut off": Case(Answer(PAGE, cut=len(PAGE) - 100), "truncated", kept=False),
    "cut off before it was sent": Case(PAGE[: PAGE.rfind(b"</section>") - 200], "truncated"),
    "truncated gzip": Case(
        Answer(gzip.compress(PAGE)[:-300], headers={"Content-Encoding": "gzip"}), "truncated"
    ),
    "too large": Case(Answer(b"x" * (17 << 20)), "too-large", kept=False),
    "empty answer": Case(Answer(b""), "not-an-article"),
    "error page with status 200": Case(
        b"<html><body><h1>Busy</h1></body></html>", "not-an-article"
    ),
    "a listing in its place": Case(build([BAD])["/emnews/"], "not-an-article"),
    "binary": Case(bytes(range(256)) * 40, "unreadable-text"),
    "damaged UTF-8": Case(PAGE.replace("市场".encode(), b"\xe5\xb8\xff"), "unreadable-text"),
    "mojibake as UTF-8": Case(
        PAGE.decode().encode().decode("gb18030", "replace").replace("\ufffd", "").encode(),
        "mojibake",
    ),
    "text spoilt before it was rendered": Case(
        build(
            [
                post(
                    CODE,
                    title=TITLE.encode().decode("gb18030", "ignore"),
                    date="2022-06-01 09:00:00 +0800",
                    body="<p>"
                    + "正文第一段，说的是市场。".encode().decode("gb18030", "ignore")
                    + "</p>",
                )
            ]
        )[BAD.path],
        "mojibake",
    ),
    "time in the future": Case(PAGE.replace(b"2022-06-01 09", b"2099-06-01 09"), "future-time"),
    "neither title nor body": Case(
        without(without(PAGE, "(?<=</small>\n)<h1>.*?</h1>"), "<blockquote>.*?em_media.*?</p>"),
        "no-content",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_failure_is_recorded_and_the_rest_goes_on(finews: Program, name: str) -> None:
    case = FAILING[name]
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = case.answer
        summary = finews.crawl(replica.url, code=3)
    assert (summary["new"], summary["failed"]) == (1, 1)
    assert finews.rows("SELECT title FROM articles") == ["照常的一篇"]
    (failure,) = finews.json("failures")
    assert failure["reason"] == case.reason, failure
    assert failure["site"] == "finews"
    assert failure["info_code"] == INFO
    assert failure["url"] == BASE + BAD.path
    assert failure["message"]
    if case.kept:
        kept = finews.rows(
            "SELECT sha256 FROM pages WHERE url = ?", failure["url"], file="pages.db"
        )
        assert kept == [failure["page"]]
    else:
        assert failure["page"] is None


def test_a_failure_is_tried_again_and_then_resolved(finews: Program) -> None:
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = Answer(status=503)
        finews.crawl(replica.url, code=3)
        assert finews.json("failures")[0]["attempts"] == 1
        replica.pages[BAD.path] = PAGE
        assert finews.crawl(replica.url)["new"] == 1
    assert finews.json("failures") == []


def test_a_failure_is_given_up_in_the_end(finews: Program) -> None:
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = b"<html></html>"
        pauses = []
        for _ in range(6):
            finews.crawl(replica.url, code=3)
            ((tried, due),) = finews.rows("SELECT last_failed_at, next_try_at FROM failures")
            pauses.append(
                due
                and (datetime.fromisoformat(due) - datetime.fromisoformat(tried)).total_seconds()
                // 60
            )
            replica.log.clear()
            if pauses[-1] != 0:
                assert finews.crawl(replica.url)["failed"] == 0
                assert replica.articles() == []
            finews.write("UPDATE failures SET next_try_at = last_failed_at WHERE next_try_at > ''")
    assert pauses == [0, 10, 60, 360, 1440, None]
    (failure,) = finews.json("failures")
    assert (failure["attempts"], failure["next_try_at"]) == (6, None)


def test_what_is_gone_is_asked_for_once(finews: Program) -> None:
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = Answer(status=404)
        finews.crawl(replica.url, code=3)
        replica.log.clear()
        assert finews.crawl(replica.url)["failed"] == 0
        assert replica.articles() == []


def test_a_broken_listing_is_a_failure_and_the_others_go_on(finews: Program) -> None:
    with serving(build([BAD, GOOD])) as replica:
        replica.pages["/"] = b"<html><body>maintenance</body></html>"
        replica.pages["/feed.xml"] = b"<?xml version='1.0'?><feed><entry>"
        summary = finews.crawl(replica.url, code=3)
        assert summary["new"] == 2
        found = {(each["listing"], each["reason"]) for each in finews.json("failures")}
        assert found == {("home", "layout-changed"), ("feed", "truncated")}
        replica.pages.update(build([BAD, GOOD]))
        finews.crawl(replica.url)
    assert finews.json("failures") == []


def stored(finews: Program, page: bytes | Answer) -> Any:
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = page
        assert finews.crawl(replica.url)["new"] == 2
    return finews.json("show", INFO)


def test_no_time_is_null_and_counted(finews: Program) -> None:
    article = stored(finews, PAGE.replace(b" 2022-06-01 09:00:00", b""))
    assert article["published_at"] is None
    assert article["published_raw"] == "(GMT+8, Asia/Shanghai, CST)"
    assert finews.rows("SELECT incomplete FROM runs") == [1]


def test_no_time_line_at_all(finews: Program) -> None:
    article = stored(finews, without(PAGE, r"<small>\(GMT.*?</small>"))
    assert (article["published_at"], article["published_raw"]) == (None, None)
    assert article["title"] == TITLE


def test_no_body_is_stored_with_its_title(finews: Program) -> None:
    article = stored(finews, without(PAGE, r"(?<=</h1>)\s*<blockquote>.*em_media.*?</p>"))
    assert article["paragraphs"] == []
    assert article["title"] == TITLE


def test_a_quote_in_the_title(finews: Program) -> None:
    odd = post(CODE, title='所谓"新"标准 <b>与</b> & 旧', date="2022-06-01 09:00:00 +0800")
    article = stored(finews, build([odd])[BAD.path])
    assert article["title"] == '所谓"新"标准 与 & 旧'


@pytest.mark.parametrize("claim", ["text/html; charset=utf-8", "text/html", "text/html; charset=x"])
def test_gbk_that_claims_to_be_utf8(finews: Program, claim: str) -> None:
    """The page's own meta tag says UTF-8 too."""
    page = Answer(PAGE.decode().encode("gb18030"), headers={"Content-Type": claim})
    article = stored(finews, page)
    assert article["title"] == TITLE
    assert article["digest"] == "摘要写在这里。（财联社）"


def test_whole_gzip_is_read(finews: Program) -> None:
    page = Answer(gzip.compress(PAGE), headers={"Content-Encoding": "gzip"})
    assert stored(finews, page)["title"] == TITLE


@pytest.mark.parametrize("broken", ["emnews", "category"])
def test_one_route_fails_and_the_other_serves(finews: Program, broken: str) -> None:
    """The same info code in two categories: one request where it works, both where not."""
    twin = post(
        INFO,
        title=TITLE,
        date="2022-06-01 09:00:00 +0800",
        category="cailianshe",
        tag="财联社新闻",
        body="<p>正文第一段，说的是市场。</p>",
    )
    first, second = (BAD, twin) if broken == "emnews" else (twin, BAD)
    with serving(build([BAD, twin, GOOD])) as replica:
        replica.pages[first.path] = Answer(status=404)
        summary = finews.crawl(replica.url, code=None)
        assert summary["new"] == 2
        asked = [path for path in replica.articles() if CODE in path]
        assert asked[-1] == second.path
    assert finews.rows("SELECT count(*) FROM articles") == [2]
    urls = finews.rows("SELECT DISTINCT url FROM sightings WHERE info_code = ?", INFO)
    assert {BASE + BAD.path, BASE + twin.path} == set(urls)


def test_three_thousand_entries_on_one_listing(finews: Program) -> None:
    posts = [
        post(f"20220601{number:010}", title=f"第{number}条", date="2022-06-01 09:00:00 +0800")
        for number in range(3000)
    ]
    with serving(build(posts)) as replica:
        summary = finews.crawl(replica.url, "--listing", "category/emnews")
        assert summary["new"] == 3000
        assert len(replica.articles()) == len(set(replica.articles())) == 3000
        replica.log.clear()
        finews.crawl(replica.url, "--listing", "category/emnews")
        assert len(replica.log) == 1


def test_hostile_html_is_only_text(finews: Program) -> None:
    body = (
        "<p>正文<script>alert(1)</script>在此<img src=x onerror=alert(1)></p>"
        "<p><a href='javascript:alert(1)'>链接</a></p><p>{{ 7*7 }} '; DROP TABLE articles; --</p>"
        "<p><img src='javascript:alert(1)'></p>" + "<div>" * 1000 + "深" + "</div>" * 1000
    )
    odd = post(
        CODE, title="<script>alert(1)</script>题", date="2022-06-01 09:00:00 +0800", body=body
    )
    article = stored(finews, build([odd])[BAD.path])
    assert article["title"] == "题"
    kinds = [each["kind"] for each in article["paragraphs"]]
    assert set(kinds) == {"text"}
    assert "alert" not in str(article["paragraphs"])


def test_an_unclosed_comment_does_not_swallow_the_body(finews: Program) -> None:
    page = PAGE.replace("<p>正文第二段".encode(), "<!-- EM_StockImg_Start <p>正文第二段".encode())
    article = stored(finews, page)
    assert "正文第二段" in str(article["paragraphs"])
    assert article["source"] == "财联社"


def test_failures_reads_well(finews: Program) -> None:
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = Answer(status=404)
        finews("crawl", "finews", "--replay", replica.url, code=3)
    text = finews("failures")
    assert "http-404: the server answered with status 404" in text
    assert "given up" in text


def test_a_category_page_that_is_gone_is_not_walked_for_ever(finews: Program) -> None:
    twin = post(INFO, date="2022-06-01 09:00:00 +0800", category="cailianshe", tag="财联社新闻")
    with serving(build([twin, GOOD])) as replica:
        replica.pages["/category/cailianshe.html"] = Answer(status=404)
        finews.crawl(replica.url, code=3)
        replica.log.clear()
        finews.crawl(replica.url)
        assert "/category/cailianshe.html" not in replica.log
    assert [each["listing"] for each in finews.json("failures")] == ["cailianshe"]


def test_a_category_page_that_fails_for_long_is_walked_again(finews: Program) -> None:
    twin = post(INFO, date="2022-06-01 09:00:00 +0800", category="cailianshe", tag="财联社新闻")
    pages = build([twin, GOOD])
    with serving(pages) as replica:
        replica.pages["/category/cailianshe.html"] = Answer(status=502)
        for _ in range(8):
            finews.crawl(replica.url, code=3)
        replica.pages.update(pages)
        finews.crawl(replica.url)
    assert finews.json("failures") == []


def test_one_link_twice_with_other_words(finews: Program) -> None:
    """A theme shows each post with its title and with a picture: two links, one entry."""
    pages = build([BAD, GOOD])
    line = f'<li><a href="{BAD.path}">又一次</a></li></ul>'.encode()
    pages["/"] = pages["/"].replace(b"</ul>", line, 1)
    with serving(pages) as replica:
        assert finews.crawl(replica.url)["new"] == 2
    sql = "SELECT title FROM entries WHERE listing = 'home' AND info_code = ?"
    assert finews.rows(sql, INFO) == [TITLE]


def test_a_redirect_to_another_article_is_no_article(finews: Program) -> None:
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = Answer(status=301, headers={"Location": BASE + GOOD.path})
        finews.crawl(replica.url, code=3)
    assert finews.rows("SELECT info_code, same_text_as FROM articles") == [
        ("NW202206019100000002", None)
    ]
    assert [each["reason"] for each in finews.json("failures")] == ["redirects"]


def test_redirects_without_end(finews: Program) -> None:
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = Answer(status=302, headers={"Location": BASE + BAD.path})
        finews.crawl(replica.url, code=3)
    (failure,) = finews.json("failures")
    assert failure["reason"] == "redirects"
    assert failure["next_try_at"]


def test_an_answer_that_unpacks_without_end(finews: Program) -> None:
    bomb = gzip.compress(b"0" * (64 << 20))
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = Answer(bomb, headers={"Content-Encoding": "gzip"})
        finews.crawl(replica.url, code=3)
    assert [each["reason"] for each in finews.json("failures")] == ["too-large"]


def test_a_home_page_without_posts_is_a_change_of_layout(finews: Program) -> None:
    with serving(build([BAD, GOOD])) as replica:
        page = replica.pages["/"]
        assert isinstance(page, bytes)
        replica.pages["/"] = re.sub(rb"<li>.*?</li>", b"", page)
        finews.crawl(replica.url, code=3)
    assert [each["reason"] for each in finews.json("failures")] == ["layout-changed"]


def test_another_route_fills_what_the_first_lacks(finews: Program) -> None:
    """An article without title and time: its other address is asked for too, once."""
    bare = without(PAGE, "(?<=</small>\n)<h1>.*?</h1>").replace(b" 2022-06-01 09:00:00", b"")
    twin = post(INFO, title=TITLE, date="2022-06-01 09:00:00 +0800", category="cailianshe",
                tag="财联社新闻", body="<p>短。</p>")  # fmt: skip
    with serving(build([BAD, twin, GOOD])) as replica:
        replica.pages[BAD.path] = bare
        finews.crawl(replica.url)
        assert sorted(path for path in replica.articles() if CODE in path) == sorted(
            [BAD.path, twin.path]
        )
        replica.log.clear()
        finews.crawl(replica.url)
        assert replica.articles() == []
    article = finews.json("show", INFO)
    assert (article["title"], article["published_at"]) == (TITLE, "2022-06-01T09:00:00+08:00")
    assert article["digest"] == "摘要写在这里。（财联社）"
    assert len(article["paragraphs"]) == 2


def test_an_article_that_no_route_completes_is_not_asked_for_again(finews: Program) -> None:
    bare = without(PAGE, "(?<=</small>\n)<h1>.*?</h1>")
    with serving(build([BAD, GOOD])) as replica:
        replica.pages[BAD.path] = bare
        finews.crawl(replica.url)
        replica.log.clear()
        assert finews.crawl(replica.url)["found"] == 0
        assert replica.articles() == []

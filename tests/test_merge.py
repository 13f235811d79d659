"""Merging routes: the fuller wins field by field, whatever their order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import reduce
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.items import Article, Mention, Paragraph
from crawler.parsers.dates import SHANGHAI
from pipelines.merge import content, joined, revised

TIMES = [None, *(datetime(2022, 6, 1, hour, tzinfo=SHANGHAI) for hour in (9, 17))]


def some(*values: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *values])


articles = st.builds(
    Article,
    info_code=st.just("NW202206010000000001"),
    site=st.sampled_from(["finews", "posts", "choice"]),
    page_url=st.just("x"),
    parser=st.sampled_from(["a/1", "b/1"]),
    title=some("题", "题目", "目题"),
    published_at=st.sampled_from(TIMES),
    published_raw=some("2022-06-01", "(GMT+8) 2022-06-01"),
    digest=some("甲", "摘要"),
    source=some("新华社", "证券时报", "证券时报网"),
    url=some("http://a.test/NewsShare.html?infoCode=1", "http://finance.test/1", "http://b.test/2"),
    tags=st.lists(st.sampled_from(["甲新闻", "乙新闻"]), unique=True).map(tuple),
    paragraphs=st.lists(
        st.sampled_from([Paragraph("text", "一"), Paragraph("text", "二二")]), max_size=2
    ).map(tuple),
    mentions=st.sampled_from([(), (Mention("1", "600519", None, "chart", None),)]),
    listing=some("home", "emnews"),
    body=some("<p>一</p>", "<p>二</p>"),
)


@settings(deadline=None)
@given(st.lists(articles, min_size=3, max_size=3))
def test_the_order_of_routes_does_not_matter(routes: list[Article]) -> None:
    said = [content(each) for each in routes]
    results = [reduce(joined, order) for order in permutations(said)]
    assert all(result == results[0] for result in results)


@settings(deadline=None)
@given(articles, articles)
def test_nothing_that_a_route_told_is_lost_and_nothing_made_up(a: Article, b: Article) -> None:
    merged = joined(content(a), content(b))
    for name in ("title", "digest", "source", "url", "published_at", "paragraphs"):
        values = {content(each)[name] for each in (a, b)}
        assert merged[name] in values
        assert (merged[name] is None) == (values == {None})


@settings(deadline=None)
@given(articles)
def test_the_same_again_changes_nothing(a: Article) -> None:
    assert joined(content(a), content(a)) == {
        **content(a), "tags": joined(content(a), content(a))["tags"]
    }  # fmt: skip
    assert revised(content(a), content(a)) == content(a)


def test_a_time_eight_hours_late_gives_way() -> None:
    early, late = (
        Article("NW202206010000000001", "posts", "x", "p/1", published_at=time)
        for time in TIMES[1:]
    )
    assert joined(content(late), content(early))["published_at"] == "2022-06-01T09:00:00+08:00"


def test_the_body_of_two_that_say_the_same_is_the_file_s() -> None:
    site = Article("NW202206010000000001", "finews", "x", "p/1", body="<p>z</p>")
    file = replace(site, site="posts", body="<p>a</p>")
    assert joined(content(site), content(file))["body"] == "<p>a</p>"

"""Made-up articles are what they say they are; figures are judged and shown as they should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from benchmarks import parse, point
from benchmarks.figures import HEAD, Aim, Figure, Peer, Spread, compared, lines
from benchmarks.generate.posts import BEGIN, Made, made, online
from benchmarks.generate.stories import Truth, make_story, truth
from crawler.demo.eastmoney import article_page
from crawler.demo.site import build, post_page
from crawler.parsers.eastmoney.page import ArticlePage, read_pages
from crawler.parsers.finews import BASE, PostPage
from crawler.parsers.posts import parse_post

POSTS = list(made(200))
STORIES = [make_story(number, BEGIN, (), ()) for number in range(12)]


def in_file(each: Made) -> Truth:
    """A file has the time without zone as the feed told it; the page shows it hours later."""
    time = each.truth.published_at
    if time and " +0800\n" not in each.post.text:
        time -= timedelta(hours=8)
    return replace(each.truth, published_at=time)


def test_a_post_file_says_its_truth() -> None:
    for each in POSTS:
        assert parse.told(parse_post(each.post.text, each.post.name)) == in_file(each)


def test_a_page_of_the_site_says_its_truth() -> None:
    for each in online(100):
        page = PostPage(post_page(each.post), BASE + each.post.path)
        assert parse.told(page.article()) == each.truth


def test_an_answer_and_a_page_of_eastmoney_say_its_truth() -> None:
    for story in STORIES:
        entry = parse.entry(story)
        assert parse.told(parse.eastmoney(entry, parse.answer(story))) == truth(story)
        shown = read_pages([ArticlePage(article_page(story), story.url)], entry)
        # A page shows minutes, and no digest.
        assert parse.told(shown).said == truth(story).said


def test_all_shapes_are_there() -> None:
    truths = [each.truth for each in POSTS]
    assert any(each.title is None for each in truths)
    assert any(each.published_at is None for each in truths)
    assert any(each.source is None for each in truths)
    assert {each.digest is None for each in truths} == {True, False}
    text = "".join(each.post.text for each in POSTS)
    for piece in ("<table", "EM_StockImg_Start", "<center>", "emh3", "keytip", "\r\n", "\n<>\n"):
        assert piece in text
    assert " +0800" in text
    assert any(len(each.post.tags) == 2 for each in POSTS)


def test_the_same_for_the_same_seed_and_others_for_another() -> None:
    assert list(made(20)) == POSTS[:20]
    codes = {each.truth.info_code for each in made(200, seed=2)}
    assert codes.isdisjoint(each.truth.info_code for each in POSTS)


def test_the_site_shows_all_that_have_a_time() -> None:
    pages = build(each.post for each in POSTS)
    shown = sum(path.count("/") == 5 for path in pages)
    assert shown == sum(each.truth.published_at is not None for each in POSTS)


def test_what_is_read_wrong_has_no_speed() -> None:
    article = parse_post(POSTS[1].post.text, POSTS[1].post.name)
    parse.require([article], [POSTS[1].truth])
    for wrong in (replace(POSTS[1].truth, title="x"), replace(POSTS[1].truth, said=())):
        with pytest.raises(RuntimeError, match="which is"):
            parse.require([article], [wrong])


@pytest.mark.parametrize("name", ["parse", "ingest", "reparse", "export", "search"])
def test_a_job_of_any_size(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    point.main(name, "20")
    assert 0 < float(capsys.readouterr().out.splitlines()[-1]) < 60


def test_an_unknown_job_is_a_sentence() -> None:
    with pytest.raises(SystemExit, match="no such job: nothing; there are parse"):
        point.main("nothing")


def turns(ours: list[float], floor: list[float]) -> Figure:
    one, other = iter(ours), iter(floor)
    return compared(
        "job", "pages/s", 100, {"ours": lambda: next(one), "floor": lambda: next(other)},
        floor_is="nothing", aim=Aim("at most", 1.5), rounds=3,
    )  # fmt: skip


def test_ratios_are_of_the_same_round() -> None:
    figure = turns([2.0, 20.0, 3.0], [1.0, 10.0, 3.0])
    assert figure.ratio == Spread(2.0, 1.0, 2.0)
    assert figure.figure == Spread(100 / 3, 5.0, 50.0)
    assert figure.met is False
    assert turns([1.5] * 3, [1.0] * 3).met


def test_where_more_is_better_the_ratio_is_of_speeds() -> None:
    figure = compared(
        "job", "pages/s", 10, {"ours": lambda: 2.0, "floor": lambda: 6.0},
        floor_is="nothing", aim=Aim("at least", 1.8), rounds=1,
    )  # fmt: skip
    assert figure.ratio == Spread.once(3.0)
    assert figure.met


def test_the_table_has_80_columns() -> None:
    spread = Spread(1_234_567.8, 1_000_000.0, 2_000_000.0)
    right = "title 100, time 100, source 100, text 100, clean 100 of 100"
    peer = Peer("newspaper4k", Spread.once(0.123), 1234.5, right)
    figure = Figure(
        "search: newest of 1,000,000, 95 %", "ms", spread, spread, "a plain scan of all",
        Spread(1.5, 1.25, 2.0), Aim("at most", 1.5), (peer,),
    )  # fmt: skip
    missed = replace(figure, aim=Aim("at least", 9.5))
    table = [HEAD, *lines(figure), *lines(missed)]
    assert max(map(len, table)) <= 80
    assert "1.50 1.25–2" in table[1]
    assert "✗" not in table[1]
    assert "≥ 9.5 ✗" in next(lines(missed))

"""Parse: a page to its whole article, against lxml's parse and four XPaths of it, and beside
general extractors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import starmap
from pathlib import Path

import lxml.html
from lxml import etree

from benchmarks import peers
from benchmarks.figures import Aim, Figure, compared, seconds
from benchmarks.generate.posts import BEGIN, STEP, online
from benchmarks.generate.stories import Truth, make_story, truth
from crawler.demo.eastmoney import Story, article_answer, article_page
from crawler.demo.eastmoney.answers import as_json
from crawler.demo.site import post_page
from crawler.items import Article, Entry
from crawler.parsers.charset import decode
from crawler.parsers.eastmoney.article import parse_article
from crawler.parsers.finews import BASE, PostPage
from pipelines.dedupe import text_hash

PAGES = 2_000
SITE = [
    etree.XPath(path)
    for path in (
        "//div[@class='wrapper']/section/h1/text()",
        "//div[@class='wrapper']/section/small/text()",
        "//div[@class='wrapper']/section/p//text()",
        "//p[@class='em_media']//text()",
    )
]
BODY = [etree.XPath(path) for path in ("//p//text()", "//strong/text()", "//a/@href", "//img/@src")]
_AIM = Aim("at most", 1.5)
_FLOOR = "lxml.html and 4 XPaths"


def measure() -> Iterator[Figure]:
    """Both formats, once what is read has been found right."""
    posts = list(online(PAGES))
    pages = [(BASE + each.post.path, post_page(each.post).encode()) for each in posts]
    truths = [each.truth for each in posts]
    require(starmap(_site, pages), truths)
    turns = {
        "ours": lambda: seconds(lambda: [text_hash(_site(*each)) for each in pages]),
        "floor": lambda: seconds(lambda: [floor(body.decode(), SITE) for _, body in pages]),
    }
    figure = compared("parse: site page", "pages/s", PAGES, turns, floor_is=_FLOOR, aim=_AIM)
    yield peers.beside(figure, pages, truths)
    stories = [make_story(each, BEGIN + STEP * each, (), (), more=9) for each in range(PAGES)]
    answers = [(entry(each), answer(each)) for each in stories]
    truths = [truth(each) for each in stories]
    require(starmap(eastmoney, answers), truths)
    turns = {
        "ours": lambda: seconds(lambda: [text_hash(eastmoney(*each)) for each in answers]),
        "floor": lambda: seconds(lambda: [_json_floor(body) for _, body in answers]),
    }
    name, floor_is = "parse: Eastmoney JSON", f"json, {_FLOOR}"
    figure = compared(name, "pages/s", PAGES, turns, floor_is=floor_is, aim=_AIM)
    shown = [(each.url, article_page(each).encode()) for each in stories]
    yield peers.beside(figure, shown, truths)


def job(size: int, _folder: Path) -> Callable[[], object]:
    """So many pages of the site, to be read."""
    pages = [(BASE + each.post.path, post_page(each.post).encode()) for each in online(size)]
    return lambda: [text_hash(_site(*each)) for each in pages]


def floor(text: str, paths: list[etree.XPath] = BODY) -> list[object]:
    """What any parser of a page does at least."""
    tree = lxml.html.fromstring(text)
    return [path(tree) for path in paths]


def _site(url: str, body: bytes) -> Article:
    return PostPage(decode(body, "", url=url), url).article()


def eastmoney(entry: Entry, body: bytes) -> Article:
    """The article of such an answer."""
    return parse_article(decode(body, "application/json", url=entry.url), entry)


def answer(story: Story) -> bytes:
    """What Eastmoney answers of a story."""
    return as_json(article_answer(story))


def _json_floor(body: bytes) -> list[object]:
    return floor(json.loads(body)["data"]["Art_Content"])


def told(article: Article) -> Truth:
    """What an article says, to be compared with the truth; pictures aside."""
    texts = tuple(each.plain() for each in article.paragraphs if each.kind != "image")
    return Truth(
        article.info_code, article.title, article.published_at, article.source, article.digest,
        texts,
    )  # fmt: skip


def require(articles: Iterable[Article], truths: Iterable[Truth]) -> None:
    """Raise :class:`RuntimeError` where an article is not what was made up."""
    for article, true in zip(articles, truths, strict=True):
        if (read := told(article)) != true:
            raise RuntimeError(f"read {read}, which is {true}")


def entry(story: Story) -> Entry:
    """What a list shows of a story."""
    return Entry("eastmoney", "350", story.url, f"NW{story.code}", story.title, story.shown)

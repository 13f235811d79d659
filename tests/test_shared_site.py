"""The real site's pages, where they are at hand: no texts of theirs stand here.

Texts are held against the post files, read here in another way; facts are by reading them.
"""

from __future__ import annotations

import functools
import html
import http.server
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import ROOT, Program

SITE = ROOT.parent / "shared" / "site" / "html"
POSTS = ROOT.parent / "shared" / "posts"

pytestmark = pytest.mark.skipif(not SITE.is_dir(), reason="the real pages are not part of finews")

KINDS = {"t": "text", "h": "heading", "c": "caption", "i": "image"}

# By reading the posts: source, kinds of the paragraphs, mentions as market.code/evidence/paragraph.
FACTS: dict[str, tuple[str | None, str, str]] = {
    "NW202112082206672930": (None, "t", ""),
    "NW202112082206703990": (None, "t", ""),
    "NW202112082206826055": (None, "t", "116.09869/code/0"),
    "NW202112082207168450": ("央视新闻客户端", "t", ""),
    "NW202201142248393319": ("中国经济新闻网", "t" * 14, ""),
    "NW202201212257099936": ("证券时报", "t", "0.002752/chart/- 0.002752/link/0 0.002752/code/0"),
    "NW202202092271136373": ("每日经济新闻", "tt", "0.002572/chart/- 0.002572/code/0"),
    "NW202204212352227421": ("央视新闻客户端", "tt", ""),
    "NW202205272394913365": (
        "深交所",
        "htht",
        "0.000957/chart/- 90.BK0473/link/1 90.BK0473/link/3 0.000957/link/3",
    ),
    "NW202205292395397461": ("界面新闻", "tii", "0.000957/chart/-"),
    "NW202205292395402785": ("证券时报·e公司", "ttthtttthtthttt", ""),
    "NW202205302396671645": (
        "中国证券报",
        "t",
        (
            "116.00700/link/0 0.000333/link/0 106.BABA/link/0 0.300750/link/0 1.600519/link/0"
            " 1.601318/link/0 105.PDD/link/0"
        ),
    ),
    "NW202205312397805897": ("财政部网站", "hc" + "t" * 9 + "i", ""),
    "NW202205312397824132": ("21财经", "tii", ""),
    "NW202205312397850829": (
        "工信网站",
        "htthththttttthtttttttthh" + "t" * 27,
        (
            "90.BK0493/link/0 90.BK0493/link/2 105.WB/link/16 1.600006/link/26 0.000625/link/27"
            " 116.00305/link/29 1.600166/link/34 116.01958/link/35 116.02333/link/38"
            " 1.600418/link/39 116.01211/link/40 90.BK0900/link/50"
        ),
    ),
}
# Their dates name no zone: Jekyll took them as UTC and shows them eight hours late.
NO_ZONE = {"NW202112082206826055": "2021-12-08T19:18:42+08:00"}
SEED = "NW202201142248393319"


@functools.cache
def post(code: str) -> tuple[dict[str, str], str]:
    """Front matter and body of a post file, read without finews."""
    (path,) = (path for path in POSTS.glob("*.md") if code.removeprefix("NW") in path.name)
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    return dict(line.split(": ", 1) for line in head.strip().split("\n")), body


def blocks(code: str) -> list[str]:
    """The texts of a body's blocks, by taking tags off with a regular expression."""
    body = re.sub(r"\A> [^\n]*\n", "", post(code)[1])
    body = re.split(r"\n\n<http", body)[0]
    if "<p" not in body:
        return [body.strip()]
    found = re.findall(r"<(p|h3|center)\b([^>]*)>(.*?)</\1>", body, re.DOTALL)
    texts = (re.sub("<[^>]*>", "", inner) for _, style, inner in found if "em_media" not in style)
    return [html.unescape(text).strip() for text in texts if text.strip()]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Python's own static server, below the host's name."""

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix("/finews.withounder.com"))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, str, Any]]:
    handler = functools.partial(Quiet, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    program = Program(tmp_path_factory.mktemp("shared") / "data")
    url = f"http://127.0.0.1:{server.server_port}"
    yield program, url, program.crawl(url)
    server.shutdown()
    server.server_close()


Crawled = tuple[Program, str, Any]


@functools.cache
def article(program: Program, code: str) -> Any:
    return program.json("show", code)


def test_all_fifteen_and_the_notice_skipped(crawled: Crawled) -> None:
    program, _, summary = crawled
    assert (summary["new"], summary["failed"], summary["exit_code"]) == (15, 0, 0)
    assert [url.rpartition("/")[2] for url in summary["skipped_urls"]] == ["init.html"]
    assert set(program.rows("SELECT info_code FROM articles")) == set(FACTS)


def test_again_nothing_is_asked_for(crawled: Crawled) -> None:
    program, url, _ = crawled
    again = program.crawl(url)
    assert (again["found"], again["new"], again["requests"]) == (0, 0, 7)


def test_the_seed_article(crawled: Crawled) -> None:
    seed = article(crawled[0], SEED)
    assert len(seed["paragraphs"]) == 14
    assert seed["source"] == "中国经济新闻网"
    assert seed["published_at"] == "2022-01-14T15:30:58+08:00"


@pytest.mark.parametrize("code", FACTS)
class TestFields:
    def test_title(self, crawled: Crawled, code: str) -> None:
        assert article(crawled[0], code)["title"] == post(code)[0]["title"][1:-1]

    def test_published_at(self, crawled: Crawled, code: str) -> None:
        day, time = post(code)[0]["date"].split()[:2]
        expected = NO_ZONE.get(code, f"{day}T{time}+08:00")
        assert article(crawled[0], code)["published_at"] == expected

    def test_digest(self, crawled: Crawled, code: str) -> None:
        found = re.match(r"> (.*)\n", post(code)[1])
        assert article(crawled[0], code)["digest"] == (found and found[1])

    def test_source(self, crawled: Crawled, code: str) -> None:
        assert article(crawled[0], code)["source"] == FACTS[code][0]

    def test_url(self, crawled: Crawled, code: str) -> None:
        found = re.search(r"\n<(http[^>]*)>", post(code)[1])
        assert found
        assert article(crawled[0], code)["url"] == found[1]

    def test_tags(self, crawled: Crawled, code: str) -> None:
        assert article(crawled[0], code)["tags"] == [post(code)[0]["tags"]]

    def test_kinds(self, crawled: Crawled, code: str) -> None:
        kinds = [each["kind"] for each in article(crawled[0], code)["paragraphs"]]
        assert kinds == [KINDS[letter] for letter in FACTS[code][1]]

    def test_texts(self, crawled: Crawled, code: str) -> None:
        texts = [each.get("text") for each in article(crawled[0], code)["paragraphs"]]
        assert list(filter(None, texts)) == blocks(code)

    def test_images(self, crawled: Crawled, code: str) -> None:
        tags = re.findall(r"<img [^>]*>", post(code)[1])
        full = (re.search(r'orginial_src="([^"]*)"', tag) for tag in tags)
        src = (re.search(r'src="([^"]*)"', tag) for tag in tags)
        urls = [found[1] for f, s in zip(full, src, strict=True) if (found := f or s)]
        images = [e for e in article(crawled[0], code)["paragraphs"] if e["kind"] == "image"]
        assert [e["url"] for e in images] == [url for url in urls if "GetPic" not in url]
        assert all(f"_w{e['width']}h{e['height']}" in e["url"] for e in images)

    def test_mentions(self, crawled: Crawled, code: str) -> None:
        told = [
            f"{m['market']}.{m['code']}/{m['evidence']}/"
            + ("-" if m["paragraph"] is None else str(m["paragraph"]))
            for m in article(crawled[0], code)["mentions"]
        ]
        assert told == FACTS[code][2].split()

    def test_no_author_and_no_editor(self, crawled: Crawled, code: str) -> None:
        read = article(crawled[0], code)
        assert (read["author"], read["editor"]) == (None, None)

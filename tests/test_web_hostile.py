"""What hostile articles, addresses and questions do to ``finews serve``: nothing."""

from __future__ import annotations

import csv
import io
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from pipelines.fields import COLUMNS
from pipelines.web.guard import POLICY, Guard
from tests.web import HOSTILE, Page, Served, fill_hostile, serving

CODES = [f"NW20220601{number:010}" for number in range(len(HOSTILE))]
PATHS = (
    "/", "/search", "/search?q=script", *(f"/article/{code}" for code in CODES),
    "/security/1.600519", "/finews", "/finews/articles", f"/finews/articles/{CODES[0]}",
)  # fmt: skip
ATOM = "{http://www.w3.org/2005/Atom}"
#: All tags that our pages and Datasette's have; a text adds none.
_TAGS = (
    "html head meta title link body a header span form label input button nav main div h1 h2 h3 p"
    " section figure img picture source details summary table caption thead tbody tr th td ul ol li"
    " time select option datalist fieldset legend article aside footer blockquote dl dt dd del ins"
    " mark strong code em textarea pre svg path circle bdi"
)
TAGS = frozenset(_TAGS.split())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("hostile") / "data"
    fill_hostile(made)
    return made


@pytest.fixture(scope="module")
def site(data: Path) -> Iterator[Served]:
    with serving(data) as served:
        yield served


@pytest.mark.parametrize("path", PATHS)
def test_texts_are_texts(site: Served, path: str) -> None:
    answer = site.get(path)
    assert answer.status == 200
    found = Page(answer.text)
    assert {tag for tag, _ in found.tags} <= TAGS
    assert not [
        (tag, name) for tag, attributes in found.tags for name in attributes if name[:2] == "on"
    ]
    assert "\x00" not in answer.text
    assert "49" not in Page(site.get(f"/article/{CODES[2]}").text).text.split()


@pytest.mark.parametrize("path", PATHS)
def test_only_addresses_of_the_web_are_links(site: Served, path: str) -> None:
    found = Page(site.get(path).text)
    for tag, attributes in found.tags:
        for name in ("href", "src", "action", "srcset", "formaction", "data"):
            value = attributes.get(name) or "/"
            if not value.startswith("/finews"):
                assert value.startswith(("/", "#", "https://", "http://")), (tag, value)
            assert not value.startswith("//"), (tag, value)
            if not path.startswith("/finews"):  # where Datasette has links of its own
                assert "evil.test" not in value or value.startswith("/"), (tag, value)


def test_a_title_turns_nothing_but_itself(site: Served) -> None:
    turning = "\u202e"
    for path in ("/search", f"/article/{CODES[6]}", f"/search?q={turning}evil"):
        html = site.get(path).text
        assert turning not in html.partition("</title>")[0]
    found = Page(site.get("/search?source=%E2%80%AEevil").text)
    assert found.all("bdi")


def test_templates_in_texts_stand_as_written(site: Served) -> None:
    assert "{{7*7}}{% raw %}" in Page(site.get(f"/article/{CODES[2]}").text).text


@pytest.mark.parametrize("text", HOSTILE[:-1])
@pytest.mark.parametrize("name", ["q", "source", "security", "since"])
def test_questions_are_texts(site: Served, text: str, name: str) -> None:
    for form in ("", ".json", ".csv", ".atom"):
        answer = site.get(f"/search{form}?{name}={quote(text, safe='')}")
        assert answer.status in (200, 400)
        if not form:
            assert {tag for tag, _ in Page(answer.text).tags} <= TAGS
        if form == ".atom" and answer.status == 200:
            ET.fromstring(answer.body)
        if form == ".json":
            answer.json()


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_sources_of_any_name_have_a_page(site: Served, text: str) -> None:
    path = f"/source/{quote(text, safe='')}"
    assert site.get(path).status == 200
    assert site.get(f"/chart/source.svg?name={quote(text, safe='')}").status == 200


def test_long_texts_are_cut_in_lists(site: Served) -> None:
    assert len(site.get("/search").body) < 400_000


def test_a_question_that_is_too_long_is_refused(site: Served) -> None:
    assert site.get(f"/search?q={'a' * 2000}").status == 400


def test_feeds_are_xml_of_texts(site: Served) -> None:
    feed = ET.fromstring(site.get("/search.atom").body)
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == len(HOSTILE)
    titles = {each.findtext(f"{ATOM}title") for each in entries}
    assert {HOSTILE[0], HOSTILE[1]} <= titles
    for each in feed.iter(f"{ATOM}link"):
        assert str(each.get("href")).startswith("http")
        assert "evil" not in str(each.get("href"))
    assert {each.get("type") for each in feed.iter(f"{ATOM}content")} == {"text"}


def test_cells_are_defused(site: Served) -> None:
    csv.field_size_limit(10**7)
    rows = list(csv.DictReader(io.StringIO(site.get("/search.csv").text)))
    assert len(rows) == len(HOSTILE)
    assert not [
        (name, value)
        for row in rows
        for name, value in row.items()
        if name in COLUMNS and value[:1] in ("=", "+", "-", "@", "\t", "\r", "\n")
    ]


@pytest.mark.parametrize(
    "path", [*PATHS, "/nope", "/search?since=x", "/search.json", "/search.csv", "/search.atom",
             "/static/finews.css", "/-/databases.json", "/favicon.ico", "/finews.json?sql=x"],
)  # fmt: skip
def test_every_answer_has_strict_headers(site: Served, path: str) -> None:
    headers = {name.lower(): value for name, value in site.get(path).headers.items()}
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/chart/days.svg", "/chart/calendar.svg"])
def test_pictures_let_in_their_own_style_only(site: Served, path: str) -> None:
    answer = site.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    tags = {each.tag.rpartition("}")[2] for each in ET.fromstring(answer.body).iter()}
    assert not tags & {"script", "a", "image", "foreignObject", "iframe"}


class TestNames:
    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:80", "LOCALHOST:8001"])
    def test_loopback_names_are_ours(self, site: Served, host: str) -> None:
        assert self.ask(site, f"Host: {host}") == 200

    @pytest.mark.parametrize(
        "headers",
        ["Host: evil.test", "Host: 127.0.0.1.evil.test", "Host: evil.test:8001", "Host: 192.0.2.1",
         "Host: localhost\r\nHost: localhost", "Host: ", "Host: localhost/x", "Host: a@localhost",
         "X-Forwarded-Host: localhost\r\nHost: evil.test"],
    )  # fmt: skip
    def test_others_are_refused(self, site: Served, headers: str) -> None:
        assert self.ask(site, headers) == 400

    def test_a_name_that_was_given_is_ours(self, data: Path) -> None:
        with serving(data, "--name", "News.example.org") as served:
            assert self.ask(served, "Host: news.example.org") == 200
            assert self.ask(served, "Host: example.org") == 400

    @pytest.mark.parametrize(
        ("host", "ours"),
        [("192.0.2.7:8001", True), ("[2001:db8::1]", True), ("evil.test", False), ("x.7", False)],
    )
    def test_bound_to_every_address_any_bare_one_is_ours(self, host: str, ours: bool) -> None:
        async def app(*_: object) -> None:
            raise AssertionError

        guard = Guard(app, ["0.0.0.0"])
        assert guard._is_ours({"headers": [(b"host", host.encode())]}) is ours

    @staticmethod
    def ask(site: Served, headers: str) -> int:
        host, port = site.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as asking:
            asking.sendall(
                f"GET /search.json HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n".encode()
            )
            return int(asking.recv(1000).split()[1])


def test_it_only_reads(site: Served) -> None:
    assert site.head("/").body == b""
    assert site.post("/").status == 405
    assert site.post("/finews/articles").status == 405


@pytest.mark.parametrize("path", ["/static/../words.toml", "/static/%2e%2e/words.toml", "/static/"])
def test_no_other_file_is_served(site: Served, path: str) -> None:
    assert site.get(path).status in (302, 400, 403, 404)

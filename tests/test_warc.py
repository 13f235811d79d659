"""Web archives: ours are whole, standard and come back the same; others' are read as they are."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.demo.site import post, post_page
from crawler.errors import MissingExtra
from crawler.parsers.finews import BASE
from crawler.warc import MOST_PAGE, read_warc
from pipelines.database.connect import read_corpus, read_pages
from pipelines.database.pages import StoredPages
from pipelines.export import export_pages
from tests.conftest import BIN, Program
from tests.stored import CODE, PAGE, change, crawl_all, part, said

POST = post("202206019100000001", title="题目", body="<p>正文第一段。</p>")
BODY = post_page(POST).encode()
URL = BASE + POST.path
Add = Callable[..., None]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("crawled")
    program = Program(folder / "data")
    crawl_all(program, folder)
    return program


@pytest.fixture
def other(tmp_path: Path) -> Program:
    return Program(tmp_path / "other")


def check(path: Path) -> None:
    """``warcio check`` accepts it."""
    done = subprocess.run(
        [BIN / "warcio", "check", path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def pages_of(program: Program) -> list[Any]:
    return program.rows(
        "SELECT site, info_code, url, status, headers, sha256, fetched_at, last_fetched_at"
        " FROM pages WHERE info_code IS NOT NULL OR status = 0 ORDER BY url, sha256",
        file="pages.db",
    )


# Ours


@pytest.mark.parametrize("name", ["pages.warc", "pages.warc.gz"])
def test_what_was_exported_comes_back_the_same(
    crawled: Program, other: Program, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    summary = crawled.json("export", str(path))
    assert summary["pages"] == crawled.rows("SELECT count(*) FROM pages", file="pages.db")[0]
    check(path)
    read = other.json("ingest", str(path))
    assert read["new"] == len(set(crawled.rows("SELECT info_code FROM articles")))
    assert (read["failed"], read["skipped"] > 0) == (0, True)
    # Which listing's body won where two say the same may differ by the order of routes.
    assert said(other, but=("listing",)) == said(crawled, but=("listing",))
    assert pages_of(other) == pages_of(crawled)
    assert other.json("ingest", str(path))["new"] == 0
    assert other.json("reparse")["unchanged"] > 0
    assert said(other, but=("listing",)) == said(crawled, but=("listing",))


def test_the_same_pages_give_the_same_bytes(crawled: Program, tmp_path: Path) -> None:
    paths = [tmp_path / "a.warc.gz", tmp_path / "b.warc.gz"]
    for path in paths:
        crawled("export", str(path), "--site", "finews")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with paths[0].open("rb") as file:
        records = [(r.rec_type, dict(r.rec_headers.headers)) for r in ArchiveIterator(file)]
    assert records[0][0] == "warcinfo"
    ids = [headers["WARC-Record-ID"] for _, headers in records]
    assert len(ids) == len(set(ids))
    responses = [headers for kind, headers in records if kind == "response"]
    assert all(each["WARC-Target-URI"].startswith(BASE) for each in responses)
    (first,) = crawled.rows(
        "SELECT min(fetched_at) FROM pages WHERE site = 'finews'", file="pages.db"
    )
    utc = datetime.fromisoformat(first).astimezone(UTC)
    assert min(each["WARC-Date"] for each in responses) == f"{utc:%Y-%m-%dT%H:%M:%SZ}"
    assert all(each["WARC-Payload-Digest"].startswith("sha256:") for each in responses)


@pytest.mark.parametrize(
    "args", [("--since", "2022-01-01"), ("--until", "2022-01-01"), ("--source", "x"), ("--prune",)]
)
def test_filters_of_articles_are_refused(finews: Program, args: tuple[str, ...]) -> None:
    done = finews.run(finews.command("export", "x.warc", *args))
    assert done.returncode == 2
    assert not Path("x.warc").exists()


def test_without_the_extra_it_is_named(
    crawled: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("warcio.warcwriter", "warcio.archiveiterator"):
        monkeypatch.setitem(sys.modules, module, None)
    stored = StoredPages(read_corpus(crawled.data), read_pages(crawled.data))
    with pytest.raises(MissingExtra, match=r"\[warc\]"):
        export_pages(stored, tmp_path / "x.warc", ())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MissingExtra, match=r"\[warc\]"):
        next(read_warc(tmp_path / "x.warc"))


def test_headers_that_lie_or_attack(finews: Program, other: Program, tmp_path: Path) -> None:
    path = tmp_path / "x.warc"
    foreign(path, lambda add: add(URL, BODY))
    finews("ingest", str(path))
    headers = [
        ["Content-Type", "text/html"],
        ["Content-Encoding", "gzip"],
        ["transfer-encoding", "chunked"],
        ["Content-Length", "17"],
        ["X-Evil", "a\r\nWARC-Type: request\r\n\r\nbody"],
        ["Evil\r\nName", "x"],
        ["", "x"],
        ["X-Wide", "é\u4e2d"],
    ]
    change(finews, "UPDATE pages SET headers = ?", json.dumps(headers))
    finews("export", str(path))
    check(path)
    with path.open("rb") as file:
        (record,) = [
            (r.http_headers.headers, r.content_stream().read())
            for r in ArchiveIterator(file)
            if r.rec_type == "response"
        ]
    assert record[1] == BODY
    named = dict(record[0])
    assert named["X-Archive-Orig-Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in named
    assert named["X-Evil"] == "a WARC-Type: request body"
    assert other.json("ingest", str(path))["new"] == 1
    (kept,) = other.rows("SELECT headers FROM pages", file="pages.db")
    assert json.loads(kept)[:4] == headers[:4]


# Others'


def foreign(path: Path, fill: Callable[[Add], None]) -> None:
    """An archive as another crawler writes it."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=path.suffix == ".gz", warc_version="1.0")

        def add(
            url: str,
            body: bytes,
            *headers: tuple[str, str],
            kind: str = "response",
            status: str = "200 OK",
            protocol: str = "HTTP/1.1",
            date: str = "2022-06-02T01:00:00Z",
        ) -> None:
            http = StatusAndHeaders(status, list(headers), protocol=protocol)
            if kind == "request":
                http = StatusAndHeaders("GET / HTTP/1.1", list(headers), is_http_request=True)
            web = kind in ("response", "request", "revisit")
            record = writer.create_warc_record(
                url,
                kind,
                payload=io.BytesIO(body),
                length=len(body),
                http_headers=http if web else None,
                warc_headers_dict={"WARC-Date": date},
            )
            writer.write_record(record)

        fill(add)


def chunked(body: bytes) -> bytes:
    pieces = [body[at : at + 500] for at in range(0, len(body), 500)]
    return b"".join(b"%x;x=y\r\n%s\r\n" % (len(each), each) for each in pieces) + b"0\r\n\r\n"


def bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


GZIP, CHUNKED = ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")


@pytest.mark.parametrize(
    ("body", "headers", "protocol"),
    [
        (BODY, (), "HTTP/1.0"),
        (BODY, (("Content-Type", "text/html"), ("Content-Length", "3")), "HTTP/1.1"),
        (chunked(BODY), (CHUNKED,), "HTTP/1.1"),
        (gzip.compress(BODY), (GZIP,), "HTTP/1.1"),
        (chunked(gzip.compress(BODY)), (GZIP, CHUNKED), "HTTP/1.1"),
        (zlib.compress(BODY), (("content-encoding", "deflate"),), "HTTP/1.1"),
        (bare_deflate(BODY), (("content-encoding", "deflate"),), "HTTP/1.1"),
        # What the headers claim is not so.
        (BODY, (GZIP, CHUNKED), "HTTP/1.1"),
        (BODY, (), "HTTP/2"),
    ],
)
def test_bodies_as_others_keep_them(
    finews: Program, tmp_path: Path, body: bytes, headers: Any, protocol: str
) -> None:
    path = tmp_path / "other.warc.gz"
    foreign(path, lambda add: add(URL, body, *headers, protocol=protocol))
    assert finews.json("ingest", str(path))["new"] == 1
    page, at = finews.rows("SELECT sha256, fetched_at FROM pages", file="pages.db")[0]
    article = finews.json("show", "NW202206019100000001")
    assert (article["title"], article["listing"]) == ("题目", "other.warc.gz")
    assert article["paragraphs"] == [{"kind": "text", "text": "正文第一段。"}]
    # We know it since now, whenever its page was fetched.
    assert at == "2022-06-02T09:00:00+08:00"
    assert article["first_seen_at"] > "2026"
    assert finews.rows("SELECT page FROM articles") == [page]
    assert finews.rows("SELECT state FROM entries") == ["stored"]


def test_records_that_are_no_articles_are_skipped(finews: Program, tmp_path: Path) -> None:
    def fill(add: Add) -> None:
        add(URL, b"", kind="request")
        add(URL, b"", kind="revisit")
        add(URL, b"fetchTimeMs: 3", kind="metadata")
        add(URL, BODY, status="404 Not Found")
        add(URL, BODY, status="nonsense")
        add(f"{BASE}/emnews/", b"<html></html>")
        add(f"{BASE}/sitenews/2021/12/01/welcome.html", b"<html></html>")
        add("https://example.com/a/202206019100000001.html", BODY)
        add("https://evileastmoney.com/a/202206019100000001.html", BODY)
        add("http://[bad/a/202206019100000001.html", BODY)
        add("file:///etc/passwd", b"x", kind="resource")
        add("dns:example.com", b"x", kind="resource")

    path = tmp_path / "x.warc"
    foreign(path, fill)
    summary = finews.json("ingest", str(path))
    assert (summary["found"], summary["failed"], summary["skipped"]) == (0, 0, 12)
    assert finews.rows("SELECT count(*) FROM pages", file="pages.db") == [0]


def test_pages_of_every_site_whatever_their_order(finews: Program, tmp_path: Path) -> None:
    digits = "202306010000000007"

    def fill(add: Add) -> None:
        add(f"{PAGE}_2.html", part(2, last=True))
        add(f"{PAGE}.html", part(1))
        text = json.dumps({"content": "<p>文本。</p>", "text": ""}).encode()
        add(f"http://moved.test:8080/NewsData/GetNewsText.do?id=NW{digits}", text)
        old = URL.replace("finews.withounder.com", "finews.zning.me")
        add(old, BODY)
        add(f"file:///_posts/2022-06-03-{digits}.md", POST.text.encode(), kind="resource")

    path = tmp_path / "x.warc"
    foreign(path, fill)
    summary = finews.json("ingest", str(path))
    assert (summary["failed"], summary["found"]) == (0, 4)
    found = dict(finews.rows("SELECT info_code, paragraphs FROM articles"))
    assert set(found) == {CODE, f"NW{digits}", "NW202206019100000001"}
    assert [each["text"] for each in json.loads(found[CODE])] == ["第1页的正文。", "第2页的正文。"]
    assert finews.json("reparse")["unchanged"] == 4


def test_a_page_that_does_not_parse_is_a_failure_with_its_page(
    finews: Program, tmp_path: Path
) -> None:
    path = tmp_path / "x.warc"
    foreign(path, lambda add: add(URL, b"<html><body>busy</body></html>"))
    assert finews.json("ingest", str(path), code=3)["failed"] == 1
    (failure,) = finews.json("failures")
    assert (failure["reason"], failure["listing"]) == ("not-an-article", "x.warc")
    assert [failure["page"]] == finews.rows("SELECT sha256 FROM pages", file="pages.db")


def test_an_older_page_takes_nothing_from_a_newer_one(finews: Program, tmp_path: Path) -> None:
    newer, older = tmp_path / "newer.warc", tmp_path / "older.warc"
    first = post_page(post("202206019100000001", title="旧题目")).encode()
    foreign(newer, lambda add: add(URL, BODY, date="2022-06-03T01:00:00Z"))

    def fill(add: Add) -> None:
        add(URL, first, date="2022-06-02T01:00:00.123456Z")
        add(URL, BODY, date="2022-06-01")

    foreign(older, fill)
    finews("ingest", str(newer))
    before = said(finews)
    summary = finews.json("ingest", str(older))
    assert (summary["changed"], summary["new"]) == (0, 0)
    assert said(finews) == before
    newest = "SELECT sha256 FROM pages ORDER BY last_fetched_at DESC LIMIT 1"
    assert finews.rows(newest, file="pages.db") == finews.rows("SELECT page FROM articles")


# Broken and hostile ones


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "small.warc"

    def fill(add: Add) -> None:
        for number in range(4):
            each = post(f"20220601910000000{number}", body=f"<p>第{number}段。</p>")
            add(BASE + each.path, post_page(each).encode(), ("Content-Type", "text/html"))

    foreign(path, fill)
    return path


def told(path: Path) -> tuple[list[str], list[str]]:
    found = list(read_warc(path))
    assert all(each.error is None for each in found[:-1])
    errors = [str(each.error) for each in found if each.error]
    return [each.page.sha256 for each in found if each.page], errors


@pytest.mark.parametrize("packed", [False, True])
def test_cut_off_anywhere_what_was_whole_is_read_and_the_rest_is_told(
    small: Path, tmp_path: Path, packed: bool
) -> None:
    whole = small.read_bytes()
    if packed:
        starts = [at for at in range(len(whole)) if whole.startswith(b"WARC/1.0", at)]
        ends = [*starts[1:], len(whole)]
        whole = b"".join(gzip.compress(whole[a:b]) for a, b in zip(starts, ends, strict=True))
    path = tmp_path / small.name
    path.write_bytes(whole)
    all_pages, errors = told(path)
    assert (len(all_pages), errors) == (4, [])
    silent = 0
    for end in range(len(whole) % 7, len(whole), 7):
        path.write_bytes(whole[:end])
        pages, errors = told(path)
        assert pages == all_pages[: len(pages)]
        silent += not errors
    # Between two records, or before the blank lines that end one, nothing tells of more.
    assert silent <= 4
    assert len(pages) >= 3


def test_a_truncated_archive_is_a_failure_that_names_it(
    finews: Program, small: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.warc.gz"
    path.write_bytes(gzip.compress(small.read_bytes())[:-300])
    summary = finews.json("ingest", str(path), code=3)
    assert summary["failed"] == 1
    assert summary["new"] > 0
    (failure,) = finews.json("failures")
    assert (failure["reason"], failure["url"]) == ("unreadable-file", "cut.warc.gz")
    assert "byte" in failure["message"]
    assert failure["next_try_at"] is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive at all\n" * 99,
        b"\x1f\x8b" + b"damaged" * 99,
        b"WARC/1.1\r\nWARC-Type: response\r\n\r\n",
        b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: x\r\n\r\nbody",
        b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: -5\r\n\r\nbody",
        b"WARC/1.1\r\nX: " + b"x" * (3 << 20),
        gzip.compress(b"WARC/1.1\r\nX: " + b"x" * (300 << 20), 9),
        b"filedesc://x 0.0.0.0 20220101000000 text/plain 0\n",
        "bomb",
    ],
    ids=range(10),
)
def test_what_is_no_archive(finews: Program, tmp_path: Path, content: Any) -> None:
    path = tmp_path / "x.warc.gz"
    if content == "bomb":
        packed = gzip.compress(b"x" * (MOST_PAGE * 8))
        foreign(path, lambda add: add(URL, packed, GZIP))
    else:
        path.write_bytes(content)
    summary = finews.json("ingest", str(path), code=3)
    assert (summary["failed"], summary["new"]) == (1, 0)
    (failure,) = finews.json("failures")
    assert failure["reason"] == "unreadable-file"


def test_facts_that_make_no_sense_are_no_facts(
    crawled: Program, other: Program, tmp_path: Path
) -> None:
    path = tmp_path / "x.warc"
    crawled("export", str(path), "--site", "finews")
    whole = path.read_bytes()
    evil = [
        (b'"listing":"', b'"listing":7,"x":"'),
        (b'"info_code":"NW', b'"info_code":"NWx'),
        (b'"site":"finews"', b'"site":"evil"  '),
        (b'"told":{', b'"told":{"\\ud800":3,'),
        (b'"entry":{', b'"entry":[{'),
    ]
    for old, new in evil:
        path.write_bytes(whole.replace(old, new))
        for each in read_warc(path):
            assert each.entry is None or each.entry.site == "finews"


def test_a_folder_is_searched_for_archives(finews: Program, small: Path) -> None:
    assert finews.json("ingest", str(small.parent))["new"] == 4

"""``finews serve`` as it runs, and corpora for it: the demo's, and a hostile one."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

from crawler.items import Kind, Mention, Paragraph
from pipelines.run import Run
from tests.conftest import BIN, ROOT
from tests.looks import START, article

#: An article that its source changed twice, and one with the same text elsewhere.
CHANGED, COPY = "NW202206010000000001", "NW202206010000000002"
LONG = "长" * 60_000
#: What a page of a site may hold: markup, templates, SQL, addresses, characters that are none.
HOSTILE = (
    "<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "{{7*7}}{% raw %}",
    "'; DROP TABLE articles; --", "]]>&amp;<!--", "\x00\x08\x1b[31m\x0b\ufffe", "\u202eevil\u202c",
    "javascript:alert(1)", "=cmd|' /C calc'!A0", "../../etc/passwd", "a/b?c#d&e=f%2F", LONG,
)  # fmt: skip
#: Addresses that must not be links.
UNSAFE = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>alert(1)</script>",
    "//evil.test/", "http://", 'http://evil.test/" onclick="alert(1)', "vbscript:x",
    "https://[::1", " https://evil.test/ ", "http://evil.test:0x50/", "file:///etc/passwd", LONG,
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class _Staying(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


class Served:
    """A server that runs on loopback."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a path; header names have ``_`` for ``-``. Redirects are not followed."""
        asked = Request(
            self.url + quote(path, safe="/?&=%+;,:@~"),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        return self._answer(asked)

    def raw(self, line: bytes) -> Answer:
        """Ask by a first line as it stands, such as one that no library would send."""
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as asking:
            asking.sendall(line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            with asking.makefile("rb") as answer:
                status = int(answer.readline().split()[1])
                return Answer(status, {}, answer.read())

    def head(self, path: str) -> Answer:
        return self._answer(Request(self.url + path, method="HEAD"))

    def post(self, path: str) -> Answer:
        return self._answer(Request(self.url + path, data=b"a=b"))

    def _answer(self, asked: Request) -> Answer:
        try:
            with build_opener(_Staying()).open(asked, timeout=30) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())


@contextmanager
def serving(data: Path, *options: str) -> Iterator[Served]:
    """``finews serve`` on a free port. At its end it is stopped, and must have said nothing."""
    process = subprocess.Popen(
        [str(BIN / "finews"), "serve", "--port", "0", "--data", str(data), *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    found = re.search(r"http://\S+:[0-9]+", line)
    if not found:
        process.kill()
        raise AssertionError((line, process.communicate()))
    try:
        yield Served(found[0], process)
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", ""), (process.returncode, out, err)


class Page(HTMLParser):
    """The parts of a page: its tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """The attributes of all tags of a name that have these."""
        wanted = attributes.items()
        return [found for name, found in self.tags if name == tag and wanted <= found.items()]

    def links(self) -> list[str]:
        return [str(found["href"]) for found in self.all("a")]


def add_changed(data: Path) -> None:
    """Add an article with three states, and a copy of it by another source."""
    minutes = count()
    texts = [f"第{number}句说的是澜州港的吞吐量在今年上半年持续增长。" for number in "一二三四"]

    def version(*last: str, **parts: Any) -> Any:
        paragraphs = tuple(Paragraph("text", text) for text in (*texts, *last))
        return article(paragraphs=paragraphs, **{"source": "远山日报", **parts})

    with Run.open(data, "web", clock=lambda: START + timedelta(minutes=next(minutes))) as run:
        for each in (
            version("盘中上涨3%，成交放大。"),
            version("盘中上涨5%，成交放大。", title="题目改过"),
            version("盘中上涨5%，成交放大。", "收盘时回落。", title="题目改过"),
            version("盘中上涨5%，成交放大。", code=COPY, title="转载的题目", source="近水证券报"),
        ):
            run.store.add(each)
            run.store.flush()


def fill_hostile(data: Path) -> None:
    """A corpus of articles each of whose texts is hostile."""
    with Run.open(data, "hostile", clock=lambda: START) as run:
        for number, (text, url) in enumerate(zip(HOSTILE, UNSAFE, strict=True)):
            run.store.add(
                article(
                    code=f"NW20220601{number:010}",
                    title=text,
                    source=text,
                    author=text,
                    editor=text,
                    digest=text,
                    tags=(text, "<b>"),
                    url=url,
                    page_url=url,
                    published_raw=text,
                    paragraphs=(
                        *(Paragraph(kind, text) for kind in _KINDS),
                        Paragraph("table", rows=((text, "<td>"), ("x", text))),
                        Paragraph("image", url=url, alt=text),
                    ),
                    mentions=(Mention("1", "600519", text, "link", 0),),
                )
            )
        run.store.flush()
    # What only another tool can have written.
    with closing(sqlite3.connect(data / "finews.db")) as db, db:
        db.execute("UPDATE articles SET title = title || CAST(X'EDA0BDFF' AS TEXT) WHERE rowid = 3")
        db.execute("UPDATE articles SET published_at = '9999-99-99Tx' WHERE rowid = 4")
        db.execute("UPDATE articles SET updated_at = 'never' WHERE rowid = 5")
        db.execute("UPDATE mentions SET market = '\"><b>', code = '<i>' WHERE rowid = 6")
        db.execute("INSERT INTO listings VALUES ('<b>', '<script>', 'javascript:1', '<')")


_KINDS: tuple[Kind, ...] = ("text", "heading", "quote", "list", "caption")

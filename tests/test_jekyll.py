"""Export as Jekyll: the post files byte for byte, and a site that Jekyll builds."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from crawler.demo.site import bundled_posts, post
from tests.conftest import ROOT, Program
from tests.test_ingest import ingest, told

SHARED = ROOT.parent / "shared" / "posts"
# What the export says otherwise than the bundled files do, by the end of their names.
DIFFER = {
    "9100000101": "older return links",
    "9100000202": "a date without a zone, older return links",
    "9100000303": "no return links",
    "9100001616": "an unescaped quote in the title",
    "9100001010": "one article in two files",
}


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    folder = tmp_path / "posts"
    folder.mkdir()
    for one in bundled_posts():
        (folder / one.name).write_bytes(one.text.encode())
    return folder


def export(finews: Program, dest: Path, *args: str) -> Path:
    finews("export", str(dest), "--format", "jekyll", *args)
    return dest / "_posts"


def test_regular_post_files_come_back_byte_for_byte(
    finews: Program, posts: Path, tmp_path: Path
) -> None:
    ingest(finews, posts)
    written = export(finews, tmp_path / "site")
    same = 0
    for path in written.iterdir():
        if not any(path.stem.endswith(end) for end in DIFFER):
            assert path.read_bytes() == (posts / path.name).read_bytes(), path.name
            same += 1
    assert same == 11


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real posts are not part of finews")
def test_the_real_posts_of_the_later_shapes_come_back_byte_for_byte(
    finews: Program, tmp_path: Path
) -> None:
    ingest(finews, SHARED)
    written = export(finews, tmp_path / "site")
    same = {p.name for p in written.iterdir() if p.read_bytes() == (SHARED / p.name).read_bytes()}
    later = {path.name for path in SHARED.glob("2022-*.md")}
    assert "2022-01-14-NW202201142248393319.md" in same
    assert later <= same


def test_only_what_differs_is_written_and_prune_takes_the_rest(
    finews: Program, posts: Path, tmp_path: Path
) -> None:
    ingest(finews, posts)
    written = export(finews, tmp_path / "site")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*.*")}
    (written / "mine.md").write_text("a page of the user's own")
    changed = min(written.glob("2022*"))
    changed.write_text("spoilt")
    export(finews, tmp_path / "site")
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*.*")}
    assert {path for path in times if times[path] != after[path]} == {changed}
    export(finews, tmp_path / "site", "--since", "2022-06-01")
    assert len(list(written.iterdir())) == 17
    export(finews, tmp_path / "site", "--since", "2022-06-01", "--prune")
    assert sorted(path.name[:7] for path in written.iterdir()) == ["2022-06"] * 4 + ["mine.md"]


def test_titles_are_escaped_and_read_back(finews: Program, tmp_path: Path) -> None:
    title = '所谓"新"标准 \\ C:\\n'
    code = "202206019100000001"
    one = post(code, title=title, date="2022-06-01 09:00:00 +0800")
    (tmp_path / one.name).write_text(one.text, encoding="utf-8")
    ingest(finews, tmp_path / one.name)
    written = export(finews, tmp_path / "site")
    again = Program(tmp_path / "again")
    ingest(again, written)
    assert told(again) == told(finews)


def test_liquid_in_a_body_is_text(finews: Program, tmp_path: Path) -> None:
    body = "<p>{{ 7 | times: 7 }} {% include x %}</p>"
    one = post("202206019100000001", title="题", date="2022-06-01 09:00:00 +0800", body=body)
    (tmp_path / one.name).write_text(one.text, encoding="utf-8")
    ingest(finews, tmp_path / one.name)
    written = export(finews, tmp_path / "site")
    assert "render_with_liquid: false" in next(written.iterdir()).read_text(encoding="utf-8")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix("/finews.withounder.com"))

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.skipif(
    not shutil.which("jekyll") and "CI" not in os.environ, reason="Jekyll is not installed"
)
@pytest.mark.parametrize("source", ["bundled", "real"])
def test_jekyll_builds_it_and_a_crawl_of_that_gives_the_same_rows(
    finews: Program, posts: Path, tmp_path: Path, source: str
) -> None:
    if source == "real" and not SHARED.is_dir():
        pytest.skip("the real posts are not part of finews")
    (posts / "2022-05-31-NW202205319100001010.md").unlink()  # one of two that differ
    ingest(finews, posts if source == "bundled" else SHARED)
    finews.write("DELETE FROM articles WHERE published_at IS NULL")  # Jekyll needs a day
    finews.write("DELETE FROM mentions WHERE info_code NOT IN (SELECT info_code FROM articles)")
    site, built = tmp_path / "site", tmp_path / "built"
    export(finews, site)
    command = ["jekyll", "build", "--source", str(site), "--destination", str(built)]
    command.append("--disable-disk-cache")
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "TZ": "UTC"})
    handler = functools.partial(Quiet, directory=str(built))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    again = Program(tmp_path / "again")
    again.crawl(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    for row, other in zip(told(finews), told(again), strict=True):
        assert row == other


def test_a_folder_of_another_kind_is_refused(finews: Program, posts: Path, tmp_path: Path) -> None:
    ingest(finews, posts)
    mine = tmp_path / "mine"
    (mine / "_posts").mkdir(parents=True)
    (mine / "_config.yml").write_text("title: mine")
    done = finews.run(finews.command("export", str(mine), "--format", "jekyll"))
    assert done.returncode == 1
    assert "not empty, and no earlier export" in done.stderr
    assert (mine / "_config.yml").read_text() == "title: mine"


def test_prune_takes_only_what_exports_wrote(finews: Program, posts: Path, tmp_path: Path) -> None:
    ingest(finews, posts)
    written = export(finews, tmp_path / "site")
    own = written / "2020-01-01-202001011234567890.md"
    own.write_text("my own post")
    (tmp_path / "site" / "_config.yml").write_text("title: changed by me")
    told = finews.json(
        "export", str(tmp_path / "site"), "--format", "jekyll", "--source", "x", "--prune"
    )
    assert (told["articles"], told["removed"]) == (0, 16 + 5)
    assert [path.name for path in written.iterdir()] == [own.name]
    assert (tmp_path / "site" / "_config.yml").read_text() == "title: changed by me"

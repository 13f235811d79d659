"""Post files, folders and archives through the program; bad ones fail alone."""

from __future__ import annotations

import io
import json
import signal
import sqlite3
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generate.posts import posts as made_posts
from crawler.cli import ingest as command
from crawler.demo.site import build, bundled_posts, post
from crawler.files import MOST_BYTES
from crawler.parsers.dates import SHANGHAI
from pipelines.run import Run
from tests.conftest import ROOT, Program
from tests.replica import serving

ARTICLES = 16
SHARED = ROOT.parent / "shared" / "posts"


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    """The bundled posts as files: half in _posts, half in old_post."""
    for number, one in enumerate(bundled_posts()):
        folder = tmp_path / "repo" / ("_posts" if number % 2 else "old_post")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / one.name).write_bytes(one.text.encode())
    (tmp_path / "repo" / "README.txt").write_text("no post")
    return tmp_path / "repo"


def ingest(finews: Program, *paths: Path, code: int | None = 0) -> Any:
    return json.loads(finews("ingest", *map(str, paths), "--json", code=code))


def told(finews: Program) -> list[Any]:
    """What the articles say, without when and by which route."""
    return finews.rows(
        "SELECT info_code, source, title, digest, published_at, url, author, editor, tags,"
        " paragraphs, content_hash, category FROM articles ORDER BY 1"
    ) + finews.rows("SELECT * FROM mentions ORDER BY info_code, rowid")


def test_a_folder_is_read_recursively(finews: Program, posts: Path) -> None:
    summary = ingest(finews, posts)
    assert (summary["new"], summary["filled"], summary["failed"]) == (ARTICLES, 1, 0)
    assert summary["skipped_urls"] == ["repo/old_post/2021-12-01-welcome.md"]
    assert finews.rows("SELECT DISTINCT listing FROM sightings ORDER BY 1") == [
        "_posts",
        "old_post",
    ]


def test_again_nothing_changes(finews: Program, posts: Path) -> None:
    ingest(finews, posts)
    before = told(finews)
    summary = ingest(finews, posts)
    assert (summary["new"], summary["changed"], summary["filled"]) == (0, 0, 0)
    assert told(finews) == before


def test_one_article_in_two_files_is_one_row_with_both_sightings(
    finews: Program, posts: Path
) -> None:
    ingest(finews, posts)
    code = "NW202205319100001010"
    urls = finews.rows("SELECT url FROM sightings WHERE info_code = ?", code)
    assert sorted(url.rpartition("-")[2] for url in urls) == [
        "202205319100001010.md",
        "NW202205319100001010.md",
    ]
    article = finews.json("show", code)
    assert article["tags"] == ["东财滚动新闻", "财联社新闻"]
    assert article["url"].startswith("http://finance.eastmoney.com/")
    assert article["digest"]


def archive_of(posts: Path, name: str) -> Path:
    path = posts.parent / name
    files = sorted(each for each in posts.rglob("*") if each.is_file())
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in files:
                archive.write(each, each.relative_to(posts.parent))
    else:
        with tarfile.open(path, "w:gz" if name.lower().endswith("gz") else "w") as tar:
            for each in files:
                tar.add(each, each.relative_to(posts.parent))
    return path


@pytest.mark.parametrize("name", ["posts.zip", "posts.tar", "posts.tar.gz", "posts.TGZ"])
def test_archives_give_the_same_articles(
    finews: Program, posts: Path, tmp_path: Path, name: str
) -> None:
    other = Program(tmp_path / "other")
    ingest(other, posts)
    assert ingest(finews, archive_of(posts, name))["new"] == ARTICLES
    assert told(finews) == told(other)
    urls = finews.rows("SELECT url FROM sightings")
    assert all(url.startswith(f"{name}!/repo/") for url in urls)


def test_the_order_of_files_does_not_matter(finews: Program, posts: Path, tmp_path: Path) -> None:
    files = sorted(posts.rglob("*.md"))
    for file in files:
        ingest(finews, file)
    backwards = Program(tmp_path / "backwards")
    for file in reversed(files):
        ingest(backwards, file)
    assert told(finews) == told(backwards)


def test_file_and_site_give_one_row_with_equal_fields(
    finews: Program, posts: Path, tmp_path: Path
) -> None:
    """Whichever came first; the site alone is wrong by eight hours where no zone is named."""
    by_site = Program(tmp_path / "site")
    with serving(build(bundled_posts())) as replica:
        by_site.crawl(replica.url)
        ingest(finews, posts)
        finews.crawl(replica.url, "--full")
    ingest(by_site, posts)
    assert told(by_site) == told(finews)
    assert finews.rows("SELECT count(*) FROM articles") == [ARTICLES]
    sql = "SELECT published_at FROM articles WHERE info_code = 'NW202112089100000202'"
    assert finews.rows(sql) == ["2021-12-08T08:15:00+08:00"]


def test_a_changed_file_is_a_revision(finews: Program, posts: Path) -> None:
    ingest(finews, posts)
    (file,) = posts.rglob("*9100000101.md")
    file.write_text(file.read_text(encoding="utf-8").replace("恢复", "已恢复"), encoding="utf-8")
    assert ingest(finews, posts)["changed"] == 1


def test_a_route_fills_what_another_lacks(finews: Program, tmp_path: Path) -> None:
    code = "202206019100000001"
    bare = post(code, title="", date="2022-06-01 09:00:00 +0800", link="", body="<p>正文。</p>")
    full = post(f"NW{code}", title="题目", date="2022-06-01 09:00:00 +0800", category="cailianshe",
                tag="财联社新闻", body="<p>正文。</p>")  # fmt: skip
    nameless = bare.text.replace("date: 2022-06-01 09:00:00 +0800", "date:  +0800")
    (tmp_path / f"-{code}.md").write_text(nameless, encoding="utf-8")
    (tmp_path / full.name).write_text(full.text, encoding="utf-8")
    assert ingest(finews, tmp_path / f"-{code}.md")["incomplete"] == 1
    assert ingest(finews, tmp_path / full.name)["filled"] == 1
    article = finews.json("show", code)
    assert article["title"] == "题目"
    assert article["published_at"] == "2022-06-01T09:00:00+08:00"
    assert "NewsShare" in article["url"]


GOOD = post("202206019100000002", title="照常的一篇", date="2022-06-01 10:00:00 +0800")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no front matter", "line 1 does not begin with ---"),
        ('---\ntitle: "x"\nno end', "line 3 is no key of the front matter: 'no end'"),
        ('---\ntitle: "x"\n- a: b\n---\nx', "line 3 is no key of the front matter: '- a: b'"),
        ("---\n", "line 2 the front matter has no end"),
        (b"---\n\xff\x00\x01" * 40, "GB 18030"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(
    finews: Program, tmp_path: Path, text: str | bytes, message: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    bad = folder / "2022-06-01-202206019100000001.md"
    bad.write_bytes(text.encode() if isinstance(text, str) else text)
    (folder / GOOD.name).write_text(GOOD.text, encoding="utf-8")
    assert ingest(finews, folder, code=3)["new"] == 1
    (failure,) = finews.json("failures")
    assert failure["url"] == f"in/{bad.name}"
    assert failure["info_code"] == "NW202206019100000001"
    assert message in failure["message"]


@pytest.mark.parametrize(
    ("front", "title", "time"),
    [
        ('title: "所谓"新"标准"\ndate: 2022-06-01 09:00:00', '所谓"新"标准', "09:00:00"),
        ('title: "所谓\\"新\\"标准"\ndate: 2022-06-01 09:00:00 +0800', '所谓"新"标准', "09:00:00"),
        ("title: 没有引号: 也行\ndate: 2022-06-01 09:00:00", "没有引号: 也行", "09:00:00"),
        ('title: "C:\\new"\ndate: 2022-06-01 09:00:00', "C:\\new", "09:00:00"),
        ('title: ""\ndate:  +0800', None, None),
        ("title:\ndate:", None, None),
        ('title: "x"\ndate: 2022-13-45 09:00:00', "x", None),
        ('title: "x"\ndate: 2022-06-01 01:00:00 +0000', "x", "09:00:00"),
        ('title: "!!python/object:os.system"\ndate: *a', "!!python/object:os.system", None),
    ],
)
def test_front_matter_is_read_leniently(
    finews: Program, tmp_path: Path, front: str, title: str | None, time: str | None
) -> None:
    file = tmp_path / "2022-06-01-202206019100000001.md"
    text = f"---\nlayout: post\n{front}\ncategories: a b\ntags: 甲 乙新闻\n---\n<p>正文。</p>"
    for ends in ("\n", "\r\n"):
        file.write_bytes(text.replace("\n", ends).encode())
        ingest(finews, file)
        article = finews.json("show", "202206019100000001")
        assert article["title"] == title
        assert (article["published_at"] or "")[11:19] == (time or "")
        assert article["tags"] == ["甲", "乙新闻"]
        assert article["source"] == "甲 乙"


def test_a_truncated_zip(finews: Program, posts: Path) -> None:
    path = archive_of(posts, "cut.zip")
    path.write_bytes(path.read_bytes()[:-2000])
    assert ingest(finews, path, code=3)["new"] == 0
    assert finews.json("failures")[0]["reason"] == "unreadable-file"


def test_a_truncated_tar_gives_what_it_holds(finews: Program, posts: Path) -> None:
    path = archive_of(posts, "cut.tar")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    summary = ingest(finews, path, code=3)
    assert 0 < summary["new"] < ARTICLES
    assert [each["url"] for each in finews.json("failures")] == ["cut.tar"]


@pytest.mark.parametrize("cut", [1, 1500, 4000])
def test_a_truncated_gzip_is_told(finews: Program, posts: Path, cut: int) -> None:
    path = archive_of(posts, "cut.tar.gz")
    path.write_bytes(path.read_bytes()[:-cut])
    ingest(finews, path, code=3)
    assert [each["url"] for each in finews.json("failures")] == ["cut.tar.gz"]


def hostile(tmp_path: Path, add: Callable[[zipfile.ZipFile], None]) -> Path:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        add(archive)
        archive.writestr(GOOD.name, GOOD.text)
    return path


def test_a_bomb_is_one_failure(finews: Program, tmp_path: Path) -> None:
    def add(archive: zipfile.ZipFile) -> None:
        with archive.open("2022-06-01-202206019100000001.md", "w", force_zip64=True) as member:
            for _ in range(64):
                member.write(b"0" * (16 << 20))  # 1 GiB, a megabyte when packed

    summary = ingest(finews, hostile(tmp_path, add), code=3)
    assert summary["new"] == 1
    assert [each["reason"] for each in finews.json("failures")] == ["too-large"]


def test_a_path_in_an_archive_is_only_a_name(finews: Program, tmp_path: Path) -> None:
    def add(archive: zipfile.ZipFile) -> None:
        for number, name in enumerate(("../../out", "/tmp/out", "C:\\out", "a/../../b")):
            archive.writestr(f"{name}/2022-06-01-20220601910000010{number}.md", GOOD.text)

    before = sorted(path for path in tmp_path.parent.rglob("*"))
    path = hostile(tmp_path, add)
    assert ingest(finews, path)["new"] == 5
    made = set(tmp_path.parent.rglob("*")) - set(before) - {path}
    assert all(finews.data in (each, *each.parents) for each in made)


def test_links_and_devices_in_a_tar_are_no_files(finews: Program, tmp_path: Path) -> None:
    path = tmp_path / "odd.tar"
    with tarfile.open(path, "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            member = tarfile.TarInfo("2022-06-01-202206019100000001.md")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        body = GOOD.text.encode()
        member = tarfile.TarInfo(GOOD.name)
        member.size = len(body)
        tar.addfile(member, io.BytesIO(body))
    assert ingest(finews, path)["found"] == 1


def test_a_file_at_the_limit_and_one_beyond(finews: Program, tmp_path: Path) -> None:
    head = GOOD.text.partition("<p>")[0].encode() if "<p>" in GOOD.text else GOOD.text.encode()
    for number, size in ((3, MOST_BYTES), (4, MOST_BYTES + 1)):
        file = tmp_path / f"2022-06-01-20220601910000000{number}.md"
        file.write_bytes((head + b"\n").ljust(size, b"x"))
    assert ingest(finews, *tmp_path.glob("2022*.md"), code=3)["new"] == 1


def test_a_missing_path_is_usage(finews: Program) -> None:
    done = finews.run(finews.command("ingest", "/nowhere/at/all"))
    assert done.returncode == 2
    assert "does not exist" in done.stderr


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real posts are not part of finews")
def test_the_real_posts(finews: Program) -> None:
    summary = ingest(finews, SHARED)
    assert (summary["new"], summary["failed"], summary["incomplete"]) == (16, 0, 1)
    assert summary["skipped_urls"] == ["posts/2021-12-01-init.md"]
    assert finews.json("show", "NW202112082206826055")["published_at"] == (
        "2021-12-08T11:18:42+08:00"
    )


def test_a_readme_among_the_posts_is_skipped(finews: Program, tmp_path: Path) -> None:
    path = tmp_path / "finews-main.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("finews-main/README.md", "# no post")
        archive.writestr(f"finews-main/_posts/{GOOD.name}", GOOD.text)
    summary = ingest(finews, path)
    assert (summary["new"], summary["failed"]) == (1, 0)
    assert summary["skipped_urls"] == ["finews-main.zip!/finews-main/README.md"]


def test_an_empty_folder_is_told(finews: Program, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = finews.run(finews.command("ingest", str(tmp_path / "empty")))
    assert (done.returncode, done.stderr) == (
        0,
        "No post files (.md), pages of articles or articles of a corpus in empty.\n",
    )


def test_the_same_file_by_another_archive_changes_nothing(finews: Program, posts: Path) -> None:
    ingest(finews, posts)
    before = finews.rows("SELECT info_code, updated_at, run_id FROM articles ORDER BY 1")
    ingest(finews, archive_of(posts, "posts.zip"))
    assert finews.rows("SELECT info_code, updated_at, run_id FROM articles ORDER BY 1") == before


def test_articles_seen_at_a_site_stay_selectable(
    finews: Program, posts: Path, tmp_path: Path
) -> None:
    with serving(build(bundled_posts())) as replica:
        finews.crawl(replica.url)
    ingest(finews, posts)
    for site in ("finews", "posts"):
        told = finews.json("export", str(tmp_path / "x.jsonl"), "--site", site)
        assert told["articles"] == ARTICLES


def stored_by(finews: Program) -> int:
    """Articles of a corpus that may be about to be made."""
    if not (finews.data / "finews.db").exists():
        return 0
    try:
        return int(finews.rows("SELECT count(*) FROM articles")[0])
    except sqlite3.OperationalError:  # no table yet
        return 0


def test_over_processes_the_rows_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of every outcome: stored, changed, failed, skipped."""
    monkeypatch.setattr(command, "_ALONE", 1)
    files = [(each.name, each.text) for each in made_posts(150)]
    files += [(name, text.replace("。", "！")) for name, text in files[:60]]
    files += [("README.md", "no post"), ("2022-06-01-202206010000009999.md", "---\n---\n")]
    path = tmp_path / "posts.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, text) in enumerate(files):
            archive.writestr(f"{number // 150}/{name}", text)
    corpora = [rows_of(path, tmp_path / str(processes), processes) for processes in (1, 2)]
    assert corpora[0] == corpora[1]
    assert [len(rows) for rows in corpora[0]] == [150, 210, 1, 212]


def rows_of(path: Path, data: Path, processes: int) -> list[list[Any]]:
    """Articles, sightings, failures and pages after an ingest, in the order in which they came."""
    with Run.open(data, "ingest", clock=lambda: datetime(2026, 9, 20, tzinfo=SHANGHAI)) as run:
        command.read(path, run, processes)
        run.store.flush()
        assert run.skipped == {"posts.zip!/1/README.md"}
        return [
            *(
                run.corpus.conn.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
                for table in ("articles", "sightings", "failures")
            ),
            run.pages.conn.execute("SELECT * FROM pages ORDER BY id").fetchall(),
        ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle_and_run_again(
    finews: Program, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for each in range(3000):
        one = post(f"20220601{each:010}", title=f"第{each}条", date="2022-06-01 09:00:00 +0800")
        (folder / one.name).write_text(one.text, encoding="utf-8")
    process = subprocess.Popen(
        finews.command("ingest", str(folder)),
        cwd=ROOT,
        # An interrupt between the opening of a file and its use leaves it to the collector.
        env=finews.env | {"PYTHONWARNINGS": "error,ignore::ResourceWarning"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not stored_by(finews):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    if number != signal.SIGKILL:
        assert process.returncode == 3
        assert out.startswith("Stopped; run it again to go on")
    assert 0 < finews.rows("SELECT count(*) FROM articles")[0] < 3000
    assert ingest(finews, folder)["failed"] == 0
    assert finews.rows("SELECT count(*) FROM articles") == [3000]
    assert finews.rows("PRAGMA integrity_check") == ["ok"]

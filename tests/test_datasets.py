"""Datasets in every format, read back by the tools that people use; cards, manifests, splits."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines.fields import COLUMNS, FIELDS, JSON_COLUMNS
from tests.conftest import ROOT, Program

#: What a spreadsheet would run, what breaks a row, what a reader takes for a number or nothing.
AWKWARD = (
    "=cmd|' /C calc'!A0", "@SUM(1+1)*cmd", "+1+2", "-1+2", "＝1+1", "＠SUM(A1)", "'quoted", "''",
    "line\nbreak", "cr\rhere", "crlf\r\nboth", "\tlead", "\r=1", 'say "hi", ok', "nul\x00in",
    "emoji 😀 𠮷", "null", "NA", "007", "1e5", "True", "|pipe|<b>x</b>[y](z){{ liquid }}",
)  # fmt: skip
#: As another tool might write it: the first half of a character outside the basic plane.
HALF = "CAST(X'E98791EDA0BD' AS TEXT)"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The demo's corpus, with awkward titles and sources in it, and a column that is all NULL."""
    made = Program(tmp_path_factory.mktemp("datasets") / "data")
    made("demo")
    codes = made.rows("SELECT info_code FROM articles ORDER BY info_code")
    with closing(sqlite3.connect(made.data / "finews.db")) as db, db:
        for code, text in zip(codes, AWKWARD, strict=False):
            db.execute(
                "UPDATE articles SET title = ?, source = ? WHERE info_code = ?", (text, text, code)
            )
        db.execute(f"UPDATE articles SET title = {HALF} WHERE info_code = ?", (codes[-1],))
        db.execute("UPDATE articles SET author = NULL, editor = NULL, same_text_as = NULL")
    return made


@pytest.fixture(scope="module")
def lines(program: Program, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All articles, as JSON Lines give them: what every format is held against."""
    dest = tmp_path_factory.mktemp("lines") / "a.jsonl"
    program("export", str(dest))
    return [json.loads(line) for line in dest.read_bytes().split(b"\n")[:-1]]


def test_lines_are_what_the_tables_hold(program: Program, lines: list[dict[str, Any]]) -> None:
    """Read by nothing of finews."""
    with closing(sqlite3.connect(program.data / "finews.db")) as db:
        db.text_factory = lambda raw: raw.decode(errors="replace")
        db.row_factory = sqlite3.Row
        rows = {row["info_code"]: row for row in db.execute("SELECT * FROM articles")}
        mentions = db.execute("SELECT * FROM mentions ORDER BY rowid").fetchall()
    assert len(lines) == len(rows) == 23
    for line in lines:
        row = rows[line["info_code"]]
        assert list(line) == list(COLUMNS)
        for name in COLUMNS:
            if name == "first_in_group":
                assert line[name] is (row["duplicate_group"] == row["info_code"])
            elif name == "mentions":
                own = [dict(each) for each in mentions if each["info_code"] == line["info_code"]]
                assert [{"info_code": line["info_code"], **each} for each in line[name]] == own
            elif name in JSON_COLUMNS:
                assert line[name] == (json.loads(row[name]) if row[name] else None)
            else:
                assert line[name] == row[name], name
    assert {line["title"] for line in lines} >= set(AWKWARD)
    assert lines[-1]["title"].startswith("金\ufffd") or any(
        "金\ufffd" in str(x["title"]) for x in lines
    )
    assert {line["author"] for line in lines} == {None}


#: Runs the examples of a card in its folder, and prints what each gave, as JSON.
READER = r"""
import datetime, json, math, re, sys
import numpy

def plain(value):
    if isinstance(value, numpy.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, datetime.datetime):
        return None if str(value) == "NaT" else value.timestamp()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.item() if hasattr(value, "item") else value

def rows(news):
    kind = type(news).__module__.split(".")[0]
    if kind == "pandas":
        return news.to_dict("records")
    if kind == "polars":
        return news.to_dicts()
    if kind == "datasets":
        return list(news)
    found = news.fetchall() if kind == "sqlite3" else news.fetchall()
    names = [each[0] for each in news.description]
    return [dict(zip(names, row)) for row in found]

told = {}
card = open("README.md", encoding="utf-8").read()
for tool, code in re.findall(r"\n(\w+):\n\n```python\n(.*?)```", card, re.S):
    space = {}
    exec(code, space)
    told[tool] = [plain(row) for row in rows(space["news"])]
json.dump(told, open(sys.argv[1], "w", encoding="utf-8"))
"""
TOOLS = {
    "parquet": {"pandas", "polars", "DuckDB", "datasets"},
    "hf": {"pandas", "polars", "DuckDB", "datasets"},
    "jsonl": {"pandas", "polars", "DuckDB", "datasets"},
    "csv": {"pandas", "polars", "DuckDB", "datasets"},
    "sqlite": {"Python"},
}


def undone(name: str, text: str | None) -> Any:
    """A cell of CSV as the card says to read it."""
    kind = {field.name: field.type for field in FIELDS}[name]
    if text in (None, ""):
        return None
    if name in JSON_COLUMNS:
        return json.loads(text)
    if kind == "integer":
        return int(text)
    if kind == "flag":
        return str(text) == "True"
    return text.removeprefix("'").replace("␀", "\x00") if kind == "text" else text


def same(name: str, value: Any) -> Any:
    """Values of all tools alike: times as seconds, no NULL in lists of fields."""
    kind = {field.name: field.type for field in FIELDS}[name]
    if kind == "time" and isinstance(value, str):
        from datetime import datetime

        return datetime.fromisoformat(value).timestamp()
    if isinstance(value, list):
        return [
            {key: part for key, part in each.items() if part is not None}
            if isinstance(each, dict)
            else each
            for each in value
        ]
    return value


@pytest.mark.parametrize("format", sorted(TOOLS))
def test_the_tools_of_the_card_read_equal_rows(
    program: Program, lines: list[dict[str, Any]], tmp_path: Path, format: str
) -> None:
    """By the very lines that the card shows, offline."""
    folder = tmp_path / "news"
    split = () if format in ("hf", "parquet") else ("--split", "train:")
    program("export", str(folder), "--format", format, *split)
    done = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path / "told.json")],
        cwd=folder,
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(tmp_path / "hf"),
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert set(told) == TOOLS[format]
    expected = {
        line["info_code"]: {name: same(name, value) for name, value in line.items()}
        for line in lines
    }
    for tool, rows in told.items():
        assert len(rows) == len(lines), tool
        for row in rows:
            want = expected[row["info_code"]]
            if format == "csv":
                values = {name: undone(name, value) for name, value in row.items()}
            elif format == "sqlite":  # mentions are a table, see below
                values = {
                    name: json.loads(value) if name in JSON_COLUMNS and value else value
                    for name, value in row.items()
                } | {"first_in_group": bool(row["first_in_group"]), "mentions": want["mentions"]}
            else:
                values = row
            got = {name: same(name, value) for name, value in values.items()}
            differ = {
                name: (got.get(name), want[name]) for name in want if got.get(name) != want[name]
            }
            assert differ == {}, (tool, row["info_code"])


def test_sqlite_is_a_slim_copy(program: Program, tmp_path: Path) -> None:
    program("export", str(tmp_path / "a.db"))
    with closing(sqlite3.connect(tmp_path / "a.db")) as db:
        tables = {
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        assert tables == {"articles", "mentions"}
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        columns = "info_code, market, code, name, evidence, paragraph"
        order = f"SELECT {columns} FROM mentions ORDER BY 1, 2, 3, 5, 6, 4"
        assert db.execute(order).fetchall() == program.rows(order)
        typed = "SELECT DISTINCT typeof(code) FROM mentions"
        assert db.execute(typed).fetchall() == [("text",)]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_compressed_lines_are_the_same_lines(program: Program, tmp_path: Path, ending: str) -> None:
    program("export", str(tmp_path / "a.jsonl"))
    packed = tmp_path / f"a.jsonl{ending}"
    program("export", str(packed))
    if ending == ".gz":
        text = subprocess.run(["gzip", "-dc", packed], capture_output=True, check=True).stdout
    else:
        import pyarrow as pa

        with pa.input_stream(packed, compression="zstd") as file:
            text = file.read()
    assert text == (tmp_path / "a.jsonl").read_bytes()


class TestSpreadsheet:
    """By the rules of RFC 4180 and of spreadsheets, read by the csv module of Python."""

    def cells(self, program: Program, dest: Path, *options: str) -> list[list[str]]:
        program("export", str(dest), *options)
        with dest.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file, strict=True))

    def test_no_cell_is_run_as_a_formula(self, program: Program, tmp_path: Path) -> None:
        for row in self.cells(program, tmp_path / "a.csv"):
            for cell in row:
                assert not cell.startswith(tuple("=+-@＝＋－＠\t\r\n")), cell

    def test_the_mark_can_be_taken_away(
        self, program: Program, tmp_path: Path, lines: list[dict[str, Any]]
    ) -> None:
        header, *rows = self.cells(program, tmp_path / "a.csv")
        assert header == list(COLUMNS)
        titles = [undone("title", row[header.index("title")]) for row in rows]
        assert titles == [line["title"] for line in lines]

    def test_every_row_is_whole_whatever_breaks_lines(
        self, program: Program, tmp_path: Path
    ) -> None:
        rows = self.cells(program, tmp_path / "a.csv")
        assert {len(row) for row in rows} == {len(COLUMNS)}
        # A lone CR ends a line for many readers, unless it stands in quotes.
        text = (tmp_path / "a.csv").read_bytes()
        assert b'"cr\rhere"' in text
        assert b"\x00" not in text

    def test_excel_knows_utf_8_by_its_mark(self, program: Program, tmp_path: Path) -> None:
        program("export", str(tmp_path / "a.csv"))
        program("export", str(tmp_path / "b.csv"), "--excel")
        plain, marked = (tmp_path / "a.csv").read_bytes(), (tmp_path / "b.csv").read_bytes()
        assert marked == b"\xef\xbb\xbf" + plain

    def test_only_csv_is_defused(self, lines: list[dict[str, Any]]) -> None:
        assert any(line["title"] == AWKWARD[0] for line in lines)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("format", ["csv", "hf", "jsonl", "sqlite"])
def test_the_same_command_gives_the_same_bytes(
    program: Program, tmp_path: Path, format: str
) -> None:
    """In another folder, of a corpus that was copied to another place."""
    moved = Program(tmp_path / "elsewhere")
    moved.data.mkdir()
    with closing(sqlite3.connect(program.data / "finews.db")) as db:
        db.execute("VACUUM INTO ?", (str(moved.data / "finews.db"),))
    split = ("--split", "train:..2022-05-31,test:")
    program("export", str(tmp_path / "a"), "--format", format, *split)
    moved("export", str(tmp_path / "deep" / "b"), "--format", format, *split)
    assert tree(tmp_path / "a") == tree(tmp_path / "deep" / "b")


class TestManifest:
    @pytest.fixture
    def folder(self, program: Program, tmp_path: Path) -> Path:
        wanted = ("--since", "2022-01-01", "--source", "新华社", "--source", "央视新闻")
        program("export", str(tmp_path / "news"), "--format", "hf", *wanted)
        return tmp_path / "news"

    def verify(self, program: Program, folder: Path, code: int) -> list[str]:
        found: list[str] = program.json("export", "--verify", str(folder), code=code)["differences"]
        return found

    def test_an_export_is_as_its_manifest_says(self, program: Program, folder: Path) -> None:
        assert self.verify(program, folder, 0) == []

    def test_one_flipped_byte_anywhere_is_found(self, program: Program, folder: Path) -> None:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            text = path.read_bytes()
            for at in (0, len(text) // 2, len(text) - 1):
                path.write_bytes(text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :])
                found = self.verify(program, folder, 3)
                assert any(path.name in each for each in found), (path, at)
            path.write_bytes(text)
        assert self.verify(program, folder, 0) == []

    def test_what_is_missing_cut_or_added_is_found(self, program: Program, folder: Path) -> None:
        card = folder / "README.md"
        text = card.read_bytes()
        card.unlink()
        assert self.verify(program, folder, 3) == ["README.md is missing"]
        card.write_bytes(text[:-1])
        (folder / "data" / "more.parquet").write_bytes(b"")
        cut, added = self.verify(program, folder, 3)
        assert cut == f"README.md has {len(text) - 1} bytes, not {len(text)}"
        assert added == "data/more.parquet is not in the manifest"

    def test_a_folder_without_manifest_is_a_wrong_use(
        self, program: Program, tmp_path: Path
    ) -> None:
        done = program.run(program.command("export", "--verify", str(tmp_path)))
        assert done.returncode == 2
        assert "no manifest" in done.stderr

    def test_it_tells_how_the_dataset_was_made(self, folder: Path) -> None:
        value = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert value["command"] == (
            "finews export DEST --format hf --since 2022-01-01T00:00:00+08:00"
            " --source '新华社' --source '央视新闻'"
        )
        assert value["filters"] == {
            "since": "2022-01-01T00:00:00+08:00",
            "source": ["新华社", "央视新闻"],
        }
        assert set(value["versions"]) == {"finews", "corpus", "pyarrow"}
        assert [each["name"] for each in value["schema"]] == list(COLUMNS)
        assert value["rows"] == sum(each.get("rows", 0) for each in value["files"])

    def test_its_command_makes_the_same_bytes_again(
        self, program: Program, folder: Path, tmp_path: Path
    ) -> None:
        value = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        again = str(tmp_path / "again")
        words = [again if word == "DEST" else word for word in shlex.split(value["command"])[1:]]
        program(*words)
        assert tree(tmp_path / "again") == tree(folder)


def test_another_export_takes_the_place_of_an_older_one_and_of_nothing_else(
    program: Program, tmp_path: Path
) -> None:
    folder = tmp_path / "news"
    program("export", str(folder), "--format", "hf", "--split", "train:..2022-05-31,test:")
    program("export", str(folder), "--format", "parquet")
    assert sorted(path.name for path in (folder / "data").iterdir()) == [
        "train-00000-of-00001.parquet"
    ]
    assert program.json("export", "--verify", str(folder))["differences"] == []
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("…", encoding="utf-8")
    done = program.run(program.command("export", str(mine), "--format", "hf"))
    assert done.returncode == 1
    assert "no export wrote thesis.tex in it" in done.stderr
    assert [path.name for path in mine.iterdir()] == ["thesis.tex"]
    assert not list(tmp_path.glob(".*"))


def test_what_a_killed_export_left_is_no_dataset_and_goes(program: Program, tmp_path: Path) -> None:
    left = tmp_path / ".news.4711.part"
    (left / "data").mkdir(parents=True)
    (left / "data" / "train-00000-of-00001.parquet").write_bytes(b"PAR1")
    old = tmp_path / ".news.4711.part.old"
    old.mkdir()
    program("export", str(tmp_path / "news"), "--format", "hf")
    assert [path.name for path in tmp_path.iterdir()] == ["news"]


class TestSplits:
    def export(
        self, program: Program, folder: Path, *options: str
    ) -> dict[str, list[dict[str, Any]]]:
        program("export", str(folder), "--format", "jsonl", *options)
        return {
            path.stem: [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
            for path in (folder / "data").iterdir()
        }

    @pytest.fixture
    def copied(self, tmp_path: Path) -> Program:
        """A story of May, its copies of June and July, and others of June."""
        from crawler.demo.site import build, post
        from tests.replica import serving

        made = Program(tmp_path / "data")
        story = "".join(
            f"<p>晨星锂业第{n}号项目今日正式开工建设，总投资十二亿元。</p>" for n in range(9)
        )
        lead = "<p>本报讯，消息如下所示，请看全文。</p>"
        other = "<p>远洲航运公告，拟收购两艘散货船，交易尚需审批。</p>"
        copy = f"{lead}{story}"
        posts = [
            post("202205209100000001", title="开工", date="2022-05-20 09:00:00 +0800", body=story),
            post("202206209100000002", title="转", date="2022-06-20 09:00:00 +0800", body=copy),
            post("202207209100000003", title="再转", date="2022-07-20 09:00:00 +0800", body=story),
            post("202206219100000004", title="别的", date="2022-06-21 09:00:00 +0800", body=other),
        ]  # fmt: skip
        with serving(build(posts)) as replica:
            made.crawl(replica.url)
        return made

    SPLITS = "train:..2022-05-31,validation:..2022-06-30,test:"

    def test_times_are_apart_and_no_group_straddles(self, copied: Program, tmp_path: Path) -> None:
        found = self.export(copied, tmp_path / "news", "--split", self.SPLITS)
        titles = {name: [row["title"] for row in rows] for name, rows in found.items()}
        assert titles == {"train": ["开工"], "validation": ["别的"], "test": []}
        manifest = json.loads((tmp_path / "news" / "manifest.json").read_text(encoding="utf-8"))
        left = {each["name"]: each["left_out"] for each in manifest["splits"]}
        assert left == {"train": 0, "validation": 1, "test": 1}

    def test_a_group_belongs_where_its_first_wanted_article_is(
        self, copied: Program, tmp_path: Path
    ) -> None:
        options = ("--split", self.SPLITS, "--since", "2022-06-01")
        found = self.export(copied, tmp_path / "news", *options)
        titles = {name: [row["title"] for row in rows] for name, rows in found.items()}
        assert titles == {"train": [], "validation": ["转", "别的"], "test": []}

    def test_an_original_before_the_first_split_takes_no_copy_away(
        self, copied: Program, tmp_path: Path
    ) -> None:
        options = ("--split", "a:2022-06-01..2022-06-30,b:")
        found = self.export(copied, tmp_path / "news", *options)
        titles = {name: [row["title"] for row in rows] for name, rows in found.items()}
        assert titles == {"a": ["转", "别的"], "b": []}

    def test_the_demo_in_three(
        self, program: Program, lines: list[dict[str, Any]], tmp_path: Path
    ) -> None:
        found = self.export(
            program, tmp_path / "news", "--split", "a:..2021-12-31,b:..2022-05-31T12:00:00,c:"
        )
        assert len(found["a"]) == 4
        ends = {"a": "2021-12-31T23:59:59+08:00", "b": "2022-05-31T12:00:00+08:00"}
        for name, rows in found.items():
            for row in rows:
                assert row["published_at"] <= ends.get(name, "9")
                assert name == "a" or row["published_at"] > ends["a" if name == "b" else "b"]
        groups = [{row["duplicate_group"] for row in rows} for rows in found.values()]
        assert sum(map(len, groups)) == len(set().union(*groups))

    @pytest.mark.parametrize(
        ("splits", "said"),
        [
            ("train", "is no split"),
            ("train:..,test:..2022-01-01,train:", "has no end"),
            ("train:..2022-01-01,train:", "two splits"),
            ("a:..2022-02-01,b:2022-01-01..", "begins before"),
            ("a:..soon,b:", "no day or time"),
            ("a b:..2022-01-01,b:", "is no split"),
            ("a:2022-02-01..2022-01-01", "ends before"),
        ],
    )  # fmt: skip
    def test_wrong_splits_are_told(self, program: Program, splits: str, said: str) -> None:
        done = program.run(program.command("export", "x", "--format", "hf", "--split", splits))
        assert done.returncode == 2
        assert said in " ".join(done.stderr.split())

    def test_one_file_is_not_split(self, program: Program) -> None:
        done = program.run(program.command("export", "x.csv", "--split", "a:..2022-01-01,b:"))
        assert done.returncode == 2
        assert "makes a folder" in done.stderr


class TestCard:
    @pytest.fixture
    def folder(self, program: Program, tmp_path: Path) -> Path:
        program("export", str(tmp_path / "news"), "--format", "hf")
        return tmp_path / "news"

    def test_it_has_what_a_reader_asks_for(self, folder: Path) -> None:
        text = (folder / "README.md").read_text(encoding="utf-8")
        assert "23 articles" in text
        assert "published from 2021-12-08 to 2026-09-19" in text
        headings = (
            "Splits", "Where the articles come from", "Terms", "Fields", "How it was made",
            "Known gaps", "How to load it",
        )  # fmt: skip
        for heading in headings:
            assert re.search(rf"^##+ {heading}$", text, re.MULTILINE), heading
        for field in FIELDS:
            assert f"| `{field.name}` |" in text

    def test_hostile_names_stay_text(self, folder: Path) -> None:
        text = (folder / "README.md").read_text(encoding="utf-8")
        assert "<b>" not in text
        assert "\\|pipe\\|&lt;b>x&lt;/b>\\[y](z)" in text
        for row in re.findall(r"^\|.*\|$", text.split("### Terms", maxsplit=1)[0], re.MULTILINE):
            assert len(re.findall(r"(?<!\\)\|", row)) in (3, 6), row

    def test_its_pictures_are_drawn_and_well_formed(self, folder: Path) -> None:
        from lxml import etree

        text = (folder / "README.md").read_text(encoding="utf-8")
        names = re.findall(r"!\[[^]]+\]\((pictures/\w+\.svg)\)", text)
        assert sorted(names) == sorted(
            f"pictures/{path.name}" for path in (folder / "pictures").iterdir()
        )
        assert len(names) == 3
        for name in names:
            root = etree.fromstring((folder / name).read_bytes())
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert not root.xpath("//*[local-name() = 'script' or @href]")

    def test_it_says_no_machine_and_no_time_of_day(self, program: Program, folder: Path) -> None:
        for name, body in tree(folder).items():
            assert str(folder).encode() not in body, name
            assert str(program.data).encode() not in body, name
            assert str(ROOT).encode() not in body, name


def test_every_site_has_its_terms() -> None:
    from scrapy.settings import Settings
    from scrapy.spiderloader import SpiderLoader

    from crawler.sites import sites

    spiders = SpiderLoader.from_settings(Settings({"SPIDER_MODULES": ["crawler.spiders"]}))
    assert {*sites()} == {*spiders.list(), "posts"}


def test_an_empty_selection_loads_too(program: Program, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    program("export", str(tmp_path / "none"), "--format", "hf", "--source", "nobody")
    program("export", str(tmp_path / "a.parquet"))
    empty = pq.read_table(tmp_path / "none" / "data" / "train-00000-of-00001.parquet")
    assert empty.num_rows == 0
    assert empty.schema == pq.read_schema(tmp_path / "a.parquet")


class TestBrokenRows:
    """What another tool may have put into the tables is told, and never waited for."""

    @pytest.fixture
    def broken(self, program: Program, tmp_path: Path) -> Program:
        made = Program(tmp_path / "broken")
        shutil.copytree(program.data, made.data)
        made.write("UPDATE articles SET published_at = '昨天' WHERE rowid = 3")
        made.write("UPDATE articles SET published_at = '9999-12-31T23:59:59+08:00' WHERE rowid = 4")
        made.write("UPDATE articles SET published_at = '0001-01-01T00:00:00+08:00' WHERE rowid = 5")
        return made

    @pytest.mark.parametrize("format", ["csv", "jsonl", "sqlite"])
    def test_formats_of_texts_hold_it_and_the_card_leaves_it_out(
        self, broken: Program, tmp_path: Path, format: str
    ) -> None:
        told = broken.json("export", str(tmp_path / "a"), "--format", format, "--split", "a:")
        assert told["articles"] == 23
        picture = tmp_path / "a" / "pictures" / "months.svg"
        assert picture.stat().st_size < 200_000

    def test_typed_formats_name_the_article(self, broken: Program, tmp_path: Path) -> None:
        (code,) = broken.rows("SELECT info_code FROM articles WHERE rowid = 3")
        for format in ("parquet", "hf", "jekyll"):
            done = broken.run(broken.command("export", str(tmp_path / format), "--format", format))
            assert done.returncode == 1
            assert done.stderr.startswith(f"finews: the row of {code} in articles is broken")
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


class TestDestinations:
    """Nothing of the user's is ever taken away."""

    def told(self, program: Program, *args: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            program.command("export", *args),
            cwd=cwd or ROOT,
            env=program.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return f"{done.returncode} {done.stderr}"

    def test_files_that_no_export_wrote_stop_the_next_one(
        self, program: Program, tmp_path: Path
    ) -> None:
        folder = tmp_path / "news"
        program("export", str(folder), "--format", "hf")
        before = tree(folder)
        (folder / ".git").mkdir()
        (folder / ".git" / "HEAD").write_text("ref", encoding="utf-8")
        told = self.told(program, str(folder), "--format", "parquet")
        assert told.startswith("1 finews: ")
        assert "no export wrote .git/HEAD in it" in told
        assert tree(folder) == before | {".git/HEAD": b"ref"}

    def test_a_pipe_is_written_to_and_stays(self, program: Program, tmp_path: Path) -> None:
        pipe = tmp_path / "news.jsonl"
        os.mkfifo(pipe)
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
            program("export", str(pipe))
            assert reader.stdout
            text = reader.stdout.read()
        assert pipe.is_fifo()
        program("export", str(tmp_path / "a.jsonl"))
        assert text == (tmp_path / "a.jsonl").read_bytes()
        assert self.told(program, str(pipe), "--format", "parquet").startswith("2 ")

    def test_a_link_is_followed(self, program: Program, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        (tmp_path / "link.csv").symlink_to("real.csv")
        program("export", str(tmp_path / "link"), "--format", "hf")
        program("export", str(tmp_path / "link.csv"))
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "link.csv").is_symlink()
        assert (tmp_path / "real" / "manifest.json").is_file()
        assert (tmp_path / "real.csv").is_file()
        assert not list(tmp_path.glob(".*"))

    def test_the_folder_that_one_is_in_stays(self, program: Program, tmp_path: Path) -> None:
        told = self.told(program, ".", "--format", "hf", cwd=tmp_path)
        assert "name it from outside" in told
        assert self.told(program, "news", "--format", "hf", cwd=tmp_path) == "0 "

    def test_endings_in_capitals(self, program: Program, tmp_path: Path) -> None:
        program("export", str(tmp_path / "A.CSV.GZ"))
        assert (tmp_path / "A.CSV.GZ").read_bytes()[:2] == b"\x1f\x8b"

    @pytest.mark.parametrize(
        "options",
        [
            "--until 9999-12-31T23:59:59-05:00",
            "--since 0001-01-01T00:00:00+14:00",
            "--split train:..9999-12-31,test:",
            "--as-of 9999-12-31",
            "--min-paragraphs 99999999999999999999",
            "--split all:",
        ],
    )
    def test_what_cannot_be_meant_is_a_sentence(
        self, program: Program, tmp_path: Path, options: str
    ) -> None:
        told = self.told(program, str(tmp_path / "x"), "--format", "hf", *options.split())
        assert told.startswith("2 ")

    def test_the_last_day_of_all_is_a_bound(self, program: Program, tmp_path: Path) -> None:
        assert self.told(program, str(tmp_path / "x.csv"), "--until", "9999-12-31") == "0 "


def test_names_of_splits_and_sources_break_no_card(program: Program, tmp_path: Path) -> None:
    from lxml import etree

    made = Program(tmp_path / "data")
    shutil.copytree(program.data, made.data)
    made.write("UPDATE articles SET source = 'a' || char(27) || 'b' || char(0) || '<c>'")
    made.write("UPDATE articles SET source = CAST(X'61EDA08062' AS TEXT) WHERE rowid = 2")
    made.write(
        r"""UPDATE articles SET paragraphs = '[{"kind":"text","text":"a\ud83d"}]' WHERE rowid = 3"""
    )
    made.write("UPDATE articles SET site = '<script>[l](javascript:1)' WHERE rowid = 4")
    folder = tmp_path / "news"
    made("export", str(folder), "--format", "hf", "--split", "2021:..2021-12-31,no:")
    etree.fromstring((folder / "pictures" / "months.svg").read_bytes())
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "<script>" not in card
    assert "\x00" not in card
    assert '  - split: "2021"\n    path: "data/2021-*.parquet"\n' in card
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "data" / "no-00000-of-00001.parquet").to_pylist()
    rows += pq.read_table(folder / "data" / "2021-00000-of-00001.parquet").to_pylist()
    assert "a\ufffd" in {row["paragraphs"][0]["text"] for row in rows if row["paragraphs"]}


def test_a_manifest_cannot_point_outside(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "news"
    program("export", str(folder), "--format", "hf")
    for path in ("../secret", "/etc/passwd", 5):
        value = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        value["files"][0]["path"] = path
        (folder / "manifest.json").write_text(json.dumps(value), encoding="utf-8")
        found = program.json("export", "--verify", str(folder), code=3)["differences"]
        assert not any("passwd" in each or "secret" in each for each in found), found


def test_an_export_beside_a_writer_is_of_one_moment(program: Program, tmp_path: Path) -> None:
    """Files, counts and card alike: the corpus changes as soon as the first rows are written."""
    from pipelines.database.connect import read_corpus
    from pipelines.database.select import Filter
    from pipelines.export import export
    from pipelines.export.splits import read_splits

    made = Program(tmp_path / "data")
    shutil.copytree(program.data, made.data)
    splits = read_splits("a:..2022-05-31,b:")
    db = read_corpus(made.data)
    export(db, tmp_path / "before", "jsonl", Filter(), splits=splits)
    written = list[int]()

    def write(rows: int) -> None:
        if not written:
            made.write("UPDATE articles SET title = 'later', source = 'later'")
            made.write("DELETE FROM articles WHERE published_at > '2026'")
        written.append(rows)

    export(db, tmp_path / "beside", "jsonl", Filter(), write, splits=splits)
    assert sum(written) == 23
    assert tree(tmp_path / "beside") == tree(tmp_path / "before")
    export(db, tmp_path / "after", "jsonl", Filter(), splits=splits)
    db.close()
    assert b"later" in tree(tmp_path / "after")["data/a.jsonl"]

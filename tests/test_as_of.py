"""The corpus as it was known at a time: the same before and after whatever came later."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.demo.site import build, bundled_posts, post
from crawler.items import Entry, Mention
from crawler.parsers.dates import SHANGHAI
from crawler.scope import Scope
from pipelines.database import history
from pipelines.database.connect import read_corpus
from pipelines.database.select import Filter, count, count_lost, rows
from pipelines.database.select import article as stored
from pipelines.export import FORMATS, export
from pipelines.export.splits import Split
from pipelines.fields import COLUMNS
from tests.conftest import Program
from tests.looks import CODE, Looks, article, at, looking
from tests.replica import serving

CODES = (CODE, "NW202206010000000002")
FILTERS = (
    Filter(),
    Filter(sources=("新华社",)),
    Filter(since=datetime(2022, 6, 1, 12, tzinfo=SHANGHAI)),
    Filter(sites=("choice",)),
)

# A look: by which route, what it says, by which parser; made of "page" if that is named.
TIMES = [datetime(2022, 6, 1, hour, tzinfo=SHANGHAI) for hour in (9, 17)]
some_looks = st.builds(
    article,
    st.sampled_from(["甲", "乙", "长长的丙", ""]),
    code=st.sampled_from(CODES),
    site=st.sampled_from(["finews", "posts"]),
    page_url=st.sampled_from(["a", "b"]),
    page=st.sampled_from(["", "p", "q"]),
    parser=st.sampled_from(["v/1", "v/2"]),
    title=st.sampled_from([None, "题", "题目"]),
    published_at=st.sampled_from(
        [None, *(datetime(2022, 6, 1, h, tzinfo=SHANGHAI) for h in (9, 17))]
    ),
    source=st.sampled_from([None, "新华社"]),
    mentions=st.sampled_from([(), (Mention("1", "600519", None, "tag", None),)]),
    body=st.sampled_from(["<p>1</p>", "<p>2</p>"]),
).filter(lambda each: each.title or each.paragraphs)
# Or a page of a listing that shows one, in or out of what is asked for.
some_entries = st.builds(
    Entry,
    site=st.just("choice"),
    listing=st.sampled_from(["37", "38"]),
    url=st.sampled_from(["c", "d"]),
    info_code=st.sampled_from(CODES),
    published_at=st.just(at(0)),
)
steps = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, 5]), st.one_of(some_looks, some_entries)), max_size=12
)


def known(looks: Looks, as_of: datetime | None = None) -> list[Any]:
    """What each selection gives, every column of every format."""
    db = looks.run.corpus
    made = [replace(each, as_of=as_of) for each in FILTERS]
    for each in made:
        assert count(db, each) == len(list(rows(db, each)))
    return [[tuple(row) for row in rows(db, each, (*COLUMNS, "body"))] for each in made] + [
        stored(db, code, as_of) for code in CODES
    ]


@settings(deadline=None, max_examples=120)
@given(steps)
def test_as_of_any_time_is_what_was_known_then(taken: list[tuple[int, Any]]) -> None:
    """Against a memory of what the whole corpus was after each step."""
    with tempfile.TemporaryDirectory() as folder, looking(Path(folder)) as looks:
        then = {0.0: known(looks)}
        frontier = looks.run.frontier("choice")
        for after, step in taken:
            if isinstance(step, Entry):
                looks.seconds[0] += after
                with looks.run.corpus.atomic():
                    frontier.show([step], Scope(until=at(-60) if step.url == "d" else None))
            else:
                looks.take(step, after=after)
            then[looks.seconds[0]] = known(looks)
        for seconds, was in then.items():
            assert known(looks, at(seconds)) == was
            assert known(looks, at(seconds + 0.9)) == was
            assert count_lost(looks.run.corpus, at(seconds)) == 0
        for code in CODES:
            states = history.states(looks.run.corpus, code)
            for one, following in pairwise(states):
                assert one["replaced_at"] == following["seen_at"]
                assert one["revision"] + (following["change"] == "revised") == following["revision"]


def export_all(finews: Program, folder: Path, as_of: str = "") -> dict[str, bytes]:
    """Every format of articles; the bytes of each file."""
    then = ("--as-of", as_of) if as_of else ()
    finews("export", str(folder / "program.jsonl"), *then)
    wanted = Filter(as_of=datetime.fromisoformat(as_of) if as_of else None)
    db = read_corpus(finews.data)
    for format in sorted({*FORMATS} - {"warc", "parquet"}):  # pages are of no time; hf is parquet
        export(db, folder / format, format, wanted)
    halves = (Split("one", end=at(0)), Split("two", start=at(1)))
    export(db, folder / "halves", "jsonl", replace(wanted, dedupe="near"), splits=halves)
    db.close()
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def data(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without what tells the command, which names the time, and of coverage."""
    about = ("README.md", "manifest.json", "pictures/coverage.svg")
    return {name: text for name, text in files.items() if not name.endswith(about)}


def pause(finews: Program, folder: Path) -> tuple[str, dict[str, bytes]]:
    """A time that is over, after all that was done and before all that will be, and the exports
    as of it.
    """
    moment = datetime.now(SHANGHAI).isoformat(timespec="seconds")
    time.sleep(1.1)
    then = export_all(finews, folder / "then", moment)
    assert data(then) == data(export_all(finews, folder / "plain"))
    return moment, then


def test_exports_of_then_are_the_same_bytes_later(finews: Program, tmp_path: Path) -> None:
    posts = bundled_posts()
    code = "202206019100000001"
    first = post(code, title="题目", date="2022-06-01 09:00:00 +0800", body="<p>正文甲。</p>")
    edited = post(code, title="题目", date="2022-06-01 09:00:00 +0800", body="<p>正文乙。</p>")
    late = post("202206029100000002", title="后来", date="2022-06-02 09:00:00 +0800")
    with serving(build([*posts, first])) as replica:
        finews.crawl(replica.url)
        moments = [pause(finews, tmp_path / "0")]
        replica.pages |= build([*posts, edited, late])
        assert finews.crawl(replica.url, "--full")["changed"] == 1
        moments.append(pause(finews, tmp_path / "1"))
    file = tmp_path / "posts" / first.name
    file.parent.mkdir()
    text = first.text.replace("正文甲。", "正文甲，以及更多的话，都在文件里。")
    file.write_text(text, encoding="utf-8")
    assert finews.json("ingest", str(file.parent))["filled"] == 1
    moments.append(pause(finews, tmp_path / "2"))
    with looking(finews.data) as looks:
        ((page, url, parser),) = looks.rows(
            "SELECT page, url, parser FROM sightings WHERE site = 'posts'"
        )
        assert parser
        looks.seconds[0] = (datetime.now(SHANGHAI) - at(0)).total_seconds()
        better = article(
            "正文甲，以及更多的话，都在文件里，读得更好。",
            code=f"NW{code}", site="posts", page_url=url, parser="posts/99",
        )  # fmt: skip
        better = replace(better, page=page)
        assert looks.take(better, after=0) == {"improved": 1}
    moments.append(pause(finews, tmp_path / "3"))
    texts = [files["program.jsonl"].decode() for _, files in moments]
    assert len(set(texts)) == 4
    for number, (moment, files) in enumerate(moments):
        assert export_all(finews, tmp_path / f"again{number}", moment) == files, number
    assert "后来" not in texts[0]
    assert "后来" in texts[1]


@pytest.mark.parametrize("wrong", ["2999-01-01", "today", "2999-01-01T00:00:00Z"])
def test_a_time_that_is_not_over_is_refused(finews: Program, wrong: str) -> None:
    done = finews.run(finews.command("export", "a.csv", "--as-of", wrong))
    assert done.returncode == 2
    today = f"{datetime.now(SHANGHAI):%Y-%m-%d}"
    done = finews.run(finews.command("export", "a.csv", "--as-of", today))
    assert "is not over yet" in done.stderr


def test_a_day_is_known_by_its_end_and_a_zone_is_read(finews: Program, tmp_path: Path) -> None:
    with looking(finews.data) as looks:  # begins at nine o'clock on the 2nd
        looks.take(article())
    out = str(tmp_path / "a.jsonl")
    for moment, found in (
        ("2022-06-01", 0),
        ("2022-06-02", 1),
        ("2022-06-02T09:00:00", 0),
        ("2022-06-02T09:00:01", 1),
        ("2022-06-02T01:00:00Z", 0),
        ("2022-06-02T01:00:01+00:00", 1),
    ):
        assert finews.json("export", out, "--as-of", moment)["articles"] == found, moment

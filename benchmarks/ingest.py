"""Ingest: post files to rows, against a bare parse of the same bodies with four XPaths."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

from benchmarks.figures import Aim, Figure, Turn, compared, seconds
from benchmarks.generate.posts import Made, made
from benchmarks.parse import floor
from crawler.cli.ingest import read
from pipelines.database.connect import read_corpus
from pipelines.database.search_index import SearchIndex
from pipelines.run import Run

POSTS = 4_000
_FLOOR = "lxml.html and 4 XPaths of the same bodies"


def measure() -> Iterator[Figure]:
    """The whole way into SQLite, with pages and groups of near-duplicates; what the search index
    costs is what is more.
    """
    with tempfile.TemporaryDirectory() as folder:
        posts = list(made(POSTS))
        archive = zipped(Path(folder, "posts.zip"), posts)
        bodies = [each.post.text.rpartition("---\n")[2] for each in posts]
        wanted = sorted((each.truth.info_code, each.truth.title) for each in posts)
        turns: dict[str, Turn] = {
            "ours": _turn(archive, Path(folder), wanted),
            "floor": lambda: seconds(lambda: [floor(body) for body in bodies]),
        }
        figure = partial(compared, unit="posts/s", amount=POSTS, turns=turns, floor_is=_FLOOR)
        with patch.object(SearchIndex, "write"):
            yield figure("ingest: without search index", aim=Aim("at most", 2))
        yield figure("ingest: all", aim=Aim("at most", 4))


def zipped(path: Path, posts: Iterable[Made]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for each in posts:
            archive.writestr(f"_posts/{each.post.name}", each.post.text)
    return path


def job(size: int, folder: Path) -> Callable[[], object]:
    """So many posts, to be ingested."""
    archive = zipped(folder / f"{size}.zip", made(size))
    return lambda: ingest(archive, folder / f"data{size}")


def _turn(archive: Path, folder: Path, wanted: list[tuple[str, str | None]]) -> Turn:
    numbers = count()

    def turn() -> float:
        data = folder / str(next(numbers))
        taken = seconds(lambda: ingest(archive, data))
        rows = read_corpus(data).conn.execute("SELECT info_code, title FROM articles ORDER BY 1")
        if rows.fetchall() != wanted:
            raise RuntimeError("the ingest stored something else")
        return taken

    return turn


def ingest(archive: Path, data: Path) -> None:
    """The posts of an archive into a corpus."""
    with Run.open(data, "bench") as run:
        read(archive, run)

"""Near-duplicates: what is found among planted copies, how fast, and with 1,000,000 stored."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlite_utils import Database

from benchmarks.figures import Aim, Figure, bare, compared
from benchmarks.figures import seconds as timed
from benchmarks.generate import copies
from benchmarks.generate.posts import made
from benchmarks.ingest import ingest, zipped
from pipelines.database.connect import CORPUS, open_corpus, writing
from pipelines.database.duplicates import Duplicates, State
from pipelines.sentences import sentences

_BATCH = 200
_ROUNDS = 5
_TIMED = 10_000
_POSTS = 4_000
_STORED = (10_000, 100_000, 1_000_000)
_TABLES = (
    "texts", "sentences", "recent_sentences", "common_sentences", "regroupings",
    "sqlite_autoindex_texts_1", "articles_by_group",
)  # fmt: skip


def measure() -> Iterator[Figure]:
    """Quality over pairs; speed beside splitting and hashing alone; cost of size."""
    planted = copies.texts()
    yield from _quality(planted)
    yield _speed([each.text for each in planted[:_TIMED]])
    yield _ingest()
    more = [each.text for each in copies.texts(60_000, seed=2)[-2 * _TIMED :]]
    for stored in _STORED:
        yield from _with_stored(stored, more)


def _quality(planted: list[copies.Planted]) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        db = _corpus(Path(folder), len(planted))
        seconds = _group(db, [each.text for each in planted])
        found = [name for (name,) in db.conn.execute("SELECT duplicate_group FROM articles")]
        size = sum(_size(db, name) for name in _TABLES)
        db.close()
    yield bare(f"near-duplicates: {len(planted):,} texts", "texts/s", len(planted) / seconds)
    yield bare(" ", "bytes on disk a text", size / len(planted))
    yield from _told("", planted, found)
    if minhash := _minhash([each.text for each in planted]):
        seconds, found = minhash
        yield bare("  beside: MinHash by rensa", "texts/s", len(planted) / seconds)
        yield from _told("  ", planted, found)


def _told(indent: str, planted: list[copies.Planted], found: list[Any]) -> Iterator[Figure]:
    right, wrong = Counter[str](), Counter[str]()
    for group in _together(found):
        for one, other in combinations(group, 2):
            if planted[one].family == planted[other].family:
                right[_kind(planted[one], planted[other])] += 1
            else:
                wrong[_kind(planted[one], planted[other])] += 1
    wanted = Counter(
        _kind(planted[one], planted[other])
        for family in _together([each.family for each in planted])
        for one, other in combinations(family, 2)
    )
    pairs = right.total() + wrong.total()
    yield bare(f"{indent}  precision", f"of {pairs:,} pairs", right.total() / pairs)
    recall = right.total() / wanted.total()
    yield bare(f"{indent}  recall", f"of {wanted.total():,} pairs", recall)
    for kind, count in sorted(wanted.items()):
        yield bare(f"{indent}    recall", kind, right[kind] / count)
    for kind, count in sorted(wrong.items()):
        yield bare(f"{indent}    false pairs", kind, count)


def _kind(*pair: copies.Planted) -> str:
    """What the copy of the two is."""
    return max(
        (each.kind for each in pair), key=lambda kind: (kind not in ("ordinary", "short"), kind)
    )


def _together(labels: Iterable[Any]) -> list[list[int]]:
    found = defaultdict[Any, list[int]](list)
    for at, label in enumerate(labels):
        found[label].append(at)
    return [each for each in found.values() if len(each) > 1]


def _speed(texts: Sequence[str]) -> Figure:
    def ours() -> float:
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(_corpus(Path(folder), len(texts))) as db,
        ):
            return _group(db, texts)

    return compared(
        f"near-duplicates of {len(texts):,}", "texts/s", len(texts),
        {"ours": ours, "floor": lambda: timed(lambda: [sentences(each) for each in texts])},
        floor_is="their sentences alone", aim=Aim("at most", 5),
    )  # fmt: skip


def _ingest() -> Figure:
    """How much of an ingest is the search for near-duplicates."""
    with tempfile.TemporaryDirectory() as folder:
        path, shares = zipped(Path(folder, "posts.zip"), made(_POSTS)), list[float]()
        for number in range(_ROUNDS):
            with (
                patch("pipelines.store.sentences_of", return_value=()),
                patch.object(Duplicates, "write"),
            ):
                without = timed(partial(ingest, path, Path(folder, f"{number}-")))
            whole = timed(partial(ingest, path, Path(folder, f"{number}")))
            shares.append(1 - without / whole)
    return bare("  share of an ingest's time", "of 1", *shares)


def _with_stored(stored: int, texts: list[str]) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        db = _corpus(Path(folder), len(texts) + 100, stored)
        seconds = _group(db, texts)
        db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        start = time.perf_counter()
        duplicates = Duplicates(db)
        with writing(db):
            duplicates.write(_states(texts[:100], len(texts)))
        hundred = time.perf_counter() - start
        (written,) = [Path(folder, f"{CORPUS}-wal").stat().st_size]
        db.close()
    yield bare(f"near-duplicates, {stored:,} stored", "texts/s", len(texts) / seconds)
    yield bare("  100 more by another run", "s", hundred)
    yield bare("  100 more by another run", "MB written", written / 1e6)


def _corpus(data: Path, articles: int, stored: int = 0) -> Database:
    """A corpus with so many articles to be grouped, and others that are alone, in its tables."""
    db = open_corpus(data)
    with writing(db):
        db.conn.execute("INSERT INTO runs (id, command, started_at) VALUES (1, 'fill', '2022')")
        for prefix, count in (("NW", articles), ("OLD", stored)):
            db.conn.execute(
                "INSERT INTO articles (info_code, site, paragraphs, content_hash, revision,"
                " first_seen_at, updated_at, run_id, parser, duplicate_group)"
                " SELECT code, 'fill', '[]', '', 1, '2022', '2022', 1, 'fill/1', code FROM"
                " (WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)"
                " SELECT ?2 || printf('%018d', i) AS code FROM n WHERE ?1)",
                (count, prefix),
            )
        db.conn.execute(
            "INSERT INTO texts SELECT row_number() OVER (), info_code, NULL, randomblob(160)"
            " FROM articles WHERE info_code LIKE 'OLD%'"
        )
        # Ten of their twenty sentences each, 40 characters long.
        db.conn.execute(
            "INSERT INTO sentences SELECT (random() & ~255) | 40 AS hash, texts.id FROM texts,"
            " json_each('[1,2,3,4,5,6,7,8,9,10]') ORDER BY hash"
        )
    db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return db


def _group(db: Database, texts: Sequence[str]) -> float:
    start = time.perf_counter()
    duplicates = Duplicates(db)
    for at in range(0, len(texts), _BATCH):
        with writing(db):
            duplicates.write(_states(texts[at : at + _BATCH], at))
    return time.perf_counter() - start


def _states(texts: Sequence[str], first: int) -> list[State]:
    return [
        State(f"NW{number:018}", None, sentences(each), "2022", new=True)
        for number, each in enumerate(texts, start=first)
    ]


def _size(db: Database, name: str) -> int:
    (pages,) = db.conn.execute(
        "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ?", (name,)
    ).fetchone()
    return int(pages)


def _minhash(texts: Sequence[str]) -> tuple[float, list[Any]] | None:
    """Groups by MinHash of five characters and LSH in memory, where rensa is installed."""
    try:
        rensa: Any = importlib.import_module("rensa")
    except ImportError:
        return None
    start = time.perf_counter()
    index = rensa.RMinHashLSH(threshold=0.5, num_perm=128, num_bands=32)
    parent = list(range(len(texts)))

    def root(one: int) -> int:
        while parent[one] != one:
            one = parent[one]
        return one

    hashes = list[Any]()
    for at, text in enumerate(texts):
        made = rensa.RMinHash(num_perm=128, seed=42)
        made.update([text[start : start + 5] for start in range(len(text) - 4)])
        for other in index.query(made):
            if made.jaccard(hashes[other]) >= 0.5:
                parent[root(at)] = root(other)
        index.insert(at, made)
        hashes.append(made)
    return time.perf_counter() - start, [root(each) for each in range(len(texts))]

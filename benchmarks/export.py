"""Export: rows a second against a bare cursor that serialises the same columns, and beside what
people use instead.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.figures import Aim, Figure, Spread, compared, seconds
from benchmarks.generate.rows import fill
from benchmarks.process import finews
from pipelines.database.connect import read_corpus
from pipelines.database.select import TODAY, Filter
from pipelines.export import export, parquet
from pipelines.fields import COLUMNS, JSON_COLUMNS

ROWS = 40_000
_FORMATS = (
    ("jsonl", "a.jsonl"), ("jsonl.zst", "a.jsonl.zst"), ("csv", "a.csv"), ("parquet", "a.parquet"),
    ("hf", "hf"), ("sqlite", "a.db"),
)  # fmt: skip
_FIELDS = ", ".join(name for name in COLUMNS if name != "first_in_group")
_ALL = f"SELECT {_FIELDS}, duplicate_group = info_code AS first_in_group FROM ({TODAY})"
_ORDER = " ORDER BY published_at, info_code"
Job = Callable[[Path, Path], None]


def measure() -> Iterator[Figure]:
    """Rates of few rows in turn with their floors and peers, then a million once in each format."""
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder, "data"), Path(folder, "out")
        out.mkdir()
        fill(data, ROWS)
        for format, (floor, peers) in _JOBS.items():
            yield _compared(format, floor, peers, data, out)


def job(size: int, folder: Path) -> Callable[[], object]:
    """So many rows, to be written as JSON Lines."""
    data = folder / f"data{size}"
    fill(data, size)
    return lambda: _ours("jsonl", size)(data, folder / "a.jsonl")


def memory(data: Path, rows: int) -> Iterator[Figure]:
    """Peaks of the program that exports a corpus of so many articles, in every format."""
    for name, dest in _FORMATS:
        path = data / dest
        format = () if "." in dest else ("--format", dest)
        cost = finews("export", str(path), "--data", str(data), "--json", *format)
        subprocess.run(["rm", "-rf", str(path)], check=True)
        job = f"memory: export {rows:,} {name}"
        yield Figure(job, "MB", Spread.once(cost.peak), aim=Aim("at most", 300))


def _compared(format: str, floor: Job, peers: dict[str, Job], data: Path, out: Path) -> Figure:
    jobs = {"ours": _ours(format, ROWS), "floor": floor, **peers}
    turns = {
        name: partial(_seconds, job, data, out / f"{name}.{format}") for name, job in jobs.items()
    }
    figure = compared(
        f"export: {format}", "rows/s", ROWS, turns, floor_is=_doc(floor), aim=Aim("at most", 1.5)
    )
    sql = "SELECT info_code, title, json_array_length(paragraphs) FROM articles ORDER BY 1"
    if sorted(_read(format, out / f"ours.{format}")) != _cursor(data, sql).fetchall():
        raise RuntimeError(f"the {format} is not what the corpus says")
    return figure


def _read(format: str, file: Path) -> Iterator[tuple[str, str, int]]:
    """Of each row written the code, the title and how many paragraphs it has."""
    if format == "parquet":
        import pyarrow.parquet as pq

        rows = pq.read_table(file, columns=["info_code", "title", "paragraphs"]).to_pylist()
    elif format == "csv":
        with file.open(encoding="utf-8", newline="") as text:
            rows = [
                {**row, "paragraphs": json.loads(row["paragraphs"])} for row in csv.DictReader(text)
            ]
    else:
        rows = [json.loads(line) for line in file.open("rb")]
    return ((row["info_code"], row["title"], len(row["paragraphs"])) for row in rows)


def _seconds(job: Job, data: Path, dest: Path) -> float:
    return seconds(lambda: job(data, dest))


def _doc(job: Job) -> str:
    return (job.__doc__ or "").strip().rstrip(".")


def _ours(format: str, rows: int) -> Job:
    def job(data: Path, dest: Path) -> None:
        with closing(read_corpus(data)) as db:
            written = export(db, dest, format, Filter())["articles"]
        if written != rows:
            raise RuntimeError(f"{format} has {written} rows")

    return job


def _cursor(data: Path, sql: str) -> sqlite3.Cursor:
    return sqlite3.connect(data / "finews.db").execute(sql)


def _bare_json(data: Path, dest: Path) -> None:
    """json_object of SQLite, written to a file."""
    pairs = ", ".join(f"'{name}', {name}" for name in COLUMNS)
    with dest.open("wb") as file:
        rows = _cursor(data, f"SELECT CAST(json_object({pairs}) AS BLOB) FROM ({_ALL}{_ORDER})")
        file.writelines(line + b"\n" for (line,) in rows)


def _bare_csv(data: Path, dest: Path) -> None:
    """csv module over a cursor."""
    with dest.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(_cursor(data, _ALL + _ORDER))


def _bare_arrow(data: Path, dest: Path) -> None:
    """pyarrow batches of a cursor's values, zstd."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, cursor = parquet.schema(), _cursor(data, _ALL + _ORDER)
    names = [each[0] for each in cursor.description]
    with pq.ParquetWriter(dest, schema, compression="zstd") as writer:
        while rows := cursor.fetchmany(parquet.GROUP):
            columns = dict(zip(names, zip(*rows, strict=True), strict=True))
            writer.write_batch(
                pa.record_batch([_array(columns, each) for each in schema], schema=schema)
            )


def _array(columns: dict[str, Any], field: Any) -> Any:
    import pyarrow as pa

    values = columns[field.name]
    if field.name in JSON_COLUMNS:
        return pa.array([json.loads(each) if each else None for each in values], field.type)
    if pa.types.is_timestamp(field.type):
        return pa.array(values, pa.string()).cast(field.type)
    if pa.types.is_boolean(field.type):
        return pa.array(values).cast(field.type)
    return pa.array(values, field.type)


def _sqlite_utils(data: Path, dest: Path) -> None:
    program = str(Path(sys.executable).parent / "sqlite-utils")
    sql = _ALL + _ORDER
    with dest.open("wb") as file:
        subprocess.run(
            [program, "query", str(data / "finews.db"), sql, "--nl"], stdout=file, check=True
        )


def _frame(data: Path) -> Any:
    import pandas as pd

    with closing(sqlite3.connect(data / "finews.db")) as db:
        return pd.read_sql_query(_ALL + _ORDER, db)


def _pandas_json(data: Path, dest: Path) -> None:
    _frame(data).to_json(dest, orient="records", lines=True, force_ascii=False)


def _pandas_csv(data: Path, dest: Path) -> None:
    _frame(data).to_csv(dest, index=False)


def _pandas_parquet(data: Path, dest: Path) -> None:
    frame = _frame(data)
    for name in JSON_COLUMNS:
        frame[name] = frame[name].map(lambda each: json.loads(each) if each else None)
    frame.to_parquet(dest, compression="zstd")


_JOBS: dict[str, tuple[Job, dict[str, Job]]] = {
    "jsonl": (_bare_json, {"sqlite-utils --nl": _sqlite_utils, "pandas": _pandas_json}),
    "csv": (_bare_csv, {"pandas": _pandas_csv}),
    "parquet": (_bare_arrow, {"pandas": _pandas_parquet}),
}

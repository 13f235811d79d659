"""Export: rows a second beside a bare cursor that serialises the same columns, and beside what
people use instead; peak memory of a million in every format.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.corpus import BEGIN, STEP, fill
from benchmarks.process import finews
from pipelines.database.connect import read_corpus
from pipelines.database.rows import time_text
from pipelines.database.select import TODAY, Filter
from pipelines.export import export, parquet
from pipelines.fields import COLUMNS, JSON_COLUMNS

ROWS = 40_000
MILLION = 1_000_000
_ROUNDS = 5
_FORMATS = (
    ("jsonl", "a.jsonl"), ("jsonl.zst", "a.jsonl.zst"), ("csv", "a.csv"), ("parquet", "a.parquet"),
    ("hf, with card", "hf"), ("sqlite", "a.db"),
)  # fmt: skip
_FIELDS = ", ".join(name for name in COLUMNS if name != "first_in_group")
_ALL = f"SELECT {_FIELDS}, duplicate_group = info_code AS first_in_group FROM ({TODAY})"
_ORDER = " ORDER BY published_at, info_code"
Job = Callable[[Path, Path], None]


def measure() -> Iterator[tuple[str, str]]:
    """Rates of few rows in turn with their floors and peers, then a million once."""
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder, "data"), Path(folder, "out")
        out.mkdir()
        fill(data, ROWS)
        for format, (floor, peers) in _JOBS.items():
            yield from _compared(format, floor, peers, data, out)
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), MILLION)
        for name, dest in _FORMATS:
            yield _whole(Path(folder), name, dest, MILLION)
        # A file an article: a tenth of them, by the time of the last.
        some = MILLION // 10
        until = time_text(BEGIN + STEP * (some - 1))
        yield _whole(Path(folder), "jekyll", "jekyll", some, "--until", until)


def _compared(
    format: str, floor: Job, peers: dict[str, Job], data: Path, out: Path
) -> Iterator[tuple[str, str]]:
    jobs = {"ours": _ours(format), "floor": floor, **peers}
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(_ROUNDS):
        for name, job in jobs.items():
            start = time.perf_counter()
            job(data, out / f"{name}.{format}")
            times[name].append(time.perf_counter() - start)
    rate = {name: ROWS / statistics.median(each) for name, each in times.items()}
    yield f"export {format}, rows/s", f"{rate['ours']:,.0f}"
    yield f"  floor: {_doc(floor)}", f"{rate['floor']:,.0f}"
    ratios = [a / b for a, b in zip(times["ours"], times["floor"], strict=True)]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    yield "  times the floor's time", spread
    for name in peers:
        yield f"  {name}", f"{rate[name]:,.0f}"


def _doc(job: Job) -> str:
    return (job.__doc__ or "").strip().rstrip(".")


def _ours(format: str) -> Job:
    def job(data: Path, dest: Path) -> None:
        with closing(read_corpus(data)) as db:
            written = export(db, dest, format, Filter())["articles"]
        if written != ROWS:
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


def _whole(data: Path, name: str, dest: str, rows: int, *more: str) -> tuple[str, str]:
    """Speed and peak memory of the program."""
    path = data / dest
    format = () if "." in dest else ("--format", dest)
    seconds, peak = finews("export", str(path), "--data", str(data), "--json", *format, *more)
    subprocess.run(["rm", "-rf", str(path)], check=True)
    return f"export of {rows:,}, {name}, rows/s; peak MB", f"{rows / seconds:,.0f}; {peak:.0f}"

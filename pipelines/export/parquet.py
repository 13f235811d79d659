"""Parquet: one schema whatever the articles hold, so that a column of nulls has its type.

Paragraphs, tables and mentions are nested; times are timestamps in Asia/Shanghai, to the
second (in milliseconds, the coarsest that Parquet has). Needs the extra ``[parquet]``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Any, BinaryIO

from crawler.errors import BrokenRow, MissingExtra
from pipelines.fields import FIELDS

#: Rows of a row group, some 10 MB before compression: what a reader and this writer hold at once.
GROUP = 4000


def write(lines: Iterator[bytes], file: BinaryIO, on_rows: Callable[[int], object]) -> int:
    """Write the articles; the number of rows."""
    pyarrow()
    import pyarrow.parquet as pq  # noqa: PLC0415 -- an extra

    written = 0
    with pq.ParquetWriter(file, schema(), compression="zstd") as writer:
        for table in tables(lines):
            writer.write_table(table)
            on_rows(table.num_rows)
            written += table.num_rows
    return written


def tables(lines: Iterator[bytes]) -> Iterator[Any]:
    """The articles as Arrow tables of at most :data:`GROUP` rows.

    Arrow reads the JSON that SQLite wrote: half again as fast as from Python's values.
    Raises :class:`BrokenRow`.
    """
    pa = pyarrow()
    import pyarrow.json as reader  # noqa: PLC0415 -- an extra

    wanted = schema()
    # Arrow reads no offsets in JSON: times are texts first.
    texts = pa.schema(
        [(each.name, pa.string()) if pa.types.is_timestamp(each.type) else each for each in wanted]
    )
    how = reader.ParseOptions(explicit_schema=texts, unexpected_field_behavior="error")

    def table(some: list[bytes]) -> Any:
        data = b"\n".join(some)
        # One block: a line must not be larger than one.
        block = reader.ReadOptions(use_threads=False, block_size=len(data) + 1)
        read = reader.read_json(pa.BufferReader(data), block, how)
        columns = (
            column if column.type == each.type else column.cast(each.type)
            for column, each in zip(read.columns, wanted, strict=True)
        )
        return pa.table(list(columns), schema=wanted)

    while some := list(islice(lines, GROUP)):
        try:
            yield table(some)
        except pa.ArrowException:
            _blame(some, table, pa.ArrowException)
            raise


def _blame(
    lines: list[bytes], table: Callable[[list[bytes]], Any], invalid: type[Exception]
) -> None:
    """Raise :class:`BrokenRow` for the first article that cannot be read by itself."""
    for line in lines:
        try:
            table([line])
        except invalid as error:
            raise BrokenRow(json.loads(line)["info_code"], error) from error


@cache
def schema() -> Any:
    """The Arrow schema of every dataset."""
    pa = pyarrow()
    text = pa.string()
    paragraph = pa.struct(
        [
            ("kind", text),
            ("text", text),
            ("rows", pa.list_(pa.list_(text))),
            ("url", text),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("alt", text),
        ]
    )
    mention = pa.struct(
        [
            ("market", text),
            ("code", text),
            ("name", text),
            ("evidence", text),
            ("paragraph", pa.int32()),
        ]
    )
    types = {
        "text": text,
        "time": pa.timestamp("ms", tz="Asia/Shanghai"),
        "integer": pa.int64(),
        "flag": pa.bool_(),
        "texts": pa.list_(text),
        "paragraphs": pa.list_(paragraph),
        "mentions": pa.list_(mention),
    }
    return pa.schema([(field.name, types[field.type]) for field in FIELDS])


def pyarrow() -> Any:
    """The module. Raises :class:`MissingExtra`."""
    try:
        import pyarrow as pa  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise MissingExtra("parquet") from error
    return pa

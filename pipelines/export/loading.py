"""How the tools of the trade open a dataset: what its card tells datasets and people."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.fields import FIELDS

# Types of fields, by what a format can hold, in the words of the datasets library.
_STRING = "  - name: {}\n    dtype: string\n"
_NESTED = {
    "texts": "  - name: {}\n    list: string\n",
    "paragraphs": "  - name: {}\n    list:\n"
    "    - name: kind\n      dtype: string\n"
    "    - name: text\n      dtype: string\n"
    "    - name: rows\n      list:\n        list: string\n"
    "    - name: url\n      dtype: string\n"
    "    - name: width\n      dtype: int32\n"
    "    - name: height\n      dtype: int32\n"
    "    - name: alt\n      dtype: string\n",
    "mentions": "  - name: {}\n    list:\n"
    "    - name: market\n      dtype: string\n"
    "    - name: code\n      dtype: string\n"
    "    - name: name\n      dtype: string\n"
    "    - name: evidence\n      dtype: string\n"
    "    - name: paragraph\n      dtype: int32\n",
}
_PLAIN = {
    "text": _STRING,
    "integer": "  - name: {}\n    dtype: int64\n",
    "flag": "  - name: {}\n    dtype: bool\n",
}
# Not a text in JSON either: datasets would read it as a time all the same, and drop its zone.
_TIMES = {"time": "  - name: {}\n    dtype: timestamp[ms, tz=Asia/Shanghai]\n"}
_FEATURES: Mapping[str, Mapping[str, str]] = {
    "parquet": {**_PLAIN, **_NESTED, **_TIMES},
    "jsonl": {**_PLAIN, **_NESTED, **_TIMES},
    "csv": {**_PLAIN, **dict.fromkeys((*_NESTED, "time"), _STRING)},
}


def features(format: str) -> str:
    """The fields and their types as the ``datasets`` library reads them in a card, in YAML;
    empty for a format that it does not open.
    """
    types = _FEATURES.get(format, {})
    return "".join(types[field.type].format(field.name) for field in FIELDS if types)


def examples(files: str, split: str, format: str) -> dict[str, str]:
    """Python by the name of its tool: each reads the ``files`` of a split (a path or a pattern,
    from the dataset's folder) as ``news``.
    """
    found = {
        tool: code.format(files=files, split=split) for tool, code in _EXAMPLES[format].items()
    }
    if format in _FEATURES:
        found["datasets"] = _DATASETS.format(split=split)
    return found


_EXAMPLES = {
    "parquet": {
        "pandas": """\
from glob import glob

import pandas as pd

news = pd.concat(map(pd.read_parquet, sorted(glob("{files}"))))
""",
        "polars": """\
import polars as pl

news = pl.scan_parquet("{files}").collect()
""",
        "DuckDB": """\
import duckdb

news = duckdb.sql("SELECT * FROM '{files}'")
""",
    },
    "jsonl": {
        "pandas": """\
import pandas as pd

news = pd.read_json("{files}", lines=True, dtype=False)
""",
        "polars": """\
import polars as pl

news = pl.read_ndjson("{files}", infer_schema_length=None)
""",
        "DuckDB": """\
import duckdb

news = duckdb.sql("SELECT * FROM read_json('{files}')")
""",
    },
    "csv": {
        "pandas": """\
import pandas as pd

news = pd.read_csv("{files}", dtype=str, keep_default_na=False, na_values=[""])
""",
        "polars": """\
import polars as pl

news = pl.read_csv("{files}", infer_schema=False)
""",
        "DuckDB": """\
import duckdb

how = "header = true, all_varchar = true, max_line_size = 100000000"
news = duckdb.sql(f"FROM read_csv('{files}', {{how}})")
""",
    },
    "sqlite": {
        "Python": """\
import sqlite3

news = sqlite3.connect("{files}").execute("SELECT * FROM articles")
""",
    },
}
# The library names a dataset by its folder, and finds no name in ".".
_DATASETS = """\
from pathlib import Path

from datasets import load_dataset

news = load_dataset(str(Path.cwd()), split="{split}")
"""

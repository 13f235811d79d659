"""Figures for Prometheus, in a file that the textfile collector of node_exporter reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from crawler.errors import MissingExtra, StoreError
from pipelines.database.connect import CORPUS, PAGES
from pipelines.database.figures import Figure, figures

if TYPE_CHECKING:
    from prometheus_client import Metric

#: Each figure without its ``finews_``, its labels and what it means.
_FIGURES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("articles", ("site",), "Articles that are stored, by the site that they came from first."),
    ("newest_article_timestamp_seconds", ("site",), "When the newest article was published."),
    ("pending", ("site",), "Articles that listings showed and that are not fetched yet."),
    ("failures_open", ("site",), "Pages that failed and are not stored since."),
    ("gaps_open", ("site",), "Times of which a listing may be incomplete."),
    ("alarm_open", ("rule", "subject"), "1 for each alarm that is open."),
    ("run_start_timestamp_seconds", (), "When the last crawl began."),
    ("run_end_timestamp_seconds", (), "When the last crawl ended."),
    (
        "run_outcome",
        ("outcome",),
        "How the last crawl ended: 1 for its outcome; none: it has not, or was killed.",
    ),
    ("last_good_run_timestamp_seconds", (), "When a crawl came to its end last."),
    ("requests_total", (), "Requests of all runs."),
    ("bytes_total", (), "Bytes of all answers, unpacked."),
    ("refusals_total", (), "Requests that were turned away."),
    ("articles_new_total", (), "New articles of all runs."),
    ("host_rests_until_timestamp_seconds", ("host",), "Until when a host is left alone."),
    ("disk_free_bytes", (), "Free space where the data folder is."),
    ("corpus_bytes", (), "Size of finews.db, with what is not yet moved into it."),
    ("pages_bytes", (), "Size of pages.db, with what is not yet moved into it."),
)


def write_metrics(db: Database, data: Path, file: Path, now: datetime) -> None:
    """Write the figures of a corpus, open as ``db`` in the folder ``data``, to ``file``: whole,
    or not at all. Its folder must be there.

    Raises :class:`MissingExtra`, and :class:`StoreError` when the file cannot be written.
    """
    client = _client()
    registry = client.CollectorRegistry(auto_describe=False)
    registry.register(_Collector({**figures(db, now), **_space(data)}))
    try:
        client.write_to_textfile(str(file), registry)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}", file) from error


def _client() -> Any:
    """The library. Raises :class:`MissingExtra`."""
    try:
        import prometheus_client.core  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise MissingExtra("metrics") from error
    return prometheus_client


class _Collector:
    """What the library asks for the values."""

    def __init__(self, values: Mapping[str, Figure]) -> None:
        self._values = values

    def collect(self) -> Iterator[Metric]:
        core = _client().core
        for name, labels, meaning in _FIGURES:
            total = name.endswith("_total")
            kind = core.CounterMetricFamily if total else core.GaugeMetricFamily
            family = kind(f"finews_{name}", meaning, labels=labels)
            for values, value in self._values.get(name, {}).items():
                family.add_metric(values, value)
            yield family


def _space(data: Path) -> dict[str, Figure]:
    return {
        "disk_free_bytes": {(): float(shutil.disk_usage(data).free)},
        "corpus_bytes": {(): _size(data / CORPUS)},
        "pages_bytes": {(): _size(data / PAGES)},
    }


def _size(file: Path) -> float:
    files = (file, file.with_name(f"{file.name}-wal"))
    return float(sum(each.stat().st_size for each in files if each.exists()))

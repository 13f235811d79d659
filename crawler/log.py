"""What happens in a run, one line an event: JSON Lines in a file, sentences for a person.

Whoever has something to tell calls :func:`event`; nothing is written anywhere until
:func:`logging_run` has set up where to. Of other libraries, Scrapy among them, warnings and
errors are written too.
"""

from __future__ import annotations

import fcntl
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import click

from crawler.config import Log
from crawler.parsers.dates import SHANGHAI

_logger = logging.getLogger("finews")
_MEGABYTE = 1_000_000
#: Of records that no :func:`event` made.
OTHER = "log"


def event(name: str, message: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Tell of something that happened: a word such as ``walk-ended``, a sentence, and its facts.

    Times among the facts are texts as in the database.
    """
    # For INFO, whatever the level: Python itself would print warnings that nobody takes.
    if _logger.isEnabledFor(logging.INFO):
        _logger.log(level, "%s", message, extra={"event": name, "fields": fields})


@contextmanager
def logging_run(
    run_id: Callable[[], int], settings: Log, *, verbose: bool = False, quiet: bool = False
) -> Iterator[None]:
    """Write events to the file of ``settings``, and to standard error if ``verbose``, as those of
    the run that is at work.

    Call it under the run lock: two runs must not turn the files over. A file that cannot be
    opened or written is told once on standard error, unless ``quiet``, and the run goes on without
    it.
    """
    handlers: list[logging.Handler] = [_Screen(run_id)] if verbose else []
    if settings.file:
        try:
            handlers.append(_File(run_id, settings.file, settings.size, settings.files, quiet))
        except OSError as error:
            if not quiet:
                _give_up(settings.file, error)
    root, level = logging.getLogger(), _logger.level
    for each in handlers:
        each.addFilter(_is_told)
        root.addHandler(each)
    if handlers:
        _logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        _logger.setLevel(level)
        for each in handlers:
            root.removeHandler(each)
            each.close()


def line(record: logging.LogRecord, run_id: int) -> str:
    """A record as one JSON object: ``time`` (ISO 8601 in Asia/Shanghai, to the millisecond),
    ``level``, ``run``, ``event``, ``message``, then its facts.
    """
    value: dict[str, Any] = {
        "time": _time(record).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "run": run_id,
        "event": getattr(record, "event", OTHER),
        "message": record.getMessage(),
    }
    if value["event"] == OTHER:
        value["logger"] = record.name
    if record.exc_info:
        value["trace"] = logging.Formatter().formatException(record.exc_info)
    return json.dumps(value | getattr(record, "fields", {}), ensure_ascii=False, default=str)


def files_of(settings: Log) -> list[Path]:
    """The log and the earlier ones that are there, oldest first."""
    if settings.file is None:
        return []
    numbered = (Path(f"{settings.file}.{n}") for n in range(settings.files, 0, -1))
    return [path for path in (*numbered, settings.file) if path.is_file()]


def lines_of(settings: Log, run_id: int) -> Iterator[dict[str, Any]]:
    """The lines of one run, decoded, oldest first; what is none, such as half a line, is left
    out. Raises :class:`OSError`.
    """
    for path in files_of(settings):
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                with suppress(ValueError):
                    value = json.loads(text)
                    if isinstance(value, dict) and value.get("run") == run_id:
                        yield value


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, SHANGHAI)


def _is_told(record: logging.LogRecord) -> bool:
    """Of libraries only what is amiss; Scrapy tells at length what it is about to do."""
    return record.name == _logger.name or record.levelno >= logging.WARNING


def _give_up(path: Path, error: BaseException | None) -> None:
    why = error.strerror if isinstance(error, OSError) and error.strerror else error
    click.echo(f"finews: no log is written to {path}: {why}", err=True)


class _Screen(logging.Handler):
    """Short lines on standard error, whatever that is at the moment: above a bar, if there is."""

    def __init__(self, run_id: Callable[[], int]) -> None:
        super().__init__()
        self._run_id = run_id

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != _logger.name and record.levelno >= logging.ERROR:
            return  # Scrapy's own handler prints it, with its trace
        text = f"{_time(record):%H:%M:%S} run {self._run_id()}: {record.getMessage()}"
        with suppress(OSError):  # nobody is there to read it
            click.echo(text.splitlines()[0], err=True)


class _File(RotatingFileHandler):
    """JSON Lines, in files that are turned over; falls silent, with a sentence, when it cannot."""

    def __init__(
        self, run_id: Callable[[], int], path: Path, size: int, files: int, quiet: bool
    ) -> None:
        self._run_id = run_id
        self._quiet = quiet
        self._broken = False
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(
            path,
            maxBytes=size * _MEGABYTE,
            backupCount=files,
            encoding="utf-8",
            errors="backslashreplace",
        )

    def format(self, record: logging.LogRecord) -> str:
        return line(record, self._run_id())

    def emit(self, record: logging.LogRecord) -> None:
        if not self._broken:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        self._broken = True
        if not self._quiet:
            _give_up(Path(self.baseFilename), sys.exc_info()[1])
        self.close()

    def close(self) -> None:
        with suppress(OSError):  # what a full disk does not take is lost
            super().close()

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            # As a run on another data folder does that has the same settings.
            raise OSError(0, "another run writes to it") from None
        _end_line(Path(self.baseFilename), stream)
        return stream


def _end_line(path: Path, stream: TextIOWrapper) -> None:
    """End the half line that a killed run left."""
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        file.seek(-1, 2)
        if file.read() != b"\n":
            stream.write("\n")

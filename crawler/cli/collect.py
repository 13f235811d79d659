"""``finews collect``: the one who writes, where many crawl."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import click
from scrapy.settings import Settings

from crawler.cli import UNEXPECTED, options
from crawler.cli.crawl import crawl_settings
from crawler.cli.logs import begun
from crawler.cli.summary import summarise
from crawler.config_file import load
from crawler.errors import Locked, StoreError
from crawler.log import logging_run
from pipelines.database.ledger import TIME_OVER
from pipelines.health.attend import attend
from pipelines.ready import check
from pipelines.run import Folder, Run, now

_LOOK_S = 0.5  # how soon a crawl that is wanted begins
_BUSY_S = 2.0  # how soon the lock is tried again


@click.command("collect")
@options.redis("Where the workers are: redis://HOST:PORT/DB.", required=True)
@click.option("--once", is_flag=True, help="End when the first crawls are done.")
@click.option("--verbose", is_flag=True, help="Tell on standard error what happens.")
@options.data
@options.json
def command(redis: str, once: bool, verbose: bool, data: Path, as_json: bool) -> None:
    """Take in what workers (finews crawl --redis) bring, and give out what they are to ask for.

    Runs until it is told to end. The lock of the data folder is held only while there is a
    crawl to be done. Each stands among the runs as any other; a summary tells how it went.
    Nothing is lost when it is killed, or Redis: what is owed stands in the corpus.

    \b
    Examples:
      finews collect --redis redis://127.0.0.1:6379/0
      finews collect --redis redis://127.0.0.1:6379/0 --once

    Exit codes: 0 when it was told to end; with --once those of finews crawl; 1 for an error;
    4 where another one collects.
    """
    # Of an extra: not needed to tell what this command does.
    from crawler.exchange.collector import Ending, Exchange  # noqa: PLC0415

    check(load())
    settings = crawl_settings(data, None)
    ending = Ending()
    with _told_to(ending):
        exchange = Exchange(redis, ending, settings.getfloat("FINEWS_SILENCE"), data)
        told = _Told(verbose=verbose, as_json=as_json)
        try:
            exchange.begin()
            while not ending.is_set():
                if not exchange.is_wanted():
                    ending.wait(_LOOK_S)
                    continue
                _collect(data, exchange, settings, ending, told)
                if once or told.code == UNEXPECTED:
                    break
        except InterruptedError:
            pass  # told to end while Redis did not answer
        finally:
            exchange.end()
    sys.exit(told.code if once or told.code == UNEXPECTED else 0)


@contextmanager
def _told_to(ending: Any) -> Iterator[None]:
    """The first signal ends it behind what it does; the second at once."""

    def end(number: int, _frame: FrameType | None) -> None:
        if ending.is_set():
            raise KeyboardInterrupt(signal.Signals(number).name)
        ending.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    yield


@dataclass
class _Told:
    """How runs are told of; ``code`` is the exit code of the worst."""

    verbose: bool
    as_json: bool
    code: int = 0

    def begun(self, run: Run, command: str) -> None:
        begun(run, command)
        # As of crawl --due: many a day that do nothing, of which nobody needs to hear.
        self._quiet = command.endswith("--due") and not sys.stdout.isatty()

    def ended(self, run: Run) -> None:
        finished = run.outcome == "finished" or run.reason == TIME_OVER
        settings = load().settings
        attended = attend(run.data, settings, run.clock, finished=finished, trouble=run.error)
        code = summarise(run, attended, as_json=self.as_json, quiet=self._quiet)
        self.code = UNEXPECTED if UNEXPECTED in (code, self.code) else max(code, self.code)


def _collect(data: Path, exchange: Any, settings: Settings, ending: Any, told: _Told) -> None:
    """Do all that is wanted now."""
    from crawler.collecting.collector import Collector  # noqa: PLC0415

    waiting = False
    while not ending.is_set():
        try:
            with Folder.open(data) as folder:
                collector = Collector(folder, exchange, settings, ending, told.begun, told.ended)
                log = load().settings.log
                with logging_run(collector.number, log, verbose=told.verbose):
                    collector.work()
        except Locked as error:
            if not waiting:
                click.echo(f"finews: waiting: {error}", err=True)
            waiting = True
            ending.wait(_BUSY_S)
        except StoreError as error:
            attend(data, load().settings, now, finished=False, trouble=error)
            raise
        else:
            return

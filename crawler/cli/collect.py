"""``finews collect``: the one who writes, where many crawl."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

import click
from scrapy.settings import Settings

from crawler.cli import UNEXPECTED, options
from crawler.cli.crawl import crawl_settings
from crawler.cli.logs import attach
from crawler.cli.progress import RunProgress
from crawler.cli.summary import summarise, tell
from crawler.config_file import load
from crawler.errors import Locked, StoreError
from pipelines.health.attend import attend
from pipelines.ready import check
from pipelines.run import Run, now

_COMMAND = "collect"
_LOOK_S = 0.5  # how soon a crawl that is wanted begins
_BUSY_S = 2.0  # how soon the lock is tried again


@click.command(_COMMAND)
@options.redis("Where the workers are: redis://HOST:PORT/DB.", required=True)
@click.option("--once", is_flag=True, help="End when all that is wanted is done.")
@click.option("--verbose", is_flag=True, help="Tell on standard error what happens.")
@options.data
@options.json
def command(redis: str, once: bool, verbose: bool, data: Path, as_json: bool) -> None:
    """Take in what workers (finews crawl --redis) bring, and give out what they are to ask for.

    Runs until it is told to end. The lock of the data folder is held only while there is a
    crawl to be done, which stands among the runs as any other; a summary tells how it went.
    Nothing is lost when it is killed, or Redis: what is owed stands in the corpus.

    \b
    Examples:
      finews collect --redis redis://127.0.0.1:6379/0
      finews collect --redis redis://127.0.0.1:6379/0 --once

    Exit codes: 0 when it was told to end; with --once those of finews crawl; 1 for an error;
    4 where another one collects.
    """
    # Of an extra: not needed to tell what this command does.
    from crawler.exchange.collector import Exchange  # noqa: PLC0415

    check(load())
    settings = crawl_settings(data, None)
    code = 0
    with _ending() as ending:
        exchange = Exchange(redis, ending)
        try:
            exchange.begin()
            while not ending.is_set():
                if not exchange.is_wanted():
                    ending.wait(_LOOK_S)
                    continue
                code = _run(data, exchange, settings, ending, verbose=verbose, as_json=as_json)
                if once or code == UNEXPECTED:
                    break
        except InterruptedError:
            pass  # told to end while Redis did not answer
        finally:
            exchange.end()
    sys.exit(code if once or code == UNEXPECTED else 0)


@contextmanager
def _ending() -> Iterator[Event]:
    """Set by the first signal: what came is taken to its end. The second ends it at once."""
    ending = Event()

    def end(number: int, _frame: FrameType | None) -> None:
        if ending.is_set():
            raise KeyboardInterrupt(signal.Signals(number).name)
        ending.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    yield ending


def _run(
    data: Path, exchange: Any, settings: Settings, ending: Event, *, verbose: bool, as_json: bool
) -> int:
    """Take part in what is wanted now, in one run; its exit code."""
    from crawler.collector import Collector  # noqa: PLC0415

    told = False
    # As of crawl --due: many a day that do nothing, of which nobody needs to hear.
    due = all(wish and wish.due for wish in exchange.wishes().values())
    called, quiet = (f"{_COMMAND} --due", not sys.stdout.isatty()) if due else (_COMMAND, False)
    see_to = partial(attend, data, load().settings, now)
    while not ending.is_set():
        try:
            with Run.open(data, called) as run:
                attach(run, load().settings.log, called, verbose=verbose, quiet=quiet)
                collector = Collector(
                    run, exchange, settings, ending, lambda: tell(see_to(finished=True))
                )
                with RunProgress(run, quiet=as_json or quiet):
                    _collect(collector, run)
        except Locked as error:
            if not told:
                click.echo(f"finews: waiting: {error}", err=True)
            told = True
            ending.wait(_BUSY_S)
        except StoreError as error:
            see_to(finished=False, trouble=error)
            raise
        else:
            attended = see_to(finished=run.outcome == "finished", trouble=run.error)
            return summarise(run, attended, as_json=as_json, quiet=quiet)
    return 0


def _collect(collector: Any, run: Run) -> None:
    try:
        collector.work()
        collector.leave()
    except StoreError as error:
        run.error = error
    except InterruptedError:
        run.stop("told to end")

"""Runs ``finews`` in children forked from a process that has its libraries loaded.

A real process for each command, with its own environment and files, but without the second
that loading Scrapy takes: the tests run hundreds. Talks JSON lines over stdin and stdout.
A request with ``beside`` is answered with the child's process id, and not waited for; one with
``poll`` asks for the exit code of such a child, and is answered with nothing while it runs.
A request with ``now`` has the child's clock show that time when it begins, one with ``file_size``
lets no file of the child grow beyond so many bytes.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import traceback
import warnings
from datetime import datetime
from typing import Any

import time_machine

#: What takes long to load. Not the settings, which read the environment of each child.
LIBRARIES = (
    "bs4", "click", "lxml.etree", "lxml.html", "rich.console", "rich.progress", "rich.table",
    "scrapy.crawler", "scrapy.core.engine", "scrapy.core.downloader.handlers.http11",
    "scrapy.core.scraper", "scrapy.core.spidermw", "scrapy.http", "scrapy.pqueues",
    "scrapy.core.downloader.handlers.datauri", "scrapy.core.downloader.handlers.file",
    "scrapy.core.downloader.handlers.ftp", "scrapy.core.downloader.handlers.s3",
    "scrapy.downloadermiddlewares.cookies", "scrapy.downloadermiddlewares.httpcompression",
    "scrapy.downloadermiddlewares.httpproxy", "scrapy.downloadermiddlewares.offsite",
    "scrapy.downloadermiddlewares.retry", "scrapy.dupefilters", "scrapy.extensions.closespider",
    "scrapy.extensions.feedexport", "scrapy.extensions.memusage", "scrapy.extensions.telnet",
    "scrapy.extensions.throttle", "scrapy.logformatter", "scrapy.spidermiddlewares.metacopy",
    "scrapy.robotstxt", "scrapy.spiderloader", "scrapy.utils.project", "scrapy.squeues",
    "scrapy.extensions.logstats", "scrapy.downloadermiddlewares.redirect",
    "sqlite_utils", "tldextract",
    "crawler.cli.alarm", "crawler.cli.config", "crawler.cli.crawl", "crawler.cli.db",
    "crawler.cli.demo", "crawler.frontier.due", "crawler.cli.export", "crawler.cli.failures",
    "crawler.cli.gaps", "crawler.cli.ingest", "crawler.cli.runs", "crawler.cli.show",
    "crawler.cli.sites", "crawler.cli.status", "crawler.collecting.collector",
    "crawler.middlewares.frontier", "crawler.middlewares.guest",
    "crawler.spiders.choice", "crawler.spiders.eastmoney", "crawler.spiders.finews",
    "crawler.worker.guest", "crawler.worker.pipeline", "crawler.worker.scheduler",
    "sqlite_utils.migrations", "twisted.internet.asyncioreactor", "twisted.web.client",
)  # fmt: skip


def main() -> None:
    for name in LIBRARIES:
        __import__(name)
    assert (
        not {"twisted.internet.reactor", "crawler.settings"} & sys.modules.keys()
    )  # each child has its own
    gc.freeze()
    for line in sys.stdin:
        sys.stdout.write(f"{answer(json.loads(line))}\n")
        sys.stdout.flush()


def answer(asked: dict[str, Any]) -> int | str:
    """Do what a request asks for."""
    child, flags = asked.get("poll"), os.WNOHANG
    if child is None:
        child, flags = os.fork(), 0
        if not child:
            run(asked)
        if asked.get("beside"):
            return child
    done, status = os.waitpid(child, flags)
    return os.waitstatus_to_exitcode(status) if done else ""


def run(asked: dict[str, Any]) -> None:
    """Be the program that is asked for; never returns."""
    code = 1
    try:
        for number, (name, flags) in enumerate(
            ((os.devnull, os.O_RDONLY), (asked["out"], os.O_WRONLY), (asked["err"], os.O_WRONLY))
        ):
            file = os.open(name, flags)
            os.dup2(file, number)
            os.close(file)
        signal.alarm(asked["timeout"])
        os.environ.clear()
        os.environ.update(asked["env"])
        os.chdir(asked["cwd"])
        sys.path[:0] = asked["env"].get("PYTHONPATH", "").split(os.pathsep)
        sys.argv = asked["args"]
        warnings.simplefilter("error")
        if (size := asked.get("file_size")) is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        if now := asked.get("now"):
            time_machine.travel(datetime.fromisoformat(now)).start()
        from crawler.cli import main as finews

        finews()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else bool(error.code)
    except BaseException:  # noqa: BLE001 -- as the interpreter does at its end
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()

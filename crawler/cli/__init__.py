"""The ``finews`` command: one file a subcommand, loaded only when it is called."""

from __future__ import annotations

import importlib
import sqlite3
import sys
from typing import Any

import click

from crawler import __version__
from crawler.errors import AnotherCollects, BadSettings, FinewsError, Locked

#: Exit codes of the contract; 2 (usage) is click's own too.
UNEXPECTED, USAGE, FAILED, LOCKED = 1, 2, 3, 4
_CODES: dict[type[FinewsError], int] = {
    AnotherCollects: LOCKED,
    BadSettings: USAGE,
    Locked: LOCKED,
}

#: The commands, and what each does in a few words: the list of them loads none.
COMMANDS = {
    "alarm": "what needs a person; try the ways it is told",
    "collect": "take in what many workers crawl",
    "config": "the settings in force, and where each is set",
    "crawl": "crawl sites into the corpus",
    "db": "are the two files sound; a copy of them",
    "demo": "the whole way on bundled miniatures, offline",
    "export": "write what is stored as a dataset",
    "failures": "what is not stored, and why; take it now",
    "gaps": "of which times a listing may be incomplete",
    "ingest": "read post files and web archives",
    "pages": "the stored pages; free their space",
    "reparse": "parse stored pages again with today's parsers",
    "runs": "what each run did, and its log",
    "search": "find articles by what they say",
    "serve": "the corpus in a browser",
    "show": "print one article, or its history",
    "sites": "the sites and listings that are known",
    "status": "what is stored, what is wrong, what is due",
}


class LazyGroup(click.Group):
    """Imports a command's module when it is asked for: ``--help`` loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"crawler.cli.{name}").command
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Errors of ours are a sentence and an exit code, never a traceback."""
        try:
            return super().invoke(ctx)
        except FinewsError as error:
            click.echo(f"finews: {error}", err=True)
            sys.exit(_CODES.get(type(error), UNEXPECTED))
        except sqlite3.Error as error:
            click.echo(f"finews: the database cannot be read: {error}", err=True)
            sys.exit(UNEXPECTED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="finews")
def main() -> None:
    """Read Chinese financial news into a corpus that a researcher can trust.

    \b
    Begin with:
      finews demo                  the whole way on a bundled miniature, offline
      finews crawl                 crawl all sites that are enabled into data/finews.db
      finews export news.jsonl     write what is stored as a dataset
    """

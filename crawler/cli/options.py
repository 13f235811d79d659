"""Options that several commands share, each defined once."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args

import click

from crawler.config_file import load
from crawler.errors import MissingExtra, RedisRefuses
from crawler.parsers.dates import SHANGHAI, read_bound
from pipelines.database.select import Dedupe, Filter, is_over

data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: load().settings.data,
    show_default="data, or as finews.toml says",
    help="Folder of finews.db and pages.db.",
)
processes = click.option(
    "--processes",
    type=click.IntRange(1),
    metavar="N",
    default=os.cpu_count,
    show_default="all cores",
    help="Parse in N processes.",
)
_Command = TypeVar("_Command", bound=Callable[..., Any])
json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


class Bound(click.ParamType[datetime]):
    """A day or a time; without a zone it is in Asia/Shanghai."""

    name = "time"

    def __init__(self, *, end: bool = False) -> None:
        self._end = end

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        try:
            return read_bound(value, end=self._end)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Length(click.ParamType[timedelta]):
    """A length of time: a number and one of the ``units`` that it knows, 50m or 90d.

    ``zero`` says that none at all is one too.
    """

    name = "length"
    _UNITS: ClassVar[dict[str, timedelta]] = {
        "s": timedelta(seconds=1),
        "m": timedelta(minutes=1),
        "h": timedelta(hours=1),
        "d": timedelta(days=1),
        "w": timedelta(weeks=1),
    }

    def __init__(self, units: str, examples: str, *, zero: bool = False) -> None:
        self._zero = zero
        self._given = re.compile(rf"([0-9]{{1,5}})([{units}])\Z")
        self._examples = examples

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = self._given.match(value)
        if not found or not (self._zero or int(found[1])):
            self.fail(f"{value!r} is no length of time such as {self._examples}", param, ctx)
        return int(found[1]) * self._UNITS[found[2]]


def check_order(since: datetime | None, until: datetime | None) -> None:
    """Refuse bounds in the wrong order."""
    if since and until and since > until:
        raise click.UsageError(f"--since {since} is later than --until {until}")


since = click.option("--since", metavar="T", type=Bound(), help="Published at T or later.")
until = click.option(
    "--until", metavar="T", type=Bound(end=True), help="Published by T; a day counts whole."
)


def _over(_ctx: click.Context, _param: click.Parameter, value: datetime | None) -> datetime | None:
    if value and not is_over(value, datetime.now(SHANGHAI)):
        raise click.BadParameter(f"{value:%Y-%m-%d %H:%M:%S} is not over yet")
    return value


as_of = click.option(
    "--as-of",
    metavar="T",
    type=Bound(end=True),
    callback=_over,
    help="As known at the end of T, a second or a day that is over.",
)
replay = click.option(
    "--replay", metavar="URL", help="Read from a mirror that serves URL/HOST/PATH."
)
wait = click.option("--wait", is_flag=True, help="Wait for another run to end, rather than exit 4.")


def _redis(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value:
        try:
            from crawler.exchange.connect import check  # noqa: PLC0415 -- of an extra
        except ModuleNotFoundError as error:
            raise MissingExtra("redis") from error
        try:
            check(value)
        except RedisRefuses as error:
            raise click.BadParameter(str(error)) from error
    return value


def redis(help: str, *, required: bool = False) -> Callable[[_Command], _Command]:
    """The address of a Redis; what for, tells ``help``."""
    return click.option("--redis", metavar="URL", callback=_redis, required=required, help=help)


def _several(name: str, field: str, metavar: str, help: str) -> Any:
    return click.option(name, field, metavar=metavar, multiple=True, help=help)


_SELECTION = (
    since,
    until,
    click.option("--seen-since", metavar="T", type=Bound(), help="First stored at T or later."),
    click.option("--seen-until", metavar="T", type=Bound(end=True), help="First stored by T."),
    _several("--site", "sites", "NAME", "Shown by site NAME."),
    _several("--listing", "listings", "NAME", "Shown by listing NAME."),
    _several("--source", "sources", "NAME", "Attributed to NAME."),
    _several("--code", "securities", "CODE", "Names 1.600519, or 600519."),
    click.option(
        "--evidence",
        metavar="WORDS",
        callback=lambda _ctx, _param, value: tuple(value.split(",")) if value else (),
        help="Named by one of chart,code,tag,link.",
    ),
    click.option("--min-paragraphs", metavar="N", type=int, help="Has N paragraphs or more."),
    as_of,
    click.option(
        "--dedupe",
        type=click.Choice(get_args(Dedupe)),
        default="none",
        show_default=True,
        help="Of equal texts, or of a group of near-duplicates, only the first.",
    ),
)


_QUERY = click.option("--query", metavar="QUERY", help="Found by QUERY, as by finews search.")


def selection(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose articles, the same for every command; it gets them as ``wanted``,
    a :class:`Filter`.
    """
    return _QUERY(narrowing(command))


def narrowing(command: Callable[..., None]) -> Callable[..., None]:
    """The same but for ``--query``, for a command that has the query as its argument."""

    @functools.wraps(command)
    def with_filter(**given: Any) -> None:
        wanted = Filter(
            **{each.name: given.pop(each.name) for each in fields(Filter) if each.name in given}
        )
        try:
            wanted.check()
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        command(wanted=wanted, **given)

    chosen: Callable[..., None] = with_filter
    for option in reversed(_SELECTION):
        chosen = option(chosen)
    return chosen

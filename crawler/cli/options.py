"""Options that several commands share, each defined once."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from crawler.parsers.dates import SHANGHAI, read_bound

data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Folder of finews.db and pages.db.",
)
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


def check_order(since: datetime | None, until: datetime | None) -> None:
    """Refuse bounds in the wrong order."""
    if since and until and since > until:
        raise click.UsageError(f"--since {since} is later than --until {until}")


wait = click.option("--wait", is_flag=True, help="Wait for another run to end, rather than exit 4.")
since = click.option("--since", metavar="T", type=Bound(), help="Published at T or later.")
until = click.option(
    "--until", metavar="T", type=Bound(end=True), help="Published by T; a day counts whole."
)


def _over(_ctx: click.Context, _param: click.Parameter, value: datetime | None) -> datetime | None:
    """What will be known by then is not known yet: the same T would give something else later."""
    if value and value.replace(microsecond=0) + timedelta(seconds=1) > datetime.now(SHANGHAI):
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

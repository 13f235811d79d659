"""``finews serve``: the corpus in a browser."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from crawler.cli import UNEXPECTED, options
from crawler.cli.output import print_json
from crawler.errors import MissingExtra

_NAME = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?")


def _bare(_ctx: object, _param: object, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _NAME.fullmatch(name):
            raise click.BadParameter(f"{name!r} is no host name; leave out its port and path")
    return names


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8001,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    callback=_bare,
    help="Host name it is asked by, such as behind a reverse proxy; may be repeated.",
)
@options.data
@options.json
def command(host: str, port: int, names: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Show the corpus in a browser: search, articles, securities, sources, health.

    It only reads, also while a crawl writes, and asks nothing of any other machine. Without
    --host only this machine reaches it; there is no password, so put one before it, in a
    reverse proxy, where others may. Ctrl-C ends it.

    \b
    Examples:
      finews serve
      finews serve --port 8080 --name news.example.org
    """
    try:
        from pipelines.web import server  # noqa: PLC0415  # of an extra
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in ("crawler", "pipelines"):
            raise
        raise MissingExtra("web") from error
    serving = server.server(data, (host, *names))
    try:
        listening = server.bound(host, port)
    except OSError as error:
        click.echo(f"finews: cannot listen on {host} port {port}: {error}", err=True)
        sys.exit(UNEXPECTED)
    url = server.address(listening)
    if as_json:
        print_json({"url": url})
    else:
        click.echo(f"Serving {data} on {url} (Ctrl-C ends it)")
    sys.stdout.flush()
    with listening:
        serving.run(sockets=[listening])

"""``finews demo``: the whole way on a bundled miniature, offline."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from crawler.cli import options
from crawler.cli.crawl import crawl, crawl_settings
from crawler.cli.output import print_table, short_time
from crawler.cli.process import Tasks
from crawler.config_file import VARIABLE
from crawler.demo import bundled
from crawler.demo.server import serve
from pipelines.database import select
from pipelines.database.connect import read_corpus
from pipelines.export import export

_SITES = ("finews", "eastmoney")


@click.command("demo")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data/demo"),
    show_default=True,
    help="Folder of the demo's finews.db and pages.db.",
)
@options.json
def command(data: Path, as_json: bool) -> None:
    """Crawl bundled miniatures of two sites, show what was stored, export it.

    The articles are made up; the pages have the real sites' shapes. They are served
    on loopback by this command itself. A second demo fetches no article again.

    \b
    Example:
      finews demo
    """
    if not as_json:
        click.echo(f"Crawling miniatures of {' and '.join(_SITES)}, served on loopback.")
    os.environ[VARIABLE] = os.devnull  # the same demo for everyone, whatever finews.toml says
    with serve(bundled()) as url:
        tasks: Tasks = {site: {} for site in _SITES}
        settings = crawl_settings(data, url)
        code = crawl("demo", lambda _: tasks, settings, as_json=as_json, alarms=False)
    if code:
        sys.exit(code)
    db = read_corpus(data)
    exported = [data / "news.jsonl", data / "news.csv"]
    for dest in exported:
        export(db, dest, dest.suffix[1:], select.Filter())
    if not as_json:
        _show(data, exported)


def _show(data: Path, exported: list[Path]) -> None:
    db = read_corpus(data)
    articles = [select.decoded(row) for row in select.rows(db, select.Filter())]
    click.echo()
    print_table(
        ("info code", "time", "source", "title", "¶"),
        (
            (
                each["info_code"],
                short_time(each["published_at"]),
                each["source"],
                each["title"],
                len(each["paragraphs"]),
            )
            for each in articles
        ),
    )
    click.echo(f"\nExported to {exported[0]} and {exported[1]}. Try next:")
    finews = "finews" if shutil.which("finews") else os.path.relpath(sys.argv[0])
    click.echo(f"  {finews} show {articles[-1]['info_code']} --data {data}")
    click.echo(f"  {finews} search 锂 --data {data}")
    click.echo(f"  {finews} serve --data {data}")
    click.echo(f"  {finews} status --data {data}")
    click.echo(f"  {finews} export {data}/news --format hf --data {data}")
    click.echo(f"  sqlite3 {data}/finews.db 'SELECT title, source FROM articles'")
    click.echo("and this demo once more: nothing is fetched twice.")

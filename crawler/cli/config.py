"""``finews config``: the settings in force, and where each is set."""

from __future__ import annotations

import os
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from crawler.cli import options
from crawler.cli.output import print_json, print_table
from crawler.config import Key, keys, toml
from crawler.config_file import FILE, VARIABLE, load

_MODULE = "SCRAPY_SETTINGS_MODULE"
_OWN_MODULE = "crawler.settings"


@click.command("config")
@click.option("--example", is_flag=True, help="Print a finews.toml with every key, commented.")
@options.data
@options.json
@click.pass_context
def command(ctx: click.Context, example: bool, data: Path, as_json: bool) -> None:
    """Show every setting that is in force and where it is set: as a default, on a line of
    finews.toml, in the environment, on the command line.

    Settings are read from finews.toml in the current folder, or from the file that
    FINEWS_CONFIG names. What each means stands in docs/settings.md and in --example.

    \b
    Examples:
      finews config
      finews config --example > finews.toml
    """
    if example:
        click.echo(example_file(), nl=False)
        return
    given = ctx.get_parameter_source("data") is ParameterSource.COMMANDLINE
    rows = in_force(data if given else None)
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("key", "value", "from"),
            ((row["key"], _shown(row["value"]), row["from"]) for row in rows),
        )


def in_force(data: Path | None) -> list[dict[str, Any]]:
    """A row a key: ``key``, ``value``, ``from`` and the Scrapy ``setting`` that it feeds.

    ``data`` is that of the command line, where it is given. Raises :class:`BadSettings`.
    """
    found = load()
    rows = {
        key.name: {
            "key": key.name,
            "value": _value(key, found.value(key.name)),
            "from": found.origin(key.name),
            "setting": key.feeds,
        }
        for key in keys().values()
    }
    _apply_module(rows)
    if data:
        rows["data"] |= {"value": data, "from": "--data"}
    rows["data"]["value"] = str(rows["data"]["value"])
    for row in rows.values():
        if row["value"] is None and row["setting"]:  # a pause of a site that has none of its own
            row |= {"value": rows["crawl.delay"]["value"], "from": "crawl.delay"}
    return list(rows.values())


def _value(key: Key, value: Any) -> Any:
    """A value as it may be shown."""
    if key.secret and value:
        return "(set)"
    return str(value) if isinstance(value, Path) else value


def _apply_module(rows: dict[str, dict[str, Any]]) -> None:
    """A settings module of the user's own, which Scrapy is told to load, may say otherwise."""
    name = os.environ.get(_MODULE, _OWN_MODULE)
    if name == _OWN_MODULE:
        return
    module = import_module(name)
    for key in keys().values():
        if key.name == "data" or key.feeds is None:  # commands go by --data and its default
            continue
        row = rows[key.name]
        value = getattr(module, key.feeds, row["value"])
        if isinstance(value, dict):  # by site
            value = value.get(key.name.split(".")[1], row["value"])
        if isinstance(value, list):
            value = tuple(value)
        if value != row["value"]:
            row |= {"value": value, "from": name}


def example_file() -> str:
    """A ``finews.toml`` with every key and its default commented out."""
    text = (
        f"Settings of finews. Every key may be left out; the values here are the defaults."
        f" finews reads this file as {FILE} in the current folder, or where {VARIABLE} says."
        f" finews config shows what is in force."
    )
    parts, table = [_comment(text)], ""
    for key in keys().values():
        if (own := key.name.rpartition(".")[0]) != table:
            table = own
            parts.append(f"\n[{table}]\n")
        parts.append(f"\n{_example(key)}")
    return "".join(parts)


def default_of(key: Key) -> Any:
    """The default of a key as a file could say it."""
    if key.default is not None:
        return key.default
    return keys()["crawl.delay"].default if key.feeds else ""


def _example(key: Key) -> str:
    name, variable = key.name.rpartition(".")[2], key.variable
    told = f"{key.meaning} It takes {key.takes}.{f' {variable} overrides it.' if variable else ''}"
    if key.secret:
        return f"{_comment(f'{key.meaning} A secret: only {variable} in the environment sets it.')}"
    return f"{_comment(told)}#{name} = {toml(default_of(key))}\n"


def _shown(value: Any) -> str | None:
    return None if value is None else toml(value)


def _comment(text: str) -> str:
    lines = textwrap.wrap(text, 78, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)

"""Reads ``finews.toml`` and what the environment says over it.

A default gives way to the file, the file to the environment, that to the command line. What is
wrong is :class:`~crawler.errors.BadSettings` with its line and what would be right.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from crawler.config import Key, Settings, definition, is_number, keys
from crawler.errors import BadSettings
from crawler.toml_lines import lines

FILE = "finews.toml"
#: The variable that names another file.
VARIABLE = "FINEWS_CONFIG"
DEFAULT = "default"

_PATHS: tuple[object, ...] = (Path, Path | None)
_LINE = re.compile(r"at line ([0-9]+)")
_WIDTH = 60  # of a wrong value, where a sentence shows it


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings, and where each that is not a default stands: ``finews.toml:7`` or the name
    of a variable, by the key's dotted name.
    """

    settings: Settings
    origins: Mapping[str, str]

    def value(self, name: str) -> Any:
        """The value of a key by its dotted name."""
        value: Any = self.settings
        for part in name.split("."):
            value = getattr(value, part)
        return value

    def origin(self, name: str) -> str:
        return self.origins.get(name, DEFAULT)


def load(environ: Mapping[str, str] = os.environ) -> InForce:
    """The settings of this folder and environment; an empty variable counts as none.

    Raises :class:`BadSettings`.
    """
    text, file = _find(environ)
    return read(text, file, environ)


def read(text: str, file: Path, environ: Mapping[str, str]) -> InForce:
    """The settings of a file's text, with the environment over it. Raises :class:`BadSettings`."""
    return _Reading(text, file).read(environ)


def _find(environ: Mapping[str, str]) -> tuple[str, Path]:
    named = environ.get(VARIABLE)
    path = Path(named or FILE)
    if not named and not os.path.lexists(path):
        return "", path
    try:
        # As some editors save it: with a byte order mark.
        return path.read_bytes().decode("utf-8-sig"), path
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = "this is not UTF-8; save the file as UTF-8"
        raise BadSettings(message, origin=f"{path}:{line}", line=line) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        told = f", which {VARIABLE} names," if named else ""
        message = f"the settings file{told} cannot be read: {why}"
        raise BadSettings(message, origin=str(path)) from error


class _Wrong(Exception):
    """A value that a key does not take; ``number`` is that of the item of a list, if it is one."""

    def __init__(self, sentence: str, number: int | None = None) -> None:
        super().__init__(sentence)
        self.number = number


class _Reading:
    """One reading of one file."""

    def __init__(self, text: str, file: Path) -> None:
        self._text = text
        self._file = file
        self._values: dict[str, Any] = {}
        self._origins: dict[str, str] = {}
        self._lines: Mapping[tuple[str | int, ...], int] = {}

    def read(self, environ: Mapping[str, str]) -> InForce:
        try:
            given = tomllib.loads(self._text)
            self._lines = lines(self._text)
        except tomllib.TOMLDecodeError as error:
            raise self._no_toml(str(error)) from error
        except (ValueError, RecursionError) as error:  # digits or brackets by the thousands
            message = "a value is too long or nested too deeply"
            raise BadSettings(message, origin=str(self._file)) from error
        self._table(given, Settings, ())
        for key in keys().values():
            if key.variable and (value := environ.get(key.variable)):
                self._take_variable(key, key.variable, value)
        settings: Settings = _tree(Settings, "", self._values)
        self._refuse_both(settings)
        return InForce(settings, self._origins)

    def _table(self, given: Mapping[str, Any], table: Any, path: tuple[str, ...]) -> None:
        """Take the values of a table and of those in it."""
        known = {each.name: each for each in fields(table)}
        for name, value in given.items():
            at = (*path, name)
            if name not in known:
                raise self._bad(_unknown(name, path, list(known)), at)
            if definition(known[name]):
                self._take(keys()[".".join(at)], value, at)
            elif isinstance(value, dict):
                self._table(value, type(known[name].default), at)
            else:
                dotted = ".".join(at)
                raise self._bad(f"{dotted} is a table: write [{dotted}] and its keys below", at)

    def _take(self, key: Key, value: object, at: tuple[str, ...]) -> None:
        if key.secret:
            raise self._bad(
                f"{key.name} is a secret: take it out here and set {key.variable} in the"
                " environment",
                at,
            )
        try:
            checked = _checked(key, value)
        except _Wrong as error:
            item = () if error.number is None else (error.number,)
            raise self._bad(str(error), (*at, *item)) from error
        if key.type in _PATHS:
            # Joined with an absolute path that alone is left.
            checked = self._file.parent / checked if checked else None
        self._values[key.name] = checked
        self._origins[key.name] = self._origin(self._line(at))

    def _take_variable(self, key: Key, variable: str, value: str) -> None:
        try:
            self._values[key.name] = _checked(key, value)
        except _Wrong as error:
            # A secret is not shown, not even a wrong one.
            told = f"{key.name} takes {key.takes}" if key.secret else str(error)
            raise BadSettings(told, origin=variable) from error
        self._origins[key.name] = variable

    def _refuse_both(self, settings: Settings) -> None:
        """Refuse values that do not go together."""
        polling = settings.polling
        if polling.least > polling.most:
            at = ("polling", "least" if ("polling", "least") in self._lines else "most")
            told = f"polling.least, {polling.least:g}, is more than polling.most, {polling.most:g}"
            raise self._bad(told, at)
        for site, own in settings.sites.items():
            for number, name in enumerate(own.listings_off):
                if name in own.listings_on:
                    told = f"listing {name!r} is in listings_on too; decide for one"
                    raise self._bad(told, ("sites", site, "listings_off", number))

    def _line(self, at: tuple[str | int, ...]) -> int | None:
        """The line of a key, else that of the table around it."""
        while at and at not in self._lines:
            at = at[:-1]
        return self._lines.get(at)

    def _origin(self, line: int | None) -> str:
        return f"{self._file}:{line}" if line else str(self._file)

    def _bad(self, message: str, at: tuple[str | int, ...]) -> BadSettings:
        line = self._line(at)
        return BadSettings(message, origin=self._origin(line), line=line)

    def _no_toml(self, said: str) -> BadSettings:
        """From what :mod:`tomllib` said, which ends 「(at line 3, column 5)」."""
        found = _LINE.search(said)
        line = int(found[1]) if found else self._text.rstrip().count("\n") + 1
        message = f"this is not TOML: {said.partition(' (at ')[0]}"
        return BadSettings(message, origin=self._origin(line), line=line)


def _tree(table: Any, prefix: str, values: Mapping[str, Any]) -> Any:
    return table(
        **{
            each.name: values.get(f"{prefix}{each.name}", each.default)
            if definition(each)
            else _tree(type(each.default), f"{prefix}{each.name}.", values)
            for each in fields(table)
        }
    )


def _unknown(name: str, path: tuple[str, ...], known: list[str]) -> str:
    """What is wrong with an unknown name in the table at ``path``, and what is nearest."""
    shown = _shown(name)
    if path == ("sites",):
        told = f"there is no site {shown}"
    else:
        told = f"[{'.'.join(path)}] has no key {shown}" if path else f"there is no key {shown}"
    elsewhere = {full.rpartition(".")[2]: full for full in reversed(keys())}
    near = get_close_matches(name, known, 1)
    # Perhaps the right name in the wrong table.
    near = near or [elsewhere[each] for each in get_close_matches(name, elsewhere, 1)]
    if near:
        return f"{told}; did you mean {near[0]}?"
    return f"{told}; there are {', '.join(known)}"


def _checked(key: Key, value: object) -> Any:
    """The value as the type of ``key`` has it. Raises :class:`_Wrong`."""
    wrong = f"{key.name} takes {key.takes}, not {_shown(value)}"
    if key.type not in (tuple[str, ...], tuple[float, ...]):
        _check(key, value, wrong)
        return value
    if not isinstance(value, list):
        raise _Wrong(wrong)
    for number, item in enumerate(value):
        item_wrong = f"{key.name} takes {key.takes}, and {_shown(item)} is none"
        _check(key, item, item_wrong, number)
    if not key.whole(value):
        raise _Wrong(wrong)
    return tuple(value)


def _check(key: Key, value: object, wrong: str, number: int | None = None) -> None:
    if key.type in (float, float | None, tuple[float, ...]):
        fits = is_number(value)
    elif key.type is int:
        fits = type(value) is int
    else:
        fits = isinstance(value, str)
    try:
        if not fits or not key.check(value):
            raise _Wrong(wrong, number)
    except ValueError as error:
        raise _Wrong(f"{key.name}: {error}", number) from error


def _shown(value: object) -> str:
    """A value in a sentence, as TOML has it, not longer than fits one."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        items = ("[…]" if isinstance(each, list) else _shown(each) for each in value[:_WIDTH])
        text = f"[{', '.join(items)}]"
    elif isinstance(value, datetime | date | time):
        text = value.isoformat()
    elif isinstance(value, int) and value.bit_length() > 64:
        return "a number so large"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"

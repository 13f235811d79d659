"""``manifest.json``: what a dataset in a folder is, how it was made, and what its files hash to.

It names no machine, folder or time of day: the same corpus and command give the same bytes.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from hashlib import file_digest, sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crawler import __version__
from pipelines.database.rows import time_text
from pipelines.database.select import Filter
from pipelines.export.splits import Split
from pipelines.fields import FIELDS

NAME = "manifest.json"
#: What a manifest of ours says it is; raise the number when its form changes.
FORM = "finews-dataset/1"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a dataset: its path within the folder, the articles in it (None: it holds
    none, such as the card), bytes and SHA-256.
    """

    path: str
    rows: int | None
    bytes: int
    sha256: str

    @classmethod
    def of(cls, folder: Path, path: Path, rows: int | None = None) -> File:
        """The file as it stands. Raises :class:`OSError`."""
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        return cls(path.relative_to(folder).as_posix(), rows, path.stat().st_size, digest)


def command_of(wanted: Filter, format: str, splits: Sequence[Split], *, excel: bool) -> str:
    """The command that exports this, with the words DEST and every bound as it was understood."""
    words = ["finews", "export", "DEST", "--format", format]
    for option, value in _options(wanted):
        words += [option, value]
    if splits:
        words += ["--split", ",".join(map(_split_text, splits))]
    if excel:
        words.append("--excel")
    return shlex.join(words)


def filters_of(wanted: Filter) -> dict[str, Any]:
    """The filters that narrow, by the name of their option; times as ISO 8601."""
    found: dict[str, Any] = {}
    for option, value in _options(wanted):
        name = option.removeprefix("--")
        if name in _FIELD:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


# Options that may be given several times.
_FIELD = {
    "site": "sites",
    "listing": "listings",
    "source": "sources",
    "code": "securities",
    "evidence": "evidence",
}
_OPTION = {field: option for option, field in _FIELD.items()}


def _options(wanted: Filter) -> Iterator[tuple[str, str]]:
    for field in fields(wanted):
        value = getattr(wanted, field.name)
        if value is None or value == field.default:
            continue
        option = f"--{_OPTION.get(field.name, field.name.replace('_', '-'))}"
        for each in value if isinstance(value, tuple) else (value,):
            yield option, time_text(each) if isinstance(each, datetime) else str(each)


def _split_text(split: Split) -> str:
    bounds = [time_text(each) if each else "" for each in (split.start, split.end)]
    return f"{split.name}:{'..'.join(bounds) if any(bounds) else ''}"


def versions(schema: str, packages: Sequence[str]) -> dict[str, str]:
    """The versions that the bytes depend on: of finews, of the corpus, of ``packages``."""
    return {
        "finews": __version__,
        "corpus": schema,
        **{package: version(package) for package in packages},
    }


def manifest_text(about: Mapping[str, Any], files: Sequence[File]) -> str:
    """The manifest as JSON; ``about`` comes between its form and its files."""
    value = {
        "form": FORM,
        **about,
        "schema": [
            {"name": field.name, "type": field.type, "meaning": field.meaning} for field in FIELDS
        ],
        "files": [
            {name: part for name, part in asdict(each).items() if part is not None}
            for each in files
        ],
    }
    return _text(value | {"sha256": _digest(value)})


def strangers(folder: Path) -> set[str]:
    """The files in a folder that no export wrote, by their paths in it."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    try:
        _, _, files = _read((folder / NAME).read_bytes())
    except (OSError, _Damaged):
        return there
    return there - {NAME, *(each.path for each in files)}


def verify(folder: Path) -> list[str]:
    """What in a folder is not as its manifest says, a sentence each; empty: all is.

    Raises :class:`OSError` for files that cannot be read, such as a manifest that is not there.
    """
    text = (folder / NAME).read_bytes()
    try:
        value, digest, files = _read(text)
    except _Damaged:
        return [f"{NAME} is damaged, or no manifest of finews"]
    found = []
    if digest != _digest(value) or text != _text(value | {"sha256": digest}).encode():
        found.append(f"{NAME} differs from what was written")
    found += filter(None, (_difference(folder, each) for each in files))
    return found + [f"{path} is not in the manifest" for path in sorted(strangers(folder))]


class _Damaged(Exception):
    pass


def _read(text: bytes) -> tuple[dict[str, Any], str, list[File]]:
    """A manifest without its own hash, that hash, and its files, all of them in the folder."""
    try:
        value = json.loads(text)
        digest = value.pop("sha256")
        files = [
            File(str(each["path"]), each.get("rows"), each["bytes"], each["sha256"])
            for each in value["files"]
        ]
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise _Damaged from error
    outside = (Path(each.path).is_absolute() or ".." in Path(each.path).parts for each in files)
    if value.get("form") != FORM or any(outside):
        raise _Damaged
    return value, digest, files


def _difference(folder: Path, file: File) -> str | None:
    path = folder / file.path
    if not path.is_file():
        return f"{file.path} is missing"
    there = File.of(folder, path)
    if there.bytes != file.bytes:
        return f"{file.path} has {there.bytes} bytes, not {file.bytes}"
    return None if there.sha256 == file.sha256 else f"{file.path} differs: its SHA-256 is another"


def _digest(value: Mapping[str, Any]) -> str:
    return sha256(_text(value).encode()).hexdigest()


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"

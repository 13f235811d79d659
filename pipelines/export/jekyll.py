"""Jekyll: post files as the public site had them, and the pages that make a site of them.

``_posts/`` holds one file an article, in the shapes of the real ones; ``category/`` a page
for each category; ``_config.yml`` and ``_layouts/`` let Jekyll build the site.
"""

from __future__ import annotations

import errno
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from filecmp import cmp
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sqlite_utils import Database

from pipelines.database.rows import time_of
from pipelines.database.select import Filter, rows
from pipelines.fields import COLUMNS

_SITE = "//finews.withounder.com"
_COLUMN = {"emnews": "东财滚动新闻"}
_HTML = re.compile(r"<(?:p|div|center|h[1-6]|table|ul|ol|blockquote|span|strong|img|br)\b")
#: What exports wrote, so that only that is ever removed.
_MANIFEST = ".finews-export.json"


def write(
    db: Database, wanted: Filter, dest: Path, on_row: Callable[[], object], *, prune: bool
) -> Counter[str]:
    """Write the selected articles into the folder ``dest``.

    Counts ``articles``, files ``written`` (only those that differ) and ``removed``. The
    pages and layouts of the site are made once, and are the user's to change. With
    ``prune`` posts and category pages that an earlier export wrote and this one did not
    are removed. Raises :class:`FileExistsError` for a folder with other things in it.
    """
    with closing(_Names()) as names:
        names.read(dest)
        # Before the files, so that what a broken export leaves is known as ours.
        for row in rows(db, wanted):
            names.add(f"_posts/{post_name(row)}", ours=False)
            names.add(_category_page(_section(row)[0]), ours=False)
        names.write(dest)
        for name, text in _site(files("pipelines.export") / "jekyll_site"):
            if not (dest / name).exists():
                _put(dest / name, text.encode())
        return _write(db, wanted, dest, on_row, names, prune=prune)


def _write(
    db: Database,
    wanted: Filter,
    dest: Path,
    on_row: Callable[[], object],
    names: _Names,
    *,
    prune: bool,
) -> Counter[str]:
    counts = Counter(articles=0, written=0, removed=0)
    categories = dict[str, str]()

    def put(name: str, text: str) -> None:
        names.add(name, ours=True)
        counts["written"] += _put(dest / name, text.encode())

    for row in rows(db, wanted, (*COLUMNS, "body")):
        category, tag = _section(row)
        categories[category] = tag
        put(f"_posts/{post_name(row)}", post_text(row))
        on_row()
        counts["articles"] += 1
    for category, tag in sorted(categories.items()):
        page = f"---\nlayout: category\ntitle: {_quoted(tag)}\ncategory: {category}\n---"
        put(_category_page(category), page)
    if prune:
        for name in names.forget():
            counts["removed"] += _remove(dest / name)
    names.write(dest)
    return counts


def _category_page(category: str) -> str:
    return f"category/{category.replace('/', '-')}.html"


class _Names:
    """The files that exports wrote into a folder, and which of them are of this one, on disk:
    there may be a million.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("")  # a file of its own that goes with the connection
        self._db.execute("CREATE TABLE names (name TEXT PRIMARY KEY, ours INTEGER) WITHOUT ROWID")

    def close(self) -> None:
        self._db.close()

    def read(self, dest: Path) -> None:
        """Take up what earlier exports wrote. Raises :class:`FileExistsError` for a folder with
        other things in it.
        """
        try:
            with (dest / _MANIFEST).open(encoding="utf-8") as file:
                for line in file:
                    if line.startswith('"'):
                        self.add(json.loads(line.rstrip(",\n")), ours=False)
        except FileNotFoundError:
            begun = _part(dest / _MANIFEST)
            if dest.is_dir() and any(each != begun for each in dest.iterdir()):
                raise FileExistsError(
                    errno.EEXIST, "the folder is not empty, and no earlier export", str(dest)
                ) from None

    def add(self, name: str, *, ours: bool) -> None:
        self._db.execute(
            "INSERT INTO names VALUES (?, ?) ON CONFLICT DO UPDATE SET ours = max(ours, ?)",
            (name, ours, ours),
        )

    def forget(self) -> list[str]:
        """Those that are not of this export, and known no more."""
        return [
            name for (name,) in self._db.execute("DELETE FROM names WHERE NOT ours RETURNING name")
        ]

    def write(self, dest: Path) -> None:
        """Write the list: a JSON array, a name a line, in order."""
        names = self._db.execute("SELECT name FROM names ORDER BY name")
        lines = (json.dumps(name, ensure_ascii=False) for (name,) in names)
        first = next(lines, None)
        path = dest / _MANIFEST
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _part(path)
        try:
            with part.open("wb") as file:
                file.write(b"[" if first is None else f"[\n{first}".encode())
                file.writelines(f",\n{line}".encode() for line in lines)
                file.write(b"]\n" if first is None else b"\n]\n")
            if not (path.is_file() and cmp(part, path, shallow=False)):
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def post_name(row: sqlite3.Row) -> str:
    """The name of an article's post file: its day and its code, bare in ``emnews``."""
    digits = row["info_code"].removeprefix("NW")
    code = digits if _section(row)[0] in _COLUMN else f"NW{digits}"
    return f"{(row['published_at'] or '')[:10]}-{code}.md"


def post_text(row: sqlite3.Row) -> str:
    """An article as a post file, without a final line feed as the real ones."""
    category, tag = _section(row)
    body, digest = row["body"] or "", row["digest"]
    time = row["published_at"] and time_of(row["published_at"], row["info_code"])
    front = {
        "layout": "post",
        "title": _quoted(row["title"] or ""),
        "date": f"{time:%Y-%m-%d %H:%M:%S} +0800" if time else " +0800",
        "categories": category,
        "tags": tag,
    }
    if "{{" in body or "{%" in body:
        front["render_with_liquid"] = "false"  # text, not a template
    lead = f"> {digest}\n\n" if digest else "" if _HTML.search(body) else "\n"
    back = f"{_SITE}/{category}/" if category in _COLUMN else f"{_SITE}/category/{category}.html"
    return (
        "---\n"
        + "".join(f"{key}: {value}\n" for key, value in front.items())
        + f"---\n{lead}{body}\n\n<{row['url'] or ''}>\n\n"
        + f"[返回{tag}]({back})｜[返回首页]({_SITE}/)"
    )


def _section(row: sqlite3.Row) -> tuple[str, str]:
    """Category and tag of an article; those that come without are filed under their site."""
    # Neither is known of what an older finews kept of a revision.
    category = row["category"] or row["site"] or "unknown"
    if category in _COLUMN:
        return category, _COLUMN[category]
    tags = [tag for tag in json.loads(row["tags"] or "[]") if tag not in _COLUMN.values()]
    return category, " ".join(tags) or f"{row['source'] or category}新闻"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _site(folder: Traversable) -> Iterator[tuple[str, str]]:
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            yield from ((f"{each.name}/{name}", text) for name, text in _site(each))
        else:
            yield each.name, each.read_text(encoding="utf-8")


def _put(path: Path, body: bytes) -> bool:
    """Write a file unless it says the same already; was it written?"""
    if path.is_file() and path.read_bytes() == body:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _part(path)
    try:
        part.write_bytes(body)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return True


def _remove(path: Path) -> bool:
    """Remove a file, and what a killed export left of it; was it there?"""
    _part(path).unlink(missing_ok=True)
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")

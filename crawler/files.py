"""Post files on disk and in archives, one at a time, never unpacked.

A member's path is only a name here: nothing is ever written where it points.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from crawler.errors import PageError, TooLarge, UnreadableFile

SITE = "posts"
#: Bytes of one post; real ones have at most 40 kB.
MOST_BYTES = 4 << 20
#: Members of one archive that are looked at.
MOST_MEMBERS = 1_000_000
_POSTS = (".md", ".markdown")
_ZIPS = (".zip",)
_GZIPPED = (".tar.gz", ".tgz")
_TARS = (".tar", *_GZIPPED)
#: Web archives, which :mod:`crawler.warc` reads.
WARCS = (".warc", ".warc.gz")


@dataclass(frozen=True, slots=True)
class PostFile:
    """One file: its ``name`` is ``FOLDER/…/FILE`` or ``ARCHIVE!/MEMBER``, whatever folder
    the caller stands in; ``error`` in place of ``body`` when it could not be read.
    """

    name: str
    body: bytes = b""
    error: PageError | None = None

    @property
    def listing(self) -> str:
        """The listing that it belongs to."""
        return listing_of(self.name)


def is_post(name: str) -> bool:
    """Is this the name of a post file?"""
    return name.lower().endswith(_POSTS)


def listing_of(name: str) -> str:
    """The name of the folder or archive that holds a post file: ``_posts``, ``old_post`` …

    >>> listing_of("posts.zip!/2022-06-01-202206010000000001.md")
    'posts.zip'
    """
    return name.rpartition("/")[0].rpartition("/")[2].rstrip("!") or "files"


def read_files(path: Path) -> Iterator[PostFile]:
    """All post files of a file, folder (recursively, in order of name) or archive."""
    name = path.resolve().name
    if path.is_dir():
        for folder, folders, files in os.walk(path):
            folders.sort()
            for file in sorted(files):
                inner = Path(folder, file)
                yield from _read_file(inner, f"{name}/{inner.relative_to(path).as_posix()}")
    else:
        yield from _read_file(path, f"{path.resolve().parent.name}/{name}", chosen=True)


def web_archives(path: Path) -> Iterator[Path]:
    """The web archives that ``path`` is or holds, in order of name."""
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return (each for each in found if each.name.lower().endswith(WARCS))


def _read_file(path: Path, name: str, *, chosen: bool = False) -> Iterator[PostFile]:
    lower = name.lower()
    try:
        if lower.endswith(_ZIPS):
            name = path.name
            yield from _zip_members(path, name)
        elif lower.endswith(_TARS):
            name = path.name
            yield from _tar_members(path, name)
        elif is_post(name) or (chosen and not lower.endswith(WARCS)):
            with path.open("rb") as file:
                yield _bounded(file, name)
    # zlib.error, EOFError: a stream that is cut off or damaged
    except (OSError, zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        yield PostFile(name, error=UnreadableFile(f"cannot be read: {error}", url=name, site=SITE))


def _zip_members(path: Path, archive: str) -> Iterator[PostFile]:
    with zipfile.ZipFile(path) as file:
        for number, member in enumerate(file.infolist()):
            if number >= MOST_MEMBERS:
                yield _too_many(archive)
                return
            if member.is_dir() or not member.filename.lower().endswith(_POSTS):
                continue
            name = f"{archive}!/{member.filename}"
            try:
                with file.open(member) as stream:
                    yield _bounded(stream, name)
            # RuntimeError: encrypted; NotImplementedError: an unknown compression
            except (
                OSError, EOFError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile
            ) as error:  # fmt: skip
                message = f"cannot be read: {error}"
                yield PostFile(name, error=UnreadableFile(message, url=name, site=SITE))


def _tar_members(path: Path, archive: str) -> Iterator[PostFile]:
    packed = archive.lower().endswith(_GZIPPED)
    with (
        gzip.open(path) if packed else path.open("rb") as stream,
        tarfile.open(fileobj=stream, mode="r|") as file,
    ):
        for number, member in enumerate(file):
            if number >= MOST_MEMBERS:
                yield _too_many(archive)
                return
            if not member.isreg() or not member.name.lower().endswith(_POSTS):
                continue
            content = file.extractfile(member)
            if content is not None:
                yield _bounded(content, f"{archive}!/{member.name}")
        while stream.read(1 << 20):
            pass  # to the end, where gzip has its check sum


def _bounded(stream: IO[bytes], name: str) -> PostFile:
    """Read no more than the limit, whatever size the archive claims."""
    body = stream.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        message = f"larger than {MOST_BYTES >> 20} MiB; is it a post?"
        return PostFile(name, error=TooLarge(message, url=name, site=SITE))
    return PostFile(name, body)


def _too_many(archive: str) -> PostFile:
    message = f"more than {MOST_MEMBERS:,} members; what follows was not read"
    return PostFile(archive, error=TooLarge(message, url=archive, site=SITE))

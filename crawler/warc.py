"""Pages in web archives (WARC), ours or others', as streams: nothing is unpacked on disk.

Ours are written by :mod:`pipelines.export.warc`, which says what stands in them.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from crawler import infocode, reading
from crawler.errors import MissingExtra, PageError, UnreadableFile
from crawler.files import MOST_BYTES, is_post
from crawler.items import Entry, Page
from pipelines.export.warc import FACTS, ORIGINAL

#: Bytes of one page, as when it is fetched.
MOST_PAGE = 16 << 20
_MOST_HEAD = 1 << 20  # of a record, and of an answer; their lines are read whole
_MOST_RECORD = MOST_PAGE + _MOST_HEAD
_PIECE = 1 << 16
_READ = ("response", "resource", "metadata")
_STATUS = re.compile(rb"HTTP/[0-9.]+ +([0-9]{3})(?: |\Z)")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FOLDED = re.compile(rb"\r?\n[ \t]+")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r?\n")
_NEWLINE = re.compile(rb"\r?\n?")
_EARLIEST = 1990

_Facts: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Archived:
    """A page of an article in an archive, the entry that it was asked for as, and when its
    bytes were answered last; or the ``error`` of a record, or of the rest of the archive.
    All None: a record that is no article of a site we know.
    """

    page: Page | None = None
    entry: Entry | None = None
    last: datetime | None = None
    error: PageError | None = None


class _Broken(Exception):
    """The archive cannot be read any further."""


class _Bytes:
    """The unpacked bytes of an archive, whose damage is :class:`_Broken`; counts them.

    ``left`` bounds what may be read until it is set anew.
    """

    def __init__(self, stream: BufferedReader | gzip.GzipFile) -> None:
        self._stream = stream
        self.offset = 0
        self.left = _MOST_HEAD

    def read(self, size: int = -1) -> bytes:
        try:
            found = self._stream.read1(size)  # also what is whole before the damage
        # EOFError: cut off; the others: damaged
        except (OSError, EOFError, zlib.error) as error:
            raise _Broken(str(error)) from error
        self.offset += len(found)
        self.left -= len(found)
        if self.left < 0:
            raise _Broken("the head of a record does not end")
        return found

    def tell(self) -> int:
        return self.offset


def read_warc(path: Path) -> Iterator[Archived]:
    """All records of a web archive, in their order.

    Where it breaks off or is damaged the last one has the error, which names the place, in
    bytes of the unpacked archive. Raises :class:`MissingExtra`.
    """
    try:
        from warcio.archiveiterator import WARCIterator  # noqa: PLC0415 -- an extra
        from warcio.exceptions import ArchiveLoadFailed  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra("warc") from error
    name, begin = path.resolve().name, 0
    try:
        with _opened(path) as stream:
            source = _Bytes(stream)
            # HTTP heads are read here: a broken one must not end the archive.
            records = iter(WARCIterator(source, no_record_parse=True))
            facts: _Facts = {}
            while record := next(records, None):
                block = _block(record, source)
                if _type(record) == FACTS:
                    facts = _facts(record, block)
                else:
                    yield _archived(record, block, facts, name, begin)
                    facts = {}
                begin = source.offset
                source.left = _MOST_HEAD
            if not begin:
                yield Archived(error=UnreadableFile("cannot be read: it is empty", url=name))
    except (_Broken, ArchiveLoadFailed, OSError) as error:
        message = f"cannot be read from about byte {begin:,} on: {str(error).strip()}"
        yield Archived(error=UnreadableFile(message, url=name))


def _opened(path: Path) -> BufferedReader | gzip.GzipFile:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    # Unpacked here rather than by warcio, which takes a file that is cut off for a whole one.
    return gzip.open(path) if packed else path.open("rb")


def _block(record: Any, source: _Bytes) -> bytes | None:
    """The bytes of a record, all of them; None where they are more than we read."""
    if not (record.rec_headers.get_header("Content-Length") or "").isdecimal():
        raise _Broken("a record without a Content-Length")  # it is 0 for warcio
    block = None
    if record.rec_type in _READ and record.length <= _MOST_RECORD:
        source.left = record.length + _MOST_HEAD
        block = record.raw_stream.read()
    while True:
        source.left = _MOST_HEAD
        if not record.raw_stream.read(_PIECE):
            break
    if record.raw_stream.limit:
        raise _Broken("it breaks off inside a record")
    return block


def _archived(record: Any, block: bytes | None, facts: _Facts, name: str, begin: int) -> Archived:
    """What a record holds, if it is a page of an article; an error when that cannot be read."""
    url = record.rec_headers.get_header("WARC-Target-URI") or ""
    told = facts if facts.get("id") == record.rec_headers.get_header("WARC-Record-ID") else {}
    entry = None
    if record.rec_type == "response" and url.startswith(("http://", "https://")):
        entry = told.get("entry") or reading.entry_at(url, name)
    elif record.rec_type == "resource" and (file := _post_name(url, _type(record))):
        entry = reading.post_entry(file)
    if entry is None:
        return Archived()
    try:
        at = _time(record.rec_headers.get_header("WARC-Date") or "")
        read = _answer(block) if record.rec_type == "response" else _file(block)
    except ValueError as error:
        message = f"the record at about byte {begin:,} {error}"
        failure = UnreadableFile(message, url=url, site=entry.site, info_code=entry.info_code)
        return Archived(entry=entry, error=failure)
    if read is None:
        return Archived()
    status, headers, body = read
    where = url if status else entry.url
    digest = sha256(body).hexdigest()
    page = Page(entry.site, where, status, headers, body, digest, at, entry.info_code)
    return Archived(page, entry, told.get("last") or at)


_Answer: TypeAlias = tuple[int, tuple[tuple[str, str], ...], bytes]


def _answer(block: bytes | None) -> _Answer | None:
    """Status, headers and unpacked body of an HTTP answer; None when it brought no page.

    The headers are as served. Raises :class:`ValueError` for a body that is too large.
    """
    if block is None:
        raise ValueError(f"has more than {MOST_PAGE >> 20} MiB")
    head, *rest = _HEAD_END.split(block, maxsplit=1)
    body = rest[0] if rest else b""
    first, *lines = _FOLDED.sub(b" ", head).splitlines() or [b""]
    found = _STATUS.match(first)
    if not found or int(found[1]) != 200:
        return None
    fields = (line.partition(b":") for line in lines)
    headers = [
        (n.strip().decode("latin-1"), v.strip().decode("latin-1")) for n, _, v in fields if n
    ]
    wire = {n.lower(): v.lower() for n, v in headers}
    if "chunked" in wire.get("transfer-encoding", ""):
        body = _unchunked(body)
    body = _unpacked(body, wire.get("content-encoding", ""))
    # Ours were undone before: their headers were put aside, and come back.
    mark, cut = ORIGINAL.lower(), len(ORIGINAL)
    originals = {name[cut:] for name in wire if name.startswith(mark)}
    kept = ((n, v) for n, v in headers if n.lower() not in originals)
    named = ((n[cut:] if n.lower().startswith(mark) else n, v) for n, v in kept)
    return 200, tuple(named), body


def _unchunked(body: bytes) -> bytes:
    """A chunked body put together; one that is not chunked after all stays as it is."""
    pieces, at = [], 0
    while found := _CHUNK.match(body, at):
        size = int(found[1], 16)
        pieces.append(body[found.end() : found.end() + size])
        at = found.end() + size
        if not size or at >= len(body):
            break
        at += len(_NEWLINE.match(body, at)[0])  # type: ignore[index]
    return b"".join(pieces) if pieces else body


def _unpacked(body: bytes, encoding: str) -> bytes:
    """A body out of gzip or deflate, as far as it goes; as it is where it is not so packed."""
    if encoding in ("gzip", "x-gzip", "deflate"):
        for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # by its head; or bare, as some send
            try:
                body = zlib.decompressobj(bits).decompress(body, MOST_PAGE + 1)
            except zlib.error:
                continue
            break
    if len(body) > MOST_PAGE:
        raise ValueError(f"has more than {MOST_PAGE >> 20} MiB unpacked")
    return body


def _file(block: bytes | None) -> _Answer:
    if block is None or len(block) > MOST_BYTES:
        raise ValueError(f"is larger than {MOST_BYTES >> 20} MiB; is it a post?")
    return 0, (), block


def _post_name(url: str, type_: str) -> str | None:
    """The name of a post file by its ``file:`` address, as :mod:`crawler.files` gives it."""
    name = unquote(urlsplit(url).path).lstrip("/") if url.startswith("file:") else ""
    return name if name and (type_ == "text/markdown" or is_post(name)) else None


def _type(record: Any) -> str:
    return (record.content_type or "").partition(";")[0].strip().lower()


def _time(text: str) -> datetime:
    """A WARC-Date, which may be no more than a year, in UTC where it does not say."""
    try:
        time = datetime.fromisoformat(text + "0000-01-01T00:00:00Z"[len(text) :])
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        if time.year >= _EARLIEST:
            return time
    except ValueError:
        pass
    raise ValueError(f"has no legible date: {text[:40]!r}")


def _facts(record: Any, block: bytes | None) -> _Facts:
    """What our archive tells of the next record; nothing where it makes no sense."""
    try:
        said = json.loads(block or b"")
        known = said["entry"]
        facts: _Facts = {
            "id": record.rec_headers.get_header("WARC-Concurrent-To"),
            "last": _time(said["last_fetched_at"]),
        }
        if known:
            facts["entry"] = _entry(said["site"], said["info_code"], known)
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}
    return facts


def _entry(site: str, code: str, known: Mapping[str, Any]) -> Entry:
    """Raises :class:`ValueError` and :class:`TypeError` for what no entry of ours says."""
    told = tuple(known["told"].items())
    texts = [known["listing"], known["url"], *(text for pair in told for text in pair)]
    for text in (*texts, *filter(None, (known["title"],))):
        text.encode()  # halves of characters
    times = [time for time in (known["published_at"], dict(told).get("published_at")) if time]
    if site not in reading.SITES or infocode.read(code) != code:
        raise ValueError(f"no site or no code: {site!r}, {code!r}")
    if any(datetime.fromisoformat(time).tzinfo is None for time in times):
        raise ValueError("a time without zone")
    at = known["published_at"] and datetime.fromisoformat(known["published_at"])
    return Entry(site, known["listing"], known["url"], code, known["title"], at, told=told)

"""Every error that finews raises, as one tree:

FinewsError
├── PageError             one page failed: recorded in failures, the crawl goes on
│   ├── FetchFailed       no usable answer (status, time-out, broken transfer, robots.txt)
│   │   └── HostAtRest    not asked: the host refused before, and is left alone for a while
│   ├── UnreadableText    the bytes are text in no charset we can tell
│   ├── TruncatedPage     the page ends before its article does
│   ├── NotAnArticle      an answer, but no article (error page, challenge, other page)
│   ├── LayoutChanged     a listing or page lacks a part that it always had
│   ├── EmptyAnswer       a listing without entries where there should be some: a refusal
│   ├── BrokenPost        a post file whose front matter cannot be read; names the line
│   ├── UnreadableFile    a file or archive that the system or its format refuses
│   ├── UnreadableRow     a row of another corpus, which was to be merged, is broken
│   ├── TooLarge          a file larger, or an archive with more members, than we read
│   ├── Abandoned         workers died each time they were asked for it, or it broke the collector
│   └── Untrusted         an article that must not be stored (future time, mojibake, empty)
├── BadSettings           finews.toml or the environment holds a wrong setting: exit code 2
├── WorkerDied            a process of a parallel run was killed: run it again
├── BrokenRow             a stored article holds what its field cannot; another tool wrote it
├── SinkFailed            a message did not reach a command, webhook or mailbox; it is tried again
├── RedisRefuses          a Redis that cannot be used: its address, password or version is wrong
│   └── AnotherCollects   another collector is at work there: exit code 4
├── MissingExtra          an optional package is not installed; names the extra that brings it
└── StoreError            the data folder failed: the run ends with exit code 1
    ├── Locked            another run holds the lock: exit code 4
    ├── NewerDatabase     made by a newer finews: upgrade the program
    └── WriteFailed       SQLite refused a write (full disk, damaged file)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path


class FinewsError(Exception):
    """Root of all errors of finews. ``str()`` is a sentence for a person."""


class PageError(FinewsError):
    """One page failed.

    Carries the page's ``url`` and, where known, its ``site`` and ``info_code``.
    ``reason`` is the word that stands in ``failures.reason``; ``retry`` says
    whether asking again on a later run may help; ``refusal`` that it may be the host
    which turned us away, rather than the page that is at fault, and ``wait`` how long it
    asked to be left alone (``Retry-After``), None where it did not. ``page`` is the SHA-256
    of the answer, where one came.
    """

    reason = "page"
    retry = True
    refusal = False
    wait: timedelta | None = None

    def __init__(
        self, message: str, *, url: str, site: str | None = None, info_code: str | None = None
    ) -> None:
        super().__init__(message)
        self.url = url
        self.site = site
        self.info_code = info_code
        self.page: str | None = None


class FetchFailed(PageError):
    """No usable answer came; ``reason`` tells which way: ``http-404``, ``timeout`` …"""

    def __init__(
        self,
        message: str,
        *,
        url: str,
        reason: str,
        retry: bool,
        refusal: bool = False,
        wait: timedelta | None = None,
    ) -> None:
        super().__init__(message, url=url)
        self.reason = reason
        self.retry = retry
        self.refusal = refusal
        self.wait = wait


class HostAtRest(FetchFailed):
    """The host refused before and is left alone for a while: nothing was asked of it."""


class UnreadableText(PageError):
    """The bytes are text in no charset we can tell. Nothing is stored; the page is kept."""

    reason = "unreadable-text"


class TruncatedPage(PageError):
    """The page ends before its article does. A later fetch may bring the whole."""

    reason = "truncated"


class NotAnArticle(PageError):
    """The answer holds no article: an error page with status 200, a challenge, another page."""

    reason = "not-an-article"


class LayoutChanged(PageError):
    """A part that every such page had is missing; ``field`` names it. The parser needs a look."""

    reason = "layout-changed"

    def __init__(self, field: str, *, url: str, site: str) -> None:
        super().__init__(f"the page has no {field}; has the site changed?", url=url, site=site)
        self.field = field


class EmptyAnswer(PageError):
    """A listing answered without the entries that it should have, as hosts do that refuse."""

    reason = "empty"
    refusal = True


class BrokenPost(PageError):
    """The front matter of a post file cannot be read; ``line`` counts from 1."""

    reason = "broken-post"
    retry = False

    def __init__(self, message: str, line: int, url: str, site: str) -> None:
        super().__init__(f"line {line} {message}", url=url, site=site)
        self.line = line


class UnreadableFile(PageError):
    """A file or archive that cannot be read: missing, truncated, encrypted."""

    reason = "unreadable-file"
    retry = False


class UnreadableRow(PageError):
    """A row of another corpus, which was to be merged, is broken; another tool made it so."""

    reason = "broken-row"
    retry = False


class TooLarge(PageError):
    """More than we read: a file's bytes or an archive's members."""

    reason = "too-large"
    retry = False


class Abandoned(PageError):
    """Each worker that asked for it died, or what it brought could not be taken. It stands among
    the dead letters too.
    """

    reason = "abandoned"


class Untrusted(PageError):
    """An article that must not be stored as it is; ``reason`` tells why."""

    def __init__(self, message: str, *, url: str, reason: str, site: str, info_code: str) -> None:
        super().__init__(message, url=url, site=site, info_code=info_code)
        self.reason = reason


class BadSettings(FinewsError):
    """A setting that cannot be: nothing was begun. ``origin`` tells where it stands, as far as
    known: ``finews.toml:7`` or the name of a variable; ``line`` is that 7, else None.
    """

    def __init__(self, message: str, *, origin: str, line: int | None = None) -> None:
        super().__init__(f"{origin}: {message}")
        self.origin = origin
        self.line = line


class WorkerDied(FinewsError):
    """A process that read pages was killed. What was stored is safe; run it again."""


class BrokenRow(FinewsError):
    """A stored article holds what its field cannot, such as a time that is none: finews writes no
    such row, another tool did. Mend it in ``finews.db``, or ingest or crawl the article anew.
    """

    def __init__(self, info_code: str, reason: object) -> None:
        super().__init__(f"the row of {info_code} in articles is broken: {reason}")
        self.info_code = info_code


class SinkFailed(FinewsError):
    """A message of an alarm did not reach where it should; ``str()`` is the cause, no secret in
    it. It never ends a run: the next one tries again.
    """


class RedisRefuses(FinewsError):
    """A Redis that cannot be used, however long one waits. Mend its address, password or rights,
    or its version.
    """


class AnotherCollects(RedisRefuses):
    """Another collector is at work on this Redis: one database of it is for one corpus."""


class MissingExtra(FinewsError):
    """A package that only some need is not installed. ``extra`` is the extra that brings it."""

    def __init__(self, extra: str) -> None:
        super().__init__(
            f"this needs the extra [{extra}] of finews-crawler, which is not installed;"
            f" in a copy of the source: pip install -e '.[{extra}]'"
        )
        self.extra = extra


class StoreError(FinewsError):
    """The data folder cannot be used; ``path`` names the file."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class Locked(StoreError):
    """Another run holds the lock on the data folder, ``since`` then, an aware time. Wait for it,
    or use ``--wait``.
    """

    def __init__(self, message: str, path: Path, since: datetime) -> None:
        super().__init__(message, path)
        self.since = since


class NewerDatabase(StoreError):
    """The database was made by a newer finews. Upgrade the program; nothing was changed."""


class WriteFailed(StoreError):
    """SQLite refused a write. What was committed before is safe; mend the cause and run again."""

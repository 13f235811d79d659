"""What went wrong on the wire, in the words of ``failures.reason``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from scrapy import exceptions
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from crawler.errors import FetchFailed, HostAtRest
from crawler.parsers.dates import read_http_date
from pipelines.hosts import Rest

_REASONS: dict[type[BaseException], tuple[str, str]] = {
    exceptions.DownloadTimeoutError: ("timeout", "no whole answer in time"),
    exceptions.ResponseDataLossError: ("truncated", "the answer broke off before its end"),
    exceptions.CannotResolveHostError: ("dns", "the host's name cannot be resolved"),
    exceptions.DownloadConnectionRefusedError: ("refused", "the host refused the connection"),
    exceptions.DownloadCancelledError: ("too-large", "the answer is larger than the limit"),
}
# Scrapy says these three by one exception; its words tell them apart.
_IGNORED = {
    "robots.txt": ("robots", "robots.txt forbids it"),
    "redirections": ("redirects", "the redirects do not end"),
    "exceeded": ("too-large", "the answer, unpacked, is larger than the limit"),
}
#: Asking again would not help.
_FINAL = frozenset({"too-large", "robots", "http-404", "http-410", "http-451"})
#: How hosts turn away those who ask too often.
_REFUSALS = frozenset({"http-403", "http-429", "http-503", "timeout", "connection"})

_LONGEST = timedelta(days=30)  # who asks for more may have made a mistake


class HostRests(exceptions.IgnoreRequest):
    """The request was not sent: its host is left alone for a while."""

    def __init__(self, rest: Rest) -> None:
        super().__init__(f"{rest.host} rests until {rest.until:%Y-%m-%d %H:%M:%S}; it refused")
        self.rest = rest


class RobotsUnreachable(exceptions.IgnoreRequest):
    """The request was not sent: robots.txt, which might forbid it, could not be fetched."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def fetch_failed(error: BaseException, url: str) -> FetchFailed:
    """The typed error for what Scrapy's downloader raised for ``url``.

    Reasons: ``http-<status>``, ``timeout``, ``truncated``, ``dns``, ``refused``,
    ``too-large``, ``robots``, ``redirects``, ``connection`` (all else on the wire). Where
    robots.txt could not be fetched it is the reason of that; of a host at rest, why it rests.
    """
    wait = None
    if isinstance(error, HostRests):
        return HostAtRest(str(error), url=url, reason=error.rest.reason, retry=True)
    if isinstance(error, RobotsUnreachable):
        of_robots = fetch_failed(error.cause, url)
        if isinstance(of_robots, HostAtRest):
            return of_robots
        return FetchFailed(
            f"robots.txt, which might forbid it, could not be fetched: {of_robots}",
            url=url,
            reason=of_robots.reason,
            retry=True,
            refusal=of_robots.refusal or of_robots.reason.startswith("http-5"),
            wait=of_robots.wait,
        )
    if isinstance(error, HttpError):
        status = error.response.status
        reason, message = f"http-{status}", f"the server answered with status {status}"
        wait = retry_after(error.response)
    elif isinstance(error, exceptions.IgnoreRequest):
        reason, message = next(
            (found for words, found in _IGNORED.items() if words in str(error)),
            ("connection", str(error)),
        )
    else:
        default = ("connection", _told(error))
        reason, message = _REASONS.get(type(error), default)
    failed = FetchFailed(
        message,
        url=url,
        reason=reason,
        retry=reason not in _FINAL,
        refusal=reason in _REFUSALS or wait is not None,
        wait=wait,
    )
    failed.__cause__ = error
    return failed


def retry_after(response: Response) -> timedelta | None:
    """How long the server asks to be left alone; None where it does not, or not legibly.

    ``Retry-After`` holds seconds or a date (RFC 9110), which counts from ``Date``.
    """
    text = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    try:
        if text.isdecimal():
            wait = timedelta(seconds=min(float(text), _LONGEST.total_seconds()))
        else:
            told = response.headers.get("Date")
            now = parsedate_to_datetime(told.decode("latin-1")) if told else datetime.now(UTC)
            wait = parsedate_to_datetime(text) - now
    except (ValueError, OverflowError, TypeError):  # TypeError: one of the two tells no zone
        return None
    return min(wait, _LONGEST) if wait > timedelta(0) else None


def clock_off(response: Response, now: datetime) -> float | None:
    """By how many seconds the server's clock is ahead of ``now``; None where it does not tell.

    ``Date`` is when the answer was made, ``Age`` how many seconds a cache has kept it since
    (RFC 9110, RFC 9111).
    """
    date, age = (
        (response.headers.get(name) or b"").decode("latin-1").strip() for name in ("Date", "Age")
    )
    time = read_http_date(date)
    if time is None:
        return None
    return (time - now).total_seconds() + (float(age) if age.isdecimal() else 0.0)


def _told(error: BaseException) -> str:
    """An error in words; Twisted's lists of failures have none."""
    words = str(error)
    name = type(error).__name__
    return name if not words or "<twisted" in words else f"{name}: {words}"

"""What went wrong on the wire, in the words of ``failures.reason``."""

from __future__ import annotations

from scrapy import exceptions
from scrapy.spidermiddlewares.httperror import HttpError

from crawler.errors import FetchFailed

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


def fetch_failed(error: BaseException, url: str) -> FetchFailed:
    """The typed error for what Scrapy's downloader raised for ``url``.

    Reasons: ``http-<status>``, ``timeout``, ``truncated``, ``dns``, ``refused``,
    ``too-large``, ``robots``, ``redirects``, ``connection`` (all else on the wire).
    """
    if isinstance(error, HttpError):
        status = error.response.status
        reason, message = f"http-{status}", f"the server answered with status {status}"
    elif isinstance(error, exceptions.IgnoreRequest):
        reason, message = next(
            (found for words, found in _IGNORED.items() if words in str(error)),
            ("connection", str(error)),
        )
    else:
        default = ("connection", _told(error))
        reason, message = _REASONS.get(type(error), default)
    failed = FetchFailed(message, url=url, reason=reason, retry=reason not in _FINAL)
    failed.__cause__ = error
    return failed


def _told(error: BaseException) -> str:
    """An error in words; Twisted's lists of failures have none."""
    words = str(error)
    name = type(error).__name__
    return name if not words or "<twisted" in words else f"{name}: {words}"

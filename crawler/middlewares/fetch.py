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
#: Asking again would not help.
_FINAL = frozenset({"too-large", "robots", "http-404", "http-410", "http-451"})


def fetch_failed(error: BaseException, url: str) -> FetchFailed:
    """The typed error for what Scrapy's downloader raised for ``url``.

    Reasons: ``http-<status>``, ``timeout``, ``truncated``, ``dns``, ``refused``,
    ``too-large``, ``robots``, ``connection`` (all else on the wire).
    """
    if isinstance(error, HttpError):
        status = error.response.status
        reason, message = f"http-{status}", f"the server answered with status {status}"
    elif isinstance(error, exceptions.IgnoreRequest):
        reason, message = "robots", "robots.txt forbids it"
    else:
        default = ("connection", f"{type(error).__name__}: {error}")
        reason, message = _REASONS.get(type(error), default)
    failed = FetchFailed(message, url=url, reason=reason, retry=reason not in _FINAL)
    failed.__cause__ = error
    return failed

"""One HTTP call, with the standard library: an alarm must not depend on what it watches over."""

from __future__ import annotations

from base64 import b64encode
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from crawler import __version__
from pipelines.alarms.causes import explained

_MOST = 1 << 16  # bytes of an answer
_AGENT = {"User-Agent": f"finews/{__version__}"}
_JSON = {"Content-Type": "application/json; charset=utf-8"}


def get(url: str, timeout: float) -> int:
    """The status of ``url``, where its redirects lead; ``timeout`` is seconds without a byte.

    Raises :class:`SinkFailed` and :class:`TimeoutError`.
    """
    follow = (HTTPErrorProcessor(), HTTPDefaultErrorHandler(), HTTPRedirectHandler())
    return _call(_request(url, None), timeout, _opener(*follow))[0]


def post(url: str, body: bytes, timeout: float) -> tuple[int, bytes]:
    """The status of the answer to a JSON ``body``, and the answer's first 64 KiB.

    A redirect is not followed: it would lose the body. Raises as :func:`get` does.
    """
    return _call(_request(url, body), timeout, _opener())


def _request(url: str, body: bytes | None) -> Request:
    """``user:password@`` of a URL becomes a header, which a redirect does not take along."""
    with explained():
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
        bare = urlunsplit(parts._replace(netloc=host, fragment=""))
        request = Request(bare, body, headers=_AGENT | (_JSON if body else {}))  # noqa: S310 -- the opener knows no other scheme
        if at:
            key = b64encode(unquote(user).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {key}")
        return request


def _opener(
    *more: HTTPErrorProcessor | HTTPDefaultErrorHandler | HTTPRedirectHandler,
) -> OpenerDirector:
    """For http and https only, whatever a redirect says."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler(), UnknownHandler(), *more):
        opener.add_handler(handler)
    return opener


def _call(request: Request, timeout: float, opener: OpenerDirector) -> tuple[int, bytes]:
    with explained():
        try:
            with opener.open(request, timeout=timeout) as response:
                return response.status, response.read(_MOST)
        except HTTPError as error:
            with error:
                return error.code, b""

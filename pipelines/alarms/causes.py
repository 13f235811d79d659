"""Why a message did not arrive, in words that give no secret away."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException, InvalidURL
from socket import gaierror
from urllib.error import URLError
from urllib.parse import parse_qsl, unquote, urlsplit

from crawler.config import Alarms
from crawler.errors import SinkFailed

_MOST = 200  # characters of what others said
_SHORT = 8  # pieces of a URL below that are words, such as "send"; longer ones may be keys


@contextmanager
def explained() -> Iterator[None]:
    """Make what goes wrong on the way to a server a :class:`SinkFailed`.

    A :class:`TimeoutError` stays one. The error that was is left out of its traceback: it may
    hold the URL.
    """
    try:
        yield
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, TimeoutError):
            raise TimeoutError from None
        raise SinkFailed(_cause(reason)) from None


def _cause(error: object) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of the server is not to be trusted ({error.verify_message})"
        case ssl.SSLError():
            return "no secure connection could be made"
        case gaierror():
            return "the name of the server is not known"
        case ConnectionRefusedError():
            return "the connection was refused"
        case InvalidURL() | ValueError():
            return "its URL is none that can be called"
        case ConnectionError() | HTTPException():
            return "the connection was broken off"
        case OSError(strerror=str(words)) if words:
            return f"the server cannot be reached ({words})"
        case _:
            return f"the server cannot be reached ({type(error).__name__})"


def secrets(settings: Alarms) -> tuple[str, ...]:
    """The texts that nobody may be shown: the URLs, what in them may be a key, the password."""
    found = {settings.mail_password}
    for url in filter(None, (settings.webhook_url, settings.ping_url)):
        parts = urlsplit(url)
        pieces = [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
        pieces += [unquote(piece) for piece in pieces]
        found |= {url, *(each for each in pieces if len(each) >= _SHORT)}
        found |= {parts.username or "", parts.password or ""}
    return tuple(sorted(filter(None, found), key=len, reverse=True))


def quoted(said: str, hidden: Sequence[str]) -> str:
    """What a server or program said, as one line, without what is to be ``hidden``."""
    for secret in hidden:
        said = said.replace(secret, "…")
    line = " ".join(said.split())
    return line if len(line) <= _MOST else f"{line[: _MOST - 1]}…"

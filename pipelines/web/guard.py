"""What stands before every answer: who may ask, for what, and the headers that keep a page safe."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qs

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Nothing but our own style and pictures; no script at all, and no frame around it.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
}
_DROPPED = (b"set-cookie", *_HEADERS)
# The style sheet is asked for by version.
_FILES = {b"cache-control": b"max-age=3600"}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ANY = ("0.0.0.0", "::", "")  # noqa: S104  # which are compared with, not bound
_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?\Z")


class Guard:
    """Wraps the application of Datasette.

    Only ``names`` and loopback names may be asked for, against DNS rebinding: a page of some
    site whose name was made to point here would read the corpus. Bound to every address of the
    machine, any address is one of its names. Pages of other sites may lead to ours, but not load
    them. Datasette's own workshop below ``/-/`` is shut, and so is SQL: no limit of SQLite holds
    while one function makes a large value.
    """

    def __init__(self, app: App, names: Collection[str]) -> None:
        self._app = app
        self._names = {*LOOPBACK, *(name.lower().strip("[]") for name in names)}
        self._any_address = any(name in _ANY for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif not self._is_ours(scope):
            await _refuse(
                send, 400, "This server is not known by that name; finews serve --name adds one.\n"
            )
        elif _is_loaded_elsewhere(scope):
            await _refuse(send, 403, "A page of another site may not load this.\n")
        elif scope["method"] not in ("GET", "HEAD"):
            await _refuse(send, 405, "This server only reads.\n")
        elif scope["path"].startswith("/-/"):
            await _refuse(send, 404, "There is nothing here.\n")
        elif "sql" in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            await _refuse(send, 403, "There is no SQL here; sqlite3 or datasette has it.\n")
        else:
            more = _FILES if scope["path"].startswith("/static/") else {}
            await self._app(_plain(scope), receive, _guarded(send, more))

    def _is_ours(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        found = _HOST.match(hosts[0].decode("latin-1")) if len(hosts) == 1 else None
        if not found:
            return False
        name = (found[1] or found[2]).lower()
        return name in self._names or (self._any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loaded_elsewhere(scope: Scope) -> bool:
    """Does a page of another site ask for this, as a picture or in a frame? A link is none.

    Browsers tell it; what tells nothing, such as a feed reader, has no such page open.
    """
    told = {name: value for name, value in scope["headers"] if name.startswith(b"sec-fetch-")}
    if told.get(b"sec-fetch-site") not in (b"cross-site", b"same-site"):
        return False
    is_whole = told.get(b"sec-fetch-dest", b"document") == b"document"
    return told.get(b"sec-fetch-mode") != b"navigate" or not is_whole


def _plain(scope: Scope) -> Scope:
    """The request without cookies and credentials: nobody logs in here."""
    kept = [each for each in scope["headers"] if each[0] not in (b"cookie", b"authorization")]
    return {**scope, "headers": kept}


def _guarded(send: Send, more: Mapping[bytes, bytes]) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = [(bytes(name).lower(), bytes(value)) for name, value in message["headers"]]
            own = {name: value for name, value in given if name == b"content-security-policy"}
            headers = {**_HEADERS, **more, **own}
            kept = [each for each in given if each[0] not in _DROPPED]
            message = {**message, "headers": [*kept, *headers.items()]}
        await send(message)

    return guarded


async def _refuse(send: Send, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS.items()]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})

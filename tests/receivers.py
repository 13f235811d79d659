"""Servers on loopback that take messages, well or badly, for the tests of alarms."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Receiver:
    """An HTTP server; ``posts`` holds what was posted, read from JSON, ``paths`` what was called.

    It answers with ``status``, ``body`` and, where it is set, ``location``, which then is left.
    """

    url: str = ""
    status: int = 200
    body: str = "ok"
    location: str = ""
    posts: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            receiver.paths.append(self.path)
            receiver.headers.append(dict(self.headers))
            status, location = receiver.status, receiver.location
            if location:
                status, receiver.location = 302, ""
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(receiver.body.encode())

        def do_POST(self) -> None:
            posted = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append(json.loads(posted))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Behaviour = Callable[[socket.socket, threading.Event], None]


def hang(_: socket.socket, stopped: threading.Event) -> None:
    """Take the connection and say nothing."""
    stopped.wait(10)


def drip(conn: socket.socket, stopped: threading.Event) -> None:
    """A byte now and then: no timeout of a socket ends that."""
    conn.sendall(b"HTTP/1.0 200 OK\r\nX: ")
    while not stopped.wait(0.05):
        conn.sendall(b"x")


def drip_mail(conn: socket.socket, stopped: threading.Event) -> None:
    conn.sendall(b"220-")
    while not stopped.wait(0.05):
        conn.sendall(b"x")


def reset(conn: socket.socket, _: threading.Event) -> None:
    """Drop the connection without a word."""
    conn.recv(1)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


@contextmanager
def misbehaving(behaviour: Behaviour) -> Iterator[str]:
    """A TCP server that does that to everyone; its ``host:port``."""
    stopped = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(conn: socket.socket) -> None:
        with closing(conn), suppress(OSError):
            behaviour(conn, stopped)

    def accept() -> None:
        with suppress(OSError):
            while True:
                thread = threading.Thread(target=serve, args=(listener.accept()[0],))
                thread.start()
                threads.append(thread)

    threads = [threading.Thread(target=accept)]
    threads[0].start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join()


@dataclass
class Mailbox:
    """A mail server on loopback; ``mails`` is what it took, ``refuses`` whom it takes none for."""

    server: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    users: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 -- the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=default))
        return "250 OK"


@contextmanager
def mailbox(*, certificate: Path | None = None, password: str | None = None) -> Iterator[Mailbox]:
    """With a ``certificate`` it speaks STARTTLS, with a ``password`` only to who has it."""
    box = Mailbox()

    def authenticate(
        _server: SMTP, _session: Session, _envelope: Envelope, _way: str, given: LoginPassword
    ) -> AuthResult:
        box.users.append(given.login.decode())
        return AuthResult(success=given.password.decode() == password, handled=False)

    secure: dict[str, Any] = {}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        secure = {"tls_context": context, "require_starttls": True}
    if password:
        secure |= {"authenticator": authenticate, "auth_required": True}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, **secure)
    controller.start()
    box.server = f"127.0.0.1:{port}"
    try:
        yield box
    finally:
        controller.stop()


def make_certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path

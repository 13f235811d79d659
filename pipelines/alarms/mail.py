"""Mail: each message to all addresses, by one server."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from smtplib import (
    SMTP,
    SMTP_SSL,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)
from urllib.parse import urlsplit

from crawler.errors import SinkFailed
from pipelines.alarms.causes import explained, quoted
from pipelines.alarms.message import Message

#: The port of a server that names none, by how it is spoken to.
_PORTS = {"none": 25, "starttls": 587, "tls": 465}


@dataclass(frozen=True, slots=True)
class Mail:
    """Addresses, and the ``server`` (``host:port``) that takes mail for them.

    ``security`` is ``none``, ``starttls`` or ``tls``; with the last two the certificate is
    checked. Nobody logs in without a ``user``.
    """

    to: tuple[str, ...]
    sender: str
    server: str
    security: str
    user: str = ""
    password: str = field(default="", repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def send(self, message: Message, timeout: float) -> str:
        """Mail it; to whom it went. Raises :class:`SinkFailed` and :class:`TimeoutError`.

        Where the server takes it for some of the addresses only, it is sent: the others are
        named, and do not get it.
        """
        if self.user and not self.password:
            raise SinkFailed("alarms.mail_user is set, but FINEWS_MAIL_PASSWORD is not")
        mail = composed(message, self.sender, self.to)
        with explained(), self._answers(), self._server(timeout) as server:
            if self.user:
                server.login(self.user, self.password)
            refused = server.send_message(mail, self.sender, self.to)
        told = f"sent to {', '.join(each for each in self.to if each not in refused)}"
        return told + (f", but refused for {', '.join(refused)}" if refused else "")

    @contextmanager
    def _server(self, timeout: float) -> Iterator[SMTP]:
        parts = urlsplit(f"//{self.server}")
        host, port = parts.hostname or "", parts.port or _PORTS[self.security]
        if self.security == "tls":
            server: SMTP = SMTP_SSL(
                host, port, timeout=timeout, context=ssl.create_default_context()
            )
        else:
            server = SMTP(host, port, timeout=timeout)
        try:
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            yield server
            # Its answer would change nothing: the mail is on its way.
            server.putcmd("quit")
        finally:
            server.close()

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Make what the server objects a :class:`SinkFailed`."""
        try:
            yield
        except SMTPServerDisconnected as error:
            if isinstance(error.__context__, TimeoutError):
                raise TimeoutError from None
            raise SinkFailed("the connection was broken off") from None
        except SMTPAuthenticationError as error:
            raise SinkFailed(f"the server refused the login ({error.smtp_code})") from None
        except SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise SinkFailed(self._objection(code, words)) from None
        except SMTPResponseException as error:
            raise SinkFailed(self._objection(error.smtp_code, error.smtp_error)) from None
        except SMTPException as error:
            raise SinkFailed(quoted(str(error), self.hidden)) from None

    def _objection(self, code: int, words: bytes | str) -> str:
        said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
        return f"the server refused it: {code} {quoted(said, self.hidden)}"


def composed(message: Message, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """A message as a mail; tried again it is the same, so that mailboxes can drop the copy."""
    mail = EmailMessage(policy=POLICY)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = message.title
    mail["Date"] = format_datetime(message.written_at)
    mail["Message-ID"] = f"<{_digest(message)}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text, cte="base64")
    return mail


def _digest(message: Message) -> str:
    return sha256(repr(message).encode("utf-8", "replace")).hexdigest()[:32]

"""E-mail by SMTP: the standard library's client in a thread of its own, with deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from stella.domain.agent import NotifyTarget
from stella.domain.errors import ConfigError
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.store import Notice

_SUBJECT, _TEXT, _FIELD = 200, 64_000, 2_000


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """A mail server. `security` is `starttls`, `tls` or `none` (which is refused together with a password)."""

    host: str
    sender: str
    port: int = 587
    user: str = ""
    password: str = field(default="", repr=False)
    security: str = "starttls"
    step: float = 15.0
    """How long one step of the conversation may take, seconds."""


ICS = "ics"
"""The field of a notice that goes along as an attachment: an appointment that a calendar takes with one tap."""


class EmailDelivery:
    """Keeps `Delivery` for targets of kind `email`."""

    kind = "email"

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises ConfigError for settings that would send a password in the clear, or from nowhere."""
        if "@" not in parseaddr(settings.sender)[1] or not _one_line(settings.sender):
            raise ConfigError("STELLA_SMTP_FROM is no e-mail address: use stella@example.com")
        if settings.password and settings.security == "none":
            raise ConfigError(
                "STELLA_SMTP_SECURITY=none would send the mail password in the clear: use starttls or tls"
            )
        self._settings, self._clock = settings, clock
        self._tls = tls or ssl.create_default_context()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="smtp")
        self._open: set[smtplib.SMTP] = set()

    async def deliver(self, notice: Notice, target: NotifyTarget, delivery_id: str) -> None:
        """Send one message. Raises Unavailable or Rejected, whose text holds the server's code and nothing else."""
        message = compose(notice, target.to, self._settings.sender, delivery_id, self._clock())
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._threads, self._send, message, target.to)
        except (smtplib.SMTPException, OSError, ValueError) as failed:
            raise _explain(failed) from None

    def _send(self, message: EmailMessage, to: str) -> None:
        at = self._settings
        if at.security == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(at.host, at.port, timeout=at.step, context=self._tls)
        else:
            client = smtplib.SMTP(at.host, at.port, timeout=at.step)
        self._open.add(client)
        try:
            if at.security == "starttls":
                client.starttls(context=self._tls)
            if at.user:
                client.login(at.user, at.password)
            client.send_message(message, parseaddr(at.sender)[1], [to])
            with contextlib.suppress(smtplib.SMTPException, OSError):
                client.quit()  # the server took the message; how it says goodbye is no matter
        finally:
            self._open.discard(client)
            client.close()

    async def close(self) -> None:
        """Cut what is under way: the outbox sends it again."""
        for client in list(self._open):
            with contextlib.suppress(OSError):
                if client.sock:
                    client.sock.shutdown(socket.SHUT_RDWR)
        self._threads.shutdown(wait=False, cancel_futures=True)


def compose(notice: Notice, to: str, sender: str, delivery_id: str, now: datetime) -> EmailMessage:
    """The message: the notice's own words, then its fields, one a line. The id is the same at every attempt.

    Raises ValueError for an address that is none.
    """
    if "@" not in parseaddr(to)[1] or parseaddr(to)[1] != to or not _one_line(to):
        raise ValueError("no e-mail address")
    message = EmailMessage(policy=SMTP)
    message["Subject"] = " ".join(_clean(notice.subject).split())[:_SUBJECT]
    message["From"] = sender
    message["To"] = to
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{delivery_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    fields = [(name, value) for name, value in notice.fields.items() if name != ICS]
    shown = "".join(f"{name}: {str(value)[:_FIELD]}\n" for name, value in fields[:50])
    body = f"{notice.text[:_TEXT].rstrip()}\n" + (f"\n{shown}" if shown else "")
    message.set_content(_clean(body) + f"\n-- \n{notice.call_sid}\n")
    if isinstance(ics := notice.fields.get(ICS), str):
        method = "CANCEL" if "METHOD:CANCEL" in ics else "PUBLISH"
        message.add_attachment(ics, subtype="calendar", params={"method": method}, filename="appointment.ics")
    return message


def _clean(text: str) -> str:
    """Without control characters and lone surrogates, which no mail can carry."""
    text = text.encode("utf-8", "replace").decode()
    return "".join(sign for sign in text if sign.isprintable() or sign in "\n\t")


def _one_line(text: str) -> bool:
    return text.isprintable()


def _explain(failed: Exception) -> ProviderError:
    """By whose fault and how, without the server's text, which may repeat an address or a message."""
    if isinstance(failed, smtplib.SMTPRecipientsRefused):
        code = max((code for code, _ in failed.recipients.values()), default=550)
        return _by_code(code, "recipient-refused")
    if isinstance(failed, smtplib.SMTPAuthenticationError):
        return _by_code(failed.smtp_code, "login-refused")
    if isinstance(failed, smtplib.SMTPResponseException):
        return _by_code(failed.smtp_code, f"smtp-{failed.smtp_code}")
    if isinstance(failed, smtplib.SMTPNotSupportedError):
        return Rejected("email", "not-supported", "the mail server offers no STARTTLS, no login, or no UTF-8 addresses")
    if isinstance(failed, ssl.SSLCertVerificationError):
        return Rejected("email", "bad-certificate")
    if isinstance(failed, TimeoutError):
        return Unavailable("email", "timeout")
    if isinstance(failed, ValueError):
        return Rejected("email", "bad-address")
    return Unavailable("email", "unreachable", type(failed).__name__)


def _by_code(code: int, word: str) -> ProviderError:
    return Rejected("email", word) if 500 <= code < 600 else Unavailable("email", word)

"""Single requests as Twilio makes them, with everything about the answer kept, also what a client usually hides."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlencode

import aiohttp
from yarl import URL

from stella.phone.form import form_headers

MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, or why there is none: `trouble` is then a finding's code and `why` the words. Header names are lower case.

    `packed` says that the body came in an encoding that could not be unpacked.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    took_s: float = 0.0
    trouble: str = ""
    why: str = ""
    packed: bool = False

    @property
    def media(self) -> str:
        """The content type without its parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def is_page(self) -> bool:
        """A web page, by its first words."""
        start = self.text.lstrip("\ufeff \r\n\t")[:200].lower()
        return start.startswith(("<!doctype html", "<html"))

    @property
    def accepted(self) -> bool:
        """The server did what was asked."""
        return 200 <= self.status < 300


async def ask(
    session: aiohttp.ClientSession,
    url: str,
    fields: Mapping[str, str],
    *,
    signature: str = "",
    login: str = "",
    method: str = "POST",
    total_s: float = 15.0,
    connect_s: float = 5.0,
) -> Heard:
    """One request, redirects not followed. Never raises for anything the server does.

    `login` is `user:password`, percent-encoded as in a URL. `session` must not unpack by itself (`auto_decompress=False`).
    """
    headers = form_headers(signature)
    if login:
        headers["authorization"] = "Basic " + base64.b64encode(unquote(login).encode()).decode()
    if method != "POST":
        headers.pop("content-type")
    began = time.monotonic()
    try:
        async with session.request(
            method,
            URL(url, encoded=True),
            data=urlencode(fields).encode("ascii") if method == "POST" else None,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=total_s, connect=connect_s),
        ) as answer:
            body = await _read(answer)
            took = time.monotonic() - began
            shown = {name.lower(): value for name, value in answer.headers.items()}
            unpacked = _unpack(body, shown.get("content-encoding", ""))
            return Heard(answer.status, shown, unpacked or b"", took, packed=unpacked is None)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
        trouble, why = _trouble(error, total_s)
        return Heard(took_s=time.monotonic() - began, trouble=trouble, why=why)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = b""
    while len(body) <= MOST_BYTES and (more := await answer.content.read(MOST_BYTES)):
        body += more
    return body


def _unpack(body: bytes, encoding: str) -> bytes | None:
    """The body behind its content encoding; None for one that Twilio does not ask for, or a broken one."""
    if encoding.strip().lower() in {"", "identity"} or not body:
        return body
    if encoding.strip().lower() not in {"gzip", "x-gzip"}:
        return None
    try:
        return zlib.decompressobj(31).decompress(body, 4 * MOST_BYTES)
    except zlib.error:
        return None


def _trouble(error: BaseException, total_s: float) -> tuple[str, str]:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "tcp-timeout", "no connection in time"
    if isinstance(error, TimeoutError):
        return "answer-never", f"no whole answer within {total_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "tls-unknown-authority", "the certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return "tls-handshake", "TLS failed"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "name-unknown", "the host name is unknown"
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = isinstance(error.os_error, ConnectionRefusedError)
        return ("tcp-refused", "the port is refused") if refused else ("tcp-unreachable", "no connection")
    return "connection-cut", f"the connection broke ({type(error).__name__})"

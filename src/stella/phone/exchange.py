"""Asks a server for TwiML as Twilio does: signed, one retry on connect failures alone, 15 s and not one more.

Spec: TWILIO.md sections 1.3 and 1.4 as summed up in docs; https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
from yarl import URL

from stella.phone.clock import CallClock
from stella.phone.form import Account, form_headers
from stella.phone.reach import Reach
from stella.phone.report import Exchange
from stella.wire.signature import sign_form

CONNECT_S = 5.0
TOTAL_S = 15.0
MOST_REDIRECTS = 10
MOST_BYTES = 65_536

RETRIEVAL, CONNECTION, BAD_HOST, TOO_MANY_REDIRECTS, TLS, CERTIFICATE = 11200, 11205, 11210, 11215, 11220, 11237
BAD_URL, CONTENT_TYPE = 11100, 12300


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `url` is where it came from in the end: relative URLs inside are resolved against it."""

    kind: Literal["twiml", "audio", "text", "nothing"]
    url: str
    status: int = 0
    body: bytes = b""
    error_code: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Raw:
    status: int
    content_type: str
    location: str
    body: bytes


class _Failed(Exception):
    def __init__(self, code: int, text: str, *, retry: bool = False) -> None:
        super().__init__(text)
        self.code, self.retry, self.tries = code, retry, 1


def _why(error: BaseException) -> _Failed:
    """Twilio's error code for what aiohttp says."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _Failed(CERTIFICATE, "the certificate is not trusted", retry=True)
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return _Failed(TLS, "TLS handshake failed", retry=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _Failed(BAD_HOST, "the host name is unknown", retry=True)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return _Failed(CONNECTION, f"no TCP connection within {CONNECT_S:g} s", retry=True)
    if isinstance(error, aiohttp.ClientConnectorError):
        return _Failed(CONNECTION, f"connection failed: {error.os_error.strerror or error.os_error}", retry=True)
    if isinstance(error, aiohttp.InvalidURL):
        return _Failed(BAD_URL, "the URL is malformed")
    if isinstance(error, TimeoutError):
        return _Failed(RETRIEVAL, f"no whole answer within {TOTAL_S:g} s")
    return _Failed(RETRIEVAL, f"{type(error).__name__}: {error}")


class WebhookClient:
    """One call's HTTP side, with its cookies. `observe` sees every exchange as it ends."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        reach: Reach,
        account: Account,
        clock: CallClock,
        observe: Callable[[Exchange], None],
        *,
        total_s: float = TOTAL_S,
        amend: Callable[[dict[str, str], dict[str, str]], None] | None = None,
    ) -> None:
        """`amend(headers, fields)` may spoil a signed request in place, for tests of the doors."""
        self._session, self._reach, self._account = session, reach, account
        self._clock, self._observe, self._total_s, self._amend = clock, observe, total_s, amend

    async def ask(self, purpose: str, url: str, fields: Mapping[str, str], method: str = "POST") -> Answer:
        """Request `url` and say what Twilio makes of the answer. Never raises for anything the server does."""
        at, began = self._clock.now(), self._clock.real()
        attempts, current, verb = 0, url, method.upper()
        raw: _Raw | None = None
        failure = _Failed(0, "")
        try:
            async with asyncio.timeout(self._total_s):
                for _ in range(MOST_REDIRECTS + 1):
                    raw, tries = await self._try_twice(verb, current, fields if verb == method.upper() else {})
                    attempts += tries
                    if not (raw.status in {301, 302, 303, 307, 308} and raw.location):
                        break
                    current = urljoin(current, raw.location)
                    verb = verb if raw.status in {307, 308} else "GET"
                else:
                    raise _Failed(TOO_MANY_REDIRECTS, f"more than {MOST_REDIRECTS} redirects")
        except TimeoutError as error:
            failure = _why(error)
        except _Failed as error:
            failure = error
            attempts += error.tries
        answer = _judge(current, raw, failure)
        took = self._clock.real() - began
        self._observe(
            Exchange(
                at,
                purpose,
                method.upper(),
                self._reach.sign(current),
                answer.status,
                took,
                max(1, attempts),
                answer.error_code,
                answer.error,
                answer.body[:MOST_BYTES].decode("utf-8", "replace"),
            )
        )
        return answer

    async def _try_twice(self, method: str, url: str, fields: Mapping[str, str]) -> tuple[_Raw, int]:
        try:
            return await self._once(method, url, fields), 1
        except _Failed as failure:
            if not failure.retry:
                raise
        try:
            return await self._once(method, url, fields), 2
        except _Failed as failure:
            failure.tries = 2
            raise

    async def _once(self, method: str, url: str, fields: Mapping[str, str]) -> _Raw:
        form = dict(fields)
        if method == "GET" and form:
            joint = "&" if urlsplit(url).query else "?"
            url, form = f"{url}{joint}{urlencode(form)}", {}
        token = self._account.auth_token
        headers = form_headers(sign_form(token, self._reach.sign(url), form.items()) if token else "")
        if method == "GET":
            headers.pop("content-type")
        if self._amend is not None:
            self._amend(headers, form)
        timeout = aiohttp.ClientTimeout(total=self._total_s, connect=CONNECT_S)
        # Byte for byte: a re-quoted path or query would break the signature.
        target = URL(self._reach.dial(url), encoded=True)
        try:
            async with self._session.request(
                method,
                target,
                data=urlencode(form).encode("ascii") if method == "POST" else None,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                body = await read_at_most(response, MOST_BYTES + 1)
                kind = response.headers.get("content-type", "")
                return _Raw(response.status, kind, response.headers.get("location", ""), body)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _why(error) from None


async def read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or its first `limit` bytes and perhaps a few more where it is longer."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) >= limit:
            break
    return bytes(body)


def _judge(url: str, raw: _Raw | None, failure: _Failed) -> Answer:
    if raw is None or failure.code:
        return Answer("nothing", url, raw.status if raw else 0, b"", failure.code, str(failure))
    if not 200 <= raw.status < 300:
        return Answer("nothing", url, raw.status, raw.body, RETRIEVAL, f"the server answered {raw.status}")
    media = raw.content_type.partition(";")[0].strip().lower()
    if len(raw.body) > MOST_BYTES:
        return Answer("nothing", url, raw.status, b"", RETRIEVAL, "the answer is longer than 64 kB")
    if media in {"text/xml", "application/xml", "text/html"}:
        return Answer("twiml", url, raw.status, raw.body)
    if media.startswith("audio/"):
        return Answer("audio", url, raw.status, raw.body)
    if media == "text/plain":
        return Answer("text", url, raw.status, raw.body)
    if raw.status == 204 or not raw.body:
        return Answer("nothing", url, raw.status)
    return Answer("nothing", url, raw.status, raw.body, CONTENT_TYPE, f"content type {media or 'missing'}")

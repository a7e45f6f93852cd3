"""Answers as raw ASGI: a status, a few headers, a body that is there already. And the reading of bounded bodies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import msgspec

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SAFE_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class BodyRefused(Exception):
    """A body that is too large (413), or that never came because the peer left (status 0: nobody to answer)."""

    def __init__(self, status: int) -> None:
        """Keep the status."""
        super().__init__(status)
        self.status = status


async def read_body(receive: Receive, cap: int) -> bytes:
    """The whole body, at most `cap` bytes. Its deadline is the connection's. Raises BodyRefused."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BodyRefused(0)
        body += message.get("body", b"")
        if len(body) > cap:
            raise BodyRefused(413)
        if not message.get("more_body", False):
            return bytes(body)


async def answer(
    send: Send, status: int, body: bytes, kind: bytes, extra: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Send one whole answer."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *SAFE_HEADERS, *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def answer_text(send: Send, status: int, text: str, extra: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """Plain words, for people with curl and for logs."""
    await answer(send, status, text.encode() + b"\n", b"text/plain; charset=utf-8", extra)


async def answer_xml(send: Send, document: bytes) -> None:
    """TwiML. Always 200: a caller is on the line."""
    await answer(send, 200, document, b"text/xml; charset=utf-8")


async def answer_json(send: Send, value: Any, status: int = 200, extra: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """JSON by msgspec."""
    await answer(send, status, msgspec.json.encode(value), b"application/json", extra)


async def answer_nothing(send: Send) -> None:
    """204."""
    await send({"type": "http.response.start", "status": 204, "headers": list(SAFE_HEADERS)})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def problem(status: int, title: str, detail: str) -> dict[str, Any]:
    """An error body in the manner of RFC 9457."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}

"""The SDK's HTTP through our own sessions, so that its every socket passes the check of addresses (FAULTS D01).

The SDK brings an HTTP client with a transport that can be replaced; this is one over aiohttp. What it adds is a bound on
answers: an event stream is bounded by the SDK event by event, everything else here as a whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import httpx2
from yarl import URL

ANSWER_MOST = 1_000_000
"""Bytes of one answer (a list of tools may be long), and of one event."""
CONNECT_S = 5.0
READ_S = 300.0
"""Silence on an event stream; every request has a shorter deadline of its own."""

_HOP = frozenset({b"content-encoding", b"content-length", b"transfer-encoding", b"connection"})


class Confined(httpx2.AsyncBaseTransport):
    """Keeps the SDK's transport. Follows no redirect, keeps no cookie; the session is closed by its owner."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """The session decides which addresses may be connected to."""
        self._session = session

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it. Raises the SDK's own errors."""
        body = await request.aread()
        headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers.raw]
        given = [
            (name, value)
            for name, value in headers
            if name.lower() not in ("host", "content-length", "accept-encoding")
        ]
        given.append(("accept-encoding", "identity"))
        try:
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                data=body or None,
                headers=given,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S),
            )
        except TimeoutError as fault:
            raise httpx2.ConnectTimeout("no answer in time", request=request) from fault
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise httpx2.ConnectError(type(fault).__name__, request=request) from fault
        kept = [(name, value) for name, value in answer.raw_headers if name.lower() not in _HOP]
        endless = answer.content_type == "text/event-stream"
        return httpx2.Response(answer.status, headers=kept, stream=_Body(answer, endless=endless), request=request)


class _Body(httpx2.AsyncByteStream):
    """An answer as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse, *, endless: bool) -> None:
        self._answer, self._endless = answer, endless

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for piece in self._answer.content.iter_any():
                size += len(piece)
                if size > ANSWER_MOST and not self._endless:
                    raise httpx2.ReadError("the answer is too long")
                yield piece
        except TimeoutError as fault:
            raise httpx2.ReadTimeout("no answer in time") from fault
        except (aiohttp.ClientError, OSError) as fault:
            raise httpx2.ReadError(type(fault).__name__) from fault

    async def aclose(self) -> None:
        """Done with it: half an answer's connection is not used again."""
        self._answer.close()

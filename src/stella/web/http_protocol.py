"""One HTTP connection: uvicorn's httptools protocol, with absolute deadlines, caps and a media socket of our own.

Nothing a stranger sends makes a traceback or more than one log line; what is refused is counted by cause.
"""

from __future__ import annotations

import asyncio
import math
import re
import socket
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from stella.web.doorway import Doorway

_HOST = re.compile(rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_TARGET = re.compile(rb"/[\x21-\x7e]*")


class _Refuse(Exception):
    """Stops the parser; what to answer is kept beside it."""


class HttpDoor(HttpToolsProtocol):
    """A connection that must behave: headers and bodies in time and in size, one sane Host, nothing smuggled."""

    def __init__(
        self,
        doorway: Doorway,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._doorway = doorway
        self._caps, self._deadlines = doorway.config.caps, doorway.config.deadlines
        self._peer = ""
        self._admitted = False
        self._headers_due = self._body_due = self._write_due = self._closed_due = math.inf
        self._head_size = self._fields_size = self._dropped = 0
        self._in_head = True
        self._refusal: tuple[int, str] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the peer in, or turn it away before a byte is read."""
        super().connection_made(cast(asyncio.Transport, transport))
        # The loop sets it only on sockets that name their protocol, which accepted ones of a bound listener do not; an
        # answer written in two pieces would wait 40 ms for an acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peer = self.client[0] if self.client else ""
        self._headers_due = self.loop.time() + self._deadlines.headers
        self._doorway.patrol.watch(self)
        self._admitted = self._doorway.admit(self._peer)
        if not self._admitted:
            self._refuse(503, "too many connections; try again soon")

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the peer out."""
        self._release()
        super().connection_lost(exc)

    def _release(self) -> None:
        self._doorway.patrol.forget(self)
        if self._admitted:
            self._admitted = False
            self._doorway.leave(self._peer)

    def eof_received(self) -> None:
        """A half-closed connection is closed once its answer is out (the base class does)."""

    def check(self, now: float) -> None:
        """The patrol came by: close what is late. Never raises."""
        if self.transport.is_closing():
            if self._closed_due == math.inf:
                self._closed_due = now + self._deadlines.write
            elif now > self._closed_due:
                self.transport.abort()
        elif now > self._headers_due:
            if self._head_size:
                self._refuse(408, "the request's headers did not arrive in time")
            else:
                self.transport.close()
        elif now > self._body_due:
            self._refuse(408, "the request's body did not arrive in time")
        elif now > self._write_due:
            self._doorway.refused("slow-reader")
            self.transport.abort()

    def pause_writing(self) -> None:
        """The peer reads slower than we write: it has a while."""
        self._write_due = self.loop.time() + self._deadlines.write
        super().pause_writing()

    def resume_writing(self) -> None:
        """It caught up."""
        self._write_due = math.inf
        super().resume_writing()

    def _refuse(self, status: int, text: str) -> None:
        """Answer in plain text where nothing was answered yet, and close. Counted, not logged line by line."""
        self._doorway.refused(f"http-{status}")
        self._headers_due = self._body_due = math.inf
        if self.transport.is_closing():
            return
        started = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not started:
            body = text.encode() + b"\n"
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\nconnection: close\r\n"
                + b"content-length: %d\r\n\r\n" % len(body)
                + body
            )
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; every way it can stop ends in an answer and not in a traceback."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if self._in_head:
            self._head_size += len(data)
            if self._headers_due == math.inf:
                self._headers_due = self.loop.time() + self._deadlines.headers
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self._to_media(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(*(self._refusal or (400, "this is not a request we can read")))
            return
        if self._in_head and self._head_size > self._caps.header_bytes:
            self._refuse(431, "the request's headers are too large")

    def on_message_begin(self) -> None:
        """A request starts: its headers have their time and their size."""
        super().on_message_begin()
        self._in_head = True
        self._fields_size = 0
        if self._headers_due == math.inf:
            self._headers_due = self.loop.time() + self._deadlines.headers

    def on_url(self, url: bytes) -> None:
        """Bounded, and kept byte for byte: the signature is made over it."""
        super().on_url(url)
        if len(self.url) > self._caps.target_bytes:
            self._stop(414, "the request's address is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bounded in number and size; trailers are counted and thrown away."""
        self._fields_size += len(name) + len(value) + 4
        if self._fields_size > self._caps.header_bytes:
            self._stop(431, "the request's headers are too large")
        if self._in_head:
            super().on_header(name, value)
            if len(self.headers) > self._caps.header_count:
                self._stop(431, "the request has too many headers")

    def on_headers_complete(self) -> None:
        """The one place where a request is judged by its form."""
        self._in_head = False
        self._headers_due = math.inf
        self._body_due = self.loop.time() + self._deadlines.body
        self._dropped = 0
        if not _TARGET.fullmatch(self.url):
            self._stop(400, "the request's address must be a path")
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (hosts and not _HOST.fullmatch(hosts[0])):
            self._stop(400, "the Host header must be one host name, perhaps with a port")
        if not hosts and self.parser.get_http_version() != "1.0":
            self._stop(400, "the Host header is missing")
        names = [name for name, _ in self.headers if name in {b"content-length", b"transfer-encoding"}]
        if len(names) > 1:
            self._stop(400, "the body's length is given twice")
        cast(dict[str, Any], self.scope)["stella.target"] = self.url
        super().on_headers_complete()

    def _stop(self, status: int, text: str) -> None:
        self._refusal = (status, text)
        raise _Refuse

    def on_body(self, body: bytes) -> None:
        """After an early answer the rest of a small body is thrown away; a large one ends the connection."""
        if self.cycle is not None and self.cycle.response_complete:
            self._dropped += len(body)
            if self._dropped > self._caps.body_bytes:
                self.transport.close()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole; the next may begin."""
        self._body_due = math.inf
        self._in_head = True
        self._head_size = 0
        super().on_message_complete()

    def _should_upgrade_to_ws(self) -> bool:
        return True

    def _to_media(self, tail: bytes) -> None:
        """Hand the connection over to the media socket, or refuse the handshake with a reason."""
        self._headers_due = self._body_due = math.inf
        framed = any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.headers)
        if self.parser.get_method() != b"GET" or framed:
            self._refuse(400, "a WebSocket handshake is a GET without a body")
            return
        outcome = self._doorway.upgrade(self.url, self.headers, self._peer, self.parser.get_http_version())
        if isinstance(outcome, tuple):
            self._refuse(*outcome)
            return
        self.connections.discard(self)
        self._release()
        transport = self.transport
        transport.pause_reading()
        outcome.take(transport, tail)
        transport.set_protocol(outcome.protocol)
        transport.resume_reading()

"""What `<Connect>` opens: dials the socket, carries a leg over it, and says how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from stella.phone.caller import PutDown
from stella.phone.clock import shared_metronome
from stella.phone.context import Call
from stella.phone.form import new_sid, socket_headers
from stella.phone.leg import Leg, Send
from stella.phone.report import StreamRun
from stella.wire.signature import sign_upgrade

CONGESTED = 31930
MOST_UNSENT = 500
"""Messages that wait for a server which does not read (ten seconds); more are discarded as Twilio discards (31930)."""
LONGEST_MESSAGE = 16_000_000
"""Ten minutes of sound in one message are 6.4 MB; nothing honest is longer."""
INTENDED = {1000, 1001}
"""Close codes of a server that means well: done, or going away for a restart. 1008 and 1011 are complaints."""

End = Literal["refused", "server", "loss", "caller", "ended"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of socket it is: what Twilio calls each trouble, and the prefix of its name. `closed` and `broken` are
    what an end from the server's side is to Twilio."""

    prefix: str
    no_answer: int
    refused: int
    bad_tls: int
    handshake: int
    scheme: int
    malformed: int
    closed: int
    broken: int


STREAM = Kind("MZ", 31901, 31902, 31910, 31920, 31922, 31923, 31921, 31903)


class Talk(Protocol):
    """The two directions of an open socket: `beat` every 20 ms, `receive` for each message of the server's."""

    finished: bool
    """The server has said that it wants no more; then the carrier closes."""

    def open(self) -> None:
        """Say what comes first."""

    def beat(self) -> None:
        """20 ms have passed."""

    def receive(self, data: str | bytes, *, binary: bool) -> None:
        """A message of the server's."""

    def end(self, *, stop: bool) -> None:
        """It is over; `stop` when the other side is to be told."""


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """A `<Stream>` as it stands in the TwiML, its URL made absolute."""

    url: str
    name: str = ""
    parameters: dict[str, str] | None = None
    status_callback: str = ""
    status_method: str = "POST"


class StreamSocket:
    """One stream of a call, from handshake to close."""

    def __init__(
        self,
        call: Call,
        order: StreamOrder,
        talk: Callable[[Call, StreamRun, Send, Callable[[PutDown], None]], Talk] = Leg,
        kind: Kind = STREAM,
    ) -> None:
        """Nothing is opened before `run`. `talk` makes what is carried: sound, as long as nobody says otherwise."""
        self._call, self._order, self._talk, self._kind = call, order, talk, kind
        self._report = StreamRun(
            order.url, new_sid(kind.prefix), call.clock.now(), parameters=dict(order.parameters or {})
        )
        self._unsent: deque[bytes | str] = deque()
        self._something = asyncio.Event()
        self._put_down: PutDown | None = None
        self._over = asyncio.Event()
        self._drained = asyncio.Event()

    async def run(self) -> tuple[End, PutDown | None]:
        """Carry the stream to its end. Raises nothing for what the server does."""
        call = self._call
        call.report.streams.append(self._report)
        began = call.clock.real()
        socket = await self._open()
        self._report.handshake_ms = (call.clock.real() - began) * 1000
        if socket is None:
            self._report.closed_s = call.clock.now()
            call.tell(self._report)
            return "refused", None
        self._report.opened_s = call.clock.now()
        call.wire.connected(socket)
        call.tell(self._report)
        self._callback("stream-started")
        try:
            end = await self._carry(socket)
        finally:
            with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
                await asyncio.wait_for(socket.close(), 2)
        self._report.closed_s, self._report.closed_by = call.clock.now(), "server" if end == "ended" else end
        call.tell(self._report)
        if end == "loss":
            call.fault(self._kind.broken, "the stream's socket broke")
            self._callback("stream-error", f"{self._kind.broken}: broken pipe")
        elif end == "server":
            # Twilio logs an error for every close of the server's; here an intended one is only a warning.
            intended = self._report.close_code in INTENDED and self._kind is STREAM
            level: Literal["error", "warning"] = "warning" if intended else "error"
            call.fault(self._kind.closed, f"the server closed the stream ({self._report.close_code})", level)
        self._callback("stream-stopped")
        return end, self._put_down

    def _callback(self, event: str, error: str = "") -> None:
        order = self._order
        self._call.stream_event(order.status_callback, order.status_method, self._report, order.name, event, error)

    def _failed(self, code: int, text: str) -> None:
        self._report.refused = code
        self._call.fault(code, text)
        self._callback("stream-error", f"{code}: {text}")

    async def _open(self) -> aiohttp.ClientWebSocketResponse | None:
        call, url = self._call, self._order.url
        parts = urlsplit(url)
        plain = urlsplit(call.reach.url).scheme == "http"
        if parts.scheme not in ({"ws", "wss"} if plain else {"wss"}):
            self._failed(self._kind.scheme, f"the stream's URL begins with {parts.scheme or 'nothing'}, not wss")
            return None
        if not parts.hostname:
            self._failed(self._kind.malformed, "the stream's URL has no host")
            return None
        bare = url.partition("?")[0]
        token = call.account.auth_token
        headers = socket_headers(sign_upgrade(token, call.reach.sign(bare)) if token else "")
        target = call.wire.upgrade(call.reach.dial(bare), headers)
        try:
            async with asyncio.timeout(call.habits.handshake_limit_s):
                return await call.session.ws_connect(
                    URL(target, encoded=True), headers=headers, max_msg_size=LONGEST_MESSAGE, autoclose=False
                )
        except aiohttp.WSServerHandshakeError as error:
            self._failed(self._kind.handshake, f"the handshake was answered with {error.status}")
        except (aiohttp.ClientConnectorSSLError, aiohttp.ClientConnectorCertificateError):
            self._failed(self._kind.bad_tls, "TLS failed")
        except (aiohttp.ConnectionTimeoutError, TimeoutError):
            self._failed(self._kind.no_answer, "no answer to the connection request")
        except (aiohttp.ClientError, OSError) as error:
            self._failed(self._kind.refused, f"the connection was refused ({type(error).__name__})")
        return None

    async def _carry(self, socket: aiohttp.ClientWebSocketResponse) -> End:
        leg = self._talk(self._call, self._report, self._queue, self._hung_up)
        leg.open()
        leave = shared_metronome(self._call.clock.pace).join(leg.beat)
        sender = self._call.tasks.create_task(self._send_all(socket))
        receiver = self._call.tasks.create_task(self._receive_all(socket, leg))
        ended = self._call.tasks.create_task(self._over.wait())
        try:
            await asyncio.wait({receiver, ended, sender}, return_when=asyncio.FIRST_COMPLETED)
            if self._put_down is not None:
                leg.end(stop=not self._put_down.abrupt)
                await self._leave(socket, abrupt=self._put_down.abrupt)
                return "caller"
            leg.end(stop=False)
            if leg.finished:
                return "ended"
            return "server" if receiver.done() and not receiver.cancelled() and receiver.result() else "loss"
        finally:
            leave()
            leg.end(stop=False)
            for task in (sender, receiver, ended):
                task.cancel()
            await asyncio.wait({sender, receiver, ended})

    async def _leave(self, socket: aiohttp.ClientWebSocketResponse, *, abrupt: bool) -> None:
        if abrupt:
            # The node dies: no `stop`, no closing handshake, the connection is simply gone.
            raw = socket.get_extra_info("socket")
            if raw is not None:
                raw.shutdown(sockets.SHUT_RDWR)
            return
        self._drained.clear()
        self._something.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drained.wait(), 1.0)

    def _hung_up(self, order: PutDown) -> None:
        self._put_down = order
        self._over.set()

    def _queue(self, kind: str, message: bytes) -> None:
        for really in self._call.wire.outgoing(kind, message):
            if len(self._unsent) >= MOST_UNSENT:
                if not self._congested():
                    self._call.fault(
                        CONGESTED, "the server reads too slowly: the caller's sound is discarded", "warning"
                    )
                return
            self._unsent.append(really)
        self._something.set()

    def _congested(self) -> bool:
        return any(fault.code == CONGESTED for fault in self._call.report.faults)

    async def _send_all(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            while True:
                while self._unsent:
                    message = self._unsent[0]
                    if isinstance(message, str) and message.startswith("binary:"):
                        await socket.send_bytes(message[len("binary:") :].encode())
                    else:
                        await socket.send_str(message if isinstance(message, str) else message.decode())
                    self._unsent.popleft()
                self._drained.set()
                self._something.clear()
                await self._something.wait()
        except (ConnectionError, aiohttp.ClientError, RuntimeError):
            # The receiver learns how the socket ended and decides; this end has nothing more to say.
            await asyncio.Event().wait()

    async def _receive_all(self, socket: aiohttp.ClientWebSocketResponse, leg: Talk) -> bool:
        """Until the socket ends: True when the server closed it properly, or has asked for its end."""
        half_open = self._call.line.faults.half_open_at_s
        while True:
            message = await socket.receive()
            if half_open is not None and self._call.clock.now() - self._report.opened_s >= half_open:
                await asyncio.Event().wait()
            if message.type is aiohttp.WSMsgType.TEXT:
                leg.receive(message.data, binary=False)
            elif message.type is aiohttp.WSMsgType.BINARY:
                leg.receive(message.data, binary=True)
            elif message.type is aiohttp.WSMsgType.CLOSE:
                self._report.close_code = int(message.data)
                return True
            elif message.type in {aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}:
                return False
            if leg.finished:
                return True

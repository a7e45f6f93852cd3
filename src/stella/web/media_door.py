"""The way to the sockets of the carrier: a handshake is judged whole before a single 101 goes out."""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass
from typing import Any

from picows import WSAutoPingStrategy, WSUpgradeRequest
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not in picows' stubs

from stella.calls.front import Front
from stella.domain.errors import Refused
from stella.ports.metrics import Metrics
from stella.web.carrier_socket import CarrierSocket
from stella.web.config import RELAY_PATH, STREAM_PATH, WebConfig
from stella.web.locks import Locks
from stella.web.media_socket import MediaSocket
from stella.web.origin import Headers, client_address, header, is_forwarded, is_loopback
from stella.web.patrol import Patrol
from stella.web.refusals import Refusals
from stella.web.relay_socket import RelaySocket


class _Quiet:
    """Stands where picows wants a logger: what a peer does wrong is counted, not printed, and its line read no further.

    picows closes 10 ms after an error and buffers what comes until then; a fast peer could send megabytes.
    """

    def __init__(self, metrics: Metrics, socket: CarrierSocket) -> None:
        self._metrics, self._socket = metrics, socket

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name is logging's
        return False

    def error(self, *args: object) -> None:
        self._metrics.refused("websocket-protocol")
        self._socket.broken()

    exception = warning = error

    def debug(self, *args: object) -> None:
        """Nothing."""

    info = log = debug


_SOCKETS: dict[str, type[MediaSocket | RelaySocket]] = {STREAM_PATH: MediaSocket, RELAY_PATH: RelaySocket}


@dataclass(frozen=True, slots=True)
class Handover:
    """A connection about to become a media socket."""

    protocol: Any
    handshake: bytes

    def take(self, transport: asyncio.Transport, tail: bytes) -> None:
        """Give the protocol its transport, the handshake, and what the peer sent right behind it."""
        self.protocol.connection_made(transport)
        rest = memoryview(self.handshake + tail)
        while rest and not transport.is_closing():
            room = self.protocol.get_buffer(-1)
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            self.protocol.buffer_updated(size)
            rest = rest[size:]


class MediaDoor:
    """Makes sockets and keeps them; those that have not said whose they are are few, in all and per address."""

    def __init__(
        self, config: WebConfig, front: Front, locks: Locks, patrol: Patrol, metrics: Metrics, refusals: Refusals
    ) -> None:
        self.config, self.front, self.metrics, self.refusals = config, front, metrics, refusals
        self._locks, self._patrol = locks, patrol
        self._sockets: set[CarrierSocket] = set()
        self._pending: dict[CarrierSocket, str] = {}
        self._crowd: Counter[str] = Counter()

    @property
    def open_sockets(self) -> int:
        """How many sockets there are."""
        return len(self._sockets)

    def upgrade(self, target: bytes, headers: Headers, peer: str, version: str) -> Handover | tuple[int, str]:
        """A socket for the carrier; a status and words for everybody else."""
        path = target.partition(b"?")[0].decode("latin-1")
        kind = _SOCKETS.get(path) or _SOCKETS.get(path.removeprefix(self.config.prefix))
        if kind is None:
            return 404, f"there is no WebSocket here; Twilio's media stream is at {STREAM_PATH}"
        key = header(headers, b"sec-websocket-key") or b""
        if version != "1.1" or not _is_key(key):
            return 400, "this is not a WebSocket handshake of RFC 6455"
        if header(headers, b"sec-websocket-version") != b"13":
            return 426, "WebSocket version 13 is spoken here"
        try:
            self._locks.handshake(target, headers, peer)
            address = self._admit(headers, peer)
        except Refused as refused:
            self.refusals.note(refused, kind.kind)
            return (503 if refused.cause == "too-many-sockets" else 403), f"{refused.cause}: {refused.mend}"
        socket = kind(self, address, asyncio.get_running_loop().time)
        return Handover(self._protocol(socket), _handshake(key))

    def _admit(self, headers: Headers, peer: str) -> str:
        """The address held to account. Behind an undeclared proxy on this machine only the cap in all can be kept."""
        caps = self.config.caps
        address = client_address(headers, peer, self.config.trusted_proxies)
        hidden = is_loopback(peer) and is_forwarded(headers) and address == peer
        if len(self._pending) >= caps.pending_sockets:
            raise Refused("too-many-sockets", "too many sockets wait for `start`")
        if not hidden and self._crowd[address] >= caps.pending_per_address:
            raise Refused("too-many-sockets", "too many sockets of one address wait for `start`")
        return address

    def _protocol(self, socket: CarrierSocket) -> Any:
        def factory(_request: WSUpgradeRequest) -> CarrierSocket:
            self._sockets.add(socket)
            self._pending[socket] = socket.address
            self._crowd[socket.address] += 1
            self._patrol.watch(socket)
            return socket

        ping, quiet = WSAutoPingStrategy.PING_WHEN_IDLE, _Quiet(self.metrics, socket)
        # host, path, is client; factory, logger, disconnect on exception, handshake timeout; auto ping (off) and its
        # numbers; auto pong off, because we count pings; the bound of a frame; extra headers; first buffer.
        return WSProtocol(
            None, None, False, factory, quiet, True, None, False, 20, 20, ping, False,
            self.config.caps.frame_bytes, None, 4096,
        )  # fmt: skip

    def started(self, socket: CarrierSocket) -> None:
        """It is no longer pending."""
        address = self._pending.pop(socket, None)
        if address is not None:
            self._crowd[address] -= 1
            if not self._crowd[address]:
                del self._crowd[address]

    def ended(self, socket: CarrierSocket) -> None:
        """It is closed."""
        self.started(socket)
        self._sockets.discard(socket)
        self._patrol.forget(socket)

    def close_all(self) -> None:
        """The end of the drain: every stream is closed normally, so that the carrier goes on."""
        for socket in tuple(self._sockets):
            socket.close()

    async def cut_all(self) -> None:
        """The end of the process: a close frame for whoever still listens, then the line is cut and sessions know it."""
        self.close_all()
        for socket in tuple(self._sockets):
            socket.cut()
        # The loop tells protocols that their lines are lost one round later.
        for _ in range(3):
            await asyncio.sleep(0)


def _is_key(key: bytes) -> bool:
    try:
        return len(b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _handshake(key: bytes) -> bytes:
    """The request in picows' words. Extensions and subprotocols are left out: compression is never negotiated."""
    return (
        b"GET " + STREAM_PATH.encode() + b" HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )

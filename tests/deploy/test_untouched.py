"""The examples hand on what Twilio signed, letter by letter: it is shown what arrives behind them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .conftest import PROXIES, program

BODY = b"Body=a+b%2Bc%20d&Empty=&Name=+Gr%C3%BC%C3%9Fe+&Name=twice"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
DONE = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
SIGNATURE = b"RSOYDt4T1cUTdK1PDd93/VVr8B8="


@dataclass
class Behind:
    """A server that keeps the bytes of every request and answers 204 (200 to a health check)."""

    listener: socket.socket
    requests: list[bytes] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(5)
                got = b""
                while b"\r\n\r\n" not in got or (got.startswith(b"POST /api") and BODY not in got):
                    more = peer.recv(65536)
                    if not more:
                        break
                    got += more
                if not got:
                    continue
                self.requests.append(got)
                peer.sendall(OK if b"/healthz" in got.splitlines()[0] else DONE)


@pytest.fixture
def behind() -> Iterator[Behind]:
    """One, running."""
    server = Behind(socket.create_server(("127.0.0.1", 0)))
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    thread.join(10)


def send(proxy: str, raw: bytes) -> bytes:
    """Bytes to a proxy, and the head of its answer."""
    parts = urlsplit(proxy)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        line.sendall(raw)
        return line.recv(65536)


def arrived(behind: Behind) -> bytes:
    """The request that was no health check."""
    return next(one for one in reversed(behind.requests) if b"/healthz" not in one.splitlines()[0])


@pytest.mark.parametrize("name", PROXIES)
def test_address_fields_and_signature_arrive_as_they_were_sent(name: str, behind: Behind, tmp_path: Path) -> None:
    """Twilio signs letters, not meanings: `//`, `%76`, `+` and the order of a query are part of them."""
    program(name)
    targets = [b"/api/stella/call/voice?b=1&a=%2B+x", b"/api//stella/call/%76oice", b"/api/stella/call/voice/?"]
    with PROXIES[name](tmp_path, behind.address) as url:  # type: ignore[attr-defined]
        host = urlsplit(url).netloc.encode()
        for target in targets:
            head = b"POST " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\nX-Twilio-Signature: " + SIGNATURE
            head += b"\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Forwarded-For: 198.51.100.9"
            answer = send(url, head + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY) + BODY)
            assert answer.startswith(b"HTTP/1.1 204"), answer
            got = arrived(behind)
            head, _, body = got.partition(b"\r\n\r\n")
            assert head.split(b" ")[1] == target
            assert body == BODY
            lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
            headers = {key.lower(): value.strip() for key, _, value in lines}
            assert headers[b"x-twilio-signature"] == SIGNATURE
            assert headers[b"x-forwarded-for"] == b"127.0.0.1", "what a stranger wrote there is gone"


@pytest.mark.parametrize("name", PROXIES)
def test_the_upgrade_arrives_as_an_upgrade(name: str, behind: Behind, tmp_path: Path) -> None:
    """`Upgrade` and `Connection` end at every proxy that is not told otherwise; then the call is silent."""
    program(name)
    with PROXIES[name](tmp_path, behind.address) as url:  # type: ignore[attr-defined]
        host = urlsplit(url).netloc.encode()
        send(
            url,
            b"GET /api/stella/call/stream HTTP/1.1\r\nHost: " + host + b"\r\nConnection: Upgrade\r\nUpgrade: websocket"
            b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Twilio-Signature: "
            + SIGNATURE
            + b"\r\n\r\n",
        )
        head = arrived(behind).lower()
    assert b"\r\nupgrade: websocket" in head
    assert b"\r\nconnection: upgrade" in head
    assert b"\r\nsec-websocket-key: dghlihnhbxbszsbub25jzq==" in head
    assert SIGNATURE.lower() in head

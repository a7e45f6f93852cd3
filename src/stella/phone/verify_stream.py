"""The stream's address and handshake, byte by byte: what a proxy breaks here shows nowhere else."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import secrets
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from stella.phone.form import socket_headers
from stella.phone.reach import Reach
from stella.phone.socket import StreamOrder
from stella.phone.verify_network import check_network, place_of
from stella.phone.verify_order import Inspection
from stella.wire.signature import sign_upgrade

ADDRESS, HANDSHAKE = "stream address", "stream handshake"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MOST_HEAD = 16_384
_WORDS_S = 0.2
"""How long the words behind a refusal are waited for; often there are none."""


@dataclass(frozen=True, slots=True)
class Shake:
    """The answer to a handshake: `status` 0 where there was none. `sound` when it is what RFC 6455 demands."""

    status: int = 0
    sound: bool = False
    words: str = ""


async def check_stream(look: Inspection, stream: StreamOrder) -> bool:
    """Whether the socket of this stream can be opened as Twilio opens it, and by nobody else."""
    reach = Reach(look.order.url, look.public_origin)
    if not await _address(look, stream, reach):
        return False
    bare = stream.url.partition("?")[0]
    dialled = reach.dial(bare)
    if not look.open_door:
        stranger = await _shake(look, dialled, "")
        if stranger.status == 101:
            look.find("stream-unsigned-accepted", HANDSHAKE, "101 without a signature")
    token = look.account.auth_token
    shake = await _shake(look, dialled, sign_upgrade(token, reach.sign(bare)) if token else "")
    if shake.status == 101 and shake.sound:
        look.note(HANDSHAKE, "ok", "101, unsigned refused" if not look.open_door else "101")
        return True
    if shake.status in {401, 403} and token:
        for other in _other_spellings(reach.sign(bare)):
            if (await _shake(look, dialled, sign_upgrade(token, other))).status == 101:
                look.find("upgrade-signed-other", HANDSHAKE, f"refused for {reach.sign(bare)}, let in for {other}")
                return False
    look.find(_why(shake), HANDSHAKE, f"{shake.status or 'no answer'}: {shake.words or 'no words'}")
    return False


async def _address(look: Inspection, stream: StreamOrder, reach: Reach) -> bool:
    parts, local = urlsplit(stream.url), look.order.place.local
    if not parts.hostname:
        look.find("stream-malformed", ADDRESS, stream.url[:100])
        return False
    if parts.scheme != "wss" and not (parts.scheme == "ws" and local):
        look.find("stream-scheme", ADDRESS, f"{parts.scheme}://{parts.netloc}")
        return False
    if parts.query:
        look.find("stream-query", ADDRESS, f"{parts.netloc}{parts.path}?…")
    if not (stream.parameters or {}).get("token"):
        look.find("stream-no-token", ADDRESS, "no token among the parameters")
    place, ours = place_of(stream.url), place_of(reach.dial(stream.url))
    here = look.order.place
    if ours.port == here.port and (ours.host == here.host or (ours.local and here.local)):
        if parts.port not in {None, 443} and not local:
            look.find("stream-port", ADDRESS, f"{parts.netloc}")
        look.note(ADDRESS, "ok", f"{parts.scheme}://{parts.netloc}{parts.path}, the webhook's own host")
        return True
    if place.local and not local:
        look.find("stream-internal-host", ADDRESS, f"{parts.scheme}://{parts.netloc}")
        return False
    lines = await check_network(place, "stream ", look.order.deadlines.connect_s, look.order.tls)
    internal = {"name-unknown", "address-private"}
    for line in lines:
        if line.code in internal:
            look.find("stream-internal-host", line.check, line.seen)
        else:
            look.add(line)
    return all(line.result != "fail" for line in lines)


def _other_spellings(url: str) -> Iterator[str]:
    """Ways in which a server may have put the socket's address together."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    for other in ("wss", "https", "ws", "http"):
        for name in dict.fromkeys((host, bare, f"{bare}:443", f"{bare}:80")):
            for tail in (path, f"{path}/"):
                if (other, name, tail) != (scheme, host, path):
                    yield f"{other}://{name}{slash}{tail}"


def _why(shake: Shake) -> str:
    status = shake.status
    if status == 101:
        return "upgrade-broken"
    if status in {400, 405, 426, 200, 501, 505}:
        return "upgrade-lost"
    if status in {401, 403}:
        return "upgrade-refused"
    if status == 404:
        return "upgrade-missing"
    return "upgrade-gateway" if status in {502, 503, 504} else "upgrade-failed"


async def _shake(look: Inspection, url: str, signature: str) -> Shake:
    """One handshake in Twilio's words, hung up after the answer."""
    parts, place, limits = urlsplit(url), place_of(url), look.order.deadlines
    key = base64.b64encode(secrets.token_bytes(16))
    headers = {
        "host": parts.netloc.rpartition("@")[2], "connection": "Upgrade", "upgrade": "websocket",
        "sec-websocket-version": "13", "sec-websocket-key": key.decode(), **socket_headers(signature),
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    tls = (look.order.tls or ssl.create_default_context()) if place.tls else None
    try:
        async with asyncio.timeout(limits.connect_s):
            reader, writer = await asyncio.open_connection(
                place.host, place.port, ssl=tls, server_hostname=place.host if place.tls else None, limit=_MOST_HEAD
            )
    except TimeoutError:
        return Shake(words=f"no connection within {limits.connect_s:g} s")
    except OSError as error:
        return Shake(words=error.strerror or "no connection")
    try:
        writer.write(f"GET {parts.path or '/'} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        async with asyncio.timeout(limits.connect_s):
            answer = await reader.readuntil(b"\r\n\r\n")
        status, words = _status(answer), b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WORDS_S):
                if status not in {0, 101} and b"content-length: 0\r\n" not in answer.lower():
                    words = await reader.read(200)
        return Shake(status, _is_sound(answer, key), " ".join(words.decode("utf-8", "replace").split())[:100])
    except TimeoutError:
        return Shake(words=f"no answer within {limits.connect_s:g} s")
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Shake(words="the connection was cut")
    finally:
        writer.transport.abort()


def _status(answer: bytes) -> int:
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].isdigit() else 0


def _is_sound(answer: bytes, key: bytes) -> bool:
    # The WebSocket handshake prescribes SHA-1; nothing secret rests on it.
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    lines = [line.partition(":") for line in answer.decode("latin-1").split("\r\n")[1:]]
    shown = {name.strip().lower(): value.strip() for name, _, value in lines}
    return shown.get("sec-websocket-accept") == accept and "sec-websocket-extensions" not in shown

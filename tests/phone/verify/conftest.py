"""Deployments to verify: a scripted STELLA behind real TLS on loopback, and proxies that spoil what passes through.

The name `stella.example` leads to loopback here, so that it counts as a server somewhere else.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from stella.audio.mulaw import encode
from stella.phone.verify import Deadlines, Order, verify
from stella.phone.verify_findings import Line
from stella.wire.signature import Signatures

TOKEN = "0123456789abcdef0123456789abcdef"
HOST = "stella.example"
ROOT = "/api/stella/call/"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

TONE = encode((np.sin(np.arange(1600) / 8) * 9000).astype(np.int16))
PATIENT = Deadlines(
    connect_s=5.0, total_s=15.0, answer_s=12.0, sluggish_s=8.0, first_audio_s=4.0, silence_s=8.0, whole_s=50.0
)
"""So long that a machine with other work finds nothing in a sound deployment."""

HASTY = Deadlines(
    connect_s=2.0, total_s=1.6, answer_s=0.8, sluggish_s=0.2, first_audio_s=0.5, silence_s=1.0, whole_s=30.0
)
"""For deployments that are too slow by design: a busy machine makes them only slower."""


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    """`stella.example` and its sisters are loopback, `inside.example` is a private address, the rest is as always."""
    real = socket.getaddrinfo

    def look_up(host, *rest, **more):
        if host == "inside.example":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", rest[0] if rest else 0))]
        if isinstance(host, str) and host.endswith(HOST):
            host = "127.0.0.1"
        elif host not in {"localhost", "127.0.0.1", None}:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@dataclass(frozen=True)
class Certificates:
    """Files of a small authority and what it signed. Each is a chain and its key."""

    folder: Path

    def server(self, name: str) -> ssl.SSLContext:
        """How a server presents one of them."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / "key.pem")
        return context

    @property
    def trust(self) -> ssl.SSLContext:
        """A client that trusts the authority."""
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))


def _openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=20)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Certificates:
    """An authority, an intermediate one, and certificates that are good, expired, for another name, or by themselves."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program to make certificates")
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n")

    def signed(name: str, subject: str, issuer: str, days: str, extension: str) -> None:
        _openssl("req", "-new", "-key", "key.pem", "-subj", f"/CN={subject}", "-out", f"{name}.csr", folder=folder)
        _openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}-key.pem",
            "-CAcreateserial", "-days", days, "-extfile", extension, "-out", f"{name}.pem", folder=folder,
        )  # fmt: skip

    for name in ("key", "ca-key", "middle-key"):
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.pem", folder=folder)
    _openssl(
        "req", "-x509", "-key", "ca-key.pem", "-subj", "/CN=Test authority", "-days", "30", "-out", "ca.pem",
        "-addext", "basicConstraints=critical,CA:TRUE", folder=folder,
    )  # fmt: skip
    for name in (HOST, "other.example"):
        (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
    _openssl("req", "-new", "-key", "middle-key.pem", "-subj", "/CN=Middle", "-out", "middle.csr", folder=folder)
    _openssl(
        "x509", "-req", "-in", "middle.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
        "-days", "30", "-extfile", "ca.ext", "-out", "middle.pem", folder=folder,
    )  # fmt: skip
    signed("good", HOST, "ca", "30", f"{HOST}.ext")
    signed("soon", HOST, "ca", "3", f"{HOST}.ext")
    signed("expired", HOST, "ca", "-1", f"{HOST}.ext")
    signed("other", "other.example", "ca", "30", "other.example.ext")
    signed("incomplete", HOST, "middle", "30", f"{HOST}.ext")
    _openssl(
        "req", "-x509", "-key", "key.pem", "-subj", f"/CN={HOST}", "-days", "30", "-out", "self.pem",
        "-addext", f"subjectAltName=DNS:{HOST}", folder=folder,
    )  # fmt: skip
    return Certificates(folder)


@dataclass
class Deployment:
    """A scripted STELLA. `base` is where it is called; it signs for `public`, or for `base` where that is empty."""

    port: int = 0
    base: str = ""
    public: str = ""
    tls: ssl.SSLContext | None = None
    trust: ssl.SSLContext | None = None
    locked: bool = True
    document: str = ""
    media: str = "text/xml"
    stream_url: str = ""
    talk: str = "speaks"
    relay: str = ""
    status: int = 204
    delay_s: float = 0.0
    overrides: dict[str, Answer] = field(default_factory=dict)
    before: Answer | None = None
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sockets: int = 0

    def _signatures(self) -> Signatures:
        return Signatures([TOKEN], self.public or self.base)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.before is not None and (early := await self.before(request)) is not None:
            return early
        if request.path in self.overrides:
            return await self.overrides[request.path](request)
        if request.path in {ROOT + "stream", ROOT + "relay"}:
            return await self._stream(request)
        if request.path not in {ROOT + "voice", ROOT + "status", ROOT + "after"}:
            return web.Response(status=404, text="not found")
        if request.method != "POST":
            return web.Response(status=405)
        fields = await request.post()
        header = request.headers.get("x-twilio-signature", "")
        if self.locked and not self._signatures().check_form(request.path_qs, fields.items(), header).ok:
            return web.Response(status=403, text="wrong-signature: see the log")
        self.seen.append((request.path, {name: str(value) for name, value in fields.items()}))
        if request.path == ROOT + "status":
            return web.Response(status=self.status)
        await asyncio.sleep(self.delay_s)
        return web.Response(body=(self.document or self.twiml()).encode(), content_type=self.media)

    def twiml(self) -> str:
        """What STELLA answers; over a relay with these attributes where there are any."""
        if self.relay:
            url = self.stream_url or (self.public or self.base).replace("http", "ws") + ROOT + "relay"
            return (
                f'<Response><Say>I am a machine.</Say><Connect action="{ROOT}after"><ConversationRelay url="{url}" '
                f'{self.relay}><Parameter name="token" value="abc"/></ConversationRelay></Connect></Response>'
            )
        url = self.stream_url or (self.public or self.base).replace("http", "ws") + ROOT + "stream"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><Response><Say>I am a machine.</Say><Connect action="{ROOT}after">'
            f'<Stream url="{url}"><Parameter name="token" value="abc"/></Stream></Connect></Response>'
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if "upgrade" not in request.headers.get("connection", "").lower():
            return web.Response(status=426, text="open it as a WebSocket")
        header = request.headers.get("x-twilio-signature", "")
        if self.locked and not self._signatures().check_upgrade(request.path_qs, header).ok:
            return web.Response(status=403)
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        self.sockets += 1
        sid = ""
        if request.path == ROOT + "relay":
            await self._say(ws)
            return ws
        with contextlib.suppress(TypeError, ConnectionError):
            while not sid:
                message = json.loads(await ws.receive_str())
                sid = message.get("streamSid", "")
            await self._talk(ws, sid)
        return ws

    async def _say(self, ws: web.WebSocketResponse) -> None:
        with contextlib.suppress(TypeError, ConnectionError):
            await ws.receive_str()
            word = {"speaks": "token", "wrong": "tokken"}.get(self.talk)
            if word is not None:
                await ws.send_json({"type": "text", word: "How can I help you?", "last": True})
            while not ws.closed:
                await ws.receive_str()

    async def _talk(self, ws: web.WebSocketResponse, sid: str) -> None:
        if self.talk == "closes":
            await ws.close(code=1008)
            return
        if self.talk == "late":
            await asyncio.sleep(0.7)
        sound = b"\xff" * 1600 if self.talk == "inaudible" else TONE
        while not ws.closed:
            if self.talk != "silent":
                payload = base64.b64encode(sound).decode()
                extra = {"extra": 1} if self.talk == "extra fields" else {}
                await ws.send_json({"event": "media", "streamSid": sid, "media": {"payload": payload}, **extra})
            if (await ws.receive(timeout=5)).type.name != "TEXT":
                return


async def _open(house: Deployment, stack: contextlib.AsyncExitStack, tls: ssl.SSLContext | None) -> None:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", house.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    house.port = runner.addresses[0][1]


@pytest.fixture
async def deploy(certificates):
    """Starts deployments with a certificate of the authority (None: plain http) and the fields of Deployment."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(certificate: str | None = "good", **more) -> Deployment:
            house = Deployment(**more)
            tls = certificates.server(certificate) if certificate else None
            await _open(house, stack, tls)
            house.base = f"{'https' if tls else 'http'}://{HOST}:{house.port}"
            house.trust = certificates.trust
            return house

        yield start


Relay = Callable[[bytes], bytes]


@pytest.fixture
async def proxy(certificates):
    """A proxy that ends TLS before a deployment and passes each connection on, with its first bytes changed by `spoil`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(house: Deployment, spoil: Relay) -> str:
            async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                there, back = await asyncio.open_connection("127.0.0.1", house.port)
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    back.write(spoil(await reader.readuntil(b"\r\n\r\n")))
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(_pump(reader, back))
                        tasks.create_task(_pump(there, writer))
                back.close()
                writer.close()

            server = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=certificates.server("good"))
            stack.callback(server.close)
            return f"https://{HOST}:{server.sockets[0].getsockname()[1]}"

        yield start


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
        writer.write_eof() if writer.can_write_eof() else writer.close()


@pytest.fixture
async def raw():
    """A server that answers every connection with the same bytes (none: it hangs); its port."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(answer: bytes | None) -> int:
            async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with contextlib.suppress(OSError):
                    await reader.read(65_536)
                    if answer is None:
                        await reader.read(65_536)
                    else:
                        writer.write(answer)
                        await writer.drain()
                writer.close()

            server = await asyncio.start_server(speak, "127.0.0.1", 0)
            stack.callback(server.close)
            return int(server.sockets[0].getsockname()[1])

        yield start


@dataclass(frozen=True)
class Checked:
    """What `verify` said."""

    lines: list[Line]

    @property
    def codes(self) -> list[str]:
        """The findings, in order; that a trial port is not 443 is no news here."""
        return [line.code for line in self.lines if line.code and line.code != "stream-port"]

    @property
    def failed(self) -> list[str]:
        """The failures, in order."""
        return [line.code for line in self.lines if line.result == "fail"]

    def seen(self, check: str) -> str:
        """What a check saw."""
        return next(line.seen for line in self.lines if line.check == check)


@pytest.fixture
def check():
    """Verifies a deployment, or a bare address."""

    async def run(house: Deployment | str, *, url: str = "", **more) -> Checked:
        base = house if isinstance(house, str) else house.base
        trust = None if isinstance(house, str) else house.trust
        deadlines = more.pop("deadlines", HASTY if more.pop("hasty", False) else PATIENT)
        token, tls = more.pop("auth_token", TOKEN), more.pop("tls", trust)
        order = Order(url or base, token, tls=tls, deadlines=deadlines, tries=2, **more)
        return Checked(await verify(order))

    return run

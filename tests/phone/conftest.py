"""A small scripted server that speaks STELLA's side of Twilio's protocol, and a voice for the caller."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from stella.audio.mulaw import decode as mulaw_decode
from stella.audio.mulaw import encode
from stella.phone import Account, LineFaults, Telephony

TOKEN = "0123456789abcdef0123456789abcdef"


def tone(seconds: float, hertz: float = 440.0, amplitude: float = 8000.0, padding_s: float = 0.0) -> bytes:
    """A voice of sorts: mu-law with silence before and after."""
    t = np.arange(round(seconds * 8000)) / 8000
    sound = encode((np.sin(2 * np.pi * hertz * t) * amplitude).astype(np.int16))
    silence = b"\xff" * round(padding_s * 8000)
    return silence + sound + silence


def voice(text: str, language: str) -> bytes:
    """50 ms per character, with 100 ms of padding."""
    return tone(0.05 * max(1, len(text)), padding_s=0.1)


@dataclass
class Stream:
    """The server's end of a stream."""

    ws: web.WebSocketResponse
    start: dict
    received: list[dict] = field(default_factory=list)

    @property
    def sid(self) -> str:
        return self.start["streamSid"]

    async def play(self, mulaw: bytes) -> None:
        payload = base64.b64encode(mulaw).decode()
        await self.ws.send_str(json.dumps({"event": "media", "streamSid": self.sid, "media": {"payload": payload}}))

    async def mark(self, name: str) -> None:
        await self.ws.send_str(json.dumps({"event": "mark", "streamSid": self.sid, "mark": {"name": name}}))

    async def clear(self) -> None:
        await self.ws.send_str(json.dumps({"event": "clear", "streamSid": self.sid}))

    async def next(self, *events: str) -> dict | None:
        """The next message of these kinds, None at the end."""
        async for message in self.ws:
            if message.type is not WSMsgType.TEXT:
                continue
            data = json.loads(message.data)
            self.received.append(data)
            if data["event"] in events:
                return data
        return None

    async def speech(self) -> None:
        """Wait until the caller has spoken and then been quiet for 200 ms."""
        quiet = -1
        while (message := await self.next("media", "stop")) is not None and message["event"] == "media":
            loud = np.abs(decode(base64.b64decode(message["media"]["payload"]))).max() > 2000
            quiet = 0 if loud else (quiet + 1 if quiet >= 0 else -1)
            if quiet >= 10:
                return

    async def onset(self) -> None:
        """Wait until the caller speaks."""
        while (message := await self.next("media", "stop")) is not None and message["event"] == "media":
            if np.abs(decode(base64.b64decode(message["media"]["payload"]))).max() > 2000:
                return


def decode(mulaw: bytes) -> np.ndarray:
    """Samples wide enough that the absolute value of the lowest is right."""
    return mulaw_decode(mulaw).astype(np.int32)


@dataclass
class Session:
    """The server's end of a ConversationRelay session."""

    ws: web.WebSocketResponse
    setup: dict
    received: list[dict] = field(default_factory=list)

    async def say(self, token: str, **more) -> None:
        await self.send(type="text", token=token, **{"last": True, **more})

    async def send(self, **message) -> None:
        await self.ws.send_str(json.dumps(message))

    async def next(self, *types: str, **fields) -> dict | None:
        """The next message of these types with these fields, None at the end."""
        async for message in self.ws:
            if message.type is not WSMsgType.TEXT:
                continue
            data = json.loads(message.data)
            self.received.append(data)
            if data["type"] in types and fields.items() <= data.items():
                return data
        return None

    async def spoken(self) -> None:
        """Wait until everything has been said."""
        await self.next("info", name="agentSpeaking", value="off")


@dataclass
class Stella:
    """What the scripted server does and what it has seen. `documents` answers by path."""

    base: str = ""
    documents: dict[str, str | Callable[[dict], str | web.Response]] = field(default_factory=dict)
    talk: Callable[[Stream], Awaitable[None]] | None = None
    relay_talk: Callable[[Session], Awaitable[None]] | None = None
    refuse: int = 0
    document_delay_s: float = 0.0
    requests: list[tuple[str, str, dict, dict]] = field(default_factory=list)
    upgrades: list[dict] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    def posted(self, path: str) -> list[dict]:
        """The fields of every request for a path."""
        return [fields for _, asked, fields, _ in self.requests if asked == path]

    async def document(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.document_delay_s:
            await asyncio.sleep(self.document_delay_s)
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True)) or dict(request.query)
        self.requests.append((request.method, request.path, fields, dict(request.headers)))
        answer = self.documents.get(request.path, "")
        answer = answer(fields) if callable(answer) else answer
        if isinstance(answer, web.Response):
            return answer
        if not answer:
            return web.Response(status=204)
        return web.Response(text=f"<Response>{answer}</Response>", content_type="text/xml")

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.upgrades.append({"path": request.path_qs, **{k.lower(): v for k, v in request.headers.items()}})
        if self.refuse:
            return web.Response(status=self.refuse)
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        first = json.loads((await ws.receive()).data)
        start = json.loads((await ws.receive()).data)
        stream = Stream(ws, start, [first, start])
        self.streams.append(stream)
        if self.talk is not None:
            await self.talk(stream)
        if not ws.closed:
            await ws.close(code=1000)
        return ws

    async def relay(self, request: web.Request) -> web.StreamResponse:
        self.upgrades.append({"path": request.path_qs, **{k.lower(): v for k, v in request.headers.items()}})
        if self.refuse:
            return web.Response(status=self.refuse)
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        session = Session(ws, json.loads((await ws.receive()).data))
        self.sessions.append(session)
        if self.relay_talk is not None:
            await self.relay_talk(session)
        if not ws.closed:
            await ws.close(code=1000)
        return ws


@pytest.fixture
async def stella():
    """A running scripted server."""
    house = Stella()
    app = web.Application()
    app.router.add_get("/api/stella/call/stream", house.stream)
    app.router.add_get("/api/stella/call/relay", house.relay)
    app.router.add_route("*", "/{tail:.*}", house.document)
    server = TestServer(app)
    await server.start_server()
    house.base = str(server.make_url("")).rstrip("/")
    ws = house.base.replace("http", "ws")
    house.documents["/api/stella/call/voice"] = (
        f'<Say>I am a machine.</Say><Connect action="/api/stella/call/after"><Stream url="{ws}/api/stella/call/stream" '
        'statusCallback="/api/stella/call/stream-status"><Parameter name="token" value="t0k3n"/></Stream></Connect>'
        "<Redirect>/api/stella/call/after</Redirect>"
    )
    house.documents["/api/stella/call/after"] = "<Hangup/>"
    yield house
    await server.close()


@pytest.fixture
def phone(stella):
    """Makes telephones that ring the scripted server, in virtual time."""

    def make(**more) -> Telephony:
        more.setdefault("faults", LineFaults(snr_db=None))
        more.setdefault("voice", voice)
        more.setdefault("pace", 0)
        more.setdefault("timeout_s", 60)
        return Telephony(stella.base, more.pop("account", Account(TOKEN)), **more)

    return make

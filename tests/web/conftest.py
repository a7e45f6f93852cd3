"""A scripted house behind real doors, and the keys to them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from stella.domain.call import MediaCounts
from stella.domain.errors import Refused
from stella.domain.plan import AskAgain, AskByGather, OpenStream, SayGoodbye, Spoken, TakeMessage
from stella.web.config import Deadlines, WebConfig
from stella.web.inside import Inside
from stella.web.server import StellaServer, serving

TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + "a" * 32
CALL = "CA" + "1" * 32
STREAM = "MZ" + "2" * 32
PUBLIC = "https://calls.example.com"


@dataclass
class ScriptedSession:
    """Writes down what the door tells it."""

    call_sid: str = ""
    stream_sid: str = ""
    line: object = None
    counts: MediaCounts = field(default_factory=MediaCounts)
    heard: bytearray = field(default_factory=bytearray)
    facts: list = field(default_factory=list)

    def media(self, mulaw):
        self.heard += mulaw

    def mark(self, name):
        self.facts.append(("mark", name))

    def dtmf(self, digit):
        self.facts.append(("dtmf", digit))

    def stopped(self):
        self.facts.append("stopped")

    def prompt(self, text, *, last):
        self.facts.append(("prompt", text, last))

    def interrupted(self, heard):
        self.facts.append(("interrupted", heard))

    def speaking(self, *, agent, on):
        self.facts.append(("speaking", agent, on))

    def played(self, text):
        self.facts.append(("played", text))

    def complained(self):
        self.facts.append("complained")

    def gone(self):
        self.facts.append("gone")


class ScriptedFront:
    """A switchboard with one token per call; `asked` is everything that ever reached the house."""

    def __init__(self):
        self.asked, self.sessions, self.tokens = [], [], {"token-1": CALL}
        self.accepting, self.live_calls = True, 0
        self.fault = None
        self.fallback_fault = None

    async def incoming(self, request):
        return await self._answer("incoming", request, OpenStream((Spoken("Hello.", "en-GB"),), "token-1"))

    async def after(self, request):
        return await self._answer("after", request, SayGoodbye((Spoken("Goodbye.", "en-GB"),)))

    async def gather(self, request):
        return await self._answer("gather", request, AskByGather((Spoken("And?", "en-GB"),), "en-GB", 2))

    async def _answer(self, kind, request, plan):
        self.asked.append((kind, request))
        if self.fault is not None:
            await self.fault()
        return plan

    def fallback(self, request):
        self.asked.append(("fallback", request))
        if self.fallback_fault is not None:
            raise self.fallback_fault
        return TakeMessage((Spoken("Sorry.", "en-GB"),))

    async def status(self, request):
        await self._answer("status", request, AskAgain())

    async def stream_status(self, notice):
        await self._answer("stream-status", notice, AskAgain())

    def connect(self, call_sid, account_sid, stream_sid, token, line):
        if not token:
            raise Refused("no-token", "the TwiML of /voice brings it")
        owner = self.tokens.pop(token, None)
        if owner is None:
            raise Refused("unknown-token", "it was never minted, or is spent")
        if owner != call_sid:
            raise Refused("other-call", "the token belongs to another call")
        self.sessions.append(ScriptedSession(call_sid, stream_sid, line))
        return self.sessions[-1]

    connect_relay = connect


class ScriptedStore:
    """Records in a dictionary."""

    def __init__(self):
        self.records = {}

    async def commit(self, record):
        self.save(record)

    def save(self, record):
        self.records[record.call_sid] = record

    async def get(self, call_sid):
        return self.records.get(call_sid)

    async def list(self, limit=50, before=""):
        newest = sorted(self.records.values(), key=lambda record: record.created_at, reverse=True)
        return [record for record in newest if not before or record.created_at < before][:limit]

    async def known(self, call_sid):
        return False

    async def keep_state(self, call_sid, state):
        """Nothing."""

    async def state(self, call_sid):
        return b""

    async def ready(self):
        return True

    async def close(self):
        """Nothing."""


class CountingMetrics:
    """Counts in Counters."""

    def __init__(self):
        self.causes, self.given_up, self.frame_totals = Counter(), Counter(), [0, 0, 0]

    def refused(self, cause):
        self.causes[cause] += 1

    def call_ended(self, outcome):
        """Not the door's."""

    def frames(self, received, rejected, missing):
        for index, count in enumerate((received, rejected, missing)):
            self.frame_totals[index] += count

    def dropped(self, what, count=1):
        self.given_up[what] += count

    def response_gap(self, seconds):
        """Not the door's."""

    def barge_in(self, seconds):
        """Not the door's."""

    def webhook(self, route, seconds):
        """Uninteresting here."""


@dataclass
class Doors:
    """A running server and what stands behind it."""

    server: StellaServer
    front: ScriptedFront
    store: ScriptedStore
    metrics: CountingMetrics

    @property
    def port(self):
        return self.server.port

    @property
    def base(self):
        return self.server.base_url


LOCKED = WebConfig(
    public_url=PUBLIC, auth_tokens=(TOKEN,), account_sid=ACCOUNT, operator_token="operator-token-0123456789", port=0,
    secret=b"secret-of-the-tests-0123456789abc", deadlines=Deadlines(patrol=0.02, close=0.2, goodbye=0.2),
)  # fmt: skip
OPEN = WebConfig(
    development=True,
    port=0,
    secret=b"secret-of-the-tests-0123456789abc",
    deadlines=Deadlines(patrol=0.02, close=0.2, goodbye=0.2),
)


@pytest.fixture
async def open_doors():
    """Opens servers (`await` it with a config) that are closed with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def opened(config=LOCKED, **inside):
            front, store, metrics = ScriptedFront(), ScriptedStore(), CountingMetrics()
            server = StellaServer(Inside(front, store, metrics, **inside), config)
            await stack.enter_async_context(serving(server))
            return Doors(server, front, store, metrics)

        yield opened


@pytest.fixture
async def locked(open_doors):
    """A production-like door: tokens configured."""
    return await open_doors(LOCKED)


@pytest.fixture
async def unlocked(open_doors):
    """`stella dev` without a token."""
    return await open_doors(OPEN)


class RawSocket:
    """A WebSocket client that may break every rule."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port, headers=(), path="/api/stella/call/stream", host="localhost"):
        """The socket and the status of the handshake's answer (the socket is None unless it is 101)."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: Upgrade", "Upgrade: websocket",
                 "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *headers]  # fmt: skip
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        status = int(answer.split()[1])
        if status != 101:
            writer.close()
            return None, status, answer
        return cls(reader, writer), status, answer

    def frame(self, opcode, payload=b"", fin=True, announced=None, rsv1=False):
        """Write one frame, masked with zeros; `announced` lies about its length."""
        size = len(payload) if announced is None else announced
        first = bytes([(0x80 if fin else 0) | (0x40 if rsv1 else 0) | opcode])
        if size < 126:
            head = first + bytes([0x80 | size])
        elif size < 65536:
            head = first + b"\xfe" + size.to_bytes(2, "big")
        else:
            head = first + b"\xff" + size.to_bytes(8, "big")
        self.writer.write(head + b"\0\0\0\0" + payload)

    def say(self, message):
        """Write one message as JSON."""
        self.frame(1, json.dumps(message).encode())

    def start(self, token="token-1", call=CALL, stream=STREAM, account=ACCOUNT, **details):
        """Write `connected` and `start`."""
        self.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        body = {"accountSid": account, "callSid": call, "streamSid": stream, "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"token": token}, **details}  # fmt: skip
        self.say({"event": "start", "sequenceNumber": "1", "streamSid": stream, "start": body})

    def media(self, chunk, payload=b"\x55" * 160, stream=STREAM, timestamp=None, track="inbound"):
        """Write one frame of sound."""
        at = 20 * (chunk - 1) if timestamp is None else timestamp
        sound = {
            "track": track,
            "chunk": str(chunk),
            "timestamp": str(at),
            "payload": base64.b64encode(payload).decode(),
        }
        self.say({"event": "media", "sequenceNumber": str(chunk + 1), "streamSid": stream, "media": sound})

    async def read(self):
        """The next frame as (opcode, payload); (None, b"") when the line is cut."""
        try:
            first, second = await asyncio.wait_for(self.reader.readexactly(2), 3)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            return first & 0x0F, await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None, b""

    async def close_code(self):
        """The code of the close frame that comes; 1006 where the line is cut without one."""
        while True:
            opcode, payload = await self.read()
            if opcode in {8, None}:
                return int.from_bytes(payload[:2], "big") if payload else 1006

    def cut(self):
        """Drop the line without a word."""
        self.writer.transport.abort()


async def _raw(port, request, wait=3.0):
    """Everything a server answers to these bytes until it closes, or has been quiet for `wait` seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = b""
    try:
        while piece := await asyncio.wait_for(reader.read(65536), wait):
            answer += piece
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.transport.abort()
    return answer


def _post(path, fields=(), *, body=None, signature=None, headers=(), host="calls.example.com", kind=True, close=True):
    """A form post as bytes; `signature` None leaves the header out."""
    form = urlencode(list(fields)).encode() if body is None else body
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(form)}", *headers]
    if kind:
        lines.append("Content-Type: application/x-www-form-urlencoded; charset=UTF-8")
    if signature is not None:
        lines.append(f"X-Twilio-Signature: {signature}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + form


def _sign(path, fields=(), token=TOKEN, base=PUBLIC):
    """What the official library signs: the oracle."""
    grouped = {}
    for name, value in fields:
        grouped.setdefault(name, []).append(value)
    return RequestValidator(token).compute_signature(base + path, _MultiDict(grouped))


class _MultiDict(dict):
    def getlist(self, name):
        return self[name]


def _status(answer):
    return int(answer.split(b" ", 2)[1]) if answer else 0


async def _until(condition, seconds=3.0):
    """Wait until something is so; fail where it never is."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


FIELDS = (("CallSid", CALL), ("AccountSid", ACCOUNT), ("From", "+436601234567"), ("To", "+4313456789"),
          ("CallStatus", "ringing"), ("Direction", "inbound"), ("FromCity", ""))  # fmt: skip
ROUTES = tuple(
    f"/api/stella/call/{name}" for name in ("voice", "status", "after", "fallback", "gather", "stream-status")
)
STREAM_SIGNATURE = RequestValidator(TOKEN).compute_signature("wss://calls.example.com/api/stella/call/stream", {})


@pytest.fixture(scope="session")
def kit():
    """The tools of these tests, in one place."""
    return SimpleNamespace(
        raw=_raw, post=_post, sign=_sign, status=_status, until=_until, Socket=RawSocket, fields=FIELDS, routes=ROUTES,
        token=TOKEN, account=ACCOUNT, call=CALL, stream=STREAM, public=PUBLIC, locked=LOCKED, open=OPEN,
        front=ScriptedFront, metrics=CountingMetrics, store=ScriptedStore,
        signed_stream=(f"X-Twilio-Signature: {STREAM_SIGNATURE}",),
    )  # fmt: skip

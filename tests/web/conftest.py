"""A scripted house behind real doors, and the keys to them."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field

import pytest

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
    secret=b"secret-of-the-tests-0123456789abc", deadlines=Deadlines(patrol=0.02, close=0.2),
)  # fmt: skip
OPEN = WebConfig(
    development=True, port=0, secret=b"secret-of-the-tests-0123456789abc", deadlines=Deadlines(patrol=0.02, close=0.2)
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

"""A whole call without sound or waiting: a virtual clock, scripted engines, and a carrier that plays what it is sent."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stella.calls.budget import Budget
from stella.calls.live_call import Clock
from stella.calls.session import CallSession
from stella.calls.switchboard import Switchboard
from stella.domain.acts import Act
from stella.domain.agent import Agent, LanguageSetup, Person
from stella.domain.call import CallRecord
from stella.domain.phrases import PHRASES_DE, PHRASES_EN
from stella.domain.plan import OpenStream, Plan
from stella.domain.request import CallRequest
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Asked, BrainEvent, CallFacts, Said
from stella.ports.failure import Unavailable
from stella.ports.speech import Activity, Final, Heard, Lost, Sound

CALL = "CA" + "1" * 32
ACCOUNT = "AC" + "2" * 32
STREAM = "MZ" + "3" * 32
NUMBER = "+4312345678"


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Never waits: where the loop would sleep, its clock jumps."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing else is to be done."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


@pytest.fixture
def run() -> Iterator[Callable[[Awaitable[Any]], Any]]:
    """Run a coroutine on virtual time, at most 10 virtual minutes; nothing may be left behind."""
    loop = VirtualLoop()

    def go(work: Awaitable[Any]) -> Any:
        async def bounded() -> Any:
            result = await asyncio.wait_for(work, 600)
            await asyncio.sleep(20)
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            assert not left, f"left behind: {left}"
            return result

        return loop.run_until_complete(bounded())

    yield go
    loop.close()


def virtual_clock() -> Clock:
    """The loop's time, and a wall clock that goes with it."""
    loop = asyncio.get_running_loop()
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    return Clock(loop.time, lambda: start + timedelta(seconds=loop.time()))


@dataclass
class Carrier:
    """A line as the carrier has it: plays in order, echoes marks when reached or cleared, knows what was heard."""

    session: CallSession | None = None
    ends_at: float = 0.0
    waiting: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    played: list[tuple[float, float]] = field(default_factory=list)
    clears: list[float] = field(default_factory=list)
    closed_at: float | None = None
    backlog: int = 0

    def send_media(self, mulaw: bytes) -> None:
        now = asyncio.get_running_loop().time()
        start = max(now, self.ends_at)
        self.ends_at = start + len(mulaw) / 8000
        self.played.append((start, self.ends_at))

    def send_mark(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        self.waiting[name] = loop.call_at(max(loop.time(), self.ends_at), self._reached, name)

    def send_clear(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.clears.append(now)
        self.ends_at = now
        self.played = [(start, min(end, now)) for start, end in self.played if start < now]
        for name, handle in list(self.waiting.items()):
            handle.cancel()
            self.waiting[name] = loop.call_soon(self._reached, name)  # type: ignore[assignment]

    def _reached(self, name: str) -> None:
        self.waiting.pop(name, None)
        if self.session is not None:
            self.session.mark(name)

    def close(self) -> None:
        if self.closed_at is None:
            loop = asyncio.get_running_loop()
            self.closed_at = loop.time()
            if self.session is not None:
                loop.call_later(0.02, self.session.gone)

    @property
    def heard_s(self) -> float:
        """How much sound the caller's ear got."""
        return sum(end - start for start, end in self.played)


class Ears:
    """Voice activity and speech-to-text in one: the test says what the caller says and when."""

    name = "scripted"

    def __init__(self, languages: frozenset[str] = frozenset({"de", "en"})) -> None:
        self.languages = languages
        self.texts: list[str | None] = []
        self.changed: Callable[[Activity], None] | None = None
        self.heard: Callable[[Heard], None] | None = None
        self.opened = self.closed = 0
        self.spoken = ""
        """The language that is heard, for ears that were asked to tell."""
        self.hints: Sequence[str] = ()
        self.also: Sequence[str] = ()

    # voice activity
    def feed(self, mulaw: bytes) -> None:
        """Nothing: the test decides."""

    def begin(self, utterance: Any) -> None:
        """Nothing to keep."""

    def drop(self, utterance: Any) -> None:
        if self.texts:
            self.texts.pop(0)

    def finish(self, utterance: Any) -> None:
        text = self.texts.pop(0) if self.texts else ""
        answer: Heard = Lost(utterance, "timeout") if text is None else Final(utterance, text, 50.0, self.spoken)
        asyncio.get_running_loop().call_later(0.05, lambda: self.heard and self.heard(answer))

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: Sequence[str] = (), also: Sequence[str] = ()
    ) -> Ears:
        if language not in self.languages:
            raise Unavailable("scripted", "language")
        self.heard, self.opened = heard, self.opened + 1
        self.hints, self.also = hints, also
        return self

    async def close(self) -> None:
        self.closed += 1

    async def says(self, text: str | None, seconds: float = 1.0) -> None:
        """The caller speaks for so long; None: the ears fail."""
        assert self.changed is not None
        self.texts.append(text)
        self.changed(Activity(True, 0, 0))
        await asyncio.sleep(seconds)
        self.changed(Activity(False, 0, 0))


class _Vad:
    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def open(self, changed: Callable[[Activity], None]) -> Any:
        self._ears.changed = changed
        return _Quiet()

    async def close(self) -> None:
        """Nothing."""


class _Quiet:
    def feed(self, mulaw: bytes) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Voice:
    """0.05 s of sound per character, made at once."""

    name = "scripted"
    languages = frozenset({"de", "en"})

    def __init__(self) -> None:
        self.broken = False
        self.said: list[str] = []

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        if self.broken:
            raise Unavailable("scripted", "refused")
        self.said.append(text)
        for _ in range(max(1, len(text) // 4)):
            yield Sound(b"\x7f" * 1600)

    async def close(self) -> None:
        """Nothing."""


Script = Callable[[Asked], list[str | Act | BaseException | float | tuple[str, float]]]


class ScriptedBrain:
    """Answers as the test says: sentences, acts, failures to raise, seconds to think, or what it spends."""

    name = "scripted"

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.contexts: list[list[Turn]] = []
        self.states: list[bytes] = []
        self.languages: list[str] = []
        self.closed = 0

    def open(self, facts: CallFacts, state: bytes = b"") -> ScriptedBrain:
        self.states.append(state)
        self.facts = facts
        return self

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        self.asked.append(asked)
        self.contexts.append(list(context))
        for thing in self.script(asked):
            if isinstance(thing, BaseException):
                raise thing
            if isinstance(thing, float):
                await asyncio.sleep(thing)
            elif isinstance(thing, tuple):
                self.facts.spend(*thing)
            elif isinstance(thing, str):
                yield Said(thing)
            else:
                yield Acted(thing)

    def switch(self, language: str) -> None:
        self.languages.append(language)

    def state(self) -> bytes:
        return b"state"

    async def close(self) -> None:
        self.closed += 1


class Store:
    """Records in memory, as they were when they were handed over."""

    def __init__(self) -> None:
        self.kept: dict[str, CallRecord] = {}
        self.commits: list[CallRecord] = []
        self.states: dict[str, bytes] = {}
        self.broken = False

    async def commit(self, record: CallRecord) -> None:
        if self.broken:
            raise Unavailable("store", "timeout")
        self.commits.append(record)
        self.kept[record.call_sid] = record

    def save(self, record: CallRecord) -> None:
        self.kept[record.call_sid] = record

    async def get(self, call_sid: str) -> CallRecord | None:
        if self.broken:
            raise Unavailable("store", "timeout")
        return self.kept.get(call_sid)

    async def list(self, limit: int = 50, before: str = "") -> list[CallRecord]:
        return list(self.kept.values())

    async def known(self, call_sid: str) -> bool:
        return await self.get(call_sid) is not None

    async def keep_state(self, call_sid: str, state: bytes) -> None:
        if state:
            self.states[call_sid] = state
        else:
            self.states.pop(call_sid, None)

    async def state(self, call_sid: str) -> bytes:
        return self.states.get(call_sid, b"")

    async def ready(self) -> bool:
        return not self.broken

    async def close(self) -> None:
        """Nothing."""


AGENT = Agent(
    "receptionist",
    "Vintaro",
    (
        LanguageSetup("de", "de-AT", "", "Polly.Vicki", PHRASES_DE),
        LanguageSetup("en", "en-GB", "", "Polly.Amy", PHRASES_EN),
    ),
    people=(Person("Anna Berger", "+431111111", ("Anna",)),),
    version="1",
)


@dataclass
class House:
    """A switchboard with everything scripted, and short-hands for what the carrier asks."""

    switchboard: Switchboard
    store: Store
    ears: Ears
    voice: Voice
    brain: ScriptedBrain
    agent: Agent
    voice_activity: Any
    engines: Any = None

    async def voice_webhook(self, **fields: Any) -> Plan:
        return await self.switchboard.incoming(request(**fields))

    async def after(self, **fields: Any) -> Plan:
        return await self.switchboard.after(request(**fields))

    def connect(self, plan: Plan, stream: str = STREAM) -> tuple[CallSession, Carrier]:
        assert isinstance(plan, OpenStream)
        line = Carrier()
        line.session = self.switchboard.connect(CALL, ACCOUNT, stream, plan.token, line)
        return line.session, line

    @property
    def record(self) -> CallRecord:
        return self.store.kept[CALL]


def request(**fields: Any) -> CallRequest:
    """A request about the one call of these tests, from a British caller unless told otherwise."""
    base = CallRequest(call_sid=CALL, account_sid=ACCOUNT, from_="+442012345678", to=NUMBER, status="ringing")
    return replace(base, **fields)


class Shelf:
    """One agent for every number, or for none."""

    def __init__(self, agent: Agent) -> None:
        self.agent: Agent | None = agent

    def for_number(self, to: str) -> Agent | None:
        return self.agent


class ScriptedEngines:
    """What the house has."""

    def __init__(self, ears: Ears, voice: Voice, brain: ScriptedBrain) -> None:
        self._ears, self._voice, self._brain = ears, voice, brain
        self.voice_activity = _Vad(ears)
        self.turn_hints: Any = None
        self.expected: list[tuple[str, str]] = []
        self.budget = Budget()

    def frugal(self, agent: Agent) -> Agent:
        return replace(agent, version=f"{agent.version}+free")

    def ears(self, agent: Agent, language: str) -> Ears | None:
        return self._ears if language in self._ears.languages else None

    def voice(self, agent: Agent, language: str) -> Voice:
        return self._voice

    def expect(self, agent: Agent, language: str) -> None:
        self.expected.append((agent.name, language))

    def brain(self, agent: Agent) -> ScriptedBrain:
        return self._brain


def build_house(
    script: Script = lambda _asked: ["We are open from nine to five."],
    *,
    agent: Agent = AGENT,
    languages: frozenset[str] = frozenset({"de", "en"}),
    budget: Budget | None = None,
    **options: Any,
) -> House:
    """A house inside a running loop."""
    ears, voice, brain, store = Ears(languages), Voice(), ScriptedBrain(script), Store()
    engines = ScriptedEngines(ears, voice, brain)
    engines.budget = budget or engines.budget
    board = Switchboard(Shelf(agent), engines, store, virtual_clock(), **options)
    return House(board, store, ears, voice, brain, agent, engines.voice_activity, engines)


@pytest.fixture
def house() -> Callable[..., House]:
    """Builds a house inside a running loop."""
    return build_house

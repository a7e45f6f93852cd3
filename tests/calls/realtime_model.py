"""A scripted model that hears and speaks, and a house whose calls it carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from tests.calls.conftest import AGENT, House, ScriptedBrain

from stella.calls.breaker import Breaker
from stella.calls.realtime_brain import RealtimeBrain
from stella.calls.tools import Toolboxes
from stella.domain.consent import Preset
from stella.domain.ids import UtteranceId
from stella.ports.company import Page
from stella.ports.failure import ProviderError, Unavailable
from stella.ports.language import Called, Grew, Message, ToolCall
from stella.ports.realtime import Briefing, Metered, RealtimeEvent, Sounded
from stella.ports.speech import Final, Heard, Lost
from stella.ports.tool import CAREFREE, ToolAnswer, ToolFacts

CHAR = 480
"""Bytes of sound a character: 60 ms."""
TONE = b"\x10\x90"


def say(text: str, pace: float = 0.0, stop: int = -1) -> list[Any]:
    """A text as a model says it: words ahead of sound, `pace` seconds between pieces; it breaks off after `stop` bytes."""
    script: list[Any] = []
    sound = TONE * (CHAR // 2 * len(text))
    words = text.split(" ")
    pieces = [sound[at : at + 1600] for at in range(0, len(sound), 1600)]
    each = max(1, -(-len(words) // max(1, len(pieces) // 2)))
    for place, piece in enumerate(pieces):
        if 0 <= stop <= place * 1600:
            return [*script, Unavailable("model", "cut")]
        script += [Grew(f"{word} ") for word in words[place * each : (place + 1) * each]]
        script += [Sounded(piece), *([pace] if pace else [])]
    return [*script, Metered(100, 50, 0, 0, 10, 40)]


@dataclass
class Line:
    """One line of it."""

    model: Model
    briefing: Briefing
    heard: Callable[[Heard], None]
    died: Callable[[ProviderError], None]
    alive: bool = True
    sound: int = 0
    begun: list[UtteranceId] = field(default_factory=list)
    finished: list[UtteranceId] = field(default_factory=list)
    dropped: list[UtteranceId] = field(default_factory=list)
    asked: list[tuple[list[Message], list[Message]]] = field(default_factory=list)
    cut: list[float] = field(default_factory=list)
    told_heard: list[str] = field(default_factory=list)
    given_up: int = 0
    closed: int = 0

    def feed(self, mulaw: bytes) -> None:
        self.sound += len(mulaw)

    def begin(self, utterance: UtteranceId) -> None:
        self.begun.append(utterance)

    def finish(self, utterance: UtteranceId) -> None:
        self.finished.append(utterance)
        text = self.model.hears.pop(0) if self.model.hears else "hello there"
        answer: Heard = Lost(utterance, "timeout") if text is None else Final(utterance, text, 50.0)
        asyncio.get_running_loop().call_later(0.05, self.heard, answer)

    def drop(self, utterance: UtteranceId) -> None:
        self.dropped.append(utterance)

    async def answer(
        self, before: Sequence[Message] = (), behind: Sequence[Message] = ()
    ) -> AsyncIterator[RealtimeEvent]:
        self.asked.append((list(before), list(behind)))
        if not self.alive:
            raise Unavailable("model", "cut")
        whole = False
        try:
            for thing in self.model.answers.pop(0) if self.model.answers else say("Yes, of course."):
                if isinstance(thing, Exception):
                    if isinstance(thing, ProviderError) and thing.code == "cut":
                        self.die(thing)
                    raise thing
                if isinstance(thing, float):
                    await asyncio.sleep(thing)
                else:
                    yield thing
            whole = True
        finally:
            self.given_up += not whole

    def die(self, failure: ProviderError) -> None:
        self.alive = False
        self.died(failure)

    def truncate(self, heard_s: float, heard: str = "") -> None:
        self.cut.append(heard_s)
        self.told_heard.append(heard)

    async def close(self) -> None:
        self.alive = False
        self.closed += 1


class Model:
    """What it hears and answers stands in lists; `refuses` lines die as soon as they are opened."""

    def __init__(self, name: str = "openai:model") -> None:
        self.name = name
        self.languages = frozenset({"de", "en"})
        self.lines: list[Line] = []
        self.hears: list[str | None] = []
        self.answers: list[list[Any]] = []
        self.refuses = self.eager = False

    def open(self, briefing: Briefing, heard: Callable[[Heard], None], died: Callable[[ProviderError], None]) -> Line:
        line = Line(self, briefing, heard, died)
        self.lines.append(line)
        if self.refuses:
            asyncio.get_running_loop().call_soon(line.die, Unavailable("model", "unreachable"))
        return line

    async def check(self) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Nothing."""


class _Nothing(msgspec.Struct):
    what: str = ""


class Rooms:
    """A tool."""

    name, description, arguments, deadline_s, outside, care = (
        "free_rooms",
        "Free rooms.",
        _Nothing,
        5.0,
        False,
        CAREFREE,
    )

    async def use(self, arguments: _Nothing, facts: ToolFacts) -> ToolAnswer:
        return ToolAnswer(f"two rooms on {arguments.what}")


class Company:
    """It knows what it is given."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.understood: list[str] = []

    async def understand(self, question: str) -> None:
        self.understood.append(question)

    def search(self, question: str, language: str) -> Sequence[Page]:
        return self.pages

    def week(self) -> str:
        return ""

    def clock(self, now: Any) -> str:
        return "It is noon."


def called(name: str, arguments: str = "{}") -> Called:
    """The model wants a tool used."""
    return Called(ToolCall(f"call-{name}", name, arguments))


@dataclass
class Spoken:
    """A house whose calls are carried by a row of models."""

    house: House
    models: list[Model]
    company: Company
    session: Any = None
    line: Any = None

    @property
    def model(self) -> Model:
        return self.models[0]

    @property
    def record(self) -> Any:
        return self.house.record

    async def ring(self, **fields: Any) -> None:
        self.session, self.line = self.house.connect(await self.house.voice_webhook(**fields))

    async def says(self, text: str | None, seconds: float = 1.0) -> None:
        """To the model; other ears would hear the same."""
        self.model.hears.append(text)
        await self.house.ears.says(text, seconds)

    async def tells_others(self, text: str) -> None:
        """To ears that are not the model's; there is sound, as others hear it again."""
        task = asyncio.create_task(self.house.ears.says(text))
        await asyncio.sleep(0.1)
        self.session.media(TONE * 80)
        await task

    async def hangs_up(self) -> None:
        self.session.stopped()
        self.session.gone()
        await asyncio.sleep(2)

    def switches(self) -> list[tuple[str, str, str, bool]]:
        told = [use for use in self.record.tools if use.name == "engine_switch"]
        told = [use for use in told if use.arguments["kind"] == "realtime"]
        return [(u.arguments["from"], u.arguments["to"], u.result, u.arguments["mid_reply"]) for u in told]


def speaking(
    house: Callable[..., House], *models: Model, preset: Preset = Preset.DISCLOSE,
    script: Any = lambda _asked: ["I am the brain behind."], tools: Sequence[Any] = (),
    policy: dict[str, float] | None = None, **options: Any,
) -> Spoken:  # fmt: skip
    """Build it inside a running loop."""
    agent = replace(AGENT, preset=preset, voice_path="realtime", policy=policy or {})
    h = house(script, agent=agent, **options)
    row, company = list(models) or [Model()], Company()
    clock = asyncio.get_running_loop().time
    behind: ScriptedBrain = h.brain
    brain = RealtimeBrain(
        row, {model.name: Breaker(clock, lambda: 0.0) for model in row}, behind, company,
        Toolboxes(lambda: tools, clock), lambda _name, _spent, _day: 0.01,
    )  # fmt: skip
    h.switchboard._engines._brain = brain  # type: ignore[attr-defined]
    return Spoken(h, row, company)

"""Ears, voice and voice activity for a line that carries letters, and a watch over whether the brain still thinks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

from stella.app.brains import Brains
from stella.app.testing.letters import BYTES_PER_S, Letters, encode
from stella.calls.budget import Budget
from stella.domain.agent import Agent
from stella.domain.ids import UtteranceId
from stella.domain.transcript import Turn
from stella.ports.brain import Asked, Brain, BrainEvent, BrainSession, CallFacts
from stella.ports.speech import Activity, Final, Heard, Sound, Word

LANGUAGES = frozenset({"de", "en"})
GAP = 800
"""Samples of silence that end speech."""
PIECE = 4000


@dataclass(slots=True)
class Busy:
    """What is under way on STELLA's side of all calls."""

    thinking: int = 0
    speaking: int = 0

    def __bool__(self) -> bool:
        """Whether anything is."""
        return bool(self.thinking or self.speaking)


class LetterVoice:
    """Keeps `TextToSpeech`."""

    name = "letters"
    languages = LANGUAGES

    def __init__(self, busy: Busy) -> None:
        """`busy` is kept up to date."""
        self._busy = busy

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port, with the times of every word."""
        self._busy.speaking += 1
        try:
            sound, words = encode(f"{text.strip()} "), _words(text.strip())
            for start in range(0, len(sound), PIECE):
                end = (start + PIECE) / 8000
                here = tuple(word for word in words if start / 8000 < word.end <= end)
                yield Sound(sound[start : start + PIECE], here)
        finally:
            self._busy.speaking -= 1

    async def close(self) -> None:
        """As the port."""


def _words(text: str) -> list[Word]:
    ends = [at for at in range(1, len(text) + 1) if at == len(text) or text[at].isspace()]
    return [Word(end, len(text[:end].encode()) / BYTES_PER_S) for end in ends]


class LetterUtterances:
    """Keeps `SpeechToTextStream`: what was read since the last answer is what was said."""

    def __init__(self, heard: Callable[[Heard], None]) -> None:
        """`heard` is called on the loop, never from within `finish`."""
        self._heard, self._letters = heard, Letters()
        self._waiting: dict[UtteranceId, asyncio.Handle] = {}
        self._closed = False

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        self._letters.feed(mulaw)

    def begin(self, utterance: UtteranceId) -> None:
        """As the port."""

    def finish(self, utterance: UtteranceId) -> None:
        """As the port."""
        if not self._closed and utterance not in self._waiting:
            self._waiting[utterance] = asyncio.get_running_loop().call_soon(self._answer, utterance)

    def _answer(self, utterance: UtteranceId) -> None:
        del self._waiting[utterance]
        self._heard(Final(utterance, " ".join(self._letters.take().split()), 0.0))

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        if handle := self._waiting.pop(utterance, None):
            handle.cancel()
        self._letters.take()

    async def close(self) -> None:
        """As the port."""
        self._closed = True
        for utterance in list(self._waiting):
            self.drop(utterance)


class LetterEars:
    """Keeps `SpeechToText`."""

    name = "letters"
    languages = LANGUAGES

    async def open(
        self,
        language: str,
        heard: Callable[[Heard], None],
        hints: tuple[str, ...] = (),
        also: tuple[str, ...] = (),
    ) -> LetterUtterances:
        """As the port."""
        return LetterUtterances(heard)

    async def close(self) -> None:
        """As the port."""


class LetterActivityStream:
    """Keeps `VoiceActivityStream`: a tone is speech."""

    def __init__(self, changed: Callable[[Activity], None]) -> None:
        """`changed` is called on the loop, never from within `feed`."""
        self._changed, self._letters, self._loop = changed, Letters(), asyncio.get_running_loop()
        self._at = self._last = 0
        self._speaking = self._closed = False

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        began, self._at = self._at, self._at + len(mulaw)
        if self._letters.feed(mulaw):
            self._last = self._at
            self._tell(began, speaking=True)
        elif self._at - self._last >= GAP:
            self._tell(self._last, speaking=False)
        self._letters.take()

    def _tell(self, at: int, *, speaking: bool) -> None:
        if speaking != self._speaking:
            self._speaking = speaking
            self._loop.call_soon(self._say, Activity(speaking, at, self._at))

    def _say(self, change: Activity) -> None:
        if not self._closed:
            self._changed(change)

    def close(self) -> None:
        """As the port."""
        self._closed = True


class LetterActivity:
    """Keeps `VoiceActivity`."""

    def open(self, changed: Callable[[Activity], None]) -> LetterActivityStream:
        """As the port."""
        return LetterActivityStream(changed)

    async def close(self) -> None:
        """As the port."""


@dataclass(slots=True)
class WatchedBrain:
    """A brain as it is; whether it thinks is known."""

    brain: Brain
    busy: Busy
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Under the brain's own name."""
        self.name = self.brain.name

    def open(self, facts: CallFacts, state: bytes = b"") -> WatchedSession:
        """As the port."""
        return WatchedSession(self.brain.open(facts, state), self.busy)

    async def close(self) -> None:
        """As the port."""
        await self.brain.close()


@dataclass(slots=True)
class WatchedSession:
    """Keeps `BrainSession`."""

    session: BrainSession
    busy: Busy

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """As the port."""
        self.busy.thinking += 1
        try:
            async with aclosing(self.session.reply(asked, context, now)) as events:  # type: ignore[type-var]
                async for event in events:
                    yield event
        finally:
            self.busy.thinking -= 1

    def switch(self, language: str) -> None:
        """As the port."""
        self.session.switch(language)

    def state(self) -> bytes:
        """As the port."""
        return self.session.state()

    async def close(self) -> None:
        """As the port."""
        await self.session.close()


class Stage:
    """Keeps `HouseEngines`: letters for ears and voice, and the brains an agent names."""

    def __init__(self, brains: Brains, busy: Busy) -> None:
        """`busy` tells what is under way."""
        self._made, self._busy = brains, busy
        self._ears, self._voice = LetterEars(), LetterVoice(busy)
        self.voice_activity = LetterActivity()
        self.turn_hints = None
        self._brains: dict[tuple[str, str], WatchedBrain] = {}
        self.budget = Budget()

    async def prepare(self, agents: tuple[Agent, ...], progress: Callable[[int, int], None] | None = None) -> None:
        """As the port."""
        for agent in agents:
            await self._made.prepare(agent)
            self.brain(agent)

    def frugal(self, agent: Agent) -> Agent:
        """As the port: nothing on a stage is paid for."""
        return agent

    def ears(self, agent: Agent, language: str) -> LetterEars:
        """As the port."""
        return self._ears

    def voice(self, agent: Agent, language: str) -> LetterVoice:
        """As the port."""
        return self._voice

    def expect(self, agent: Agent, language: str) -> None:
        """Nothing has to be made ready."""

    def brain(self, agent: Agent) -> WatchedBrain:
        """As the port."""
        key = (agent.name, agent.version)
        if key not in self._brains:
            self._brains[key] = WatchedBrain(self._made.make(agent), self._busy)
        return self._brains[key]

    async def close(self) -> None:
        """As the port."""
        for brain in self._brains.values():
            await brain.close()

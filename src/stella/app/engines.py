"""The engines of the process: chosen by name from tables, built once, shared by all calls. The one place of choice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from stella.adapters.models.folder import ModelFolder
from stella.adapters.silero import VoiceActivity
from stella.adapters.smart_turn import TurnHints as SmartTurn
from stella.app.brains import LAST_RESORT, Brains
from stella.app.local_speech import LOCAL
from stella.app.speech import (
    LAST_EARS,
    LAST_VOICE,
    LOCAL_EARS,
    LOCAL_VOICES,
    STT_NAMES,
    TTS_NAMES,
    Speech,
    embedded_voice,
)
from stella.calls.budget import Budget
from stella.calls.engines import Engines
from stella.calls.language import key_hints
from stella.calls.pronounce import PronouncedVoice, Respelling
from stella.domain.agent import Agent
from stella.domain.agent import Engines as Named
from stella.ports.brain import Brain
from stella.ports.speech import SpeechToText, TextToSpeech
from stella.ports.store import Outbox

__all__ = ["FIXED", "STT_NAMES", "TTS_NAMES", "ProcessEngines", "embedded_voice"]

FIXED = (
    "greeting", "no_match", "one_moment", "apology", "farewell", "transferring", "transfer_failed", "resumed",
    "limit_warning", "handed_over", "person_check",
)  # fmt: skip
"""Phrases rendered at start, besides the consent questions where they are asked."""

FRUGAL = "+free"
"""Behind the version of an agent whose money is used up."""


class HouseEngines(Engines, Protocol):
    """The engines of a house: built for its agents, and stopped with it."""

    async def prepare(self, agents: tuple[Agent, ...], progress: Callable[[int, int], None] | None = None) -> None:
        """Build what these agents name. Raises ConfigError."""

    async def close(self) -> None:
        """Stop everything."""


class ProcessEngines:
    """Keeps `calls.engines.Engines`."""

    def __init__(
        self,
        models: ModelFolder,
        outbox: Outbox,
        *,
        brains: Brains | None = None,
        speech: Speech | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Load what every call needs. Raises ConfigError (a model is missing: `stella models pull`)."""
        self._make_brains = brains or Brains(outbox)
        self._speech = speech or Speech(models)
        self.voice_activity = VoiceActivity(models.silero())
        smart_turn = models.smart_turn()
        self.turn_hints = SmartTurn(smart_turn) if smart_turn is not None else None
        self._brains: dict[tuple[str, str], Brain] = {}
        self.budget = budget or Budget()

    async def prepare(self, agents: tuple[Agent, ...], progress: Callable[[int, int], None] | None = None) -> None:
        """Build the engines these agents name, and render their fixed phrases. Raises ConfigError."""
        for agent in agents:
            languages = [setup.code for setup in agent.languages]
            await self._speech.prepare(agent.engines.stt, agent.engines.tts, languages)
            await self._make_brains.prepare(agent)
            self.brain(agent)
            if agent.limits.capped:
                self.brain(self.frugal(agent))
        await asyncio.gather(self._make_brains.check(), self._speech.check())
        await asyncio.gather(*(self._warm(agent, progress) for agent in agents))

    async def _warm(self, agent: Agent, progress: Callable[[int, int], None] | None) -> None:
        for setup in agent.languages:
            phrases = setup.phrases
            texts = [getattr(phrases, name) for name in FIXED] + [*phrases.no_input, *phrases.still_working]
            if len(agent.languages) > 1:
                # So a caller is greeted whose language nobody knows.
                texts.append(" ".join((phrases.greeting, *key_hints(agent, setup))))
            if agent.preset.asks:
                texts += [phrases.consent_question, phrases.consent_unclear, phrases.consent_yes, phrases.consent_no]
            shown = progress or (lambda _done, _of: None)
            words = Respelling(agent.pronunciation.get(setup.code, {}))
            texts = [words.of(text)[0] for text in texts]
            said = [text for text in texts if text]
            await self._speech.warm(agent.engines.tts, setup.code, setup.voice, said, shown)

    def frugal(self, agent: Agent) -> Agent:
        """The agent with its engines that run here, or those that stand behind the vendors; always on the stream."""
        named = agent.engines
        stt = tuple(name for name in named.stt if name.startswith((*LOCAL_EARS, LOCAL))) or (LAST_EARS,)
        tts = tuple(name for name in named.tts if name.startswith((*LOCAL_VOICES, LOCAL))) or (LAST_VOICE,)
        brain = tuple(name for name in named.brain if self._make_brains.gratis(name)) or (LAST_RESORT,)
        return replace(
            agent, engines=Named(stt, brain, tts), voice_path="stream", version=f"{agent.version}{FRUGAL}"
        )  # fmt: skip

    def ears(self, agent: Agent, language: str) -> SpeechToText | None:
        """The row of the agent's speech-to-text engines that understand `language`, or None where none does."""
        return self._speech.ears(agent.engines.stt, language)

    def voice(self, agent: Agent, language: str) -> TextToSpeech:
        """The row of the agent's text-to-speech engines that speak `language`. Raises Unavailable."""
        voice = self._speech.voice(agent.engines.tts, language)
        return PronouncedVoice(voice, agent.pronunciation) if agent.pronunciation else voice

    def expect(self, agent: Agent, language: str) -> None:
        """Connections of the first voice of the row are opened before the caller hears anything."""
        self._speech.expect(agent.engines.tts, language)

    def brain(self, agent: Agent) -> Brain:
        """The brain of this version of the agent; versions no longer used are let go."""
        key = (agent.name, agent.version)
        if key not in self._brains:
            version = agent.version.removesuffix(FRUGAL)
            kept = {k: b for k, b in self._brains.items() if k[0] != agent.name or k[1].removesuffix(FRUGAL) == version}
            self._brains = {**kept, key: self._make_brains.make(agent)}
        return self._brains[key]

    async def close(self) -> None:
        """Stop everything, in reverse."""
        for brain in self._brains.values():
            await brain.close()
        await self._speech.close()
        if self.turn_hints is not None:
            await self.turn_hints.close()
        await self.voice_activity.close()

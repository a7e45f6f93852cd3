"""The engines of the process: chosen by name from tables, built once, shared by all calls. The one place of choice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

from stella.adapters import bench
from stella.adapters.bench.engines import three_seconds
from stella.adapters.embedded import Espeak, Flite
from stella.adapters.embedded import TextToSpeech as EmbeddedVoice
from stella.adapters.models.folder import ModelFolder
from stella.adapters.moonshine import SpeechToText as Moonshine
from stella.adapters.moonshine import Transcriber
from stella.adapters.silero import VoiceActivity
from stella.app.brains import Brains
from stella.app.voices import caller_voice
from stella.calls.phrase_cache import PhraseCache
from stella.domain.agent import Agent
from stella.domain.errors import ConfigError
from stella.ports.brain import Brain
from stella.ports.failure import Unavailable
from stella.ports.speech import SpeechToText, TextToSpeech
from stella.ports.store import Outbox

T = TypeVar("T")

_log = structlog.get_logger("stella.engines")

FIXED = ("greeting", "no_match", "one_moment", "apology", "farewell", "transferring", "transfer_failed", "resumed")
"""Phrases rendered at start, besides the consent questions where they are asked."""
STT_NAMES = ("moonshine", "bench")
TTS_NAMES = ("embedded", "bench")


class ProcessEngines:
    """Keeps `calls.engines.Engines`."""

    def __init__(
        self, models: ModelFolder, outbox: Outbox, *, stt_workers: int = 0, brains: Brains | None = None
    ) -> None:
        """Load what every call needs. Raises ConfigError (a model is missing: `stella models pull`)."""
        self._models, self._make_brains = models, brains or Brains(outbox)
        self.voice_activity = VoiceActivity(models.silero())
        self._stt_workers = stt_workers or None
        self._ears: dict[str, SpeechToText] = {}
        self._voices: dict[str, TextToSpeech] = {}
        self._brains: dict[tuple[str, str], Brain] = {}

    async def prepare(self, agents: tuple[Agent, ...], progress: Callable[[int, int], None] | None = None) -> None:
        """Build the engines these agents name, and render their fixed phrases. Raises ConfigError."""
        for agent in agents:
            for name in agent.engines.stt:
                await self._make_ears(name)
            for name in agent.engines.tts:
                await self._make_voice(name)
            self.brain(agent)
        await asyncio.gather(self._make_brains.check(), *(self._warm(agent, progress) for agent in agents))

    async def _make_ears(self, name: str) -> None:
        if name in self._ears:
            return
        if name == "moonshine":
            library, weights = self._models.moonshine()
            ears = Moonshine(lambda: Transcriber(library, weights), workers=self._stt_workers)
            await ears.start()
            self._ears[name] = ears
        elif name == "bench":
            self._ears[name] = bench.SpeechToText()
        else:
            raise ConfigError(f"engines.stt: there is no {name!r}; built in are {', '.join(STT_NAMES)}")

    async def _make_voice(self, name: str) -> None:
        if name in self._voices:
            return
        if name == "embedded":
            voice = embedded_voice(self._models)
            await voice.start()
            self._voices[name] = PhraseCache(voice)
        elif name == "bench":
            self._voices[name] = bench.TextToSpeech(await asyncio.to_thread(three_seconds, caller_voice()))
        else:
            raise ConfigError(f"engines.tts: there is no {name!r}; built in are {', '.join(TTS_NAMES)}")

    async def _warm(self, agent: Agent, progress: Callable[[int, int], None] | None) -> None:
        for setup in agent.languages:
            voice = self.voice(agent, setup.code)
            if not isinstance(voice, PhraseCache):
                continue
            phrases = setup.phrases
            texts = [getattr(phrases, name) for name in FIXED] + list(phrases.no_input)
            if agent.preset.asks:
                texts += [phrases.consent_question, phrases.consent_unclear, phrases.consent_yes, phrases.consent_no]
            failed = await voice.warm(
                [(text, setup.code, setup.voice) for text in texts], progress or (lambda _done, _of: None)
            )
            for _, failure in failed:
                _log.warning("phrase-not-rendered", agent=agent.name, language=setup.code, code=failure.code)

    def ears(self, agent: Agent, language: str) -> SpeechToText | None:
        """The first of the agent's speech-to-text engines that understands `language`."""
        built = (self._ears.get(name) for name in agent.engines.stt)
        return next((ears for ears in built if ears is not None and language in ears.languages), None)

    def voice(self, agent: Agent, language: str) -> TextToSpeech:
        """The first of the agent's text-to-speech engines that speaks `language`."""
        for name in agent.engines.tts:
            voice = self._voices.get(name)
            if voice is not None and language in voice.languages:
                return voice
        raise Unavailable("voice", "no-engine", f"no text-to-speech for {language}")

    def brain(self, agent: Agent) -> Brain:
        """The brain of this version of the agent; versions no longer used are let go."""
        key = (agent.name, agent.version)
        if key not in self._brains:
            self._brains = {k: b for k, b in self._brains.items() if k[0] != agent.name} | {
                key: self._make_brains.make(agent)
            }
        return self._brains[key]

    async def close(self) -> None:
        """Stop everything, in reverse."""
        for brain in self._brains.values():
            await brain.close()
        for voice in self._voices.values():
            await voice.close()
        for ears in self._ears.values():
            await ears.close()
        await self.voice_activity.close()


def embedded_voice(models: ModelFolder) -> EmbeddedVoice:
    """The voice without a key, of whatever this machine has. Raises ConfigError where it has nothing."""
    flite, espeak = _or_none(Flite), _or_none(lambda: Espeak(models.espeak()))
    if espeak is None and flite is None:
        raise ConfigError(
            "no voice is installed: as root `apt-get install libflite1 libespeak-ng1 espeak-ng-data`, "
            "or without root `stella models pull espeak`"
        )
    if flite is None:
        _log.warning("robotic-english", mend="install libflite1 for a better English voice")
    return EmbeddedVoice(flite, espeak)


def _or_none(make: Callable[[], T]) -> T | None:
    try:
        return make()
    except Unavailable:
        return None

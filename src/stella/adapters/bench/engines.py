"""Ears that hear "hello there", a brain of one sentence, a voice of 3.0 s of ready sound. No network, no model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

import numpy as np

from stella.audio import mulaw as g711
from stella.domain.ids import UtteranceId
from stella.domain.transcript import Turn
from stella.ports.brain import Asked, BrainEvent, CallFacts, Said
from stella.ports.failure import Rejected
from stella.ports.speech import Final, Heard, Sound

HEARD = "hello there"
SENTENCE = "Thank you for calling, here is an answer that lasts three seconds."
SOUND_BYTES = 24_000
_LANGUAGES = frozenset({"de", "en"})


def _known(language: str) -> None:
    if language not in _LANGUAGES:
        raise Rejected("bench", "language", language)


class BenchUtterances:
    """One call's ears: they hold no sound."""

    def __init__(self, heard: Callable[[Heard], None]) -> None:
        """`heard` is called on the event loop, never from within `finish`."""
        self._heard = heard
        self._waiting: dict[UtteranceId, asyncio.Handle] = {}
        self._closed = False

    def feed(self, mulaw: bytes) -> None:
        """As the port."""

    def begin(self, utterance: UtteranceId) -> None:
        """As the port."""

    def finish(self, utterance: UtteranceId) -> None:
        """As the port."""
        if not self._closed and utterance not in self._waiting:
            self._waiting[utterance] = asyncio.get_running_loop().call_soon(self._answer, utterance)

    def _answer(self, utterance: UtteranceId) -> None:
        del self._waiting[utterance]
        self._heard(Final(utterance, HEARD, 0.0))

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        if handle := self._waiting.pop(utterance, None):
            handle.cancel()

    async def close(self) -> None:
        """As the port."""
        self._closed = True
        for utterance in list(self._waiting):
            self.drop(utterance)


class SpeechToText:
    """Hears "hello there" at once."""

    name = "bench"
    languages = _LANGUAGES

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: tuple[str, ...] = (), also: tuple[str, ...] = ()
    ) -> BenchUtterances:
        """As the port."""
        del hints, also
        _known(language)
        return BenchUtterances(heard)

    async def close(self) -> None:
        """As the port."""


class BenchSession:
    """One call's brain."""

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """As the port."""
        del asked, context, now
        yield Said(SENTENCE)

    def switch(self, language: str) -> None:
        """As the port."""

    def state(self) -> bytes:
        """As the port."""
        return b""

    async def close(self) -> None:
        """As the port."""


class Brain:
    """Says one sentence at once."""

    name = "bench"

    def open(self, facts: CallFacts, state: bytes = b"") -> BenchSession:
        """As the port."""
        del facts, state
        return BenchSession()

    async def close(self) -> None:
        """As the port."""


class TextToSpeech:
    """Hands over the same 3.0 s whatever the text."""

    name = "bench"
    languages = _LANGUAGES

    def __init__(self, rendered: bytes = b"") -> None:
        """`rendered` is mu-law speech, repeated or cut to 3.0 s; without it a signal that is much like speech."""
        source = rendered or speech_like()
        self._sound = Sound((source * (SOUND_BYTES // len(source) + 1))[:SOUND_BYTES])

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port."""
        del voice
        _known(language)
        if any(char.isalnum() for char in text):
            yield self._sound

    async def close(self) -> None:
        """As the port."""


def three_seconds(render: Callable[[str, str], bytes] | None = None) -> bytes:
    """3.0 s of mu-law: the sentence as `render(text, language)` voices it, else what is much like speech. Blocks."""
    return render(SENTENCE, "en") if render else speech_like()


def speech_like(seconds: float = 3.0) -> bytes:
    """Mu-law of a buzz at 120 Hz through moving formants, four syllables a second, at about -20 dBFS; always the same."""
    time = np.arange(int(seconds * g711.RATE)) / g711.RATE
    pitch = 120 + 15 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / g711.RATE
    formants = (500 + 250 * np.sin(2 * np.pi * 1.3 * time), 1500 + 500 * np.sin(2 * np.pi * 0.9 * time))
    sound = np.zeros_like(time)
    for harmonic in range(1, 28):
        weight = sum(np.exp(-(((harmonic * pitch - formant) / 180) ** 2)) for formant in formants)
        sound += weight * np.sin(harmonic * phase)
    sound *= np.clip(np.sin(2 * np.pi * 4 * time) + 0.3, 0, 1)
    return g711.encode_float(0.1 * sound / np.sqrt(np.mean(sound**2)))

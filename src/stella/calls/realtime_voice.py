"""The voice of a model that speaks for itself, beside one that says everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from stella.calls.spoken_reply import SpokenReply
from stella.ports.speech import Sound, TextToSpeech, Word


class ModelVoice:
    """Keeps `TextToSpeech`: a text that is the next piece of the model's reply has sound already."""

    def __init__(self, other: TextToSpeech, reply: Callable[[], SpokenReply]) -> None:
        """`other` says fixed phrases, and what the model left unsaid; it is closed by its owner."""
        self._other, self._reply = other, reply
        self.name, self.languages = other.name, other.languages

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port. Raises what the other voice raised."""
        reply = self._reply()
        rest, size, skipped = text, 0, 0
        others = " ".join(part for part in voice.split() if "-realtime=" not in part)
        if reply.expects(text):
            async with aclosing(reply.voice()) as sounds:  # type: ignore[type-var]
                async for sound in sounds:
                    size += len(sound.mulaw)
                    yield sound
            rest = reply.rest()
            skipped = len(text) - len(rest)
            if not any(sign.isalnum() for sign in rest):
                return
        async with aclosing(self._other.speak(rest, language, others)) as sounds:  # type: ignore[type-var]
            async for sound in sounds:
                shift = size / 8000
                words = tuple(Word(skipped + word.chars, word.end + shift) for word in sound.words)
                yield Sound(sound.mulaw, words, sound.switched)

    async def close(self) -> None:
        """As the port."""

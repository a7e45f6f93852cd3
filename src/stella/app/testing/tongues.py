"""How a caller of a test speaks and hears: in letters, or in real sound with the voice and ears of `stella call`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from stella.app.testing.letters import Letters, encode
from stella.app.voices import caller_voice, recogniser
from stella.audio.energy import dbfs
from stella.domain.errors import ConfigError

AUDIBLE_DB = -45.0


class Tongue(Protocol):
    """One call's way to speak and to hear. `quiet_frames` (of 20 ms) of silence end what the agent says."""

    quiet_frames: int

    def sound(self, words: str) -> bytes:
        """Words as mu-law. May block."""

    def hear(self, mulaw: bytes) -> bool:
        """Take sound; whether any of it could be heard."""

    def take(self) -> str:
        """Words that are certain by now; at once."""

    def rest(self) -> str:
        """The words of everything that was not taken. May block."""


class LetterTongue:
    """Keeps `Tongue`: to the letter, and at once."""

    quiet_frames = 15

    def __init__(self) -> None:
        """Nothing was heard."""
        self._letters = Letters()

    def sound(self, words: str) -> bytes:
        """As the protocol."""
        return encode(words)

    def hear(self, mulaw: bytes) -> bool:
        """As the protocol."""
        return self._letters.feed(mulaw)

    def take(self) -> str:
        """As the protocol."""
        return self._letters.take()

    def rest(self) -> str:
        """As the protocol."""
        return self._letters.take()


class SoundTongue:
    """Keeps `Tongue` with real sound. What is heard are the words of a recogniser, which may be wrong."""

    quiet_frames = 75

    def __init__(self, lang: str) -> None:
        """Raises ConfigError where the caller would be deaf."""
        self._voice, self._lang = caller_voice(), lang
        self._recognise: Callable[[bytes], str] | None = recogniser()
        self._heard = bytearray()
        if self._recognise is None:
            raise ConfigError("the caller cannot hear: run `stella models pull moonshine`")

    def sound(self, words: str) -> bytes:
        """As the protocol."""
        return self._voice(words, self._lang)

    def hear(self, mulaw: bytes) -> bool:
        """As the protocol."""
        self._heard += mulaw
        return dbfs(mulaw) > AUDIBLE_DB

    def take(self) -> str:
        """As the protocol."""
        return ""

    def rest(self) -> str:
        """As the protocol."""
        heard, self._heard = bytes(self._heard), bytearray()
        return self._recognise(heard) if self._recognise is not None else ""

"""What ears, voice and voice activity must do. Sound on every port is mu-law, 8 kHz, mono, one byte a sample."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from stella.domain.ids import UtteranceId


@dataclass(frozen=True, slots=True)
class Activity:
    """Voice activity changed. `at_sample` is the estimated true change, counted from the first sample fed.

    `decided_sample` is the end of the window that decided it; the difference is the detector's own delay.
    """

    speaking: bool
    at_sample: int
    decided_sample: int


class VoiceActivityStream(Protocol):
    """One call's ears for speech or no speech."""

    def feed(self, mulaw: bytes) -> None:
        """Take sound of any length. Never blocks; changes arrive at the callback on the event loop."""

    def close(self) -> None:
        """Stop; no callback comes after this returns."""


class VoiceActivity(Protocol):
    """Speech or no speech, for all calls of the process."""

    def open(self, changed: Callable[[Activity], None]) -> VoiceActivityStream:
        """Begin for one call; to be called on the event loop."""

    async def close(self) -> None:
        """Stop for all calls."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word as it is written, and when it was said, in seconds from where the utterance begins (its pre-roll)."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What speech-to-text thinks so far of an utterance; `settled` where the engine takes it for whole.

    `words` are the same with times, where the engine knows them.
    """

    utterance: UtteranceId
    text: str
    settled: bool = False
    words: tuple[HeardWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Final:
    """What speech-to-text commits to; empty where nothing intelligible was said. `took_ms` from `finish` to here.

    `language` is what was heard, where several were listened for and it is plain; `turn_over` is true where the engine
    itself judged, unasked, that the caller has finished.
    """

    utterance: UtteranceId
    text: str
    took_ms: float
    language: str = ""
    words: tuple[HeardWord, ...] = ()
    turn_over: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """Speech-to-text failed for this utterance; `code` as in ProviderError."""

    utterance: UtteranceId
    code: str


@dataclass(frozen=True, slots=True)
class Switched:
    """One engine went on for another: `kind` is `stt` or `tts`, `code` why, `begun` whether in the middle of something.

    For the record; an engine made of several says so.
    """

    kind: str
    before: str
    after: str
    code: str
    begun: bool = False


Heard = Hypothesis | Final | Lost | Switched


class SpeechToTextStream(Protocol):
    """One call's ears for words. None of these calls blocks; what was heard arrives at the callback on the event loop.

    Every `finish` is answered by exactly one Final or Lost, unless `drop` or `close` came first.
    """

    def feed(self, mulaw: bytes) -> None:
        """Take every piece of inbound sound, spoken or not (an engine that works by segments keeps a pre-roll)."""

    def begin(self, utterance: UtteranceId) -> None:
        """Speech was noticed: the utterance began up to 400 ms before now."""

    def finish(self, utterance: UtteranceId) -> None:
        """The utterance seems over: commit to what it said."""

    def drop(self, utterance: UtteranceId) -> None:
        """Forget the utterance; nothing more comes of it."""

    async def close(self) -> None:
        """Free everything; quiet even in the middle of work."""


class SpeechToText(Protocol):
    """Ears for words."""

    name: str
    languages: frozenset[str]

    async def open(
        self,
        language: str,
        heard: Callable[[Heard], None],
        hints: tuple[str, ...] = (),
        also: tuple[str, ...] = (),
    ) -> SpeechToTextStream:
        """Begin for one call. Raises ProviderError.

        `hints` are words that are likely to be said. `also` are other languages that may be spoken instead; an engine
        that cannot listen for several at once listens for `language` alone.
        """

    async def close(self) -> None:
        """Stop for all calls."""


@dataclass(frozen=True, slots=True)
class Word:
    """`text[:chars]` of the spoken text has sounded `end` seconds after its beginning."""

    chars: int
    end: float


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of speech. `words` are those that end in this piece, where the engine knows.

    `switched` tells that from this piece on another engine speaks.
    """

    mulaw: bytes
    words: tuple[Word, ...] = ()
    switched: Switched | None = None


class TextToSpeech(Protocol):
    """A voice."""

    name: str
    languages: frozenset[str]

    def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """Voice one segment as it is made. Closing the iterator early is quiet and stops the cost.

        Raises ProviderError, before the first piece where it can.
        """

    async def close(self) -> None:
        """Stop for all calls."""

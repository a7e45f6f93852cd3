"""What Deepgram says while it listens, and which of its words belong to which utterance. Pure.

https://developers.deepgram.com/reference/speech-to-text/listen-streaming
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from stella.ports.failure import Malformed

KEPT = 2_000
"""Words of one stream that are kept."""
SLACK_S = 0.12
"""Results end on the vendor's own frames, a little before or after the last byte sent."""


class _Word(msgspec.Struct):
    word: str = ""
    start: float = 0.0
    end: float = 0.0
    punctuated_word: str | None = None


class _Alternative(msgspec.Struct):
    transcript: str = ""
    words: list[_Word] = []


class _Channel(msgspec.Struct):
    alternatives: list[_Alternative] = []


class Message(msgspec.Struct):
    """One message; `type` is `Results`, `Metadata`, `SpeechStarted`, `UtteranceEnd`, `Error` and others."""

    type: str = ""
    start: float = 0.0
    duration: float = 0.0
    is_final: bool = False
    from_finalize: bool = False
    channel: _Channel | list[int] | None = None


@dataclass(frozen=True, slots=True)
class Timed:
    """A word as it is written, and when it was said, in seconds of the sound that was sent."""

    text: str
    start: float
    end: float


def read(text: str) -> Message:
    """Raises Malformed."""
    try:
        return msgspec.json.decode(text, type=Message)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("deepgram", "json") from None


def timed(message: Message) -> list[Timed]:
    """The words of a `Results` message; those without a time share its span."""
    channel = message.channel
    if not isinstance(channel, _Channel) or not channel.alternatives:
        return []
    best = channel.alternatives[0]
    if best.words:
        return [Timed(word.punctuated_word or word.word, word.start, word.end) for word in best.words]
    parts = best.transcript.split()
    step = message.duration / max(1, len(parts))
    return [Timed(part, message.start + at * step, message.start + (at + 1) * step) for at, part in enumerate(parts)]


class Transcript:
    """The words so far: those that are certain, and those of the latest interim result."""

    def __init__(self) -> None:
        """Nothing was said."""
        self._certain: list[Timed] = []
        self._interim: list[Timed] = []
        self.covered = 0.0
        """Seconds up to which everything is certain."""

    def take(self, message: Message) -> None:
        """A `Results` message."""
        if message.is_final:
            self._certain = (self._certain + timed(message))[-KEPT:]
            self._interim = []
            self.covered = max(self.covered, message.start + message.duration)
        else:
            self._interim = timed(message)

    @property
    def uncertain(self) -> bool:
        """Whether words are on the table that may still change."""
        return bool(self._interim)

    def between(self, start: float, end: float) -> str:
        """What was said from `start` to `end`, by the middle of every word."""
        words = (word for word in (*self._certain, *self._interim) if start <= (word.start + word.end) / 2 <= end)
        return " ".join(word.text for word in words).strip()

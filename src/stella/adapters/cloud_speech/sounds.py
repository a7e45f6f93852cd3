"""Reading what voices send: raw mu-law, linear 24 kHz, lines of JSON, server-sent events. Pure.

Every reader keeps the last 10 ms back, so that word times that come after the sound find a piece to go with.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence

import msgspec
import numpy as np

from stella.adapters.cloud_speech.failures import failure
from stella.audio import mulaw as g711
from stella.audio.resample import Resampler
from stella.domain.errors import MalformedMessage
from stella.ports.failure import Malformed, Unavailable
from stella.ports.speech import Sound, Word
from stella.wire.sse import EventReader

RATE = 8000
TAIL = 80
LINE_MOST = 1_000_000


class RawMulaw:
    """Bare mu-law at 8 kHz; the end of the connection is the end of the speech."""

    def __init__(self) -> None:
        """Nothing came."""
        self._tail = b""

    def feed(self, piece: bytes) -> list[Sound]:
        """As the port of readers."""
        whole = self._tail + piece
        self._tail = whole[-TAIL:]
        return [Sound(whole[:-TAIL])] if len(whole) > TAIL else []

    def end(self) -> list[Sound]:
        """As the port of readers."""
        return [Sound(self._tail)] if self._tail else []


class Linear24k:
    """16-bit little-endian samples at 24 kHz, made mu-law at 8 kHz."""

    def __init__(self) -> None:
        """Nothing came."""
        self._odd = b""
        self._resampler = Resampler(24_000, RATE)

    def feed(self, piece: bytes) -> list[Sound]:
        """As the port of readers."""
        whole = self._odd + piece
        even = len(whole) // 2 * 2
        self._odd = whole[even:]
        pcm = self._resampler.feed(np.frombuffer(whole[:even], "<i2").astype(np.int16))
        return [Sound(g711.encode(pcm))] if len(pcm) else []

    def end(self) -> list[Sound]:
        """As the port of readers."""
        pcm = self._resampler.flush()
        return [Sound(g711.encode(pcm))] if len(pcm) else []


class _Words:
    """Sound and word times that come apart, put together."""

    def __init__(self, vendor: str, text: str) -> None:
        self._vendor, self._text = vendor, text
        self._tail = b""
        self._words: list[Word] = []
        self._said = 0
        self._last = 0.0
        self._bytes = 0

    def sound(self, encoded: str) -> bytes:
        try:
            return binascii.a2b_base64(encoded)
        except binascii.Error:
            raise Malformed(self._vendor, "base64") from None

    def spoke(self, chars: int, end: float) -> None:
        """`text[:chars]` has sounded by `end`."""
        if self._said < chars <= len(self._text) and end >= self._last:
            self._said, self._last = chars, end
            self._words.append(Word(chars, end))

    def grown(self, mulaw: bytes, *, over: bool = False) -> list[Sound]:
        whole = self._tail + mulaw
        keep = 0 if over else TAIL
        ready, self._tail = whole[: len(whole) - keep], whole[len(whole) - keep :] if keep else b""
        if not ready:
            return []
        self._bytes += len(ready)
        until = self._bytes / RATE
        now = [word for word in self._words if over or word.end <= until]
        self._words = [word for word in self._words if not over and word.end > until]
        return [Sound(ready, tuple(Word(word.chars, min(word.end, until)) for word in now))]


class _Alignment(msgspec.Struct):
    characters: list[str] = []
    character_start_times_seconds: list[float] = []
    character_end_times_seconds: list[float] = []


class _Line(msgspec.Struct):
    audio_base64: str | None = None
    alignment: _Alignment | None = None


class AlignedLines(_Words):
    """ElevenLabs: a line of JSON a piece, with the times of its characters.

    https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps
    """

    def __init__(self, vendor: str, text: str) -> None:
        """Nothing came."""
        super().__init__(vendor, text)
        self._line = bytearray()
        self._chars = 0
        self._before = 0
        """Bytes of sound in the pieces before this one."""

    def feed(self, piece: bytes) -> list[Sound]:
        """As the port of readers. Raises Malformed."""
        self._line += piece
        if len(self._line) > LINE_MOST:
            raise Malformed(self._vendor, "line-size")
        *lines, rest = self._line.split(b"\n")
        self._line = bytearray(rest)
        return [sound for line in lines for sound in self._read(bytes(line))]

    def _read(self, line: bytes) -> list[Sound]:
        line = line.removeprefix(b"data:").strip()
        if not line:
            return []
        try:
            told = msgspec.json.decode(line, type=_Line)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed(self._vendor, "json") from None
        mulaw = self.sound(told.audio_base64 or "")
        if told.alignment is not None:
            self._align(told.alignment)
        self._before += len(mulaw)
        return self.grown(mulaw)

    def _align(self, told: _Alignment) -> None:
        starts, ends = told.character_start_times_seconds, told.character_end_times_seconds
        # Times count from the beginning of the speech, or from this piece's: a second piece that begins at 0 tells.
        shift = self._before / RATE if self._before and starts and starts[0] < self._last - 0.05 else 0.0
        for char, end in zip(told.characters, ends, strict=False):
            self._chars += len(char)
            if char.strip() and self._text[self._chars : self._chars + 1].strip() == "":
                self.spoke(self._chars, end + shift)

    def end(self) -> list[Sound]:
        """As the port of readers. A last line that was cut shows; a stream cut between lines shows in what is missing."""
        last = self._read(bytes(self._line)) if self._line.strip() else []
        self._line.clear()
        if 0 < self._said < len(self._text.rstrip(" .!?…")) * 0.7:
            raise Unavailable(self._vendor, "cut")
        return last + self.grown(b"", over=True)


class _WordTimestamps(msgspec.Struct):
    words: list[str] = []
    end: list[float] = []


class _Event(msgspec.Struct):
    type: str = ""
    data: str | None = None
    done: bool = False
    status_code: int = 0
    error_code: str | None = None
    word_timestamps: _WordTimestamps | None = None


class TimedEvents(_Words):
    """Cartesia: events with sound, events with word times, and one that says it is done.

    https://docs.cartesia.ai/api-reference/tts/websocket (the same messages), .../use-the-api/compare-tts-endpoints
    """

    def __init__(self, vendor: str, text: str) -> None:
        """Nothing came."""
        super().__init__(vendor, text)
        self._events = EventReader()
        self._done = False

    def feed(self, piece: bytes) -> list[Sound]:
        """As the port of readers. Raises ProviderError."""
        try:
            events = self._events.feed(piece)
        except MalformedMessage as fault:
            raise Malformed(self._vendor, fault.kind) from None
        return [sound for event in events for sound in self._read(event.data)]

    def _read(self, data: str) -> list[Sound]:
        try:
            told = msgspec.json.decode(data, type=_Event)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed(self._vendor, "json") from None
        if told.type == "error":
            raise failure(self._vendor, told.status_code, told.error_code or "")
        if told.word_timestamps is not None:
            self._place(told.word_timestamps.words, told.word_timestamps.end)
        self._done = self._done or told.type == "done"
        return self.grown(self.sound(told.data)) if told.type == "chunk" and told.data else []

    def _place(self, words: Sequence[str], ends: Sequence[float]) -> None:
        for word, end in zip(words, ends, strict=False):
            at = self._text.find(word, self._said)
            # A word that is written otherwise than it was asked for is passed over; the next one that fits goes on.
            if word and at >= 0 and at - self._said <= 40:
                stop = at + len(word)
                while stop < len(self._text) and not self._text[stop].isspace():
                    stop += 1
                self.spoke(stop, end)

    def end(self) -> list[Sound]:
        """As the port of readers."""
        if not self._done:
            raise Unavailable(self._vendor, "cut")
        return self.grown(b"", over=True)

"""Scripted engines: they do as they are told and remember what was asked of them. They pass the suites of their ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import repeat

from stella.domain.ids import UtteranceId
from stella.ports.failure import Rejected
from stella.ports.speech import Activity, Final, Heard, Sound, Word

_LANGUAGES = frozenset({"de", "en"})
_QUIET = frozenset({0xFF, 0x7F})


class FakeActivityStream:
    """Speech is whatever is not mu-law silence, in windows of 256 bytes."""

    def __init__(self, changed: Callable[[Activity], None]) -> None:
        self._changed = changed
        self._pending = bytearray()
        self._end = 0
        self._speaking = False
        self.closed = False

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        if self.closed:
            return
        self._pending += mulaw
        while len(self._pending) >= 256:
            window = self._pending[:256]
            del self._pending[:256]
            self._end += 256
            loud = sum(byte not in _QUIET for byte in window) > 64
            if loud != self._speaking:
                self._speaking = loud
                asyncio.get_running_loop().call_soon(self._tell, Activity(loud, self._end - 256, self._end))

    def _tell(self, change: Activity) -> None:
        if not self.closed:
            self._changed(change)

    def close(self) -> None:
        """As the port."""
        self.closed = True


class FakeActivity:
    """A VoiceActivity without a model."""

    def __init__(self) -> None:
        self.streams: list[FakeActivityStream] = []

    def open(self, changed: Callable[[Activity], None]) -> FakeActivityStream:
        """As the port."""
        self.streams.append(FakeActivityStream(changed))
        return self.streams[-1]

    async def close(self) -> None:
        """As the port."""
        for stream in self.streams:
            stream.close()


class FakeUtterances:
    """One call's scripted ears."""

    def __init__(self, heard: Callable[[Heard], None], script: Iterator[str | Heard]) -> None:
        self._heard, self._script = heard, script
        self._waiting: dict[UtteranceId, asyncio.Handle] = {}
        self.asked: list[tuple[str, UtteranceId]] = []
        self.fed = 0
        self.closed = False

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        self.fed += len(mulaw)

    def begin(self, utterance: UtteranceId) -> None:
        """As the port."""
        self.asked.append(("begin", utterance))

    def finish(self, utterance: UtteranceId) -> None:
        """As the port; the next word of the script is the answer."""
        self.asked.append(("finish", utterance))
        if not self.closed:
            self._waiting[utterance] = asyncio.get_running_loop().call_soon(self._answer, utterance)

    def _answer(self, utterance: UtteranceId) -> None:
        self._waiting.pop(utterance, None)
        answer = next(self._script)
        self._heard(Final(utterance, answer, 0.0) if isinstance(answer, str) else answer)

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        self.asked.append(("drop", utterance))
        if handle := self._waiting.pop(utterance, None):
            handle.cancel()

    async def close(self) -> None:
        """As the port."""
        self.closed = True
        for handle in self._waiting.values():
            handle.cancel()


class FakeEars:
    """Answers with the script, one entry a finish (a text, or a whole Final or Lost); then with nothing."""

    name = "fake"
    languages = _LANGUAGES

    def __init__(self, *script: str | Heard) -> None:
        self._script = iter([*script])
        self._always = repeat("hello") if not script else None
        self.streams: list[FakeUtterances] = []

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: tuple[str, ...] = (), also: tuple[str, ...] = ()
    ) -> FakeUtterances:
        """As the port."""
        del hints, also
        if language not in self.languages:
            raise Rejected(self.name, "language", language)
        self.streams.append(FakeUtterances(heard, self._always or self._script))
        return self.streams[-1]

    async def close(self) -> None:
        """As the port."""


class FakeVoice:
    """80 ms of tone a character, in pieces of 200 ms, with word times. `failures` maps a text to what it raises."""

    name = "fake"
    languages = _LANGUAGES

    def __init__(self, failures: Mapping[str, Exception] | None = None, between: float = 0.0) -> None:
        self.failures = dict(failures or {})
        self.between = between
        self.spoken: list[tuple[str, str, str]] = []
        self.stopped: list[str] = []
        self.closed = False

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port."""
        if language not in self.languages:
            raise Rejected(self.name, "language", language)
        self.spoken.append((text, language, voice))
        if text in self.failures:
            raise self.failures[text]
        if not any(char.isalnum() for char in text):
            return
        whole = b"\x10\x90" * (320 * len(text))
        ends = [at for at, char in enumerate(text + " ") if char == " "]
        try:
            for start in range(0, len(whole), 1600):
                piece = whole[start : start + 1600]
                words = tuple(Word(at, at * 0.08) for at in ends if at and start < at * 640 <= start + len(piece))
                await asyncio.sleep(self.between)
                yield Sound(piece, words)
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped.append(text)
            raise

    async def close(self) -> None:
        """As the port."""
        self.closed = True

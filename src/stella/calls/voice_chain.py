"""Voices in a row: when one fails, before its first sound or in the middle of a sentence, the next goes on.

Law 1: what was handed over is heard; the next voice continues behind the last word that is known to be in it.
Law 2: while somebody else could go on, sound beyond the last known word is held back, so that no word is heard twice.
Law 3: of two voices that were asked, the first to sound speaks; the other is stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

import structlog

from stella.calls.astray import astray
from stella.calls.breaker import Breaker
from stella.ports.failure import ProviderError, Rejected, Unavailable, failure_of
from stella.ports.metrics import Metrics, NullMetrics
from stella.ports.speech import Sound, Switched, TextToSpeech, Word

_log = structlog.get_logger("stella.voices")

RATE = 8000
HEDGE_S = 0.9
"""The next voice is asked as well when the first has not sounded by then."""
CHARS_A_S = 14.0
"""How fast speech is, until a voice has shown its own pace."""
CAUTION = 0.9
"""Where only the pace tells, rather a word begun twice than one left out."""


def voice_of(name: str, first: str, voice: str, language: str = "") -> str:
    """The part of an agent's `voice` that is for the engine `name`: `elevenlabs=ID deepgram=aura-2-lara-de`.

    A name without an engine is for the first engine of the agent's row; the bare language is nobody's name.
    """
    own = [part.partition("=")[2] for part in voice.split() if part.startswith(f"{name}=")]
    bare = [part for part in voice.split() if "=" not in part and part != language]
    return own[0] if own else bare[0] if bare and name == first else ""


@runtime_checkable
class Keeping(Protocol):
    """A voice that keeps what it said before."""

    def holds(self, text: str, language: str, voice: str = "") -> bool:
        """Whether this can be said without asking anybody."""


class VoiceChain:
    """Keeps `TextToSpeech`. Each engine is closed by its owner, not here."""

    def __init__(
        self,
        voices: Sequence[TextToSpeech],
        health: Mapping[str, Breaker],
        metrics: Metrics | None = None,
        hedge_s: float = HEDGE_S,
    ) -> None:
        """`voices` in the order they are tried; `health` by name, one without an entry is always asked."""
        self.voices = tuple(voices)
        self.name = voices[0].name
        self.languages = frozenset[str]().union(*(voice.languages for voice in voices))
        self._health, self._metrics, self._hedge_s = health, metrics or NullMetrics(), hedge_s
        self._pace: dict[str, float] = {}
        self._spoke_last: dict[str, str] = {}

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port. Raises what the last voice raised, when every one failed."""
        left = [one for one in self.voices if language in one.languages]
        if not left:
            raise Rejected(self.name, "language", language)
        first, voiced = left[0].name, _Voiced(text)
        failure: ProviderError = Unavailable(self.name, "all-resting")
        while left:
            rest = voiced.rest()
            if rest is None:
                return
            race = _Race(self, left, rest, language, voice)
            try:
                winner = await race.run()
                note = self._switched(language, first, winner.name, race.code or failure.code, begun=voiced.size > 0)
                left = left[left.index(winner) + 1 :]
                async for sound in voiced.follow(race.sounds(), hold=bool(left)):
                    yield Sound(sound.mulaw, sound.words, note)
                    note = None
            except (Exception, asyncio.CancelledError) as fault:
                if race.winner is None or (isinstance(fault, asyncio.CancelledError) and not astray()):
                    raise
                failure = failure_of(race.winner.name, fault)
                self._failed(race.winner.name, failure)
                timed = getattr(race.winner, "word_times", False)
                voiced.cut(0.0 if timed else CAUTION * self._pace.get(race.winner.name, CHARS_A_S))
            else:
                if winner.name not in race.kept:
                    self._worked(winner.name, rest, voiced)
                return
            finally:
                await race.close()
        raise failure

    def allows(self, name: str) -> bool:
        """Whether this voice may be asked now."""
        breaker = self._health.get(name)
        return breaker is None or breaker.allows()

    def _failed(self, name: str, failure: ProviderError) -> None:
        if (breaker := self._health.get(name)) is not None:
            breaker.failed(failure)
        self._metrics.dropped("tts-segment")
        _log.warning("voice-failed", engine=name, code=failure.code)

    def gave_up(self, name: str, failure: ProviderError) -> None:
        """A voice failed before it was heard."""
        self._failed(name, failure)

    def _worked(self, name: str, text: str, voiced: _Voiced) -> None:
        if (breaker := self._health.get(name)) is not None:
            breaker.worked()
        seconds = voiced.last_size / RATE
        if seconds > 1.0:
            self._pace[name] = 0.7 * self._pace.get(name, CHARS_A_S) + 0.3 * len(text) / seconds

    def _switched(self, language: str, first: str, name: str, code: str, *, begun: bool) -> Switched | None:
        before = self._spoke_last.get(language, first)
        self._spoke_last[language] = name
        if before == name and not begun:
            return None
        self._metrics.dropped("tts-switch")
        _log.warning("voice-switched", before=before, engine=name, code=code, begun=begun)
        return Switched("tts", before, name, code, begun)

    async def close(self) -> None:
        """As the port."""


class _Race:
    """The first sound of one voice, or of the next where the first is slow or fails."""

    def __init__(self, chain: VoiceChain, voices: Sequence[TextToSpeech], text: str, language: str, voice: str) -> None:
        self._chain, self._text, self._language = chain, text, language
        self._voice = voice
        self._first = chain.voices[0].name
        self._left = list(voices)
        self._running: dict[asyncio.Task[Sound | None], tuple[TextToSpeech, AsyncIterator[Sound]]] = {}
        self._won: AsyncIterator[Sound] | None = None
        self._too_late: list[AsyncIterator[Sound]] = []
        self._opening: Sound | None = None
        self.winner: TextToSpeech | None = None
        self.code = ""
        self.kept: set[str] = set()
        """Voices that had the whole text ready: it says nothing about how they are."""

    def _start(self) -> bool:
        while self._left:
            engine = self._left.pop(0)
            voice = voice_of(engine.name, self._first, self._voice, self._language)
            kept = isinstance(engine, Keeping) and engine.holds(self._text, self._language, voice)
            if self._left and not kept and not self._chain.allows(engine.name):
                self.code = self.code or "resting"
                continue
            if kept:
                self.kept.add(engine.name)
            sounds = engine.speak(self._text, self._language, voice)
            task = asyncio.get_running_loop().create_task(_next(sounds))
            self._running[task] = (engine, sounds)
            return True
        return False

    async def run(self) -> TextToSpeech:
        """The voice that sounds first. Raises what the last of them raised."""
        self._start()
        while True:
            wait = self._chain._hedge_s if self._left else None  # noqa: SLF001 one file, one thing
            done, _ = await asyncio.wait(self._running, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                self.code = self.code or "slow"
                self._start()
                continue
            failure = None
            for task in done:
                engine, sounds = self._running.pop(task)
                fault = asyncio.CancelledError() if task.cancelled() else task.exception()
                if fault is None and self.winner is None:
                    self.winner, self._won, self._opening = engine, sounds, task.result()
                elif fault is None:
                    self._too_late.append(sounds)
                elif fault is not None:
                    failure = failure_of(engine.name, fault)
                    self.code = failure.code
                    self._chain.gave_up(engine.name, failure)
            if self.winner is not None:
                return self.winner
            if not self._running and not self._start():
                raise failure or Unavailable(self._chain.name, "no-engine")

    async def sounds(self) -> AsyncIterator[Sound]:
        """Everything the winner says."""
        if self._opening is None or self._won is None:
            return
        yield self._opening
        async for sound in self._won:
            yield sound

    async def close(self) -> None:
        """Stop everybody."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        started = [sounds for _, sounds in self._running.values()]
        for sounds in [*started, *self._too_late, *([self._won] if self._won is not None else [])]:
            with suppress(ProviderError):
                await sounds.aclose()  # type: ignore[attr-defined]
        self._running.clear()


async def _next(sounds: AsyncIterator[Sound]) -> Sound | None:
    return await anext(sounds, None)


class _Voiced:
    """What of a text has been handed over, over all voices that spoke it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.size = self.last_size = 0
        self._chars = 0
        """`text[:chars]` is known to be in what was handed over by voices before."""
        self._known = 0
        self._held = bytearray()
        self._words: list[Word] = []
        self._since = 0

    def rest(self) -> str | None:
        """What is still to be said; None where nothing is."""
        rest = self._text[self._chars :].lstrip() if self._chars else self._text
        return rest if not self.size or any(char.isalnum() for char in rest) else None

    async def follow(self, sounds: AsyncIterator[Sound], *, hold: bool) -> AsyncIterator[Sound]:
        """One voice's sound, in terms of the whole text; held back to the last known word where `hold`."""
        self._held.clear()
        self._words.clear()
        self._since, self.last_size, self._known = self.size, 0, 0
        skipped = len(self._text[self._chars :]) - len(self._text[self._chars :].lstrip()) if self._chars else 0
        base = self._chars + skipped
        async for sound in sounds:
            self._held += sound.mulaw
            self._words += sound.words
            upto = len(self._held)
            if hold and self._words:
                upto = max(0, min(upto, int(self._words[-1].end * RATE) - self.last_size))
            if upto:
                yield self._out(upto, base)
        if self._held:
            yield self._out(len(self._held), base, over=True)

    def _out(self, upto: int, base: int, *, over: bool = False) -> Sound:
        mulaw = bytes(self._held[:upto])
        del self._held[:upto]
        self.last_size += len(mulaw)
        self.size += len(mulaw)
        ready = [word for word in self._words[self._known :] if over or word.end * RATE <= self.last_size + 1]
        self._known += len(ready)
        shift = self._since / RATE
        return Sound(mulaw, tuple(Word(base + word.chars, word.end + shift) for word in ready))

    def cut(self, pace: float) -> None:
        """The voice broke off: where the next begins. Without word times, by `pace` in characters a second."""
        if not self.last_size:
            return
        rest = self._text[self._chars :]
        skipped = len(rest) - len(rest.lstrip()) if self._chars else 0
        if self._known:
            self._chars += skipped + self._words[self._known - 1].chars
        else:
            guess = self._chars + skipped + int(self.last_size / RATE * pace)
            space = self._text.rfind(" ", self._chars + skipped, min(guess, len(self._text)) + 1)
            self._chars = len(self._text) if guess >= len(self._text) else max(self._chars, space)

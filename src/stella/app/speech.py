"""The ears and voices of the process: which names there are, what each needs, and who goes on when one fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import aiohttp
import structlog

from stella.adapters import bench
from stella.adapters.bench.engines import three_seconds
from stella.adapters.cloud_speech import CloudEars, CloudVoice, OpenAIEars
from stella.adapters.embedded import Espeak, Flite
from stella.adapters.embedded import TextToSpeech as EmbeddedVoice
from stella.adapters.models.folder import ModelFolder
from stella.adapters.moonshine import SpeechToText as Moonshine
from stella.adapters.moonshine import Transcriber
from stella.app.local_speech import LOCAL, local_ears, local_voice
from stella.app.speech_vendors import EARS, VOICES, Access, Ears, cloud_voice
from stella.app.voices import caller_voice
from stella.calls.breaker import Breaker
from stella.calls.ears_chain import EarsChain
from stella.calls.levelled import LevelledVoice
from stella.calls.phrase_cache import PhraseCache
from stella.calls.voice_chain import VoiceChain, voice_of
from stella.domain.errors import ConfigError
from stella.ports.failure import ProviderError, Unavailable
from stella.ports.metrics import Metrics, NullMetrics
from stella.ports.speech import SpeechToText, TextToSpeech

T = TypeVar("T")

_log = structlog.get_logger("stella.speech")

LOCAL_EARS, LOCAL_VOICES = ("moonshine", "bench"), ("embedded", "bench")
STT_NAMES = (*LOCAL_EARS, *EARS)
TTS_NAMES = (*LOCAL_VOICES, *VOICES)
STANDING_BY_MOST = 8
"""Connections that are being opened ahead at a time; a crowd of callers shares those there are."""
LAST_EARS, LAST_VOICE = "moonshine", "embedded"
"""Behind every vendor, where they know the language: they need no network."""


class Speech:
    """Makes ears and voices by name, once each, and puts them in rows. Their health is shared by all calls."""

    def __init__(
        self,
        models: ModelFolder,
        session: aiohttp.ClientSession | None = None,
        access: Mapping[str, Access] | None = None,
        metrics: Metrics | None = None,
        stt_workers: int | None = None,
    ) -> None:
        """Without a session only what needs no network can be made."""
        self._models, self._session, self._access = models, session, access or {}
        self._metrics, self._stt_workers = metrics or NullMetrics(), stt_workers
        self._ears: dict[str, SpeechToText] = {}
        self._voices: dict[str, PhraseCache | TextToSpeech] = {}
        self._bare: dict[str, CloudVoice] = {}
        self._health: dict[tuple[str, str], Breaker] = {}
        self._ear_rows: dict[tuple[tuple[str, ...], str], SpeechToText | None] = {}
        self._voice_rows: dict[tuple[tuple[str, ...], str], TextToSpeech | None] = {}
        self._checked: set[tuple[str, str]] = set()
        self._refused: set[str] = set()
        self._standing_by: set[asyncio.Task[None]] = set()

    async def prepare(self, stt: Iterable[str], tts: Iterable[str], languages: Iterable[str]) -> None:
        """Build what an agent names, and what stands behind it. Raises ConfigError with what is missing."""
        stt, tts = tuple(stt), tuple(tts)
        for name in stt:
            await self._make_ears(name)
        for name in tts:
            await self._make_voice(name)
        if _remote(stt, LOCAL_EARS) and set(languages) & Moonshine.languages:
            await _or_note(self._make_ears, LAST_EARS)
        if _remote(tts, LOCAL_VOICES):
            await _or_note(self._make_voice, LAST_VOICE)
        self._ear_rows.clear()
        self._voice_rows.clear()

    async def check(self) -> None:
        """Ask every vendor that was not asked yet whether its key is right, and say so before a caller hears of it."""
        every: list[tuple[str, str, Ears | CloudVoice]] = [
            ("stt", name, one) for name, one in self._ears.items() if isinstance(one, CloudEars | OpenAIEars)
        ]
        every += [("tts", name, one) for name, one in self._bare.items()]
        new = [one for one in every if (one[0], one[1]) not in self._checked]
        self._checked |= {(kind, name) for kind, name, _ in new}
        await asyncio.gather(*(self._check(kind, name, one) for kind, name, one in new))

    async def _check(self, kind: str, name: str, engine: Ears | CloudVoice) -> None:
        try:
            await engine.check()
        except ProviderError as failure:
            self._refused.add(name)
            self._breaker(kind, name).failed(failure)
            setting = self._access[name].setting
            _log.error("engine-refused", kind=kind, engine=name, code=failure.code, mend=f"look at {setting}")

    def _breaker(self, kind: str, name: str) -> Breaker:
        return self._health.setdefault((kind, name), Breaker(time.monotonic))

    def _vendor(self, kind: str, name: str, names: tuple[str, ...]) -> tuple[Access, aiohttp.ClientSession]:
        access = self._access.get(name)
        if name not in names or access is None or self._session is None:
            raise ConfigError(f"engines.{kind}: there is no {name!r}; there are {', '.join(names)}, {LOCAL}MODEL")
        if access.missing:
            setting = access.missing.removesuffix(" is not set")
            raise ConfigError(f"engines.{kind}: {name} needs {setting}; set it (in .env), or take {name} out")
        return access, self._session

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
        elif name.startswith(LOCAL):
            self._ears[name] = await local_ears(name, self._models)
        else:
            access, session = self._vendor("stt", name, STT_NAMES)
            self._ears[name] = EARS[name](access.key, session, access.base)

    async def _make_voice(self, name: str) -> None:
        if name in self._voices:
            return
        if name == "embedded":
            voice = embedded_voice(self._models)
            await voice.start()
            self._voices[name] = PhraseCache(LevelledVoice(voice))
        elif name == "bench":
            self._voices[name] = bench.TextToSpeech(await asyncio.to_thread(three_seconds, caller_voice()))
        elif name.startswith(LOCAL):
            self._voices[name] = PhraseCache(LevelledVoice(await local_voice(name, self._models)))
        else:
            access, session = self._vendor("tts", name, TTS_NAMES)
            self._bare[name] = cloud_voice(name, access, session)
            self._voices[name] = PhraseCache(LevelledVoice(self._bare[name]))

    def ears(self, names: tuple[str, ...], language: str) -> SpeechToText | None:
        """The row of those that understand `language`; None where nobody does."""
        if (names, language) not in self._ear_rows:
            every = (*names, LAST_EARS) if _remote(names, LOCAL_EARS) else names
            row = [self._ears[name] for name in dict.fromkeys(every) if name in self._ears]
            row = [one for one in row if language in one.languages]
            health = {one.name: self._breaker("stt", one.name) for one in row if one.name not in LOCAL_EARS}
            first = row[0] if row else None
            self._ear_rows[names, language] = EarsChain(row, health, self._metrics) if health else first
        return self._ear_rows[names, language]

    def voice(self, names: tuple[str, ...], language: str) -> TextToSpeech:
        """The row of those that speak `language`. Raises Unavailable."""
        if (names, language) not in self._voice_rows:
            row = [self._voices[name] for name in self._voice_names(names, language)]
            health = {one.name: self._breaker("tts", one.name) for one in row if one.name not in LOCAL_VOICES}
            first = row[0] if row else None
            self._voice_rows[names, language] = VoiceChain(row, health, self._metrics) if health else first
        found = self._voice_rows[names, language]
        if found is None:
            raise Unavailable("voice", "no-engine", f"no text-to-speech for {language}")
        return found

    def _voice_names(self, names: tuple[str, ...], language: str) -> list[str]:
        every = (*names, LAST_VOICE) if _remote(names, LOCAL_VOICES) else names
        made = [name for name in dict.fromkeys(every) if name in self._voices]
        return [name for name in made if language in self._voices[name].languages]

    async def warm(
        self, names: tuple[str, ...], language: str, voice: str, texts: list[str], progress: Callable[[int, int], None]
    ) -> None:
        """Render these phrases by the first voice of the row that is well, and by the one behind them all."""
        row = self._voice_names(names, language)
        well = [name for name in row if name not in self._refused]
        for name in dict.fromkeys([*well[:1], *row[-1:]]):
            cache = self._voices[name]
            if not isinstance(cache, PhraseCache):
                continue
            own = voice_of(name, row[0], voice, language) if _remote(row, LOCAL_VOICES) else voice
            for (text, *_), failure in await cache.warm([(text, language, own) for text in texts], progress):
                _log.warning("phrase-not-rendered", engine=name, language=language, code=failure.code, length=len(text))

    def expect(self, names: tuple[str, ...], language: str) -> None:
        """A call rings: the first voice of the row that is well gets a connection ready. Never blocks."""
        row = [name for name in self._voice_names(names, language) if not self._breaker("tts", name).open]
        if not row or row[0] not in self._bare or len(self._standing_by) >= STANDING_BY_MOST:
            return
        task = asyncio.get_running_loop().create_task(self._bare[row[0]].stand_by(), name="stand-by")
        self._standing_by.add(task)
        task.add_done_callback(self._standing_by.discard)

    async def close(self) -> None:
        """Stop everything, in reverse."""
        for task in self._standing_by:
            task.cancel()
        await asyncio.gather(*self._standing_by, return_exceptions=True)
        for voice in self._voices.values():
            await voice.close()
        for ears in self._ears.values():
            await ears.close()


def _remote(names: Iterable[str], local: tuple[str, ...]) -> bool:
    return any(name not in local for name in names)


async def _or_note(make: Callable[[str], object], name: str) -> None:
    """The last resort may be missing where a vendor was named; then there is none."""
    try:
        await make(name)  # type: ignore[misc]
    except (ConfigError, Unavailable) as missing:
        _log.warning("no-last-resort", engine=name, reason=str(missing))


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

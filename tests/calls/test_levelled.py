"""One voice goes on for another, and neither is louder."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import numpy as np
import pytest
from tests.conformance.fakes import FakeVoice
from tests.conformance.text_to_speech import TextToSpeechConformance

from stella.audio import mulaw
from stella.audio.energy import dbfs
from stella.audio.level import ActiveLevel, louder
from stella.calls.levelled import MOST_DB, STEP_DB, TARGET_DB, LevelledVoice
from stella.calls.voice_chain import VoiceChain
from stella.ports.failure import Unavailable
from stella.ports.speech import Sound


def speech(seconds: float, db: float, pauses: bool = True) -> bytes:
    """A voice-like sound whose spoken parts have that level: 300 ms of noise, 200 ms of nothing."""
    noise = np.random.default_rng(7).normal(0, 10 ** (db / 20), int(seconds * 8000))
    if pauses:
        noise[np.arange(len(noise)) % 4000 >= 2400] = 0.0
    return mulaw.encode_float(noise)


def spoken_db(sound: bytes) -> float:
    """Of the parts that are no pauses."""
    level = ActiveLevel()
    level.hear(sound)
    assert level.db is not None
    return level.db


class Voice:
    """Says everything at one level, in pieces of 200 ms, and may break off."""

    languages = frozenset({"de"})
    word_times = False

    def __init__(self, name: str, db: float, cut: float = 99.0) -> None:
        self.name, self.db, self.cut = name, db, cut

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port."""
        del language, voice
        whole = speech(len(text) * 0.08, self.db)
        for at in range(0, len(whole), 1600):
            if at >= self.cut * 8000:
                raise Unavailable(self.name, "cut")
            yield Sound(whole[at : at + 1600])

    async def close(self) -> None:
        """As the port."""


class TestLevelledVoice(TextToSpeechConformance):
    """A levelled voice is a voice."""

    @pytest.fixture
    def voice(self) -> LevelledVoice:
        """Around a scripted one."""
        return LevelledVoice(FakeVoice())


async def said(voice: LevelledVoice | VoiceChain, text: str = "x" * 50, name: str = "") -> list[bytes]:
    """The pieces."""
    return [sound.mulaw async for sound in voice.speak(text, "de", name)]


@pytest.mark.parametrize("db", [-31.0, -26.0, -20.0, -14.0, -9.0])
async def test_every_voice_speaks_at_one_level(db: float) -> None:
    """Within what an ear tells apart, whatever the engine's own level; and from its first sentence on."""
    voice = LevelledVoice(Voice("loud or soft", db))
    assert spoken_db(b"".join(await said(voice))) == pytest.approx(TARGET_DB, abs=1.0)
    assert spoken_db(b"".join(await said(voice))) == pytest.approx(TARGET_DB, abs=0.7)


async def test_a_change_of_voice_in_a_sentence_is_no_jump() -> None:
    """18 dB lie between these two; the caller hears one."""
    first, second = LevelledVoice(Voice("first", -10.0, cut=2.0)), LevelledVoice(Voice("second", -28.0))
    pieces = await said(VoiceChain([first, second], {}))
    before, after = b"".join(pieces[:10]), b"".join(pieces[10:])
    assert len(before) == 16000
    assert abs(spoken_db(before) - spoken_db(after)) < 1.5


async def test_what_is_too_far_off_is_mended_within_bounds() -> None:
    """Noise must not be blown up to speech."""
    voice = LevelledVoice(Voice("whispers", -45.0))
    assert spoken_db(b"".join(await said(voice))) == pytest.approx(-45.0 + MOST_DB, abs=1.0)


async def test_silence_stays_silence_and_its_level_teaches_nothing() -> None:
    """Pauses count for nothing, and their code is not touched."""
    assert louder(b"\xff\x7f" * 80, 12.0) == b"\xff\x7f" * 80
    level = ActiveLevel()
    level.hear(b"\xff" * 8000)
    assert level.db is None
    level.hear(speech(1.0, -20.0, pauses=False))
    assert level.db == pytest.approx(-20.0, abs=0.5)
    level.hear(b"\xff" * 80_000)
    assert level.db == pytest.approx(-20.0, abs=0.5)


async def test_the_gain_moves_slowly_within_a_sentence() -> None:
    """A voice that grows softer is followed, but nobody hears the hand on the dial."""

    class Fading(Voice):
        async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
            del text, language, voice
            for db in (-14.0, -14.0, -30.0, -30.0, -30.0):
                yield Sound(speech(0.2, db, pauses=False))

    plain = [dbfs(sound.mulaw) async for sound in Fading("fading", 0).speak("", "de")]
    levelled = [dbfs(piece) for piece in await said(LevelledVoice(Fading("fading", 0)))]
    gains = [after - before for after, before in zip(levelled, plain, strict=True)]
    assert all(abs(after - before) <= STEP_DB + 0.3 for before, after in itertools.pairwise(gains))


@pytest.mark.parametrize("db", [-12.0, -3.0, 3.0, 12.0])
def test_louder_is_louder_by_so_much_and_never_clips(db: float) -> None:
    """Every code goes to a code, in order, and the loudest stay below full scale."""
    table = louder(bytes(range(256)), db)
    samples, after = mulaw.decode_float(bytes(range(256))), mulaw.decode_float(table)
    order = np.argsort(samples, kind="stable")
    assert (np.diff(after[order]) >= 0).all()
    assert abs(after).max() < 0.99
    quiet = speech(1.0, -30.0, pauses=False)
    assert dbfs(louder(quiet, db)) - dbfs(quiet) == pytest.approx(db, abs=0.4)


async def test_each_voice_of_an_engine_has_a_level_of_its_own() -> None:
    """And only so many are remembered."""
    voice = LevelledVoice(Voice("one", -26.0))
    for number in range(100):
        await said(voice, "x" * 5, f"voice-{number}")
    assert len(voice._levels) <= 64

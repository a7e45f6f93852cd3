"""Local ears and voices keep the promises of their ports, with models made here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conformance.speech_to_text import ONE, SILENCE, TWO, SpeechToTextConformance, ends, feed, until
from tests.conformance.text_to_speech import TextToSpeechConformance

from stella.adapters.sherpa import ears as ears_module
from stella.adapters.sherpa import load
from stella.adapters.sherpa import voice as voice_module
from stella.adapters.sherpa.ears import SherpaEars, words_of
from stella.adapters.sherpa.files import VoiceFiles, ears_files, voice_files
from stella.adapters.sherpa.load import recogniser, speaker, tried, voice_config
from stella.adapters.sherpa.voice import SherpaVoice
from stella.audio.mulaw import decode, encode_float
from stella.domain.errors import ConfigError
from stella.ports.failure import Unavailable
from stella.ports.speech import Final, Heard, HeardWord, Hypothesis, Lost

LOUD = encode_float(0.3 * np.sin(np.arange(8000) * 0.3))
EN = frozenset({"en"})


@pytest.fixture
async def ears(ears_folder: Path) -> AsyncIterator[SherpaEars]:
    """Under test."""
    made = SherpaEars("sherpa:small", EN, lambda: recogniser(ears_files(ears_folder)), patience=60.0)
    yield made
    await made.close()


@pytest.fixture
async def voice(voice_folder: Path) -> AsyncIterator[SherpaVoice]:
    """Under test."""
    made = SherpaVoice("sherpa:small", EN, lambda: speaker(voice_files(voice_folder)))
    yield made
    await made.close()


class TestEars(SpeechToTextConformance):
    """The suite."""

    @pytest.fixture
    def speech(self) -> bytes:
        """Loud for a second."""
        return LOUD

    @pytest.fixture
    def said(self) -> str:
        """What loudness means to the small model."""
        return "hello"


class TestVoice(TextToSpeechConformance):
    """The suite."""


async def test_words_come_as_they_are_said_and_with_their_times(ears: SherpaEars) -> None:
    """What a caller says in the middle of our sentence must be known in the middle of it."""
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    feed(stream, SILENCE)
    stream.begin(ONE)
    feed(stream, LOUD)
    await until(lambda: heard)
    assert heard[0] == Hypothesis(ONE, "hello")
    feed(stream, SILENCE * 2)
    stream.finish(ONE)
    await until(lambda: ends(heard))
    final = ends(heard)[0]
    assert isinstance(final, Final) and final.text == "hello there"
    hello, there = final.words
    assert (hello.text, there.text) == ("hello", "there")
    # 400 ms of pre-roll, then a second of loudness; the model looks four frames of 10 ms at a time.
    assert 0.3 <= hello.start <= 0.6 and 1.3 <= there.start <= 1.7 and hello.end <= there.start


async def test_utterances_that_overlap_are_told_apart(ears: SherpaEars) -> None:
    """One is still being finished when the next begins."""
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    stream.begin(ONE)
    feed(stream, LOUD)
    stream.finish(ONE)
    stream.begin(TWO)
    feed(stream, SILENCE * 2)
    stream.finish(TWO)
    await until(lambda: len(ends(heard)) == 2)
    first, second = sorted(ends(heard), key=lambda answer: int(answer.utterance))
    assert isinstance(first, Final) and first.text.startswith("hello")
    # Its pre-roll is the end of what came before.
    assert isinstance(second, Final) and second.utterance == TWO


async def test_an_utterance_has_a_longest_length(ears: SherpaEars, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; the beginning counts."""
    monkeypatch.setattr(ears_module, "LONGEST", 12_000)
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    stream.begin(ONE)
    feed(stream, LOUD + LOUD)
    stream.finish(ONE)
    await until(lambda: ends(heard))
    assert ears.cut == 1
    assert isinstance(ends(heard)[0], Final)


class Broken:
    """A recogniser that fails in one place."""

    def __init__(self, where: str) -> None:
        self.where, self.hold = where, threading.Event()

    def create_stream(self) -> Any:
        """Perhaps."""
        if self.where == "create":
            raise RuntimeError("as asked")
        return self

    def accept_waveform(self, rate: int, sound: object) -> None:
        """Takes it."""

    def input_finished(self) -> None:
        """Takes it."""

    def is_ready(self, stream: object) -> bool:
        """Always."""
        return True

    def decode_streams(self, streams: object) -> None:
        """Fails, or hangs."""
        if self.where == "hang":
            self.hold.wait(30)
        raise RuntimeError("as asked")


@pytest.mark.parametrize(("where", "code"), [("create", "engine"), ("decode", "engine"), ("hang", "timeout")])
async def test_a_broken_engine_costs_the_utterance_and_no_worker(where: str, code: str) -> None:
    """The next engine of the row hears it again."""
    broken = Broken(where)
    ears = SherpaEars("sherpa:broken", EN, lambda: broken, patience=0.2 if where == "hang" else 60.0)
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    for utterance in (ONE, TWO):
        stream.begin(utterance)
        feed(stream, LOUD[:1600])
        stream.finish(utterance)
        await until(lambda many=int(utterance): len(ends(heard)) == many)
    assert [answer.code for answer in ends(heard) if isinstance(answer, Lost)] == [code, code]
    broken.hold.set()
    await ears.close()


def test_pieces_of_words_become_words() -> None:
    """Models write words in pieces, each with its time."""
    tokens = ["\u2581Guten", "\u2581Mor", "gen", ",", " Wien"]
    assert words_of(tokens, [0.1, 0.4, 0.6, 0.8, 1.0]) == (
        HeardWord("Guten", 0.1, 0.4), HeardWord("Morgen,", 0.4, 1.0), HeardWord("Wien", 1.0, 1.1),
    )  # fmt: skip
    assert words_of([], []) == ()


async def test_a_voice_speaks_at_the_telephones_rate_sentence_by_sentence(voice: SherpaVoice) -> None:
    """60 ms a letter stay 60 ms; the first sentence sounds before the last is made."""
    pieces = [sound.mulaw async for sound in voice.speak("Hello there. How are you?", "en")]
    assert len(pieces) >= 2
    sound = decode(b"".join(pieces))
    assert abs(len(sound) / 8000 - 25 * 0.06) < 0.05
    assert 0.3 < np.abs(sound).max() / 32768 < 0.7


async def test_a_voice_that_is_stopped_makes_no_further_sentence() -> None:
    """What nobody hears must not cost the next caller."""
    made: list[str] = []
    go_on, ended = threading.Event(), threading.Event()

    class Slow:
        sample_rate = 8000

        def generate(self, text: str, *, sid: int, speed: float, callback: Any) -> None:
            for word in text.split():
                made.append(word)
                if not callback(np.full(800, 0.5, np.float32), 0.5):
                    break
                go_on.wait(20)
            ended.set()

    voice = SherpaVoice("sherpa:slow", EN, Slow)
    speaking = voice.speak("one two three", "en")
    assert (await anext(speaking)).mulaw
    await speaking.aclose()  # type: ignore[attr-defined]
    go_on.set()
    await asyncio.to_thread(ended.wait, 20)
    # The word that was being made when it was stopped is made; whether one more is begun, is a race.
    assert made[0] == "one" and "three" not in made
    await voice.close()


@pytest.mark.parametrize(("engine", "code"), [("raises", "engine"), ("silent", "empty"), ("hangs", "timeout")])
async def test_a_voice_that_fails_says_so(engine: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the next of the row speaks."""
    monkeypatch.setattr(voice_module, "PATIENCE_S", 0.2 if engine == "hangs" else 30.0)
    hold = threading.Event()

    class Bad:
        sample_rate = 8000

        def generate(self, text: str, *, sid: int, speed: float, callback: Any) -> None:
            if engine == "raises":
                raise RuntimeError("as asked")
            if engine == "hangs":
                hold.wait(30)

    voice = SherpaVoice("sherpa:bad", EN, Bad)
    with pytest.raises(Unavailable, match=code):
        _ = [sound async for sound in voice.speak("hello", "en")]
    hold.set()
    await voice.close()


async def test_a_voice_has_so_many_texts_waiting_and_no_more(
    monkeypatch: pytest.MonkeyPatch, voice_folder: Path
) -> None:
    """More are somebody else's to speak, at once."""
    monkeypatch.setattr(voice_module, "WAITING_MOST", 0)
    voice = SherpaVoice("sherpa:small", EN, lambda: speaker(voice_files(voice_folder)))
    with pytest.raises(Unavailable, match="busy"):
        _ = [sound async for sound in voice.speak("hello", "en")]
    await voice.close()


def test_files_are_found_by_their_names(tmp_path: Path) -> None:
    """As the archives have them; the smaller numbers are preferred."""
    for name in ("encoder-e.onnx", "encoder-e.int8.onnx", "decoder-e.onnx", "joiner-e.onnx", "tokens.txt"):
        (tmp_path / name).write_bytes(b"")
    assert ears_files(tmp_path).encoder.name == "encoder-e.int8.onnx"
    voice = tmp_path / "voice"
    voice.mkdir()
    with pytest.raises(ConfigError, match=r"holds no \*\.onnx"):
        voice_files(voice)
    for name in ("de_DE-thorsten-medium.onnx", "tokens.txt", "espeak-ng-data/x"):
        (voice / name).parent.mkdir(exist_ok=True)
        (voice / name).write_bytes(b"")
    found = voice_files(voice)
    assert (found.kind, found.model.name) == ("vits", "de_DE-thorsten-medium.onnx") and found.data
    (voice / "model-steps-3.onnx").write_bytes(b"")
    with pytest.raises(ConfigError, match="vocoder"):
        voice_files(voice)
    (voice / "vocos-22khz-univ.onnx").write_bytes(b"")
    assert voice_files(voice).kind == "matcha"
    for name in ("voices.bin", "model.int8.onnx", "lexicon-us-en.txt"):
        (voice / name).write_bytes(b"")
    assert (voice_files(voice).kind, voice_files(voice).model.name) == ("kokoro", "model.int8.onnx")


@pytest.mark.parametrize("kind", ["vits", "kokoro", "matcha"])
def test_the_library_is_told_of_every_kind_in_its_own_words(kind: str, tmp_path: Path) -> None:
    """Kokoro and Matcha are too large to be made here; what the library is told of them is looked at."""
    files = VoiceFiles(
        kind, tmp_path / "m.onnx", tmp_path / "tokens.txt", "voices.bin", "vocos.onnx", "", "espeak-ng-data"
    )
    told = voice_config(files, 2).model
    assert getattr(told, kind).tokens == str(files.tokens) and getattr(told, kind).data_dir == "espeak-ng-data"
    model = told.matcha.acoustic_model if kind == "matcha" else getattr(told, kind).model
    assert model == str(files.model) and told.num_threads == 2


def test_a_good_model_is_tried_and_a_bad_one_does_not_end_us(
    ears_folder: Path, voice_folder: Path, tmp_path: Path
) -> None:
    """The library ends the process over a model that it does not like; that must be another process."""
    tried("ears", ears_folder)
    tried("voice", voice_folder)
    for path in ears_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "decoder.onnx").write_bytes((tmp_path / "joiner.onnx").read_bytes())
    with pytest.raises(ConfigError, match="is not a model that sherpa-onnx can load"):
        tried("ears", tmp_path)


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch, ears_folder: Path) -> None:
    """With the mend."""
    monkeypatch.setitem(__import__("sys").modules, "sherpa_onnx", None)
    with pytest.raises(ConfigError, match=r"pip install stella-voice\[local\]"):
        load.recogniser(ears_files(ears_folder))

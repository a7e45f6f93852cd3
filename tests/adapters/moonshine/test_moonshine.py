"""Moonshine behind its port, with the real model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.adapters.conftest import spoken_sample
from tests.conformance.speech_to_text import ONE, SILENCE, SpeechToTextConformance, ends, feed, until

from stella.adapters.moonshine import SpeechToText, Transcriber
from stella.domain.errors import ConfigError
from stella.ports.failure import Unavailable
from stella.ports.speech import Final, Heard

pytestmark = pytest.mark.speech


@pytest.fixture(scope="module")
def transcriber(moonshine_model: tuple[Path, Path]) -> Transcriber:
    """Loaded once."""
    return Transcriber(*moonshine_model)


class _Shared:
    """The one transcriber, for a worker that may think it is its own."""

    def __init__(self, transcriber: Transcriber) -> None:
        self.transcribe = transcriber.transcribe

    def close(self) -> None:
        """The module's fixture outlives the test."""


@pytest.fixture
async def ears(transcriber: Transcriber) -> AsyncIterator[SpeechToText]:
    """Under test."""
    ears = SpeechToText(lambda: _Shared(transcriber), workers=1, patience=60.0)
    yield ears
    await ears.close()


@pytest.mark.flite
class TestMoonshine(SpeechToTextConformance):
    """The suite."""

    @pytest.fixture
    def speech(self) -> bytes:
        """A real voice."""
        return spoken_sample("What are your opening hours?", "en")

    @pytest.fixture
    def said(self) -> str:
        """Of it."""
        return "opening hours"


@pytest.mark.flite
@pytest.mark.parametrize("sentence", ["Yes, please.", "What are your opening hours?", "My name is Peter Miller."])
async def test_telephone_speech_is_understood(ears: SpeechToText, sentence: str) -> None:
    """The main job, over mu-law, with the words beginning before `begin`."""
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    mulaw = spoken_sample(sentence, "en")
    feed(stream, SILENCE + mulaw[:1600])
    stream.begin(ONE)
    feed(stream, mulaw[1600:] + SILENCE)
    stream.finish(ONE)
    await until(lambda: ends(heard))
    answer = ends(heard)[0]
    assert isinstance(answer, Final)
    assert [word.strip(".,?!").lower() for word in answer.text.split()] == [
        word.strip(".,?!").lower() for word in sentence.split()
    ]


def test_a_missing_library_says_how_to_mend_it(tmp_path: Path) -> None:
    """The start of the server shows this line."""
    with pytest.raises(ConfigError, match="stella models pull moonshine"):
        Transcriber(tmp_path / "libmoonshine.so", tmp_path)


def test_missing_weights_say_how_to_mend_it(moonshine_model: tuple[Path, Path], tmp_path: Path) -> None:
    """The start of the server shows this line."""
    with pytest.raises(ConfigError, match="stella models pull moonshine"):
        Transcriber(moonshine_model[0], tmp_path)


def test_a_closed_transcriber_refuses(moonshine_model: tuple[Path, Path]) -> None:
    """Using freed memory would take the process down."""
    transcriber = Transcriber(*moonshine_model)
    transcriber.close()
    transcriber.close()
    with pytest.raises(Unavailable):
        transcriber.transcribe(_silence())


def _silence() -> object:
    import numpy as np

    return np.zeros(8000, np.float32)

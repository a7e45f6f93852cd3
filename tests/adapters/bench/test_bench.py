"""The engines of the bench keep their ports, and do what PRODUCT.md §5 says of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.conformance.speech_to_text import SpeechToTextConformance
from tests.conformance.text_to_speech import TextToSpeechConformance

from stella.adapters.bench import Brain, SpeechToText, TextToSpeech, speech_like
from stella.adapters.bench.engines import SENTENCE, BenchSession
from stella.audio import energy
from stella.domain.ids import TurnId
from stella.ports.brain import Asked, Said


class TestBenchEars(SpeechToTextConformance):
    """The suite."""

    @pytest.fixture
    def ears(self) -> SpeechToText:
        """Under test."""
        return SpeechToText()

    @pytest.fixture
    def speech(self) -> bytes:
        """Any sound will do."""
        return speech_like(1.0)

    @pytest.fixture
    def said(self) -> str:
        """Whatever was said."""
        return "hello there"


class TestBenchVoice(TextToSpeechConformance):
    """The suite."""

    @pytest.fixture
    def voice(self) -> TextToSpeech:
        """Under test."""
        return TextToSpeech()


@pytest.mark.parametrize("rendered", [b"", b"\x10" * 7, b"\x10" * 99_999])
async def test_every_text_is_three_seconds(rendered: bytes) -> None:
    """The peers are measured with the same load."""
    pieces = [piece async for piece in TextToSpeech(rendered).speak("Hi.", "en")]
    assert [len(piece.mulaw) for piece in pieces] == [24_000]


def test_the_made_signal_is_as_loud_as_speech() -> None:
    """Silence would compress, and would not look like an agent that speaks."""
    assert -23 < energy.dbfs(speech_like()) < -17


async def test_the_brain_says_one_sentence() -> None:
    """At once, whatever was asked."""
    session = BenchSession()
    asked = Asked(TurnId(1), "hello there")
    assert [said async for said in session.reply(asked, (), datetime.now(UTC))] == [Said(SENTENCE)]
    assert Brain().name == "bench"

"""The scripted engines keep the promises of the ports, so that a test with them proves something."""

from __future__ import annotations

import pytest
from tests.conformance.fakes import FakeActivity, FakeEars, FakeVoice
from tests.conformance.speech_to_text import SpeechToTextConformance
from tests.conformance.text_to_speech import TextToSpeechConformance
from tests.conformance.voice_activity import VoiceActivityConformance


class TestFakeActivity(VoiceActivityConformance):
    """The suite."""

    @pytest.fixture
    def activity(self) -> FakeActivity:
        """Under test."""
        return FakeActivity()

    @pytest.fixture
    def speech(self) -> bytes:
        """Any loud sound."""
        return b"\x10\x90" * 8000


class TestFakeEars(SpeechToTextConformance):
    """The suite."""

    @pytest.fixture
    def ears(self) -> FakeEars:
        """Under test."""
        return FakeEars()

    @pytest.fixture
    def speech(self) -> bytes:
        """Any sound."""
        return b"\x10\x90" * 8000

    @pytest.fixture
    def said(self) -> str:
        """What it always hears."""
        return "hello"


class TestFakeVoice(TextToSpeechConformance):
    """The suite."""

    @pytest.fixture
    def voice(self) -> FakeVoice:
        """Under test."""
        return FakeVoice()

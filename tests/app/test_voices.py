"""The voice and the ears of the telephone in the terminal understand each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stella.app.voices import caller_voice, recogniser
from stella.audio import energy

pytestmark = pytest.mark.speech


@pytest.mark.flite
def test_what_the_caller_says_is_what_the_ears_hear() -> None:
    """The acceptance tests stand on it."""
    ears = recogniser()
    if ears is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have the model: stella models pull")
        pytest.skip("stella models pull")
    sound = caller_voice()("What are your opening hours?", "en")
    assert "opening hours" in ears(b"\xff" * 4000 + sound + b"\xff" * 4000).lower()
    assert ears(b"\xff" * 8000) == ""


@pytest.mark.parametrize(
    ("text", "language"), [("Good morning, how are you?", "en"), ("Guten Morgen, wie geht es Ihnen?", "de")]
)
def test_speech_is_as_loud_as_speech_on_a_telephone(text: str, language: str) -> None:
    """Noise is added relative to it."""
    sound = caller_voice()(text, language)
    assert 8_000 < len(sound) < 40_000
    assert -25 < energy.dbfs(sound) < -17
    assert caller_voice()("", language) == b""


def test_without_a_model_there_are_no_ears(tmp_path: Path) -> None:
    """The telephone then shows no transcript of the other side, and says why."""
    assert recogniser(tmp_path) is None

"""The suite of SpeechToText for pytest: fixtures `ears`, `speech` and `said`, and a subclass.

The promises themselves are in `stella.ports.contract`, where `stella contract` runs them too.
"""

from __future__ import annotations

import pytest

from stella.ports.contract import until
from stella.ports.contract.speech_to_text import (
    FRAME,
    ONE,
    SILENCE,
    TWO,
    SpeechToTextContract,
    ends,
    feed,
    lost,
)

__all__ = ["FRAME", "ONE", "SILENCE", "TWO", "SpeechToTextConformance", "ends", "feed", "lost", "until"]


class SpeechToTextConformance(SpeechToTextContract):
    """The promises of the port."""

    @pytest.fixture
    def speech(self) -> bytes:
        """Mu-law speech that the engine understands."""
        raise NotImplementedError

    @pytest.fixture
    def said(self) -> str:
        """A word that is in it."""
        raise NotImplementedError

"""The suite of TextToSpeech for pytest: a fixture `voice` and a subclass.

The promises themselves are in `stella.ports.contract`, where `stella contract` runs them too.
"""

from __future__ import annotations

from stella.ports.contract.text_to_speech import HELLO, TextToSpeechContract, alike, length, spoken

__all__ = ["HELLO", "TextToSpeechConformance", "alike", "length", "spoken"]


class TextToSpeechConformance(TextToSpeechContract):
    """The promises of the port."""

"""The voice without a key: flite for English in this process, espeak-ng for German in a process of its own."""

from stella.adapters.embedded.espeak import Espeak
from stella.adapters.embedded.flite import Flite
from stella.adapters.embedded.voice import TextToSpeech

__all__ = ["Espeak", "Flite", "TextToSpeech"]

"""Engines that answer at once, to measure everything else (PRODUCT.md §5)."""

from stella.adapters.bench.engines import Brain, SpeechToText, TextToSpeech, speech_like

__all__ = ["Brain", "SpeechToText", "TextToSpeech", "speech_like"]

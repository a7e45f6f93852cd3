"""Moonshine tiny-en speech to text (MIT), whole utterances, in worker threads of this process. English only."""

from stella.adapters.moonshine.ears import SpeechToText, Utterances
from stella.adapters.moonshine.library import Transcriber

__all__ = ["SpeechToText", "Transcriber", "Utterances"]

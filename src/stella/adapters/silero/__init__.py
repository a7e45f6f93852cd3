"""Silero voice activity detection (MIT), all calls of the process in one batch on one thread."""

from stella.adapters.silero.activity import VoiceActivity
from stella.adapters.silero.decision import Sensitivity

__all__ = ["Sensitivity", "VoiceActivity"]

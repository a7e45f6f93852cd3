"""Ears and voices of vendors over HTTP and WebSocket: Deepgram, ElevenLabs, Cartesia, OpenAI."""

from stella.adapters.cloud_speech.deepgram_ears import DeepgramEars
from stella.adapters.cloud_speech.openai_ears import OpenAIEars
from stella.adapters.cloud_speech.vendors import CartesiaVoice, DeepgramVoice, ElevenLabsVoice, OpenAIVoice
from stella.adapters.cloud_speech.voice import CloudVoice, Patience

__all__ = [
    "CartesiaVoice",
    "CloudVoice",
    "DeepgramEars",
    "DeepgramVoice",
    "ElevenLabsVoice",
    "OpenAIEars",
    "OpenAIVoice",
    "Patience",
]

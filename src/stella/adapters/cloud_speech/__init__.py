"""Ears and voices of vendors over HTTP and WebSocket, and models that hear and speak: Deepgram, ElevenLabs, Cartesia, OpenAI."""

from stella.adapters.cloud_speech.deepgram_ears import DeepgramEars
from stella.adapters.cloud_speech.openai_ears import OpenAIEars
from stella.adapters.cloud_speech.openai_realtime import OpenAIRealtime
from stella.adapters.cloud_speech.spoken_answer import AnswerPatience
from stella.adapters.cloud_speech.vendors import CartesiaVoice, DeepgramVoice, ElevenLabsVoice, OpenAIVoice
from stella.adapters.cloud_speech.voice import CloudVoice, Patience

__all__ = [
    "AnswerPatience",
    "CartesiaVoice",
    "CloudVoice",
    "DeepgramEars",
    "DeepgramVoice",
    "ElevenLabsVoice",
    "OpenAIEars",
    "OpenAIRealtime",
    "OpenAIVoice",
    "Patience",
]

"""Ears and voices of vendors over HTTP and WebSocket, and models that hear and speak: Deepgram, AssemblyAI, ElevenLabs,
Cartesia, Azure, OpenAI."""

from stella.adapters.cloud_speech.assemblyai_ears import AssemblyAI
from stella.adapters.cloud_speech.azure import AzureVoice
from stella.adapters.cloud_speech.deepgram_ears import Flux, Nova
from stella.adapters.cloud_speech.gemini_live import GeminiLive
from stella.adapters.cloud_speech.listening import CloudEars
from stella.adapters.cloud_speech.openai_ears import OpenAIEars
from stella.adapters.cloud_speech.openai_realtime import OpenAIRealtime
from stella.adapters.cloud_speech.spoken_answer import AnswerPatience
from stella.adapters.cloud_speech.vendors import CartesiaVoice, DeepgramVoice, ElevenLabsVoice, OpenAIVoice
from stella.adapters.cloud_speech.voice import CloudVoice, Patience
from stella.adapters.cloud_speech.voice import Dialect as VoiceDialect

__all__ = [
    "AnswerPatience",
    "AssemblyAI",
    "AzureVoice",
    "CartesiaVoice",
    "CloudEars",
    "CloudVoice",
    "DeepgramVoice",
    "ElevenLabsVoice",
    "Flux",
    "GeminiLive",
    "Nova",
    "OpenAIEars",
    "OpenAIRealtime",
    "OpenAIVoice",
    "Patience",
    "VoiceDialect",
]

"""Which vendors listen and speak, by the names agent files have for them, and what each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import aiohttp

from stella.adapters.cloud_speech import (
    AssemblyAI,
    AzureVoice,
    CartesiaVoice,
    CloudEars,
    CloudVoice,
    DeepgramVoice,
    ElevenLabsVoice,
    Flux,
    Nova,
    OpenAIEars,
    OpenAIVoice,
    VoiceDialect,
)
from stella.app.settings import Settings

Ears: TypeAlias = CloudEars | OpenAIEars


@dataclass(frozen=True, slots=True)
class Access:
    """A vendor's key, address, and the setting that holds the key. `lacks` names another setting that is missing."""

    key: str
    base: str
    setting: str
    keyless: bool = False
    lacks: str = ""

    @property
    def missing(self) -> str:
        """What has to be set before this vendor can be asked; empty where nothing has."""
        if not self.key and not self.keyless:
            return f"{self.setting} is not set"
        return f"{self.lacks} is not set" if self.lacks else ""


VOICES: Mapping[str, Callable[[str, str], VoiceDialect]] = {
    "deepgram": DeepgramVoice, "elevenlabs": ElevenLabsVoice, "cartesia": CartesiaVoice, "azure": AzureVoice,
    "openai": OpenAIVoice,
}  # fmt: skip
EARS: Mapping[str, Callable[[str, aiohttp.ClientSession, str], Ears]] = {
    "deepgram": lambda key, session, base: CloudEars(Nova(key, base), session),
    "deepgram-flux": lambda key, session, base: CloudEars(Flux(key, base), session),
    "assemblyai": lambda key, session, base: CloudEars(AssemblyAI(key, base), session),
    "openai": OpenAIEars,
}


def azure_address(settings: Settings) -> str:
    """Where Azure's Speech service is: the address that is set, or the region's; empty where neither is."""
    region = settings.azure_speech_region
    return settings.azure_speech_base_url or (f"https://{region}.tts.speech.microsoft.com" if region else "")


def speech_access(settings: Settings) -> Mapping[str, Access]:
    """What the settings give access to. An OpenAI-compatible server of one's own needs no key."""
    deepgram = Access(settings.deepgram_api_key.get_secret_value(), settings.deepgram_base_url, "DEEPGRAM_API_KEY")
    azure = azure_address(settings)
    return {
        "deepgram": deepgram,
        "deepgram-flux": deepgram,
        "assemblyai": Access(
            settings.assemblyai_api_key.get_secret_value(), settings.assemblyai_base_url, "ASSEMBLYAI_API_KEY"
        ),
        "elevenlabs": Access(
            settings.elevenlabs_api_key.get_secret_value(), settings.elevenlabs_base_url, "ELEVENLABS_API_KEY"
        ),
        "cartesia": Access(
            settings.cartesia_api_key.get_secret_value(), settings.cartesia_base_url, "CARTESIA_API_KEY"
        ),
        "azure": Access(
            settings.azure_speech_key.get_secret_value(), azure, "AZURE_SPEECH_KEY",
            lacks="" if azure else "AZURE_SPEECH_REGION",
        ),
        "openai": Access(
            settings.openai_api_key.get_secret_value(), settings.openai_base_url, "OPENAI_API_KEY",
            keyless=bool(settings.openai_base_url),
        ),
    }  # fmt: skip


def cloud_voice(name: str, access: Access, session: aiohttp.ClientSession) -> CloudVoice:
    """A vendor's voice by name."""
    return CloudVoice(VOICES[name](access.key, access.base), session)

"""How each vendor is asked for speech. Mu-law at 8 kHz wherever it is spoken; no key is ever in an address."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import msgspec

from stella.adapters.cloud_speech.sounds import AlignedLines, Linear24k, RawMulaw, TimedEvents
from stella.adapters.cloud_speech.voice import Order

BOTH = frozenset({"de", "en"})
JSON = "application/json"


class DeepgramVoice:
    """Deepgram Aura-2.

    https://developers.deepgram.com/reference/text-to-speech/speak-request and .../docs/tts-models
    """

    vendor = "deepgram"
    languages = BOTH
    codec = "mu-law 8 kHz"
    word_times = False
    voices = {"de": "aura-2-viktoria-de", "en": "aura-2-thalia-en"}  # noqa: RUF012

    def __init__(self, key: str, base: str = "") -> None:
        """`base` without a path."""
        self._base = (base or "https://api.deepgram.com").rstrip("/")
        self._headers = {"Authorization": f"Token {key}", "content-type": JSON}

    def order(self, text: str, language: str, voice: str) -> Order:
        """As the port of dialects."""
        asked = {
            "model": voice or self.voices[language], "encoding": "mulaw", "sample_rate": "8000", "container": "none",
        }  # fmt: skip
        url = f"{self._base}/v1/speak?{urlencode(asked)}"
        return Order(url, self._headers, msgspec.json.encode({"text": text}))

    def reader(self, text: str) -> RawMulaw:
        """As the port of dialects."""
        del text
        return RawMulaw()

    def check(self) -> tuple[str, dict[str, str]]:
        """As the port of dialects."""
        return f"{self._base}/v1/projects", self._headers


class ElevenLabsVoice:
    """ElevenLabs Flash.

    https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps
    """

    vendor = "elevenlabs"
    languages = BOTH
    codec = "mu-law 8 kHz"
    word_times = True
    model = "eleven_flash_v2_5"
    voice = "JBFqnCBsd6RMkjVDRZzb"
    """George, of the vendor's own library; it speaks every language of the model."""

    def __init__(self, key: str, base: str = "") -> None:
        """`base` without a path."""
        self._base = (base or "https://api.elevenlabs.io").rstrip("/")
        self._headers = {"xi-api-key": key, "content-type": JSON}

    def order(self, text: str, language: str, voice: str) -> Order:
        """As the port of dialects."""
        name = quote(voice or self.voice, safe="")
        url = f"{self._base}/v1/text-to-speech/{name}/stream/with-timestamps?output_format=ulaw_8000"
        body = {"text": text, "model_id": self.model, "language_code": language}
        return Order(url, self._headers, msgspec.json.encode(body), (JSON, "text/event-stream"))

    def reader(self, text: str) -> AlignedLines:
        """As the port of dialects."""
        return AlignedLines(self.vendor, text)

    def check(self) -> tuple[str, dict[str, str]]:
        """As the port of dialects."""
        return f"{self._base}/v1/models", self._headers


class CartesiaVoice:
    """Cartesia Sonic.

    https://docs.cartesia.ai/api-reference/tts/sse and .../use-the-api/api-errors
    """

    vendor = "cartesia"
    languages = BOTH
    codec = "mu-law 8 kHz"
    word_times = True
    model = "sonic-3"
    voice = "a0e99841-438c-4a64-b679-ae501e7d6091"
    """The voice of the vendor's own examples."""

    def __init__(self, key: str, base: str = "") -> None:
        """`base` without a path."""
        self._base = (base or "https://api.cartesia.ai").rstrip("/")
        self._headers = {"X-API-Key": key, "Cartesia-Version": "2026-03-01", "content-type": JSON}

    def order(self, text: str, language: str, voice: str) -> Order:
        """As the port of dialects."""
        body = {
            "model_id": self.model,
            "transcript": text,
            "voice": {"mode": "id", "id": voice or self.voice},
            "language": language,
            "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
            "add_timestamps": True,
        }
        return Order(f"{self._base}/tts/sse", self._headers, msgspec.json.encode(body), ("text/event-stream",))

    def reader(self, text: str) -> TimedEvents:
        """As the port of dialects."""
        return TimedEvents(self.vendor, text)

    def check(self) -> tuple[str, dict[str, str]]:
        """As the port of dialects."""
        return f"{self._base}/voices?limit=1", self._headers


class OpenAIVoice:
    """OpenAI, or a server of one's own that speaks like it.

    https://developers.openai.com/api/docs/guides/text-to-speech: `pcm` is 16-bit, 24 kHz, little-endian, bare.
    """

    vendor = "openai"
    languages = BOTH
    codec = "linear 24 kHz"
    word_times = False
    model = "gpt-4o-mini-tts"
    voice = "alloy"

    def __init__(self, key: str, base: str = "") -> None:
        """`base` with its `/v1`, as for the brains; a server of one's own needs no key."""
        self._base = (base or "https://api.openai.com/v1").rstrip("/")
        self._headers = {"content-type": JSON} | ({"authorization": f"Bearer {key}"} if key else {})

    def order(self, text: str, language: str, voice: str) -> Order:
        """As the port of dialects."""
        del language  # the model hears it from the text
        body = {"model": self.model, "input": text, "voice": voice or self.voice, "response_format": "pcm"}
        return Order(f"{self._base}/audio/speech", self._headers, msgspec.json.encode(body))

    def reader(self, text: str) -> Linear24k:
        """As the port of dialects."""
        del text
        return Linear24k()

    def check(self) -> tuple[str, dict[str, str]]:
        """As the port of dialects."""
        return f"{self._base}/models", self._headers

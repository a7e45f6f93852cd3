"""Azure speaks: text to speech over REST, mu-law as the telephone has it.

https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech (headers, formats, answers)
https://learn.microsoft.com/azure/ai-services/speech-service/speech-synthesis-markup-structure
https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=tts (names of voices)
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from stella.adapters.cloud_speech.sounds import RawMulaw
from stella.adapters.cloud_speech.voice import SOUND, Order

FORMAT = "raw-8khz-8bit-mono-mulaw"


class AzureVoice:
    """Azure's neural voices. The address is of a region or a resource of one's own."""

    vendor = "azure"
    languages = frozenset({"de", "en"})
    codec = "mu-law 8 kHz"
    word_times = False
    voices = {"de": "de-AT-IngridNeural", "en": "en-GB-SoniaNeural"}  # noqa: RUF012

    def __init__(self, key: str, base: str = "") -> None:
        """`base` without a path, such as https://westeurope.tts.speech.microsoft.com."""
        self._base = base.rstrip("/")
        self._headers = {
            "Ocp-Apim-Subscription-Key": key, "content-type": "application/ssml+xml", "user-agent": "stella",
            "X-Microsoft-OutputFormat": FORMAT,
        }  # fmt: skip

    def order(self, text: str, language: str, voice: str) -> Order:
        """As the port of dialects. The text is text, whatever signs are in it."""
        name = voice or self.voices[language]
        locale = "-".join(name.split("-")[:2]) if name.count("-") >= 2 else language
        ssml = (
            f'<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang={quoteattr(locale)}>'
            f"<voice name={quoteattr(name)}>{escape(text)}</voice></speak>"
        )
        answer = (*SOUND, "audio/raw", "audio/x-raw", "audio/pcmu", "audio/wav", "audio/x-wav")
        return Order(f"{self._base}/cognitiveservices/v1", self._headers, ssml.encode(), answer)

    def reader(self, text: str) -> RawMulaw:
        """As the port of dialects."""
        del text
        return RawMulaw()

    def check(self) -> tuple[str, dict[str, str]]:
        """As the port of dialects."""
        return f"{self._base}/cognitiveservices/voices/list", self._headers

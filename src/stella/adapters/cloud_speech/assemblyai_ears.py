"""AssemblyAI listens: Universal-3.5 Pro Realtime (`u3-rt-pro`) over the streaming API v3.

https://www.assemblyai.com/docs/api-reference/streaming-api/universal-3-pro-streaming/universal-3-pro-streaming
(parameters, `Turn`, `ForceEndpoint`, `Terminate`), https://www.assemblyai.com/docs/streaming/keyterms-prompting
https://www.assemblyai.com/docs/streaming/common-session-errors-and-closures: messages of sound have 50 to 1000 ms, and
sound that comes faster than real time is refused (3007): what another engine lost is sent to this one at its pace.
"""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from stella.adapters.cloud_speech.transcript import Timed, Told
from stella.ports.failure import Malformed, Rejected, Unavailable

BASE = "https://streaming.assemblyai.com"
HINTS_MOST, HINT_CHARS = 100, 50
SURE = 0.8
_REFUSED, _BUSY = (1008,), (3009,)


class _Word(msgspec.Struct):
    text: str = ""
    start: float = 0.0
    end: float = 0.0


class _Message(msgspec.Struct):
    """`Begin`, `Turn`, `SpeechStarted`, `Termination`, `Warning`, `Error`. Times in milliseconds of the sound sent."""

    type: str = ""
    end_of_turn: bool = False
    words: list[_Word] = []
    language_code: str | None = None
    language_confidence: float | None = None
    error_code: int | None = None


class AssemblyAI:
    """One model for all its languages; several at once where asked for, and it tells which it heard."""

    vendor = "assemblyai"
    languages = frozenset({"de", "en"})
    word_times = automatic = True
    codec = "mu-law 8 kHz"
    ask, goodbye = '{"type":"ForceEndpoint"}', '{"type":"Terminate"}'
    keep_alive: str | bytes = ""
    least, tail_s, quiet_s = 400, 0.8, 0.9
    noise_s: float | None = 1.5
    interim_s = -1.0
    lead_s: float | None = 1.0

    def __init__(self, key: str, base: str = "") -> None:
        """`base` without a path: https://streaming.eu.assemblyai.com stays in the European Union."""
        self._base = (base or BASE).rstrip("/")
        self.headers = {"Authorization": key}

    def url(self, language: str, also: tuple[str, ...], hints: tuple[str, ...]) -> str:
        """As the port of dialects. The model takes no language: it hears which of its own is spoken."""
        del language
        terms = [hint[:HINT_CHARS] for hint in hints[:HINTS_MOST]]
        asked = {
            "speech_model": "u3-rt-pro", "encoding": "pcm_mulaw", "sample_rate": "8000",
            **({"language_detection": "true"} if also else {}),
            **({"keyterms_prompt": msgspec.json.encode(terms).decode()} if terms else {}),
        }  # fmt: skip
        return f"{self._base}/v3/ws?{urlencode(asked)}"

    def read(self, text: str) -> Told | None:
        """As the port of dialects."""
        try:
            message = msgspec.json.decode(text, type=_Message)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed(self.vendor, "json") from None
        if message.type == "Error":
            if message.error_code in _REFUSED:
                raise Rejected(self.vendor, "policy", str(message.error_code))
            code = "busy" if message.error_code in _BUSY else "error"
            raise Unavailable(self.vendor, code, str(message.error_code or ""))
        if message.type != "Turn":
            return None
        sure = (message.language_confidence or 0.0) >= SURE
        language = (message.language_code or "") if sure else ""
        words = tuple(Timed(word.text, word.start / 1000, word.end / 1000, language) for word in message.words)
        until = words[-1].end if words else 0.0
        over = message.end_of_turn
        # Whether it ended the turn by itself or because it was asked to, the message does not say.
        return Told(words, over, until if over else 0.0, until, asked=over)

    def check(self) -> str:
        """A token that is not used costs nothing."""
        return f"{self._base}/v3/token?expires_in_seconds=60"

"""Deepgram listens: Nova-3 (`/v1/listen`), and Flux (`/v2/listen`), which judges by itself whether a turn is over.

https://developers.deepgram.com/reference/speech-to-text/listen-streaming (Nova: parameters and messages)
https://developers.deepgram.com/docs/finalize, .../audio-keep-alive, .../close-stream, .../keyterm
https://developers.deepgram.com/docs/nova-3-language-prompting (`language=multi` with `language_hint`)
https://developers.deepgram.com/reference/speech-to-text/listen-flux (Flux), .../docs/flux/state (its events),
.../docs/flux/force-end-turn, .../docs/flux/configuration, .../docs/flux/language-prompting
"""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from stella.adapters.cloud_speech.transcript import Timed, Told, spread
from stella.ports.failure import Malformed, Unavailable

BASE = "https://api.deepgram.com"
HINTS_MOST, HINT_CHARS = 50, 40
"""The vendor refuses more than 500 tokens of key terms."""
MULAW = (("encoding", "mulaw"), ("sample_rate", "8000"))


class _Word(msgspec.Struct):
    word: str = ""
    start: float | None = None
    end: float | None = None
    punctuated_word: str | None = None
    language: str | None = None


class _Alternative(msgspec.Struct):
    transcript: str = ""
    words: list[_Word] = []


class _Channel(msgspec.Struct):
    alternatives: list[_Alternative] = []


class _Message(msgspec.Struct):
    """Nova: `Results`, `Metadata`, `SpeechStarted`, `UtteranceEnd`. Flux: `Connected`, `TurnInfo`. Both: `Error`."""

    type: str = ""
    start: float = 0.0
    duration: float = 0.0
    is_final: bool = False
    from_finalize: bool = False
    channel: _Channel | list[int] | None = None
    event: str = ""
    transcript: str = ""
    words: list[_Word] = []
    languages: list[str] | None = None
    audio_window_start: float = 0.0
    audio_window_end: float = 0.0
    trigger: str = ""


def _read(text: str) -> _Message:
    try:
        message = msgspec.json.decode(text, type=_Message)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("deepgram", "json") from None
    if message.type == "Error":
        raise Unavailable("deepgram", "error")
    return message


def _timed(words: list[_Word], whole: str, start: float, end: float, language: str = "") -> tuple[Timed, ...]:
    """Words with their times; where one has none, all share the span."""
    if words and all(word.start is not None and word.end is not None for word in words):
        return tuple(
            Timed(word.punctuated_word or word.word, word.start or 0.0, word.end or 0.0, word.language or language)
            for word in words
        )
    return spread(whole, start, end, language)


class Nova:
    """Deepgram Nova-3: one language, or several at once (`multi`), each word with its own."""

    vendor = "deepgram"
    languages = frozenset({"de", "en"})
    word_times = automatic = True
    codec = "mu-law 8 kHz"
    ask, goodbye = '{"type":"Finalize"}', '{"type":"CloseStream"}'
    keep_alive: str | bytes = '{"type":"KeepAlive"}'
    least, tail_s, quiet_s = 0, 0.5, 0.5
    noise_s: float | None = None
    interim_s = -1.0
    lead_s: float | None = None

    def __init__(self, key: str, base: str = "") -> None:
        """`base` without a path."""
        self._base = (base or BASE).rstrip("/")
        self.headers = {"Authorization": f"Token {key}"}

    def url(self, language: str, also: tuple[str, ...], hints: tuple[str, ...]) -> str:
        """As the port of dialects."""
        asked = [
            ("model", "nova-3"), ("language", "multi" if also else language), *MULAW, ("channels", "1"),
            ("interim_results", "true"), ("smart_format", "true"),
            *((("language_hint", one) for one in (language, *also)) if also else ()),
            *(("keyterm", hint[:HINT_CHARS]) for hint in hints[:HINTS_MOST]),
        ]  # fmt: skip
        return f"{self._base}/v1/listen?{urlencode(asked)}"

    def read(self, text: str) -> Told | None:
        """As the port of dialects."""
        message = _read(text)
        if message.type != "Results":
            return None
        channel, end = message.channel, message.start + message.duration
        best = channel.alternatives[0] if isinstance(channel, _Channel) and channel.alternatives else _Alternative()
        words = _timed(best.words, best.transcript, message.start, end)
        return Told(words, message.is_final, end if message.is_final else 0.0, asked=message.from_finalize)

    def check(self) -> str:
        """The list of projects costs nothing."""
        return f"{self._base}/v1/projects"


class Flux:
    """Deepgram Flux. English has a model of its own; German and everything at once go to the multilingual one.

    Its own judgement is used, not obeyed: `EagerEndOfTurn` is a hypothesis that seems settled (a reply may be begun),
    its `EndOfTurn` tells that a turn is over, and where our own turn-taking is sooner, `ForceEndTurn` asks for the words.
    There is no message to keep the line open, so 80 ms of silence are. Where
    `ForceEndTurn` is not answered (it is newer than the rest), the last update is: it holds all that was transcribed.
    """

    vendor = "deepgram-flux"
    languages = frozenset({"de", "en"})
    word_times = automatic = True
    codec = "mu-law 8 kHz"
    ask, goodbye = '{"type":"ForceEndTurn"}', '{"type":"CloseStream"}'
    keep_alive: str | bytes = b"\xff" * 640
    least, tail_s, quiet_s = 0, 0.5, 0.7
    noise_s: float | None = None
    interim_s = 0.5
    lead_s: float | None = None

    def __init__(self, key: str, base: str = "") -> None:
        """`base` without a path."""
        self._base = (base or BASE).rstrip("/")
        self.headers = {"Authorization": f"Token {key}"}

    def url(self, language: str, also: tuple[str, ...], hints: tuple[str, ...]) -> str:
        """As the port of dialects."""
        alone = language == "en" and not also
        asked = [
            ("model", "flux-general-en" if alone else "flux-general-multi"), *MULAW, ("eager_eot_threshold", "0.5"),
            *(() if alone else (("language_hint", one) for one in (language, *also))),
            *(("keyterm", hint[:HINT_CHARS]) for hint in hints[:HINTS_MOST]),
        ]  # fmt: skip
        return f"{self._base}/v2/listen?{urlencode(asked)}"

    def read(self, text: str) -> Told | None:
        """As the port of dialects."""
        message = _read(text)
        if message.type != "TurnInfo":
            return None
        start, end = message.audio_window_start, message.audio_window_end
        language = message.languages[0] if message.languages else ""
        words = _timed(message.words, message.transcript, start, end, language)
        over = message.event == "EndOfTurn"
        forced = message.trigger == "manual"
        return Told(
            words, over, end if over else 0.0, end, asked=forced, ended=over and not forced,
            settled=message.event == "EagerEndOfTurn",
        )  # fmt: skip

    def check(self) -> str:
        """The list of projects costs nothing."""
        return f"{self._base}/v1/projects"

"""Deepgram listens: one WebSocket a call, mu-law as it came from the telephone, no resampling.

https://developers.deepgram.com/reference/speech-to-text/listen-streaming (parameters and messages)
https://developers.deepgram.com/docs/finalize, .../audio-keep-alive, .../close-stream, .../keyterm

Only speech is sent (with 400 ms before it): silence and our own voice would be paid for, and every answer belongs to
one utterance. `Finalize` asks for the answer; its own reply is not promised, so what it covers decides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from stella.adapters.cloud_speech.deepgram_words import SLACK_S, Transcript, read
from stella.adapters.cloud_speech.failures import failure
from stella.adapters.cloud_speech.socket import Socket
from stella.domain.ids import UtteranceId
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.speech import Final, Heard, Hypothesis, Lost

BASE = "https://api.deepgram.com"
MODEL = "nova-3"
RATE = 8000
PRE_ROLL = 3200
PACKET = 800
"""100 ms: the vendor asks for 20 to 250 ms a message, and fewer messages cost less."""
LONGEST = 60 * RATE
KEEP_ALIVE_S = 4.0
QUIET_S, TAIL_S = 0.5, 1.0
"""How long after `Finalize` a reply is waited for where none is promised: where less than `TAIL_S` was still unheard."""
HINTS_MOST, HINT_CHARS = 50, 40
"""The vendor refuses more than 500 tokens of key terms."""


@dataclass(slots=True)
class _Utterance:
    id: UtteranceId
    start: int
    """Bytes that had been sent when it began."""
    end: int = -1
    finished_at: float = 0.0
    timer: asyncio.TimerHandle | None = None
    shown: str = ""


class DeepgramUtterances:
    """One call's stream."""

    def __init__(self, ears: DeepgramEars, url: str, heard: Callable[[Heard], None]) -> None:
        """Opened by DeepgramEars only; connects in the background."""
        self._ears, self._url, self._heard = ears, url, heard
        self._loop = asyncio.get_running_loop()
        self._kept = bytearray()
        self._packet = bytearray()
        self._sent = self._answered = 0
        self._open: dict[UtteranceId, _Utterance] = {}
        self._pending: dict[UtteranceId, _Utterance] = {}
        self._failure: ProviderError | None = None
        self._closed = False
        self._closing: set[asyncio.Task[None]] = set()
        self._transcript = Transcript()
        self._socket = self._connect()
        self._ticker = self._loop.call_later(KEEP_ALIVE_S, self._keep_alive)

    def _connect(self) -> Socket:
        self._failure, self._transcript, self._sent = None, Transcript(), 0
        self._answered = 0
        self._packet.clear()
        headers = {"Authorization": f"Token {self._ears.key}"}
        return Socket("deepgram", self._ears.session, self._url, headers, self._told, self._died)

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        if self._closed:
            return
        if not self._open:
            kept = self._kept
            kept += mulaw
            if len(kept) > 2 * PRE_ROLL:
                del kept[:-PRE_ROLL]
            return
        self._send(mulaw)

    def _send(self, mulaw: bytes | bytearray) -> None:
        if self._failure is not None:
            return
        self._packet += mulaw
        if len(self._packet) >= PACKET:
            self._flush()
        if any(self._sent - utterance.start > LONGEST for utterance in self._open.values()):
            self._ears.cut += 1
            oldest = next(iter(self._open.values()))
            self._open.pop(oldest.id)
            oldest.end = self._sent
            self._pending[oldest.id] = oldest

    def _flush(self) -> None:
        if self._packet:
            self._socket.send(bytes(self._packet))
            self._sent += len(self._packet)
            self._packet.clear()

    def begin(self, utterance: UtteranceId) -> None:
        """As the port. A connection that died meanwhile is made anew."""
        if self._closed or utterance in self._open:
            return
        if self._failure is not None and not self._open and not self._pending:
            self._retire()
            self._socket = self._connect()
        begun = self._open[utterance] = _Utterance(utterance, self._sent + len(self._packet))
        if self._kept:
            kept, self._kept = self._kept[-PRE_ROLL:], bytearray()
            self._send(kept)
        elif begun.start:
            # It follows another without a gap: what nobody asked for at the seam may be its own.
            begun.start = max(self._answered, begun.start - PRE_ROLL)

    def finish(self, utterance: UtteranceId) -> None:
        """As the port. One that never began, or in which nothing was sent, is answered with an empty Final."""
        begun = self._open.pop(utterance, None) or self._pending.get(utterance)
        if self._closed or (begun is not None and begun.timer is not None):
            return
        if begun is None:
            begun = _Utterance(utterance, self._sent)
        begun.finished_at = time.monotonic()
        self._pending[utterance] = begun
        if self._failure is not None:
            begun.timer = self._loop.call_later(0, self._lose, begun, self._failure.code)
            return
        self._flush()
        begun.end = self._sent if begun.end < 0 else begun.end
        self._answered = begun.end
        if begun.end <= begun.start:
            begun.timer = self._loop.call_later(0, self._answer, begun)
            return
        self._socket.send('{"type":"Finalize"}')
        unheard = begun.end / RATE - max(self._transcript.covered, begun.start / RATE)
        certain = not self._transcript.uncertain and unheard < TAIL_S
        begun.timer = (
            self._loop.call_later(QUIET_S, self._answer, begun)
            if certain
            else self._loop.call_later(self._ears.patience, self._lose, begun, "timeout")
        )

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        for table in (self._open, self._pending):
            if (begun := table.pop(utterance, None)) and begun.timer is not None:
                begun.timer.cancel()
        if not self._open:
            self._packet.clear()

    def _told(self, text: str) -> None:
        """A message of the vendor's. Raises Malformed."""
        message = read(text)
        if message.type == "Error":
            raise Unavailable("deepgram", "error")
        if message.type != "Results":
            return
        self._ears.healthy = True
        self._transcript.take(message)
        done = self._transcript.covered + SLACK_S
        for begun in list(self._pending.values()):
            late = message.from_finalize and done >= begun.end / RATE - 0.5
            if message.is_final and begun.timer is not None and (done >= begun.end / RATE or late):
                self._answer(begun)
        for begun in list(self._open.values()):
            said = self._transcript.between(begun.start / RATE, float("inf"))
            if said and said != begun.shown:
                begun.shown = said
                self._heard(Hypothesis(begun.id, said))

    def _answer(self, begun: _Utterance) -> None:
        text = self._transcript.between(begun.start / RATE, begun.end / RATE + SLACK_S) if begun.end > 0 else ""
        self._settle(begun, Final(begun.id, text, (time.monotonic() - begun.finished_at) * 1000))

    def _lose(self, begun: _Utterance, code: str) -> None:
        if code == "timeout":
            # It takes sound and says nothing: the next utterance gets a new connection.
            self._ears.timeouts += 1
            self._failure = self._failure or Unavailable("deepgram", "timeout")
            self._retire()
        self._settle(begun, Lost(begun.id, code))

    def _settle(self, begun: _Utterance, answer: Heard) -> None:
        if begun.timer is not None:
            begun.timer.cancel()
        if self._pending.pop(begun.id, None) is not None and not self._closed:
            self._heard(answer)

    def _died(self, fault: ProviderError) -> None:
        self._failure = fault
        self._ears.losses += 1
        for begun in list(self._pending.values()):
            if begun.timer is not None:
                self._lose(begun, fault.code)

    def _retire(self) -> None:
        task = self._loop.create_task(self._socket.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _keep_alive(self) -> None:
        """Silence of 10 s would end the connection (NET-0001)."""
        if self._failure is None and self._loop.time() - self._socket.idle_since >= KEEP_ALIVE_S - 0.5:
            self._socket.send('{"type":"KeepAlive"}')
        self._ticker = self._loop.call_later(KEEP_ALIVE_S, self._keep_alive)

    async def close(self) -> None:
        """As the port."""
        if self._closed:
            return
        self._closed = True
        self._ticker.cancel()
        for begun in self._pending.values():
            if begun.timer is not None:
                begun.timer.cancel()
        self._pending.clear()
        self._open.clear()
        await self._socket.close('{"type":"CloseStream"}')
        await asyncio.gather(*self._closing, return_exceptions=True)
        self._ears.streams.discard(self)


class DeepgramEars:
    """Keeps `SpeechToText`. `cut`, `timeouts` and `losses` count utterances cut short, answers and connections lost."""

    name = "deepgram"
    codec = "mu-law 8 kHz"
    languages = frozenset({"de", "en"})

    def __init__(
        self, key: str, session: aiohttp.ClientSession, base: str = "", *, model: str = MODEL, patience: float = 2.0
    ) -> None:
        """The session is shared and closed by its owner. `patience` seconds after `finish` an utterance is lost."""
        self.key, self.session, self.patience = key, session, patience
        self._base, self._model = (base or BASE).rstrip("/"), model
        self.streams: set[DeepgramUtterances] = set()
        self.cut = self.timeouts = self.losses = 0
        self.healthy = False
        self._closed = False

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: Sequence[str] = ()
    ) -> DeepgramUtterances:
        """As the port; returns before the connection stands, so that a greeting need not wait. `multi` hears both."""
        if self._closed:
            raise Unavailable(self.name, "closed")
        if language not in self.languages and language != "multi":
            raise Rejected(self.name, "language", language)
        asked = [
            ("model", self._model), ("language", language), ("encoding", "mulaw"), ("sample_rate", str(RATE)),
            ("channels", "1"), ("interim_results", "true"), ("smart_format", "true"),
            *(("keyterm", hint[:HINT_CHARS]) for hint in hints[:HINTS_MOST] if hint.strip()),
        ]  # fmt: skip
        stream = DeepgramUtterances(self, f"{self._base}/v1/listen?{urlencode(asked)}", heard)
        self.streams.add(stream)
        return stream

    async def check(self) -> None:
        """Whether the key is right: the list of projects costs nothing. Raises ProviderError."""
        headers = {"Authorization": f"Token {self.key}"}
        try:
            async with (
                asyncio.timeout(5.0),
                self.session.get(f"{self._base}/v1/projects", headers=headers, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise failure(self.name, response.status)
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            raise Unavailable(self.name, "unreachable", type(fault).__name__) from None

    async def close(self) -> None:
        """As the port."""
        self._closed = True
        await asyncio.gather(*(stream.close() for stream in list(self.streams)))

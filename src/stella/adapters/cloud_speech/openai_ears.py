"""OpenAI listens: a realtime transcription session a call, mu-law as it came from the telephone.

https://developers.openai.com/api/docs/guides/realtime-transcription (session, commit, deltas, completion by item)
https://developers.openai.com/api/reference/resources/realtime/client-events (`audio/pcmu`)

The vendor's own turn detection is off: an utterance is appended while it is said and committed when it is over.
"""

from __future__ import annotations

import asyncio
import binascii
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp
import msgspec

from stella.adapters.cloud_speech.failures import failure
from stella.adapters.cloud_speech.socket import Socket
from stella.domain.ids import UtteranceId
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.speech import Final, Heard, Hypothesis, Lost

BASE = "https://api.openai.com/v1"
MODEL = "gpt-live-transcribe"
PRE_ROLL = 3200
PACKET = 800
LONGEST = 60 * 8000
TEXT_MOST = 20_000


class _Error(msgspec.Struct):
    code: str | None = None
    type: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    item_id: str = ""
    delta: str = ""
    transcript: str = ""
    error: _Error | None = None


@dataclass(slots=True)
class _Utterance:
    id: UtteranceId
    sent: int = 0
    item: str = ""
    text: str = ""
    finished_at: float = 0.0
    timer: asyncio.TimerHandle | None = None
    dropped: bool = False


class OpenAIUtterances:
    """One call's stream. One utterance is open at a time: another that begins finds the first committed or dropped."""

    def __init__(self, ears: OpenAIEars, language: str, heard: Callable[[Heard], None]) -> None:
        """Opened by OpenAIEars only; connects in the background."""
        self._ears, self._language, self._heard = ears, language, heard
        self._loop = asyncio.get_running_loop()
        self._kept, self._packet = bytearray(), bytearray()
        self._open: _Utterance | None = None
        self._pending: dict[UtteranceId, _Utterance] = {}
        self._uncommitted: deque[_Utterance] = deque()
        """Committed by us, their item not named yet."""
        self._failure: ProviderError | None = None
        self._closed = False
        self._closing: set[asyncio.Task[None]] = set()
        self._socket = self._connect()

    def _connect(self) -> Socket:
        self._failure = None
        self._uncommitted.clear()
        ears = self._ears
        socket = Socket("openai", ears.session, ears.url, ears.headers, self._told, self._died)
        settings = {
            "format": {"type": "audio/pcmu"},
            "transcription": {"model": ears.model, "language": self._language},
            "turn_detection": None,
        }
        socket.send(_message("session.update", session={"type": "transcription", "audio": {"input": settings}}))
        return socket

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        if self._closed:
            return
        if self._open is None:
            self._kept += mulaw
            if len(self._kept) > 2 * PRE_ROLL:
                del self._kept[:-PRE_ROLL]
            return
        if self._failure is None and self._open.sent + len(self._packet) < LONGEST:
            self._packet += mulaw
            if len(self._packet) >= PACKET:
                self._flush(self._open)

    def _flush(self, utterance: _Utterance) -> None:
        if self._packet:
            sound = binascii.b2a_base64(self._packet, newline=False).decode()
            self._socket.send(_message("input_audio_buffer.append", audio=sound))
            utterance.sent += len(self._packet)
            self._packet.clear()

    def begin(self, utterance: UtteranceId) -> None:
        """As the port. A connection that died meanwhile is made anew."""
        if self._closed or self._open is not None:
            return
        if self._failure is not None and not self._pending:
            self._retire()
            self._socket = self._connect()
        self._open = _Utterance(utterance)
        kept, self._kept = bytes(self._kept[-PRE_ROLL:]), bytearray()
        self.feed(kept)

    def finish(self, utterance: UtteranceId) -> None:
        """As the port. One that never began, or in which nothing was sent, is answered with an empty Final."""
        if self._closed or utterance in self._pending:
            return
        done = self._open if self._open is not None and self._open.id == utterance else None
        if done is None:
            done = _Utterance(utterance)
        else:
            self._open = None
            if self._failure is None:
                self._flush(done)
        done.finished_at = time.monotonic()
        self._pending[utterance] = done
        if self._failure is not None:
            done.timer = self._loop.call_later(0, self._lose, done, self._failure.code)
        elif not done.sent:
            done.timer = self._loop.call_later(0, self._answer, done, "")
        else:
            self._socket.send(_message("input_audio_buffer.commit"))
            self._uncommitted.append(done)
            done.timer = self._loop.call_later(self._ears.patience, self._lose, done, "timeout")

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        if self._open is not None and self._open.id == utterance:
            if self._open.sent:
                self._socket.send(_message("input_audio_buffer.clear"))
            self._open = None
            self._packet.clear()
        elif (pending := self._pending.pop(utterance, None)) is not None:
            pending.dropped = True
            if pending.timer is not None:
                pending.timer.cancel()

    def _told(self, text: str) -> None:
        """An event of the vendor's. Raises ProviderError."""
        try:
            event = msgspec.json.decode(text, type=_Event)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed("openai", "json") from None
        kind = event.type.removeprefix("conversation.item.input_audio_transcription.")
        if event.type == "input_audio_buffer.committed" and self._uncommitted:
            self._uncommitted.popleft().item = event.item_id
        elif kind == "delta":
            self._grow(event)
        elif kind in ("completed", "failed"):
            self._close_item(event, lost=kind == "failed")
        elif event.type == "error":
            code = (event.error.code or event.error.type or "") if event.error else ""
            if code == "input_audio_buffer_commit_empty" and self._uncommitted:
                self._answer(self._uncommitted.popleft(), "")
            else:
                raise failure("openai", 0, code) if "key" in code or "quota" in code else Unavailable("openai", "error")

    def _grow(self, event: _Event) -> None:
        of = next((one for one in self._pending.values() if one.item and one.item == event.item_id), self._open)
        if of is not None and len(of.text) < TEXT_MOST:
            of.text += event.delta
            if of.text.strip():
                self._heard(Hypothesis(of.id, of.text.strip()))

    def _close_item(self, event: _Event, *, lost: bool) -> None:
        done = next((one for one in self._pending.values() if one.item == event.item_id and one.item), None)
        if done is None:
            return
        if lost:
            self._lose(done, "failed")
        else:
            self._answer(done, event.transcript.strip())

    def _answer(self, done: _Utterance, text: str) -> None:
        self._settle(done, Final(done.id, text, (time.monotonic() - done.finished_at) * 1000))

    def _lose(self, done: _Utterance, code: str) -> None:
        if code == "timeout" and self._failure is None:
            self._failure = Unavailable("openai", "timeout")
            self._retire()
        self._settle(done, Lost(done.id, code))

    def _settle(self, done: _Utterance, answer: Heard) -> None:
        if done.timer is not None:
            done.timer.cancel()
        if self._pending.pop(done.id, None) is not None and not self._closed:
            self._heard(answer)

    def _died(self, fault: ProviderError) -> None:
        self._failure = fault
        self._ears.losses += 1
        for done in list(self._pending.values()):
            self._lose(done, fault.code)

    def _retire(self) -> None:
        task = self._loop.create_task(self._socket.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """As the port."""
        if self._closed:
            return
        self._closed = True
        for done in self._pending.values():
            if done.timer is not None:
                done.timer.cancel()
        self._pending.clear()
        await self._socket.close()
        await asyncio.gather(*self._closing, return_exceptions=True)
        self._ears.streams.discard(self)


class OpenAIEars:
    """Keeps `SpeechToText`. `losses` counts connections that died."""

    name = "openai"
    codec = "mu-law 8 kHz"
    languages = frozenset({"de", "en"})
    word_times = automatic = False

    def __init__(
        self, key: str, session: aiohttp.ClientSession, base: str = "", *, model: str = MODEL, patience: float = 3.0
    ) -> None:
        """`base` with its `/v1`. `patience` seconds after `finish` an utterance is lost."""
        base = (base or BASE).rstrip("/")
        self.session, self.model, self.patience = session, model, patience
        self.url, self._models = f"{base}/realtime?intent=transcription", f"{base}/models"
        self.headers = {"authorization": f"Bearer {key}"} if key else {}
        self.streams: set[OpenAIUtterances] = set()
        self.losses = 0
        self._closed = False

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: Sequence[str] = (), also: Sequence[str] = ()
    ) -> OpenAIUtterances:
        """As the port; returns before the connection stands. The engine takes no hints and listens for one language."""
        del hints, also
        if self._closed:
            raise Unavailable(self.name, "closed")
        if language not in self.languages:
            raise Rejected(self.name, "language", language)
        stream = OpenAIUtterances(self, language, heard)
        self.streams.add(stream)
        return stream

    async def check(self) -> None:
        """Whether the key is right: the list of models costs nothing. Raises ProviderError."""
        try:
            async with (
                asyncio.timeout(5.0),
                self.session.get(self._models, headers=self.headers, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise failure(self.name, response.status)
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            raise Unavailable(self.name, "unreachable", type(fault).__name__) from None

    async def close(self) -> None:
        """As the port."""
        self._closed = True
        await asyncio.gather(*(stream.close() for stream in list(self.streams)))


def _message(kind: str, **fields: object) -> str:
    return msgspec.json.encode({"type": kind, **fields}).decode()

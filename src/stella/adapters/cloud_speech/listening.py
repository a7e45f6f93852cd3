"""Ears over one WebSocket a call, whatever the vendor: mu-law as it came from the telephone, no resampling.

Only speech is sent (with 400 ms before it): silence and our own voice would be paid for, and every answer belongs to
one utterance. At its end the vendor is asked for the answer; that it replies to that is not promised by every vendor,
so what its words cover decides.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from stella.adapters.cloud_speech.failures import failure
from stella.adapters.cloud_speech.socket import Socket
from stella.adapters.cloud_speech.transcript import SLACK_S, Told, Transcript
from stella.domain.ids import UtteranceId
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.speech import Final, Heard, Hypothesis, Lost

RATE = 8000
PRE_ROLL = 3200
PACKET = 800
"""100 ms: vendors ask for 20 to 250 ms a message, and fewer messages cost less."""
LONGEST = 60 * RATE
KEEP_ALIVE_S = 4.0
TAIL_S = 1.0
"""Where less than this is still unheard and no word is in doubt, a reply to our asking may never come."""


class Dialect(Protocol):
    """One vendor's way to be spoken to. Sizes in bytes of mu-law.

    `ask` asks for the answer, `keep_alive` is sent when nothing else was (sound counts as sound), `goodbye` ends.
    No message of sound is shorter than `least`; `lead_s` is how far ahead of real time sound may come, None: any.
    `tail_s`: an answer to our asking may end that long before the sound does; `quiet_s`: so long it is waited for where
    there may be nothing to answer; `noise_s`: so long where nothing at all was heard in long sound, by a vendor that says
    nothing of what is no speech (None: every vendor that lives says how far it has listened). `interim_s`: words that may
    still change count as the answer after `quiet_s` where less than this was unheard (below zero: never).
    """

    vendor: str
    languages: frozenset[str]
    word_times: bool
    automatic: bool
    """Whether it can listen for several languages at once, and tell which it heard."""
    codec: str
    headers: dict[str, str]
    ask: str
    keep_alive: str | bytes
    goodbye: str
    least: int
    lead_s: float | None
    tail_s: float
    quiet_s: float
    noise_s: float | None
    interim_s: float

    def url(self, language: str, also: tuple[str, ...], hints: tuple[str, ...]) -> str:
        """Where to connect to."""

    def read(self, text: str) -> Told | None:
        """A message; None for one that says nothing about words. Raises ProviderError."""

    def check(self) -> str:
        """An address whose answer costs nothing and needs a right key."""


@dataclass(slots=True)
class _Utterance:
    id: UtteranceId
    start: int
    """Bytes that had been sent when it began."""
    end: int = -1
    finished_at: float = 0.0
    timer: asyncio.TimerHandle | None = None
    quiet: bool = False
    shown: str = ""


class Listening:
    """One call's stream."""

    def __init__(self, ears: CloudEars, url: str, heard: Callable[[Heard], None]) -> None:
        """Opened by CloudEars only; connects in the background."""
        self._ears, self._url, self._heard, self._dialect = ears, url, heard, ears.dialect
        self._loop = asyncio.get_running_loop()
        self._kept, self._packet = bytearray(), bytearray()
        self._sent = self._answered = 0
        self._open: dict[UtteranceId, _Utterance] = {}
        self._pending: dict[UtteranceId, _Utterance] = {}
        self._failure: ProviderError | None = None
        self._closed = False
        self._closing: set[asyncio.Task[None]] = set()
        self._transcript = Transcript()
        self._early: deque[bytes | str] = deque()
        """What may not be sent yet."""
        self._early_timer: asyncio.TimerHandle | None = None
        self._socket = self._connect()
        self._ticker = self._loop.call_later(KEEP_ALIVE_S, self._keep_alive)

    def _connect(self) -> Socket:
        self._failure, self._transcript = None, Transcript()
        self._sent = self._answered = self._gone = 0
        self._lives = False
        """Whether the vendor has said anything over this line."""
        self._since = self._loop.time()
        self._packet.clear()
        self._early.clear()
        return Socket(
            self._dialect.vendor, self._ears.session, self._url, self._dialect.headers, self._told, self._died
        )

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
        """Send what is gathered, in messages of a size that every vendor takes."""
        while self._packet:
            piece = bytes(self._packet[: 4 * PACKET])
            del self._packet[: 4 * PACKET]
            self._sent += len(piece)
            self._pass(piece.ljust(self._dialect.least, b"\xff"))
            self._sent += max(0, self._dialect.least - len(piece))

    def _pass(self, message: bytes | str) -> None:
        """To the vendor, at once or as soon as it may be."""
        if self._dialect.lead_s is None:
            self._socket.send(message)
            return
        self._early.append(message)
        self._release()

    def _release(self) -> None:
        lead = self._dialect.lead_s or 0.0
        if self._early_timer is not None:
            self._early_timer.cancel()
            self._early_timer = None
        while self._early:
            message = self._early[0]
            size = len(message) if isinstance(message, bytes) else 0
            wait = (self._gone + size) / RATE - lead - (self._loop.time() - self._since)
            if size and wait > 0:
                self._early_timer = self._loop.call_later(wait + 0.001, self._release)
                return
            self._early.popleft()
            self._gone += size
            self._socket.send(message)

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
        begun.finished_at = self._loop.time()
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
        self._pass(self._dialect.ask)
        begun.timer = self._loop.call_later(self._ears.patience + self._held_s(), self._lose, begun, "timeout")
        self._wait_less(begun)

    def _wait_less(self, begun: _Utterance) -> None:
        """Where nearly all is heard and nothing is left in doubt, no reply may come: a moment, and what there is counts."""
        unheard = begun.end / RATE - max(self._transcript.seen, begun.start / RATE)
        if (
            begun.quiet
            or begun.timer is None
            or (self._transcript.uncertain and not unheard <= self._dialect.interim_s)
        ):
            return
        wait: float | None = self._dialect.quiet_s
        if unheard >= TAIL_S:
            heard = self._transcript.between(begun.start / RATE, float("inf"))
            wait = self._dialect.noise_s if self._lives and not heard else None
        if wait is None or wait >= self._ears.patience:
            return
        begun.quiet = True
        begun.timer.cancel()
        begun.timer = self._loop.call_later(wait + self._held_s(), self._answer, begun)

    def _held_s(self) -> float:
        """Seconds of sound that may not be sent yet."""
        return sum(len(one) for one in self._early if isinstance(one, bytes)) / RATE

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        for table in (self._open, self._pending):
            if (begun := table.pop(utterance, None)) and begun.timer is not None:
                begun.timer.cancel()
        if not self._open:
            self._packet.clear()

    def _told(self, text: str) -> None:
        """A message of the vendor's. Raises ProviderError."""
        told, self._lives = self._dialect.read(text), True
        if told is None:
            for begun in self._pending.values():
                self._wait_less(begun)
            return
        self._ears.healthy = True
        self._transcript.take(told)
        done = self._transcript.covered + SLACK_S
        for begun in list(self._pending.values()):
            if begun.timer is None:
                continue
            late = told.asked and done >= begun.end / RATE - self._dialect.tail_s
            if told.certain and (done >= begun.end / RATE or late):
                self._answer(begun)
            else:
                self._wait_less(begun)
        for begun in list(self._open.values()):
            self._show(begun, settled=told.settled)

    def _show(self, begun: _Utterance, *, settled: bool) -> None:
        start = begun.start / RATE
        said = self._transcript.between(start, float("inf"))
        if said and (said != begun.shown or settled):
            begun.shown = said
            self._heard(Hypothesis(begun.id, said, settled, self._transcript.words(start, float("inf"))))

    def _answer(self, begun: _Utterance) -> None:
        transcript, start, end = self._transcript, begun.start / RATE, begun.end / RATE + SLACK_S
        took = (self._loop.time() - begun.finished_at) * 1000
        if begun.end <= 0:
            self._settle(begun, Final(begun.id, "", took))
            return
        text, words = transcript.between(start, end), transcript.words(start, end)
        over = bool(text) and transcript.ended_at > start and not transcript.between(transcript.ended_at + SLACK_S, end)
        self._settle(begun, Final(begun.id, text, took, transcript.language(start, end), words, over))

    def _lose(self, begun: _Utterance, code: str) -> None:
        if code == "timeout":
            # It takes sound and says nothing: the next utterance gets a new connection.
            self._ears.timeouts += 1
            self._failure = self._failure or Unavailable(self._dialect.vendor, "timeout")
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
        """A vendor ends a connection on which it hears nothing (Deepgram after 10 s)."""
        message = self._dialect.keep_alive
        idle = self._loop.time() - self._socket.idle_since >= KEEP_ALIVE_S - 0.5
        if message and self._failure is None and idle and not self._open:
            self._sent += len(message) if isinstance(message, bytes) else 0
            self._pass(message)
        self._ticker = self._loop.call_later(KEEP_ALIVE_S, self._keep_alive)

    async def close(self) -> None:
        """As the port."""
        if self._closed:
            return
        self._closed = True
        self._ticker.cancel()
        if self._early_timer is not None:
            self._early_timer.cancel()
        for begun in self._pending.values():
            if begun.timer is not None:
                begun.timer.cancel()
        self._pending.clear()
        self._open.clear()
        await self._socket.close(self._dialect.goodbye)
        await asyncio.gather(*self._closing, return_exceptions=True)
        self._ears.streams.discard(self)


class CloudEars:
    """Keeps `SpeechToText`. `cut`, `timeouts` and `losses` count utterances cut short, answers and connections lost."""

    def __init__(self, dialect: Dialect, session: aiohttp.ClientSession, patience: float = 2.0) -> None:
        """The session is shared and closed by its owner. `patience` seconds after `finish` an utterance is lost."""
        self.dialect, self.session, self.patience = dialect, session, patience
        self.name, self.languages = dialect.vendor, dialect.languages
        self.word_times, self.automatic, self.codec = dialect.word_times, dialect.automatic, dialect.codec
        self.streams: set[Listening] = set()
        self.cut = self.timeouts = self.losses = 0
        self.healthy = False
        self._closed = False

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: Sequence[str] = (), also: Sequence[str] = ()
    ) -> Listening:
        """As the port; returns before the connection stands, so that a greeting need not wait."""
        if self._closed:
            raise Unavailable(self.name, "closed")
        if language not in self.languages:
            raise Rejected(self.name, "language", language)
        others = tuple(other for other in also if other in self.languages and other != language)
        said = tuple(hint.strip() for hint in hints if hint.strip())
        stream = Listening(self, self.dialect.url(language, others, said), heard)
        self.streams.add(stream)
        return stream

    async def check(self) -> None:
        """Whether the key is right. Raises ProviderError."""
        try:
            async with (
                asyncio.timeout(5.0),
                self.session.get(self.dialect.check(), headers=self.dialect.headers, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise failure(self.name, response.status)
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            raise Unavailable(self.name, "unreachable", type(fault).__name__) from None

    async def close(self) -> None:
        """As the port."""
        self._closed = True
        await asyncio.gather(*(stream.close() for stream in list(self.streams)))

"""Streaming ears: one worker thread owns the recogniser and decodes all calls together, the loop only hands sound over.

Law 1: what belongs to sherpa-onnx is touched by the worker alone. Law 2: every `finish` is settled once, on the event loop, by
the worker or the deadline, whoever comes first. Law 3: what is dropped or closed is never answered.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from stella.adapters.sherpa.load import RATE
from stella.audio.mulaw import decode
from stella.audio.resample import Resampler
from stella.domain.ids import UtteranceId
from stella.ports.failure import Rejected, Unavailable
from stella.ports.speech import Final, Heard, HeardWord, Hypothesis, Lost

_log = logging.getLogger(__name__)

PRE_ROLL = 3200
"""Bytes from before `begin`: 400 ms."""
LONGEST = 60 * 8000
"""Bytes of one utterance; of a longer one the beginning counts."""
TAIL = np.zeros(RATE * 2 // 3, np.float32)
"""Silence behind the last word: a streaming model needs to see what follows it."""
AT_ONCE = 32
_JOIN_S = 10.0


class _Job:
    """One utterance: the loop fills it, the worker reads it."""

    __slots__ = (
        "began",
        "bytes",
        "finished",
        "full",
        "hypothesis",
        "owner",
        "resampler",
        "settled",
        "stream",
        "timer",
        "utterance",
    )

    def __init__(self, owner: SherpaUtterances, utterance: UtteranceId) -> None:
        self.owner, self.utterance = owner, utterance
        self.resampler = Resampler(8000, RATE)
        self.stream: Any = None
        self.bytes = 0
        self.finished = self.full = self.settled = False
        self.hypothesis = ""
        self.began = 0.0
        self.timer: asyncio.TimerHandle | None = None


_Order = tuple[_Job, bytes | None]
"""Sound for an utterance, or None: it is over."""


class SherpaUtterances:
    """One call's stream."""

    def __init__(self, ears: SherpaEars, heard: Callable[[Heard], None]) -> None:
        """Opened by SherpaEars only."""
        self._ears, self._heard = ears, heard
        self._lately = bytearray()
        self._jobs: dict[UtteranceId, _Job] = {}
        self._closed = False

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        if self._closed:
            return
        self._lately += mulaw
        del self._lately[:-PRE_ROLL]
        for job in self._jobs.values():
            if not job.finished:
                self._ears.take(job, mulaw)

    def begin(self, utterance: UtteranceId) -> None:
        """As the port."""
        if not self._closed and utterance not in self._jobs:
            job = self._jobs[utterance] = _Job(self, utterance)
            self._ears.take(job, bytes(self._lately))

    def finish(self, utterance: UtteranceId) -> None:
        """As the port. An utterance that never began is answered with an empty Final."""
        if self._closed:
            return
        job = self._jobs.get(utterance)
        if job is None:
            job = self._jobs[utterance] = _Job(self, utterance)
        if not job.finished:
            job.finished = True
            self._ears.end(job)

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        if (job := self._jobs.pop(utterance, None)) is not None:
            _discard(job)

    async def close(self) -> None:
        """As the port; what the worker has in hand it finishes for nobody."""
        self._closed = True
        for job in self._jobs.values():
            _discard(job)
        self._jobs.clear()

    def tell(self, job: _Job, text: str) -> None:
        """A hypothesis grew (on the event loop)."""
        if not self._closed and not job.settled:
            self._heard(Hypothesis(job.utterance, text))

    def settle(self, job: _Job, answer: Heard) -> None:
        """Answer a finish, once (on the event loop)."""
        if self._closed or job.settled:
            return
        _discard(job)
        self._jobs.pop(job.utterance, None)
        self._heard(answer)


def _discard(job: _Job) -> None:
    job.settled = True
    if job.timer is not None:
        job.timer.cancel()


class SherpaEars:
    """Keeps `SpeechToText` for one model and all calls. `cut` and `timeouts` count what was not recognised, and why."""

    word_times = True

    def __init__(self, name: str, languages: frozenset[str], load: Callable[[], Any], *, patience: float = 5.0) -> None:
        """`load` makes the recogniser, at `start`. After `patience` seconds a finish is lost."""
        self.name, self.languages, self.patience = name, languages, patience
        self._load = load
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._recogniser: Any = None
        self._closed = False
        self.cut = self.timeouts = 0

    async def start(self) -> None:
        """Load the model now, so that no caller waits for it."""
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._recogniser = await asyncio.to_thread(self._load)
            self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
            self._thread.start()

    async def open(
        self,
        language: str,
        heard: Callable[[Heard], None],
        hints: tuple[str, ...] = (),
        also: tuple[str, ...] = (),
    ) -> SherpaUtterances:
        """As the port; the engine takes no hints and listens for one language."""
        if self._closed:
            raise Unavailable(self.name, "closed")
        if language not in self.languages:
            raise Rejected(self.name, "language", language)
        await self.start()
        return SherpaUtterances(self, heard)

    def take(self, job: _Job, mulaw: bytes) -> None:
        """Sound for an utterance (on the event loop)."""
        if job.full or job.bytes + len(mulaw) > LONGEST:
            self.cut += not job.full
            job.full = True
        elif mulaw:
            job.bytes += len(mulaw)
            self._orders.put((job, mulaw))

    def end(self, job: _Job) -> None:
        """An utterance is over (on the event loop)."""
        job.began = time.monotonic()
        job.timer = asyncio.get_running_loop().call_later(self.patience, self._give_up, job)
        self._orders.put((job, None))

    def _give_up(self, job: _Job) -> None:
        self.timeouts += 1
        job.owner.settle(job, Lost(job.utterance, "timeout"))

    async def close(self) -> None:
        """Stop for all calls."""
        self._closed = True
        if self._thread is not None:
            self._orders.put(None)
            await asyncio.to_thread(self._thread.join, _JOIN_S)

    def _work(self) -> None:
        """The worker thread."""
        busy: list[_Job] = []
        while True:
            orders = self._waiting(block=not busy)
            for order in orders:
                if order is None:
                    return
                self._guarded(order[0], self._obey, *order)
                if order[0] not in busy:
                    busy.append(order[0])
            busy = self._decoded(busy)

    def _waiting(self, *, block: bool) -> list[_Order | None]:
        orders: list[_Order | None] = [self._orders.get()] if block else []
        while not self._orders.empty():
            orders.append(self._orders.get())
        return orders

    def _obey(self, job: _Job, mulaw: bytes | None) -> None:
        if job.settled:
            return
        if job.stream is None:
            job.stream = self._recogniser.create_stream()
        if mulaw is not None:
            job.stream.accept_waveform(RATE, _floats(job.resampler.feed(decode(mulaw))))
            return
        job.stream.accept_waveform(RATE, _floats(job.resampler.flush()))
        job.stream.accept_waveform(RATE, TAIL)
        job.stream.input_finished()

    def _decoded(self, busy: list[_Job]) -> list[_Job]:
        """One step for all that have something to decode; those that still have, and may get more."""
        ready = [job for job in busy if self._more(job)][:AT_ONCE]
        try:
            if ready:
                self._recogniser.decode_streams([job.stream for job in ready])
        except Exception as fault:  # noqa: BLE001 whatever breaks costs these utterances, never the worker
            for job in ready:
                self._lose(job, fault)
        for job in busy:
            if not job.settled and job.stream is not None:
                self._guarded(job, self._report, job)
        return [job for job in busy if self._more(job)]

    def _more(self, job: _Job) -> bool:
        return not job.settled and job.stream is not None and self._recogniser.is_ready(job.stream)

    def _report(self, job: _Job) -> None:
        result = self._recogniser.get_result_all(job.stream)
        text = " ".join(result.text.split())
        if job.finished and not self._recogniser.is_ready(job.stream):
            took = (time.monotonic() - job.began) * 1000
            words = words_of(list(result.tokens), list(result.timestamps))
            self._post(job.owner.settle, job, Final(job.utterance, text, took, words=words))
        elif text != job.hypothesis:
            job.hypothesis = text
            self._post(job.owner.tell, job, text)

    def _guarded(self, job: _Job, do: Callable[..., None], *what: object) -> None:
        try:
            do(*what)
        except Exception as fault:  # noqa: BLE001 whatever breaks costs one utterance, never the worker
            self._lose(job, fault)

    def _lose(self, job: _Job, fault: Exception) -> None:
        _log.warning("an utterance was lost: %s", type(fault).__name__)
        job.stream = None
        self._post(job.owner.settle, job, Lost(job.utterance, "engine"))

    def _post(self, do: Callable[..., None], *what: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(do, *what)


def _floats(pcm: np.ndarray) -> np.ndarray:
    return pcm.astype(np.float32) / np.float32(32768)


def words_of(tokens: list[str], times: list[float]) -> tuple[HeardWord, ...]:
    """Pieces of words with the time each began, as words with times; a word ends where the next piece begins."""
    words: list[HeardWord] = []
    for place, (token, at) in enumerate(zip(tokens, times, strict=False)):
        end = times[place + 1] if place + 1 < len(times) else at + 0.1
        text = token.replace("\u2581", " ")
        if words and not text.startswith(" "):
            words[-1] = HeardWord(words[-1].text + text, words[-1].start, end)
        elif text.strip():
            words.append(HeardWord(text.strip(), at, end))
    return tuple(words)

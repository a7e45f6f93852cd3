"""The port: utterances are collected on the event loop, recognised in worker threads, answered on the event loop.

Law 1: `feed` only appends bytes. Law 2: every `finish` is settled once, on the event loop, by whoever comes first:
the worker, the deadline or the full queue. Law 3: what is dropped or closed is never answered.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stella.adapters.moonshine.queue import FairQueue
from stella.adapters.moonshine.speech import LEAST_S, believable, pieces, spoken_part
from stella.audio import mulaw as g711
from stella.domain.ids import UtteranceId
from stella.ports.failure import Rejected, Unavailable
from stella.ports.speech import Final, Heard, Lost

_log = logging.getLogger(__name__)

PRE_ROLL = 2400
"""Bytes kept from before `begin`: 300 ms, some 200 of them before the first sound. With 400 ms of noise or of our own echo
before them the model put words in front of the caller's (21 % of words wrong, 11 % with 180 ms)."""
LONGEST = 60 * 8000
"""Bytes of one utterance; of a longer one the beginning is kept."""
_SLACK = 8000
_JOIN_S = 10.0


class Recogniser(Protocol):
    """What a worker thread drives; `library.Transcriber` is the real one."""

    def transcribe(self, sound: NDArray[np.float32], rate: int = 8000) -> str:
        """Words in a whole utterance. Blocks."""

    def close(self) -> None:
        """Free everything."""


class _Job:
    """One `finish` under way."""

    __slots__ = ("began", "deadline", "mulaw", "settled", "stream", "timer", "utterance")

    def __init__(self, stream: Utterances, utterance: UtteranceId, mulaw: bytes, patience: float) -> None:
        self.stream, self.utterance, self.mulaw = stream, utterance, mulaw
        self.settled = False
        self.began = time.monotonic()
        self.deadline = self.began + patience
        self.timer: asyncio.TimerHandle | None = None


class Utterances:
    """One call's stream."""

    __slots__ = ("_begun", "_closed", "_ears", "_heard", "_jobs", "_offset", "_sound")

    def __init__(self, ears: SpeechToText, heard: Callable[[Heard], None]) -> None:
        """Opened by SpeechToText only."""
        self._ears, self._heard = ears, heard
        self._sound = bytearray()
        self._offset = 0
        """Bytes of the call that came before `_sound[0]`."""
        self._begun: dict[UtteranceId, int] = {}
        self._jobs: dict[UtteranceId, _Job] = {}
        self._closed = False

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        sound = self._sound
        sound += mulaw
        if len(sound) > PRE_ROLL + _SLACK:
            self._trim()

    def _trim(self) -> None:
        """Keep the pre-roll and what open utterances need; nothing needs more than the longest utterance."""
        end = self._offset + len(self._sound)
        keep = min([end - PRE_ROLL, *self._begun.values()])
        if end - keep > LONGEST + PRE_ROLL + _SLACK:
            oldest = next(iter(self._begun))
            _log.warning("an utterance is longer than 60 s; its rest is not recognised")
            self._ears.cut += 1
            self._freeze(oldest)
            return
        if keep > self._offset:
            del self._sound[: keep - self._offset]
            self._offset = keep

    def _freeze(self, utterance: UtteranceId) -> None:
        """Take a full utterance out of the shared buffer; its `finish` answers with what it has."""
        start = self._begun.pop(utterance)
        mulaw = bytes(self._sound[start - self._offset :][:LONGEST])
        self._jobs[utterance] = _Job(self, utterance, mulaw, 0)
        self._trim()

    def begin(self, utterance: UtteranceId) -> None:
        """As the port."""
        if not self._closed and utterance not in self._begun:
            self._begun[utterance] = max(self._offset, self._offset + len(self._sound) - PRE_ROLL)

    def finish(self, utterance: UtteranceId) -> None:
        """As the port. An utterance that never began is answered with an empty Final."""
        if self._closed:
            return
        frozen = self._jobs.get(utterance)
        if utterance in self._begun:
            start = self._begun.pop(utterance) - self._offset
            mulaw = bytes(self._sound[start : start + LONGEST])
        elif frozen is None:
            mulaw = b""
        elif frozen.timer is None:
            mulaw = frozen.mulaw
        else:
            return
        job = self._jobs[utterance] = _Job(self, utterance, mulaw, self._ears.patience)
        self._ears.submit(job)

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        self._begun.pop(utterance, None)
        job = self._jobs.pop(utterance, None)
        if job is not None:
            _discard(job)

    async def close(self) -> None:
        """As the port; a worker in the middle of this call's utterance finishes it for nobody."""
        self._closed = True
        for job in self._jobs.values():
            _discard(job)
        self._jobs.clear()
        self._begun.clear()
        self._sound.clear()

    def settle(self, job: _Job, answer: Heard) -> None:
        """Answer a finish, once (on the event loop)."""
        if job.settled or self._closed:
            return
        _discard(job)
        self._jobs.pop(job.utterance, None)
        self._heard(answer)


def _discard(job: _Job) -> None:
    job.settled = True
    job.mulaw = b""
    if job.timer is not None:
        job.timer.cancel()


class SpeechToText:
    """Moonshine for all calls. `cut`, `timeouts` and `busy` count what was not recognised, and why."""

    name = "moonshine"
    languages = frozenset({"en"})

    def __init__(
        self,
        load: Callable[[], Recogniser],
        *,
        workers: int | None = None,
        patience: float = 5.0,
        waiting: int = 64,
        least_speech: float = LEAST_S,
    ) -> None:
        """`load` makes one recogniser per worker thread (default: one less than there are processors), at first use.

        `patience` seconds after `finish` an utterance is lost (`timeout`); with `waiting` of them it is lost at once (`busy`).
        """
        self._load = load
        self._workers = workers or max(1, (os.cpu_count() or 2) - 1)
        self.patience = patience
        self._least = least_speech
        self._queue: FairQueue[_Job] = FairQueue(waiting)
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._recognisers: list[Recogniser] = []
        self._closed = False
        self.cut = self.timeouts = self.busy = 0

    async def start(self) -> None:
        """Load every worker's model now, so that no caller waits for it. Raises ConfigError."""
        if self._threads:
            return
        self._loop = asyncio.get_running_loop()
        for _ in range(self._workers - len(self._recognisers)):
            self._recognisers.append(await asyncio.to_thread(self._load))
        for number, recogniser in enumerate(self._recognisers):
            thread = threading.Thread(target=self._work, args=(recogniser,), name=f"moonshine-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: Sequence[str] = (), also: Sequence[str] = ()
    ) -> Utterances:
        """As the port; the engine takes no hints. Raises Rejected for another language, Unavailable when closed."""
        del hints, also
        if self._closed:
            raise Unavailable(self.name, "closed")
        if language not in self.languages:
            raise Rejected(self.name, "language", language)
        await self.start()
        return Utterances(self, heard)

    def submit(self, job: _Job) -> None:
        """Put an utterance before the workers (on the event loop)."""
        loop = asyncio.get_running_loop()
        if not job.mulaw:
            job.timer = loop.call_later(0, self._answer, job, "")
        elif self._queue.put(job.stream, job):
            job.timer = loop.call_later(self.patience, self._give_up, job)
        else:
            self.busy += 1
            job.timer = loop.call_later(0, job.stream.settle, job, Lost(job.utterance, "busy"))

    def _give_up(self, job: _Job) -> None:
        self.timeouts += 1
        job.stream.settle(job, Lost(job.utterance, "timeout"))

    def _answer(self, job: _Job, text: str) -> None:
        job.stream.settle(job, Final(job.utterance, text, (time.monotonic() - job.began) * 1000))

    def _work(self, recogniser: Recogniser) -> None:
        """A worker thread."""
        while (job := self._queue.get()) is not None:
            mulaw = job.mulaw
            if job.settled or time.monotonic() > job.deadline:
                continue
            try:
                text = self._recognise(recogniser, mulaw, job)
            except Exception as fault:  # noqa: BLE001 - whatever breaks costs one utterance, never the worker
                _log.warning("an utterance was lost: %s", type(fault).__name__)
                self._post(job.stream.settle, job, Lost(job.utterance, getattr(fault, "code", "engine")))
            else:
                self._post(self._answer, job, text)

    def _recognise(self, recogniser: Recogniser, mulaw: bytes, job: _Job) -> str:
        sound = g711.decode_float(mulaw)
        words = []
        part = spoken_part(sound, self._least)
        for piece in pieces(part) if len(part) else ():
            if job.settled:
                break
            words.append(recogniser.transcribe(piece))
        return believable(" ".join(words))

    def _post(self, do: Callable[..., None], *what: object) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(do, *what)
        except RuntimeError:  # closed between looking and posting
            _log.debug("the event loop closed before an utterance was answered")

    async def close(self) -> None:
        """As the port; waits for utterances in work, so that no thread outlives it."""
        self._closed = True
        self._queue.close()
        for thread in self._threads:
            await asyncio.to_thread(thread.join, _JOIN_S)
        for recogniser in self._recognisers:
            recogniser.close()
        self._threads.clear()
        self._recognisers.clear()

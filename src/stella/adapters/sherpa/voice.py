"""A local voice: made sentence by sentence in worker threads, resampled for the telephone, stopped where it is cancelled."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from stella.audio.mulaw import encode, to_pcm
from stella.audio.resample import Resampler
from stella.ports.failure import Rejected, Unavailable
from stella.ports.speech import Sound

PATIENCE_S = 10.0
"""How long for the first sound, and for each further sentence; who stands behind is asked long before."""
WAITING_MOST = 32
TEXT_MOST = 2_000

_PHONEMES = re.compile(r"\[\[|\]\]")
"""Between double brackets espeak-ng reads phonemes instead of words."""


class _Job:
    """One text under way. The worker writes, the loop reads; `stopped` is the loop's word to the worker."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.pieces: asyncio.Queue[np.ndarray | Exception | None] = asyncio.Queue()
        self.stopped = threading.Event()

    def put(self, piece: np.ndarray | Exception | None) -> None:
        """From the worker's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.pieces.put_nowait, piece)


class SherpaVoice:
    """Keeps `TextToSpeech` for one model. `voice` may name a speaker by number, for models that have several."""

    def __init__(self, name: str, languages: frozenset[str], load: Callable[[], Any], *, workers: int = 2) -> None:
        """`load` makes the engine, at `start`; so many texts are spoken at once."""
        self.name, self.languages = name, languages
        self._load = load
        self._engine: Any = None
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._waiting = 0
        self._closed = False

    async def start(self) -> None:
        """Load the model now, so that no caller waits for it."""
        if self._engine is None:
            self._engine = await asyncio.to_thread(self._load)

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port; word times are not known."""
        if language not in self.languages:
            raise Rejected(self.name, "language", language)
        if self._closed:
            raise Unavailable(self.name, "closed")
        text = " ".join(_PHONEMES.sub(" ", text[:TEXT_MOST]).split())
        if not any(sign.isalnum() for sign in text):
            return
        if self._waiting >= WAITING_MOST:
            raise Unavailable(self.name, "busy")
        await self.start()
        job = _Job(asyncio.get_running_loop())
        resampler = Resampler(int(self._engine.sample_rate), 8000)
        self._waiting += 1
        try:
            self._pool.submit(self._make, job, text, int(voice) if voice.isdecimal() else 0)
            spoken = False
            while (piece := await self._next(job)) is not None:
                if mulaw := encode(resampler.feed(to_pcm(piece))):
                    spoken = True
                    yield Sound(mulaw)
            if mulaw := encode(resampler.flush()):
                spoken = True
                yield Sound(mulaw)
            if not spoken:
                raise Unavailable(self.name, "empty")
        finally:
            job.stopped.set()
            self._waiting -= 1

    async def _next(self, job: _Job) -> np.ndarray | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                piece = await job.pieces.get()
        except TimeoutError:
            raise Unavailable(self.name, "timeout") from None
        if isinstance(piece, Exception):
            raise Unavailable(self.name, "engine", type(piece).__name__)
        return piece

    def _make(self, job: _Job, text: str, speaker: int) -> None:
        """In a worker thread. The engine asks after every sentence whether to go on."""

        def sounded(samples: np.ndarray, _progress: float) -> int:
            if not job.stopped.is_set():
                # The memory is the engine's again as soon as this returns.
                job.put(np.array(samples, np.float32))
            return 0 if job.stopped.is_set() else 1

        if job.stopped.is_set():
            return
        try:
            self._engine.generate(text, sid=speaker, speed=1.0, callback=sounded)
        except Exception as fault:  # noqa: BLE001 whatever it is, it costs this text and no worker
            job.put(fault)
        else:
            job.put(None)

    async def close(self) -> None:
        """Stop for all calls; what a worker has in hand it finishes for nobody."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

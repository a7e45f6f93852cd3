"""One answer of a speech-to-speech model on its way: what has come is kept, within bounds and in time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from stella.ports.failure import ProviderError, Unavailable
from stella.ports.realtime import RealtimeEvent, Sounded

SOUND_MOST = 120 * 8000
"""Two minutes of speech: nobody listens so long, and a model that goes on and on is stopped."""
EVENTS_MOST = 20_000


@dataclass(frozen=True, slots=True)
class AnswerPatience:
    """Seconds: for the first piece of an answer, between two pieces, for all of it, and for the words of an utterance."""

    first: float = 3.0
    between: float = 2.5
    whole: float = 90.0
    words: float = 3.0


class SpokenAnswer:
    """Filled from the socket, read by whoever asked."""

    def __init__(self, vendor: str, patience: AnswerPatience, name: str = "") -> None:
        """Nothing has come. `name` is what the vendor calls it by in its complaints."""
        self._vendor, self._patience, self.name = vendor, patience, name
        self._waiting: deque[RealtimeEvent] = deque()
        self._more = asyncio.Event()
        self._failure: ProviderError | None = None
        self._size = 0
        self.over = False

    def put(self, event: RealtimeEvent) -> None:
        """More of it came. What comes after its end is dropped."""
        if self.over:
            return
        self._size += len(event.mulaw) if isinstance(event, Sounded) else 0
        if self._size > SOUND_MOST or len(self._waiting) >= EVENTS_MOST:
            self.end(Unavailable(self._vendor, "endless"))
            return
        self._waiting.append(event)
        self._more.set()

    def end(self, failure: ProviderError | None = None) -> None:
        """Nothing more comes."""
        if not self.over:
            self.over, self._failure = True, failure
            self._more.set()

    @property
    def whole(self) -> bool:
        """Whether it came to its end, and all of it was read."""
        return self.over and self._failure is None and not self._waiting

    async def events(self) -> AsyncIterator[RealtimeEvent]:
        """Everything, as it comes. Raises ProviderError, behind what came before it."""
        loop = asyncio.get_running_loop()
        until, patience = loop.time() + self._patience.whole, self._patience.first
        while True:
            while self._waiting:
                patience = self._patience.between
                yield self._waiting.popleft()
            if self.over:
                if self._failure is not None:
                    raise self._failure
                return
            self._more.clear()
            try:
                async with asyncio.timeout(min(patience, max(0.0, until - loop.time()))):
                    await self._more.wait()
            except TimeoutError:
                self.end(Unavailable(self._vendor, "timeout"))

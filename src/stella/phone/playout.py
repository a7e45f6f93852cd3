"""The carrier's playout buffer, to the sample (developer docs: Media Streams, `media`, `mark`, `clear`).

Times are sample numbers (8000 a second) since the stream began and never run backwards. Nothing here waits: whoever
owns the buffer tells it what time it is and is told what was played and which marks came due.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal, TypeAlias

SAMPLE_RATE = 8000
CAPACITY = 10 * 60 * SAMPLE_RATE
"""Ten minutes; what would not fit is dropped and reported as 31931."""

How: TypeAlias = Literal["played", "cleared", "empty"]


@dataclass(frozen=True, slots=True)
class Played:
    """`mulaw` sounded in the caller's ear from sample `start` on."""

    start: int
    mulaw: bytes


@dataclass(frozen=True, slots=True)
class Reached:
    """A mark is to be echoed: everything before it was `played`, or `cleared`, or nothing was queued (`empty`)."""

    name: str
    at: int
    how: How


Happening: TypeAlias = Played | Reached


@dataclass(frozen=True, slots=True)
class _Queued:
    name: str = ""
    mulaw: bytes = b""
    is_mark: bool = False


class Playout:
    """What has been sent and not yet heard."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Empty, at sample 0."""
        self._capacity = capacity
        self._queue: deque[_Queued] = deque()
        self._offset = 0
        self._now = 0
        self.queued = 0
        self.overflowed = 0
        self.cleared = 0

    def advance(self, to: int) -> list[Happening]:
        """Play until sample `to`. A mark is reached when the last byte before it has been played."""
        happened: list[Happening] = []
        while self._queue:
            head = self._queue[0]
            if head.is_mark:
                happened.append(Reached(head.name, self._now, "played"))
                self._queue.popleft()
                continue
            if self._now >= to:
                break
            sound = head.mulaw[self._offset : self._offset + to - self._now]
            happened.append(Played(self._now, sound))
            self._now += len(sound)
            self._offset += len(sound)
            self.queued -= len(sound)
            if self._offset == len(head.mulaw):
                self._queue.popleft()
                self._offset = 0
        self._now = max(self._now, to)
        return happened

    def feed(self, mulaw: bytes, at: int) -> list[Happening]:
        """Queue sound that arrived at sample `at`; what exceeds the capacity is dropped and counted."""
        happened = self.advance(at)
        room = self._capacity - self.queued
        if len(mulaw) > room:
            self.overflowed += len(mulaw) - room
            mulaw = mulaw[:room]
        if mulaw:
            self._queue.append(_Queued(mulaw=mulaw))
            self.queued += len(mulaw)
        return happened

    def mark(self, name: str, at: int) -> list[Happening]:
        """Queue a mark; it is reached at once when nothing is queued."""
        happened = self.advance(at)
        if self._queue:
            self._queue.append(_Queued(name=name, is_mark=True))
        else:
            happened.append(Reached(name, self._now, "empty"))
        return happened

    def clear(self, at: int) -> list[Happening]:
        """Forget all queued sound; every outstanding mark comes back, in order."""
        happened = self.advance(at)
        happened += [Reached(item.name, self._now, "cleared") for item in self._queue if item.is_mark]
        self.cleared += self.queued
        self._queue.clear()
        self.queued = self._offset = 0
        return happened

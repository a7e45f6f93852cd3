"""Puts a stream's sound in order: no duplicates, gaps as silence, floods held off, everything dropped counted.

Behind the door only in-order frames are the rule (TCP keeps order); for them the cost is four comparisons.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from stella.domain.call import MediaCounts

SILENCE: Final = b"\xff"
"""Mu-law zero. (Zero bytes would be a full-scale click.)"""

WINDOW: Final = 10
"""Frames a late one is waited for."""

RATE: Final = 8_000
FRAME: Final = 160

_BURST: Final = 35 * RATE
"""Samples, silence included, that may pass at once beyond real time: the longest gap and what comes behind it."""

_LONGEST_FILL: Final = 30 * RATE
_NONSENSE: Final = 3_600 * RATE
"""A clock that jumps by more than an hour says nothing about missing sound."""

_STEP_BACK: Final = RATE
"""A clock up to a second behind the sound is jitter; further behind, it was set anew."""


class _Allowance:
    """Samples that may pass: a bucket refilled in real time, its clock read only when it runs dry."""

    __slots__ = ("_capacity", "_clock", "_read_at", "left")

    def __init__(self, capacity: int, clock: Callable[[], float]) -> None:
        self._capacity, self._clock = capacity, clock
        self._read_at = clock()
        self.left = capacity

    def refill(self) -> int:
        """Add what the time since the last look allows (2 % more than real time); returns what is left."""
        now = self._clock()
        # A clock that went backwards allows nothing.
        gained = int(max(0.0, now - self._read_at) * RATE * 1.02)
        self._read_at = now
        self.left = min(self._capacity, self.left + gained)
        return self.left


class MediaOrder:
    """The sound of one stream, in order.

    Counts into `counts`: every frame is once `frames_received` or once `frames_rejected` (duplicate, too late, empty,
    faster than real time); `frames_missing` are 20 ms of the carrier's clock without any sound taken. `clock` is any
    monotonic clock in seconds; it is read about once in half a minute of sound, not per frame.
    """

    __slots__ = ("_allowance", "_begun", "_counts", "_held", "_next", "_position")

    def __init__(self, counts: MediaCounts, clock: Callable[[], float]) -> None:
        """Begin before the first frame; chunks count from 1."""
        self._counts = counts
        self._allowance = _Allowance(_BURST, clock)
        self._begun = False
        self._held: dict[int, tuple[int, bytes]] = {}
        self._next = 1
        # Where the next sample belongs, in samples of the carrier's media clock; None until that is known.
        self._position: int | None = None

    def accept(self, chunk: int, timestamp: int, payload: bytes) -> bytes:
        """Take a frame; hand back the sound that can be listened to now, perhaps none, perhaps more than one frame.

        `timestamp` is milliseconds; a counter below 0 is unknown, and such a frame is taken in the order it comes.
        A frame that arrives in order comes back at once, as the object that was given.
        """
        size = len(payload)
        position = self._position
        if (
            chunk == self._next
            and not self._held
            and position is not None
            and -_STEP_BACK <= timestamp * 8 - position < FRAME
            and 0 < size <= self._allowance.left
        ):
            self._next = chunk + 1
            self._position = position + size
            self._allowance.left -= size
            self._counts.frames_received += 1
            return payload
        return self._unusual(chunk, timestamp, payload)

    def flush(self) -> bytes:
        """At the end of the stream: what was still held back."""
        sound = bytearray()
        while self._held:
            self._skip()
            self._release(sound)
        return bytes(sound)

    def _unusual(self, chunk: int, timestamp: int, payload: bytes) -> bytes:
        if not payload:
            self._counts.frames_rejected += 1
            return b""
        if chunk < 0 or (not self._begun and not 0 < chunk <= WINDOW):
            # Nothing to order by, or a stream that is joined in the middle.
            self._next = chunk = chunk if chunk >= 0 else self._next
        self._begun = True
        if chunk < self._next or chunk in self._held:
            self._counts.frames_rejected += 1
            return b""
        self._held[chunk] = (timestamp, payload)
        sound = bytearray()
        self._release(sound)
        while self._held and (len(self._held) >= WINDOW or max(self._held) - self._next > WINDOW):
            self._skip()
            self._release(sound)
        return bytes(sound)

    def _skip(self) -> None:
        """Give up on what lies before the oldest frame held."""
        oldest = min(self._held)
        lost = oldest - self._next
        if self._position is None or self._held[oldest][0] < 0:
            # Without a clock the chunks are all that tells how much is missing.
            self._counts.frames_missing += min(lost, _NONSENSE // FRAME)
        self._next = oldest

    def _release(self, sound: bytearray) -> None:
        """Let go of every frame whose turn it is."""
        while self._next in self._held:
            timestamp, payload = self._held.pop(self._next)
            self._next += 1
            self._take(timestamp, payload, sound)

    def _take(self, timestamp: int, payload: bytes, sound: bytearray) -> None:
        size = len(payload)
        if size > self._allowance.left and size > self._allowance.refill():
            # Faster than real time for too long. As far as real time allows, the hole becomes silence later.
            self._counts.frames_rejected += 1
            return
        self._allowance.left -= size
        self._counts.frames_received += 1
        if timestamp >= 0:
            self._bridge(timestamp * 8, sound)
        if self._position is not None:
            self._position += size
        sound += payload

    def _bridge(self, at: int, sound: bytearray) -> None:
        """Fill the way to where the next frame belongs, or believe its clock where it makes no sense."""
        if self._position is None:
            self._position = at
            return
        gap = at - self._position
        if FRAME <= gap <= _NONSENSE:
            self._counts.frames_missing += round(gap / FRAME)
            silence = min(gap, _LONGEST_FILL)
            if silence > self._allowance.left:
                silence = min(silence, self._allowance.refill())
            self._allowance.left -= silence
            sound += SILENCE * silence
        if gap >= FRAME or gap < -_STEP_BACK:
            self._position = at

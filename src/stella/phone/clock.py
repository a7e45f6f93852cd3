"""Time as a call lives it, and the one 20 ms beat that every call of a process shares.

`pace` is how many real seconds a second of the call takes: 1 in life, 0.02 in tests, 0 for as fast as the loop turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from weakref import WeakKeyDictionary

FRAME_S = 0.020
"""Length of a media frame: 160 bytes of mu-law."""

MOST_AT_ONCE = 3
"""Frames sent in one go when catching up: more would be a burst that no carrier sends."""

GIVE_UP_BEATS = 50
"""A machine that slept longer than this (one second) does not catch up; the beats are counted as lost."""

Beat = Callable[[], None]


class Metronome:
    """Calls every joined beat each 20 ms of call time, without drift. Lives on one event loop, owns no task."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pace: float) -> None:
        """Nothing runs before the first `join`."""
        self._loop = loop
        self._period = FRAME_S * pace
        self._beats: dict[int, Beat] = {}
        self._next_key = 0
        self._timer: asyncio.Handle | None = None
        self._started = 0.0
        self._done = 0
        self.lost = 0

    def join(self, beat: Beat) -> Callable[[], None]:
        """Call `beat` from now on; the returned function ends that."""
        key = self._next_key
        self._next_key += 1
        self._beats[key] = beat
        if self._timer is None:
            self._started, self._done = monotonic(), 0
            self._arm(self._started + self._period)

        def leave() -> None:
            self._beats.pop(key, None)
            if not self._beats and self._timer is not None:
                self._timer.cancel()
                self._timer = None

        return leave

    def _arm(self, when: float) -> None:
        # `loop.time()` of uvloop counts whole milliseconds and stands still within a turn of the loop.
        later = max(min(0.001, self._period), when - monotonic())
        self._timer = self._loop.call_later(later, self._wake) if self._period else self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        now = monotonic()
        due = int((now - self._started) / self._period + 1e-6) - self._done if self._period else 1
        if due > GIVE_UP_BEATS:
            self.lost += due - 1
            self._done += due - 1
            due = 1
        for _ in range(min(due, MOST_AT_ONCE)):
            self._done += 1
            for beat in tuple(self._beats.values()):
                beat()
        if not self._beats:
            self._timer = None
        elif due > MOST_AT_ONCE:
            self._arm(now + self._period / 2)
        else:
            self._arm(self._started + (self._done + 1) * self._period)


_metronomes: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[float, Metronome]] = WeakKeyDictionary()


def shared_metronome(pace: float) -> Metronome:
    """The metronome of the running loop at this pace, made on first use."""
    loop = asyncio.get_running_loop()
    by_pace = _metronomes.setdefault(loop, {})
    if pace not in by_pace:
        by_pace[pace] = Metronome(loop, pace)
    return by_pace[pace]


class CallClock:
    """Seconds since the call began to ring. With `pace` 0 time is virtual and moves only by `sleep` and `beat`."""

    def __init__(self, pace: float = 1.0) -> None:
        """Start at zero now."""
        self.pace = pace
        self._zero = monotonic()
        self._virtual = 0.0

    def now(self) -> float:
        """Seconds of call time since the clock was made."""
        return (monotonic() - self._zero) / self.pace if self.pace else self._virtual

    def real(self) -> float:
        """Real seconds since the clock was made, whatever the pace: for HTTP and socket timings."""
        return monotonic() - self._zero

    async def sleep(self, seconds: float) -> None:
        """Let call time pass."""
        if self.pace:
            await asyncio.sleep(max(0.0, seconds) * self.pace)
        else:
            self._virtual += max(0.0, seconds)
            await asyncio.sleep(0)

    def beat(self) -> None:
        """A frame has passed: moves virtual time, leaves real time alone."""
        if not self.pace:
            self._virtual += FRAME_S

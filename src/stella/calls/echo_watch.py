"""Voice activity on a line that may bring our own voice back.

An onset that is our echo interrupts nobody. But as long as it lasts the ears know of no other onset, so the sound is
looked at again and again: a caller who talks over the echo is found within two looks.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from stella.audio.echo import LISTENED_S
from stella.audio.mulaw import RATE
from stella.conversation import events as on

FRAMES = round(LISTENED_S / 0.02)
"""How much of the caller's sound is kept to be looked at."""
AGAIN_S = 0.06
"""How long after one look at an echo the next follows."""
LOOKS = 2
"""So many looks in a row that find more than echo are a caller: one may fall on a consonant or a lost frame."""


def ended(frames: Sequence[tuple[float, bytes]]) -> tuple[bytes, float]:
    """The sound of frames with their times of arrival, and when its last sample was spoken into the line.

    Frames are sent as time goes by; one that is late says nothing of when it was spoken, one that is early does.
    """
    end, behind = math.inf, 0
    for arrived, mulaw in reversed(frames):
        end = min(end, arrived + behind / RATE)
        behind += len(mulaw)
    return b"".join(mulaw for _, mulaw in frames), end


class EchoWatch:
    """Tells a conversation of the caller's onsets and offsets, each onset with how far it is echo."""

    def __init__(
        self,
        echo: Callable[[], float],
        threshold: float,
        clock: Callable[[], float],
        tell: Callable[[on.Event], None],
    ) -> None:
        """`echo` measures the sound that came last, 0 to 1; `threshold` is from where on the conversation ignores it."""
        self._echo, self._threshold, self._clock, self._tell = echo, threshold, clock, tell
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._others = 0

    def changed(self, at: float, *, speaking: bool, level: float | None = None) -> None:
        """Voice activity began or ended, truly at `at`; at the end `level` is how loud it was, dB."""
        self.close()
        if not speaking:
            self._tell(on.CallerStoppedSpeaking(at, level))
            return
        echo = self._echo()
        self._others = 0
        if echo >= self._threshold:
            self._timer = self._loop.call_later(AGAIN_S, self._look)
        self._tell(on.CallerStartedSpeaking(at, echo))

    def close(self) -> None:
        """Look no further."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        echo = self._echo()
        self._others = self._others + 1 if echo < self._threshold else 0
        if self._others < LOOKS:
            self._timer = self._loop.call_later(AGAIN_S, self._look)
        else:
            self._tell(on.CallerStartedSpeaking(self._clock() - LOOKS * AGAIN_S, echo))

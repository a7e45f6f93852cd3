"""When has a word sounded? The words and the sound of an answer come side by side and nobody says which belongs to which.

The words are laid over the voiced part of the sound in proportion to their length, and then believed late: rather a word
too few is called heard than one too many. While the answer is still being made its pace is not known; then a slow one is
assumed.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from stella.audio.energy import frame_powers
from stella.audio.framing import FRAME

RATE = 8000
VOICED_POWER = 1e-5
"""-50 dB below full scale: below it nobody speaks."""
SLOWEST_CHARS_A_S = 8.0
"""Of voiced sound, while the whole is not known."""
LATE_S, DRIFT = 0.5, 0.12
"""Seconds of voice by which every word is believed later than it was reckoned; and the share of the way to the nearer end of the
answer, for nobody speaks at one pace throughout."""
DIGIT = 4.0
"""A digit is a word when it is spoken."""


class Alignment:
    """One answer's words over its sound."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.text = ""
        self.sound = bytearray()
        self.whole = False
        self._weights: list[float] = [0.0]
        self._voiced: list[int] = []

    def grew(self, text: str) -> None:
        """More words."""
        self.text += text
        weights = (DIGIT if sign.isdigit() else 1.0 if sign.isalpha() else 0.0 for sign in text)
        self._weights += list(accumulate(weights, initial=self._weights[-1]))[1:]

    def sounded(self, mulaw: bytes) -> None:
        """More sound."""
        self.sound += mulaw
        done = len(self._voiced) * FRAME
        fresh = bytes(memoryview(self.sound)[done : done + (len(self.sound) - done) // FRAME * FRAME])
        before = self._voiced[-1] if self._voiced else 0
        if fresh:
            self._voiced += [before + int(count) for count in (frame_powers(fresh) > VOICED_POWER).cumsum()]

    def end(self) -> None:
        """That was all of it."""
        self.whole = True

    @property
    def seconds(self) -> float:
        """How much sound there is."""
        return len(self.sound) / RATE

    def end_of(self, chars: int) -> float | None:
        """By when `text[:chars]` has surely sounded, in seconds; None while that is behind what has come."""
        spoken = self._weights[min(chars, len(self._weights) - 1)]
        voiced = (self._voiced[-1] if self._voiced else 0) * FRAME / RATE
        if self.whole:
            rest = self._weights[-1] - spoken
            if rest <= 0.0 or voiced <= 0.0:
                return self.seconds
            reckoned = spoken / self._weights[-1] * voiced
            due = reckoned + LATE_S + DRIFT * min(reckoned, voiced - reckoned)
        else:
            due = spoken / SLOWEST_CHARS_A_S + LATE_S
        if due >= voiced:
            return self.seconds if self.whole else None
        return (bisect_left(self._voiced, due * RATE / FRAME) + 1) * FRAME / RATE

    def chars_by(self, seconds: float) -> int:
        """How much of the text has probably sounded after so many seconds, in the middle of a doubt; whole words."""
        frames = int(seconds * RATE / FRAME)
        voiced = self._voiced[min(frames, len(self._voiced)) - 1] * FRAME / RATE if frames and self._voiced else 0.0
        everything = (self._voiced[-1] if self._voiced else 0) * FRAME / RATE
        whole = self._weights[-1]
        spoken = voiced / everything * whole if self.whole and everything else voiced * 1.6 * SLOWEST_CHARS_A_S
        if spoken >= whole:
            return len(self.text)
        at = bisect_left(self._weights, spoken)
        return max(0, self.text.rfind(" ", 0, at + 1))

"""Is what the caller's line brings our own voice coming back? Asked at an onset, never per frame.

The answer is the part of the inbound energy that a delayed, filtered copy of what was played explains. Normalised
cross-correlation finds the delay (50 to 600 ms, the round trip of a mobile call), a short filter fitted by least
squares stands for handset and network, and short-time energy supports it where a codec has bent the waveform.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stella.audio.mulaw import RATE, SILENCE, decode_float

Samples = NDArray[np.float64]

SHORTEST_DELAY_S: Final = 0.05
LONGEST_DELAY_S: Final = 0.6

_KEPT_S: Final = 2.0
_MOST_S: Final = 0.4
_LEAST: Final = RATE // 25
_TAPS: Final = 12
_STEP: Final = RATE // 200

# From unrelated speech a filter of this length explains up to a fifth by chance, from an echo alone more than half.
_BY_CHANCE: Final = 0.2
_SURELY: Final = 0.6

_QUIET: Final = 1e-7
"""Mean power (-70 dBFS) under which there is nothing to compare."""


class EchoGuard:
    """Remembers the last seconds of what was played to one caller and compares inbound sound with it.

    All times are seconds of one clock, the playout's.
    """

    __slots__ = ("_played",)

    def __init__(self) -> None:
        """Nothing has been played."""
        self._played: deque[tuple[float, bytes]] = deque()

    def sent(self, mulaw: bytes, at_s: float) -> None:
        """Sound that begins to play at `at_s`; pieces come in the order they play. Only kept, not looked at."""
        self._played.append((at_s, mulaw))
        while self._played and self._played[0][0] + len(self._played[0][1]) / RATE < at_s - _KEPT_S:
            self._played.popleft()

    def cleared(self, at_s: float) -> None:
        """What would have played after `at_s` was dropped and cannot come back."""
        while self._played and self._played[-1][0] >= at_s:
            self._played.pop()
        if self._played:
            began, mulaw = self._played[-1]
            self._played[-1] = (began, mulaw[: max(0, round((at_s - began) * RATE))])

    def likelihood(self, inbound: bytes, at_s: float) -> float:
        """How far the inbound sound that ended at `at_s` (about the last 200 ms) is echo: 0 surely not, 1 surely.

        0.0 where nothing was playing, where either is silent, or where there are under 40 ms to compare.
        """
        inbound = inbound[-round(_MOST_S * RATE) :]
        if len(inbound) < _LEAST:
            return 0.0
        heard = _brightened(decode_float(inbound).astype(np.float64))
        lags = round((LONGEST_DELAY_S - SHORTEST_DELAY_S) * RATE)
        played = _brightened(self._window(at_s - SHORTEST_DELAY_S, len(inbound) + lags))
        if np.mean(heard**2) < _QUIET or np.mean(played**2) < _QUIET:
            return 0.0
        lag = _best_lag(heard, played)
        explained = _explained(heard, played, lag)
        together = _energy_likeness(heard, played[lag : lag + len(heard)])
        # Energy alone proves nothing: any onset resembles any other. It only lifts a waveform that half agrees.
        evidence = explained + 0.15 * max(0.0, together - 0.7) / 0.3 * (explained > _BY_CHANCE)
        return float(min(1.0, max(0.0, (evidence - _BY_CHANCE) / (_SURELY - _BY_CHANCE))))

    def _window(self, end_s: float, length: int) -> Samples:
        """What was playing in the `length` samples before `end_s`; silence where nothing was."""
        begin_s = end_s - length / RATE
        sound = np.full(length, SILENCE, np.uint8)
        for at_s, mulaw in self._played:
            start = round((at_s - begin_s) * RATE)
            skipped = max(0, -start)
            piece = np.frombuffer(mulaw, np.uint8)[skipped:]
            place = start + skipped
            if len(piece) and place < length:
                sound[place : place + len(piece)] = piece[: length - place]
        return decode_float(sound.tobytes()).astype(np.float64)


def _brightened(samples: Samples) -> Samples:
    """Lift the high tones: flat spectra resemble each other less by chance, and low ones are mostly pitch."""
    bright = samples.copy()
    bright[1:] -= 0.9 * samples[:-1]
    return bright


def _best_lag(heard: Samples, played: Samples) -> int:
    """Where in `played` the piece begins that resembles `heard` most, by normalised cross-correlation."""
    size = 1 << (len(played) + len(heard) - 1).bit_length()
    spectrum = np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size))
    products = np.fft.irfft(spectrum, size)[: len(played) - len(heard) + 1]
    powers = np.concatenate(([0.0], np.cumsum(played**2)))
    powers = powers[len(heard) :] - powers[: -len(heard)]
    likeness = np.abs(products) / np.sqrt(np.maximum(powers, _QUIET * len(heard)))
    return int(np.argmax(likeness))


def _explained(heard: Samples, played: Samples, lag: int) -> float:
    """The part of the energy of `heard` that the best short filter over `played` around `lag` gives."""
    first = max(0, lag - _TAPS // 2)
    last = min(len(played) - len(heard), first + _TAPS - 1)
    views = np.lib.stride_tricks.sliding_window_view(played, len(heard))[first : last + 1]
    inner = views @ views.T
    # A little of the diagonal keeps the equations solvable where the sound is a pure tone.
    inner[np.diag_indices_from(inner)] += 1e-4 * np.trace(inner) / len(inner) + 1e-12
    products = views @ heard
    filtered = np.linalg.solve(inner, products) @ views
    left = float(np.sum((heard - filtered) ** 2) / np.sum(heard**2))
    return max(0.0, 1.0 - left)


def _energy_likeness(heard: Samples, played: Samples) -> float:
    """How far the loudness of both rises and falls together in steps of 5 ms: correlation of the logarithms."""
    whole = len(heard) // _STEP * _STEP
    one, other = (np.log10((part[:whole].reshape(-1, _STEP) ** 2).mean(axis=1) + _QUIET) for part in (heard, played))
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / scale if scale > 0 else 0.0

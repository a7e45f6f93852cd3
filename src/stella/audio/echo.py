"""Is what the caller's line brings our own voice coming back? Asked at an onset and while it lasts, never per frame.

The answer is the part of the inbound energy, beyond the line's own noise, that a delayed and filtered copy of what was
played explains. Normalised cross-correlation finds the delay (the round trip of a mobile call), and a short filter
fitted by least squares stands for handset and network. The waveform is compared as it is: lifting its high tones would
make chance likeness rarer, but there the noise of a line is louder than a soft echo. Instead an echo must also be softer
than what was played, which an unlike voice at a caller's level is not.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stella.audio.mulaw import RATE, SILENCE, decode_float

Samples = NDArray[np.float64]

SHORTEST_DELAY_S: Final = 0.04
LONGEST_DELAY_S: Final = 0.66
LISTENED_S: Final = 0.6
"""How much inbound sound an answer wants: the last of it is compared, the quietest of it tells the line's noise."""

_KEPT_S: Final = 2.0
_COMPARED: Final = RATE // 5
_LEAST: Final = RATE // 25
_TAPS: Final = 8
_FRAME: Final = RATE // 50

_BY_CHANCE: Final = 0.4
_SURELY: Final = 0.9
"""From other speech so short a filter explains up to two fifths by chance, from an echo nine tenths."""
_SOFTER: Final = 0.3
"""An echo has at most this part of the power of what was played (-5 dB)."""
_NOISE_MARGIN: Final = 1.5
"""How far the noise of a moment may lie above its estimate."""

_QUIET: Final = 1e-8
"""Mean power (-80 dBFS) under which there is nothing to compare."""


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
        """How far the inbound sound that ended at `at_s` is echo and nothing else: 0 surely not, 1 surely.

        `inbound` is the last `LISTENED_S` or less; the last 200 ms of it are compared. 0.0 where nothing was playing,
        where either is silent, or where there are under 40 ms to compare; 1.0 where there is only the noise of the line.
        """
        if len(inbound) < _LEAST:
            return 0.0
        listened = decode_float(inbound[-round(LISTENED_S * RATE) :]).astype(np.float64)
        heard = listened[-_COMPARED:]
        lags = round((LONGEST_DELAY_S - SHORTEST_DELAY_S) * RATE)
        played = self._window(at_s - SHORTEST_DELAY_S, len(heard) + lags)
        power = float(np.mean(heard**2))
        noise = _NOISE_MARGIN * _noise(listened)
        if power < _QUIET or not self._played:
            return 0.0
        if power <= noise:
            return 1.0
        if np.mean(played**2) < _QUIET:
            return 0.0
        lag = _best_lag(heard, played)
        fitted, source = _fitted(heard, played, lag)
        likeness = float(np.mean(fitted**2))
        echo = min(likeness, _SOFTER * source)
        other = float(np.mean((heard - fitted) ** 2)) + likeness - echo
        beyond = max(0.0, other - noise)
        explained = echo / (echo + beyond) if beyond else 1.0
        return min(1.0, max(0.0, (explained - _BY_CHANCE) / (_SURELY - _BY_CHANCE)))

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


def _noise(listened: Samples) -> float:
    """The power of the line's own noise: the mean of the quietest tenth of the frames."""
    whole = len(listened) // _FRAME
    powers = np.sort((listened[: whole * _FRAME].reshape(-1, _FRAME) ** 2).mean(axis=1))
    return float(powers[: max(2, whole // 10)].mean())


def _best_lag(heard: Samples, played: Samples) -> int:
    """Where in `played` the piece begins that resembles `heard` most, by normalised cross-correlation."""
    size = 1 << (len(played) - 1).bit_length()
    spectrum = np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size))
    products = np.fft.irfft(spectrum, size)[: len(played) - len(heard) + 1]
    powers = np.concatenate(([0.0], np.cumsum(played**2)))
    powers = powers[len(heard) :] - powers[: -len(heard)]
    # Near-silence resembles anything once it is normalised: what is 30 dB softer than the rest is not looked for.
    likeness = np.abs(products) / np.sqrt(np.maximum(powers, 1e-3 * powers.max()))
    return int(np.argmax(likeness))


def _fitted(heard: Samples, played: Samples, lag: int) -> tuple[Samples, float]:
    """The best copy of `heard` that a short filter over `played` around `lag` gives, and the power of its source."""
    first = max(0, lag - _TAPS // 2)
    last = min(len(played) - len(heard), first + _TAPS - 1)
    views = np.lib.stride_tricks.sliding_window_view(played, len(heard))[first : last + 1]
    inner = views @ views.T
    # A little of the diagonal keeps the equations solvable where the sound is a pure tone.
    inner[np.diag_indices_from(inner)] += 1e-3 * np.trace(inner) / len(inner) + 1e-12
    weights = np.linalg.solve(inner, views @ heard)
    return weights @ views, float(np.mean(played[lag : lag + len(heard)] ** 2))

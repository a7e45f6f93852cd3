"""How loud somebody speaks, told while they do, and sound made louder or softer without leaving mu-law."""

from __future__ import annotations

from functools import lru_cache
from math import log10

import numpy as np

from stella.audio import mulaw as g711
from stella.audio.energy import FLOOR_DB, frame_powers

_PAUSE_DB = 25.0
"""Frames so far below the loudest are pauses (in the spirit of ITU-T P.56)."""
_FADES = 0.9998
"""What a frame weighs after the next: half of it after a minute of speech."""
_ENOUGH = 5
"""Frames of speech (100 ms) that tell a level."""
_LEAST_DB = -50.0
"""What is softer than this is no speech."""
_KNEE = 0.7


class ActiveLevel:
    """The level of speech without its pauses, dB below full scale, over everything heard so far."""

    def __init__(self) -> None:
        """Nothing was heard."""
        self._power = self._frames = self._loudest = 0.0

    def hear(self, mulaw: bytes) -> None:
        """More sound of the same voice; a part of a frame at its end does not count."""
        powers = frame_powers(mulaw)
        if not len(powers):
            return
        self._loudest = max(self._loudest * _FADES ** len(powers), float(powers.max()))
        speech = powers[powers >= max(self._loudest * 10 ** (-_PAUSE_DB / 10), 10 ** (_LEAST_DB / 10))]
        fades = _FADES ** len(speech)
        self._power = self._power * fades + float(speech.sum())
        self._frames = self._frames * fades + len(speech)

    @property
    def db(self) -> float | None:
        """None until enough was heard."""
        if self._frames < _ENOUGH:
            return None
        return max(FLOOR_DB, 10.0 * log10(self._power / self._frames))


def louder(mulaw: bytes, db: float) -> bytes:
    """The same sound, `db` decibels louder (or softer), in steps of a quarter; peaks are bent and never clip."""
    steps = round(db * 4)
    return mulaw.translate(_table(steps)) if steps else mulaw


@lru_cache(maxsize=256)
def _table(quarters: int) -> bytes:
    """Every code of mu-law after a gain."""
    samples = g711.decode_float(bytes(range(256))) * np.float32(10 ** (quarters / 80))
    if quarters > 0:
        loud = np.abs(samples)
        bent = _KNEE + (1 - _KNEE) * np.tanh((loud - _KNEE) / (1 - _KNEE))
        samples = np.where(loud > _KNEE, np.sign(samples) * bent, samples)
    codes = bytearray(g711.encode_float(samples))
    codes[0xFF], codes[0x7F] = 0xFF, 0x7F  # silence stays what it is, with its sign
    return bytes(codes)

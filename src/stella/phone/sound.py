"""Mu-law as something heard: where it becomes audible, where a voice truly begins and ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stella.audio.mulaw import decode

SAMPLE_RATE = 8000
SILENCE = b"\xff"
AUDIBLE = 256
"""Amplitude (of 32768) from which a sample counts as sound: -42 dBFS, above line noise at 30 dB SNR."""

_BLOCK = 80
_BELOW_PEAK = 10 ** (-30 / 20)
_FLOOR = 60.0

_LOUD = bytes(abs(int(value)) >= AUDIBLE for value in decode(bytes(range(256))))


def first_audible(mulaw: bytes) -> int:
    """The first audible sample, -1 if all is silence."""
    return mulaw.translate(_LOUD).find(1)


def last_audible(mulaw: bytes) -> int:
    """The sample behind the last audible one, 0 if all is silence."""
    return mulaw.translate(_LOUD).rfind(1) + 1


@dataclass(frozen=True, slots=True)
class Sound:
    """Words and their voice. Speech truly runs from `onset_s` to `offset_s`; what surrounds it is padding."""

    text: str
    mulaw: bytes
    onset_s: float
    offset_s: float
    rms: float

    @property
    def length_s(self) -> float:
        """With padding."""
        return len(self.mulaw) / SAMPLE_RATE


def sound_of(text: str, mulaw: bytes) -> Sound:
    """Measure a voice: speech is every 10 ms within 30 dB of the loudest. Silence has no onset: 0 to 0."""
    pcm = decode(mulaw[: len(mulaw) // _BLOCK * _BLOCK]).astype(np.float64).reshape(-1, _BLOCK)
    if not len(pcm):
        return Sound(text, mulaw, 0.0, len(mulaw) / SAMPLE_RATE, 0.0)
    levels = np.sqrt(np.mean(pcm * pcm, axis=1))
    voiced = np.flatnonzero(levels >= max(_FLOOR, float(levels.max()) * _BELOW_PEAK))
    if not len(voiced):
        return Sound(text, mulaw, 0.0, 0.0, 0.0)
    rms = float(np.sqrt(np.mean(levels[voiced] ** 2)))
    onset, offset = int(voiced[0]) * _BLOCK, (int(voiced[-1]) + 1) * _BLOCK
    return Sound(text, mulaw, onset / SAMPLE_RATE, offset / SAMPLE_RATE, rms)

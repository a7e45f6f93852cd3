"""From an engine's samples to telephone sound: 8 kHz, trimmed, levelled, mu-law. Plain arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stella.audio import mulaw
from stella.audio.energy import levelling_gain
from stella.audio.resample import resample

RATE = 8000
_FRAME = 80
_KEPT = 6
"""Frames of 10 ms kept before the first and after the last that can be heard."""
_HEARD_DB = -38.0
"""How far below the loudest frame sound still counts as heard."""
_TARGET_DB = -20.0
_KNEE = 0.7


def trimmed(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """At most 60 ms of quiet at either end (8 kHz); nothing where nothing can be heard."""
    frames = len(pcm) // _FRAME
    if not frames:
        return pcm[:0]
    power = np.mean(pcm[: frames * _FRAME].reshape(frames, _FRAME).astype(np.float32) ** 2, axis=1)
    heard = np.flatnonzero(power > max(float(power.max()) * 10 ** (_HEARD_DB / 10), 1.0))
    if not len(heard):
        return pcm[:0]
    return pcm[max(0, int(heard[0]) - _KEPT) * _FRAME : (int(heard[-1]) + 1 + _KEPT) * _FRAME]


def limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Peaks above 0.7 of full scale bent so that none reaches it; quieter sound is left as it is."""
    over = np.abs(samples) > _KNEE
    if over.any():
        loud = samples[over]
        bent = _KNEE + (1 - _KNEE) * np.tanh((np.abs(loud) - _KNEE) / (1 - _KNEE))
        samples = samples.copy()
        samples[over] = np.sign(loud) * bent
    return samples


def telephone_sound(pcm: NDArray[np.int16], rate: int) -> bytes:
    """Mu-law of what an engine rendered, at -20 dBFS of speech."""
    sound = trimmed(resample(pcm, rate, RATE))
    if not len(sound):
        return b""
    gain = levelling_gain(sound, _TARGET_DB)
    return mulaw.encode_float(limited(sound.astype(np.float32) * np.float32(gain / 32768)))

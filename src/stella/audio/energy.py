"""How loud sound is, and where a cut hurts least."""

from __future__ import annotations

from math import log10, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stella.audio.framing import FRAME
from stella.audio.mulaw import RATE, Pcm, decode_float

FLOOR_DB: Final = -96.0
"""What silence reads; 16-bit sound has nothing below it."""

_FLOOR_POWER: Final = 10.0 ** (FLOOR_DB / 10)
_POWER: Final = decode_float(bytes(range(256))).astype(np.float64) ** 2


def mean_power(mulaw: bytes | memoryview) -> float:
    """The mean square of the samples, 1.0 at full scale; 0.0 for no sound."""
    return float(_POWER.take(np.frombuffer(mulaw, np.uint8), mode="clip").mean()) if len(mulaw) else 0.0


def rms(mulaw: bytes | memoryview) -> float:
    """The root of the mean square, 1.0 at full scale."""
    return sqrt(mean_power(mulaw))


def dbfs(mulaw: bytes | memoryview) -> float:
    """Decibels below full scale; `FLOOR_DB` for silence. A full-scale sine reads -3."""
    return 10.0 * log10(max(mean_power(mulaw), _FLOOR_POWER))


def frame_powers(mulaw: bytes | memoryview, frame: int = FRAME) -> NDArray[np.float64]:
    """The mean power of each whole frame of `frame` samples."""
    powers = _POWER[np.frombuffer(mulaw, np.uint8)]
    whole = len(powers) // frame
    means: NDArray[np.float64] = powers[: whole * frame].reshape(whole, frame).mean(axis=1)
    return means


def loudness(mulaw: bytes | memoryview) -> float:
    """How loud the voice in some sound is, dB below full scale: its ten loudest frames, the pauses left out."""
    powers = np.sort(frame_powers(mulaw))[-10:]
    return 10.0 * log10(max(float(powers.mean()), _FLOOR_POWER)) if len(powers) else FLOOR_DB


def quietest_frame_before(mulaw: bytes | memoryview, at_s: float, look_back_s: float = 0.3) -> float:
    """Where to cut near `at_s`: the middle of the quietest 20 ms in the `look_back_s` before it, in seconds.

    Of equally quiet places the last wins, so that silence is cut as late as it may be. Never later than `at_s` or the
    end of the sound, never below 0.
    """
    end = min(len(mulaw), max(0, round(at_s * RATE)))
    start = max(0, end - round(look_back_s * RATE))
    if end - start < FRAME:
        return end / RATE
    sums = np.concatenate(([0.0], np.cumsum(_POWER[np.frombuffer(mulaw, np.uint8)[start:end]])))
    # Steps of 5 ms are fine enough for a cut and cheap.
    at = np.arange(0, end - start - FRAME + 1, FRAME // 4)
    powers = sums[at + FRAME] - sums[at]
    # Sums of floats differ in the last digits where the sound does not.
    quietest = np.flatnonzero(powers <= powers.min() + 1e-9)[-1]
    return (start + int(at[quietest]) + FRAME // 2) / RATE


def levelling_gain(pcm: Pcm, target_db: float = -20.0, most_db: float = 12.0, rate: int = RATE) -> float:
    """The factor that brings speech to `target_db` dBFS: pauses do not count, nothing clips, at most `most_db` up or down.

    Frames more than 25 dB below the loudest are pauses (in the spirit of ITU-T P.56). 1.0 for silence.
    """
    frame = rate // 50
    whole = len(pcm) // frame
    if whole == 0:
        return 1.0
    samples = pcm[: whole * frame].astype(np.float64) / 32_768.0
    powers = (samples**2).reshape(whole, frame).mean(axis=1)
    loudest = powers.max()
    if loudest <= _FLOOR_POWER:
        return 1.0
    speech = powers[powers >= loudest * 10 ** (-25 / 10)].mean()
    gain = (10 ** (target_db / 10) / speech) ** 0.5
    limit = 10 ** (most_db / 20)
    peak = float(np.abs(pcm.astype(np.int32)).max()) / 32_768.0
    return float(min(max(gain, 1 / limit), limit, 0.99 / peak))


def apply_gain(pcm: Pcm, gain: float) -> Pcm:
    """Louder or softer by a factor; what would be too loud is clipped."""
    louder: Pcm = np.clip(np.rint(pcm * gain), -32_768, 32_767).astype(np.int16)
    return louder

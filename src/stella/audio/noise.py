"""What happens to a voice on its way: noise, echo, a quiet microphone. For the telephone and for tests.

Sound is float in [-1, 1) at 8 kHz. Randomness is the caller's: every generator is an argument.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stella.audio.mulaw import RATE

Samples = NDArray[np.float64]


def factor(db: float) -> float:
    """Decibels as a factor of amplitude."""
    return float(10.0 ** (db / 20.0))


def white(samples: int, generator: Generator) -> Samples:
    """White noise of mean power 1."""
    return generator.standard_normal(samples)


def pink(samples: int, generator: Generator) -> Samples:
    """Noise of mean power 1 whose power falls by 3 dB an octave, as most rooms' does."""
    if samples == 0:
        return np.zeros(0)
    spectrum = np.fft.rfft(generator.standard_normal(samples))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    spectrum[0] = 0
    noise: Samples = np.fft.irfft(spectrum, samples)
    power = float((noise**2).mean())
    return np.divide(noise, power**0.5) if power > 0 else noise


def speech_power(voice: Samples) -> float:
    """The mean power of the 20 ms frames that are not pauses (within 25 dB of the loudest); 0.0 for silence."""
    frame = RATE // 50
    whole = len(voice) // frame
    if whole == 0:
        return float((voice**2).mean()) if len(voice) else 0.0
    powers = (voice[: whole * frame] ** 2).reshape(whole, frame).mean(axis=1)
    return float(powers[powers >= powers.max() * 10**-2.5].mean())


def with_noise(voice: Samples, snr_db: float, noise: Samples) -> Samples:
    """`voice` with noise of mean power 1 so far below its speech. Silence stays silence: it has no ratio to anything."""
    return voice + noise[: len(voice)] * (sqrt(speech_power(voice)) * factor(-snr_db))


def with_echo(near: Samples, far: Samples, echo_db: float, delay_ms: float) -> Samples:
    """What the near microphone hears: `near`, and `far` `echo_db` (below 0: softer) `delay_ms` later."""
    delay = round(delay_ms * RATE / 1000)
    heard = near.copy()
    echo = far[: max(0, len(near) - delay)] * factor(echo_db)
    heard[delay : delay + len(echo)] += echo
    return heard

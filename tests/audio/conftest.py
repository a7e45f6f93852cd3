"""Sound to test with: noise that has the pitch, formants, syllables and pauses of speech."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from stella.audio.noise import speech_power

# Built on whatever profile is loaded, so that a long night run stays long.
_loaded = settings.get_profile(settings.get_current_profile_name())
settings.register_profile("audio", _loaded, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("audio")

RATE = 8000


def _syllable(samples, pitch, generator):
    """A buzz or a hiss through three formants."""
    phase = np.cumsum(pitch * (1 + 0.1 * np.sin(np.arange(samples) / RATE * generator.uniform(3, 12)))) / RATE
    voiced = generator.random() < 0.7
    source = (np.diff(np.floor(phase), prepend=0) > 0) * 8.0 if voiced else generator.standard_normal(samples) * 0.7
    source = source + 0.05 * generator.standard_normal(samples)
    tones = np.fft.rfftfreq(samples, 1 / RATE)
    formants = ((300, 800, 80), (900, 2200, 120), (2300, 3200, 180))
    response = sum(1 / (1 + ((tones - generator.uniform(low, high)) / width) ** 2) for low, high, width in formants)
    return np.fft.irfft(np.fft.rfft(source) * response, samples) * np.hanning(samples) ** 0.3


@pytest.fixture(scope="session")
def speak():
    """`speak(seconds, generator)` gives speech at -20 dBFS."""

    def make(seconds, generator):
        total = int(seconds * RATE)
        out = np.zeros(total)
        pitch = generator.uniform(90, 230)
        at = 0
        while total - at > 1:
            samples = min(int(generator.uniform(0.08, 0.25) * RATE), total - at)
            out[at : at + samples] = _syllable(samples, pitch, generator) * generator.uniform(0.4, 1)
            at += samples + int(generator.uniform(0.05, 0.2) * RATE) * (generator.random() < 0.2)
        return out * 0.1 / np.sqrt(speech_power(out))

    return make

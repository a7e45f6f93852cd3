"""The telephone's line noise has the strength it says."""

import numpy as np
import pytest

from stella.audio.noise import factor, pink, speech_power, white, with_echo, with_noise


@pytest.fixture
def generator():
    """Always the same noise."""
    return np.random.default_rng(5)


@pytest.mark.parametrize("make", [white, pink])
def test_noise_has_power_one(make, generator):
    """So that a ratio can be set by a factor."""
    assert (make(80_000, generator) ** 2).mean() == pytest.approx(1, abs=0.02)
    assert len(make(0, generator)) == 0
    assert len(make(1, generator)) == 1


def test_pink_noise_falls_three_decibels_an_octave(generator):
    """Low tones carry more of it."""
    spectrum = np.abs(np.fft.rfft(pink(1 << 17, generator))) ** 2
    octaves = [spectrum[1 << k : 2 << k].mean() for k in range(8, 15)]
    assert np.diff(10 * np.log10(octaves)) == pytest.approx([-3.0] * 6, abs=0.6)


@pytest.mark.parametrize("snr", [30, 20, 5])
def test_the_ratio_is_that_of_speech_to_noise(snr, generator, speak):
    """Pauses do not count as speech."""
    voice = np.concatenate([speak(2, generator), np.zeros(16_000)])
    heard = with_noise(voice, snr, white(len(voice), generator))
    ratio = 10 * np.log10(speech_power(voice) / ((heard - voice) ** 2).mean())
    assert ratio == pytest.approx(snr, abs=0.3)


def test_silence_stays_silent(generator):
    """There is no ratio to nothing; a short sound has one."""
    assert not with_noise(np.zeros(500), 20, white(500, generator)).any()
    assert speech_power(np.zeros(0)) == 0.0
    assert speech_power(np.ones(10)) == 1.0


@pytest.mark.parametrize(("delay", "length"), [(0, 800), (50, 800), (99, 800), (100, 800), (500, 800)])
def test_an_echo_comes_late_and_soft(delay, length):
    """Also where it comes after the end."""
    far = np.zeros(length)
    far[0] = 1.0
    near = np.zeros(length)
    heard = with_echo(near, far, -20, delay)
    at = delay * 8
    assert heard.sum() == pytest.approx(factor(-20) if at < length else 0)
    assert at >= length or heard[at] == pytest.approx(0.1)
    assert not near.any()
    assert len(with_echo(near, far[:10], -20, delay)) == length

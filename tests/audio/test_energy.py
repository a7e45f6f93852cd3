"""Loudness in the units of the trade, and cuts where they hurt least."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.audio.energy import (
    FLOOR_DB,
    apply_gain,
    dbfs,
    frame_powers,
    levelling_gain,
    loudness,
    mean_power,
    quietest_frame_before,
    rms,
)
from stella.audio.mulaw import encode, encode_float, to_pcm

SILENCE = b"\xff"


def tone(db, seconds=1.0):
    """A sine whose peak is `db` below full scale."""
    return np.sin(np.arange(int(seconds * 8000)) * 2 * np.pi * 400 / 8000) * 10 ** (db / 20)


@pytest.mark.parametrize("db", [-3, -20, -40])
def test_a_sine_reads_three_decibels_under_its_peak(db):
    """Within what mu-law's own steps allow."""
    sound = encode_float(tone(db))
    assert dbfs(sound) == pytest.approx(db - 3, abs=0.2)
    assert rms(sound) ** 2 == pytest.approx(mean_power(sound))


def test_silence_and_nothing_read_the_floor():
    """No logarithm of zero."""
    assert dbfs(SILENCE * 160) == dbfs(b"") == FLOOR_DB
    assert mean_power(b"") == 0.0


def test_frames_are_measured_one_by_one():
    """An incomplete last frame is left out."""
    powers = frame_powers(encode_float(tone(-10, 0.02)) + SILENCE * 200)
    assert len(powers) == 2
    assert powers[0] == pytest.approx(0.05, rel=0.05)
    assert powers[1] == 0
    assert len(frame_powers(b"")) == 0


def test_a_cut_falls_into_the_pause():
    """Resuming after an interruption begins between words."""
    loud, quiet = encode_float(tone(-10, 0.2)), encode_float(tone(-50, 0.05))
    sound = loud + quiet + loud
    at = quietest_frame_before(sound, 0.4)
    assert 0.205 <= at <= 0.245
    assert quietest_frame_before(sound, 0.4, look_back_s=0.1) > 0.3


def test_of_equal_places_the_last_is_taken():
    """Nothing is repeated that need not be."""
    assert quietest_frame_before(SILENCE * 8000, 0.5) == pytest.approx(0.49)


@given(st.binary(max_size=4000), st.floats(-1, 2), st.floats(0, 1))
def test_a_cut_is_never_after_the_place_asked_for(sound, at, back):
    """Nor before the beginning, nor beyond the end, nor further back than allowed."""
    cut = quietest_frame_before(sound, at, back)
    asked = min(len(sound) / 8000, max(0.0, at))
    assert max(0.0, asked - back - 0.001) <= cut <= asked + 0.001


@pytest.mark.parametrize("db", [-30, -26, -12])
def test_speech_is_brought_to_one_level_and_pauses_do_not_count(db, speak):
    """A voice half of which is silence is not made twice as loud."""
    voice = speak(2, np.random.default_rng(1)) * 10 ** ((db + 20) / 20)
    pcm = to_pcm(np.concatenate([voice, np.zeros(16_000)]))
    gain = levelling_gain(pcm)
    assert gain == pytest.approx(10 ** ((-20 - db) / 20), rel=0.15)
    assert np.abs(apply_gain(pcm, gain).astype(int)).max() < 32_767


def test_levelling_is_bounded_and_never_clips():
    """Twelve decibels either way; a peak is not cut off."""
    assert levelling_gain(to_pcm(tone(-80))) == pytest.approx(3.98, abs=0.01)
    assert levelling_gain(to_pcm(tone(0)), target_db=-1) == pytest.approx(0.99, abs=0.01)
    assert levelling_gain(np.zeros(800, np.int16)) == 1.0
    assert levelling_gain(np.zeros(10, np.int16)) == 1.0


def test_gain_clips_what_is_too_loud():
    """It never wraps around."""
    assert apply_gain(np.array([30_000, -30_000, 10], np.int16), 2.0).tolist() == [32_767, -32_768, 20]
    assert len(encode(apply_gain(np.zeros(5, np.int16), 3.0))) == 5


def test_the_loudness_of_a_voice_leaves_its_pauses_out():
    """A short word in a long silence is as loud as a long one; no sound at all is silence."""
    word = encode_float(tone(-10, 0.3))
    assert loudness(SILENCE * 4000 + word + SILENCE * 4000) == pytest.approx(-13, abs=0.5)
    assert loudness(word) == pytest.approx(dbfs(word), abs=0.5)
    assert loudness(b"") == FLOOR_DB

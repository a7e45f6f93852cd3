"""The picture the model looks at is the one it was trained on."""

from __future__ import annotations

import numpy as np
import pytest

from stella.adapters.smart_turn.features import HEARD_S, log_mel, picture_of
from stella.audio.mulaw import encode_float

SEEN = {(0, 0): -0.1230, (5, 520): 1.1167, (10, 560): 1.5977, (20, 600): 0.3217, (30, 650): -0.1043, (79, 799): -0.1230}
"""Of the chirp below, by the feature extractor that upstream feeds the model with (pipecat 1.14.0)."""


def chirp() -> np.ndarray:
    """Three seconds from 200 to 1,100 Hz, swelling and dying."""
    time = np.arange(48000) / 16000
    swell = 0.3 * np.sin(2 * np.pi * (200 * time + 150 * time * time)) * np.hanning(48000)
    return np.asarray(swell, np.float32)


def test_the_picture_is_that_of_the_reference() -> None:
    """Another scale, window or padding would give the model a picture of something else."""
    picture = log_mel(chirp())
    assert picture.shape == (80, 100 * HEARD_S)
    assert picture.dtype == np.float32
    assert {place: float(picture[place]) for place in SEEN} == pytest.approx(SEEN, abs=2e-3)
    assert float(picture.mean()) == pytest.approx(-0.06274, abs=1e-4)
    assert float(picture.max()) == pytest.approx(1.877, abs=1e-3)


def test_only_the_last_eight_seconds_are_looked_at() -> None:
    """What is shorter stands at the end, behind silence; what is longer loses its beginning."""
    long = np.concatenate((np.random.default_rng(1).standard_normal(160000).astype(np.float32), chirp()))
    assert np.array_equal(log_mel(long), log_mel(long[-16000 * HEARD_S :]))
    assert log_mel(chirp())[:, :480].std() < 1e-3


def test_silence_and_nothing_at_all_have_a_picture() -> None:
    """A caller who was noticed and never heard must not break a thread."""
    assert np.isfinite(log_mel(np.zeros(0, np.float32))).all()
    assert np.isfinite(picture_of(b"")).all()
    assert np.isfinite(picture_of(b"\xff" * 1000)).all()


def test_telephone_sound_is_brought_to_the_rate_of_the_model() -> None:
    """A tone of 1 kHz at 8,000 samples a second lies where it lies at 16,000."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000) * 0.3
    high = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32) * 0.3
    assert picture_of(encode_float(tone))[:, 750].argmax() == log_mel(high)[:, 750].argmax()

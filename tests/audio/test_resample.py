"""Pieces join without a seam and the sound keeps its length."""

import numpy as np
import pytest

from stella.audio.resample import HIGH, QUICK, Resampler, resample

TONE = (np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000) * 8000).astype(np.int16)


@pytest.mark.parametrize("quality", [HIGH, QUICK])
@pytest.mark.parametrize(
    ("rate_in", "rate_out"), [(8000, 16000), (8000, 24000), (24000, 8000), (16000, 8000), (22050, 8000)]
)
@pytest.mark.parametrize("piece", [160, 333, 8000])
def test_the_length_is_kept_however_it_is_cut(rate_in, rate_out, piece, quality):
    """A recording must not drift, to the sample."""
    resampler = Resampler(rate_in, rate_out, quality)
    out = [resampler.feed(TONE[at : at + piece]) for at in range(0, len(TONE), piece)]
    out.append(resampler.flush())
    assert abs(sum(map(len, out)) - len(TONE) * rate_out / rate_in) <= 1


def test_pieces_sound_like_the_whole():
    """No click where two pieces meet."""
    resampler = Resampler(8000, 16000)
    pieces = [resampler.feed(TONE[at : at + 160]) for at in range(0, len(TONE), 160)]
    joined = np.concatenate([*pieces, resampler.flush()]).astype(int)
    whole = resample(TONE, 8000, 16000).astype(int)
    assert np.abs(joined - whole).max() <= 2
    expected = np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000) * 8000
    assert np.abs(joined - expected)[400:-400].max() < 30


def test_equal_rates_cost_nothing():
    """The very array comes back."""
    resampler = Resampler(8000, 8000)
    assert resampler.feed(TONE) is TONE
    assert len(resampler.flush()) == 0
    assert resample(TONE, 8000, 8000) is TONE

"""What the model looks at: the log-mel picture of the last 8 seconds, as Whisper makes it.

16 kHz, frames of 400 samples every 160, 80 triangular filters on Slaney's mel scale; see
https://github.com/huggingface/transformers (`feature_extraction_whisper.py`) and
https://github.com/pipecat-ai/pipecat (`local_smart_turn_v3.py`: shorter sound is padded with zeros at the front).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stella.audio.mulaw import RATE, decode_float

HEARD_S: Final = 8
_RATE: Final = 16000
_FFT, _HOP, _MELS = 400, 160, 80
_WINDOW: Final = np.hanning(_FFT + 1)[:-1].astype(np.float32)
_LINEAR_TOP_HZ, _LINEAR_STEP_HZ, _LOG_STEP = 1000.0, 200.0 / 3.0, float(np.log(6.4)) / 27.0


def _mel_edges() -> NDArray[np.float64]:
    """The corners of the filters, hertz: even steps on a scale that is linear up to 1 kHz and logarithmic above."""
    linear = _LINEAR_TOP_HZ / _LINEAR_STEP_HZ
    top = linear + np.log(_RATE / 2 / _LINEAR_TOP_HZ) / _LOG_STEP
    mels = np.linspace(0.0, top, _MELS + 2)
    above = _LINEAR_TOP_HZ * np.exp(_LOG_STEP * (mels - linear))
    edges: NDArray[np.float64] = np.where(mels < linear, mels * _LINEAR_STEP_HZ, above)
    return edges


def _filters() -> NDArray[np.float32]:
    """[mels, bins] triangles, each of the same area."""
    edges = _mel_edges()
    hertz = np.linspace(0.0, _RATE / 2, _FFT // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle))
    weights: NDArray[np.float32] = (np.maximum(triangles, 0.0) * 2.0 / (high - low)).astype(np.float32)
    return weights


_FILTERS: Final = _filters()


def log_mel(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """[80, 800] of sound at 16 kHz: its last 8 seconds, with silence in front of what is shorter."""
    whole = HEARD_S * _RATE
    last = sound[-whole:]
    even = np.zeros(whole, np.float32)
    even[whole - len(last) :] = last
    even = (even - even.mean()) / np.sqrt(even.var() + 1e-7)
    framed = sliding_window_view(np.pad(even, _FFT // 2, mode="reflect"), _FFT)[:-1:_HOP]
    spectrum = np.fft.rfft(framed * _WINDOW, axis=-1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    bels = np.log10(np.maximum(_FILTERS @ power.T, 1e-10))
    picture: NDArray[np.float32] = ((np.maximum(bels, bels.max() - 8.0) + 4.0) / 4.0).astype(np.float32)
    return picture


def picture_of(mulaw: bytes) -> NDArray[np.float32]:
    """The same of mu-law at 8 kHz."""
    sound = decode_float(mulaw[-HEARD_S * RATE :])
    return log_mel(soxr.resample(sound, RATE, _RATE, quality="HQ").astype(np.float32))

"""Changing the sample rate of a stream that comes in pieces."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr  # type: ignore[import-untyped]

from stella.audio.mulaw import Pcm

HIGH: Final = "HQ"
QUICK: Final = "QQ"


class Resampler:
    """One stream of 16-bit mono sound from one rate to another; pieces join without a seam.

    The filter looks ahead and works in blocks, so sound comes out late and in lumps: `HIGH` up to 120 ms late from or
    to 8 kHz, `QUICK` within a sample but by plain interpolation (good enough upwards, for a listener that is a model;
    downwards it folds what lies above 4 kHz). `flush` hands over the rest. Altogether the sound keeps its length.
    """

    __slots__ = ("_stream",)

    def __init__(self, rate_in: int, rate_out: int, quality: str = HIGH) -> None:
        """Rates in hertz. Equal rates cost nothing. `quality` is a name soxr knows (`QQ`, `LQ`, `MQ`, `HQ`, `VHQ`)."""
        same = rate_in == rate_out
        self._stream = None if same else soxr.ResampleStream(rate_in, rate_out, 1, dtype="int16", quality=quality)

    def feed(self, pcm: Pcm) -> Pcm:
        """Take a piece of any length; hand back what is ready."""
        return pcm if self._stream is None else self._stream.resample_chunk(pcm)

    def flush(self) -> Pcm:
        """The end: what the filter still held. The resampler is of no use afterwards."""
        empty = np.empty(0, np.int16)
        return empty if self._stream is None else self._stream.resample_chunk(empty, last=True)


def resample(pcm: Pcm, rate_in: int, rate_out: int, quality: str = HIGH) -> Pcm:
    """A whole sound from one rate to another."""
    return pcm if rate_in == rate_out else soxr.resample(pcm, rate_in, rate_out, quality=quality)

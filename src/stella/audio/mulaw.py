"""G.711 mu-law both ways, by table.

Spec: https://www.itu.int/rec/T-REC-G.711. One byte is one sample at 8 kHz; 16-bit samples are native-endian int16.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8_000
SILENCE: Final = 0xFF
"""Mu-law zero. A zero byte is the loudest negative sample there is."""

Pcm = NDArray[np.int16]
Floats = NDArray[np.float32]

_BIAS: Final = 33
_LOUDEST: Final = 0x1FFF


def _decoding() -> Pcm:
    code = ~np.arange(256, dtype=np.uint8)
    step = (code & 0x0F).astype(np.int32)
    exponent = (code >> 4) & 0x07
    size = (((step << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _encoding() -> NDArray[np.uint8]:
    """Indexed by the 16 bits of a sample taken as unsigned."""
    sample = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    size = np.minimum(np.abs(sample) + _BIAS, _LOUDEST)
    segment = np.searchsorted([0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF], size)
    code = (segment << 4) | ((size >> (segment + 1)) & 0x0F)
    table: NDArray[np.uint8] = (code ^ np.where(sample < 0, 0x7F, 0xFF)).astype(np.uint8)
    return table


_DECODE: Final = _decoding()
_DECODE_FLOAT: Final = _DECODE.astype(np.float32) / np.float32(32_768)
_ENCODE: Final = _encoding()


def decode(mulaw: bytes | bytearray | memoryview) -> Pcm:
    """16-bit samples of mu-law bytes; the array is the caller's own."""
    # Every index is valid; "clip" only spares numpy the check, which costs more than the copying.
    return _DECODE.take(np.frombuffer(mulaw, np.uint8), mode="clip")


def decode_float(mulaw: bytes | bytearray | memoryview) -> Floats:
    """Samples in [-1, 1) of mu-law bytes; the array is the caller's own."""
    return _DECODE_FLOAT.take(np.frombuffer(mulaw, np.uint8), mode="clip")


def encode(pcm: Pcm) -> bytes:
    """Mu-law bytes of 16-bit samples, by the reference rule: the value the sample is truncated to."""
    return _ENCODE.take(np.ascontiguousarray(pcm, np.int16).view(np.uint16), mode="clip").tobytes()


def encode_float(samples: NDArray[np.floating]) -> bytes:
    """Mu-law bytes of samples in [-1, 1); louder ones are clipped."""
    return encode(to_pcm(samples))


def to_pcm(samples: NDArray[np.floating]) -> Pcm:
    """16-bit samples of samples in [-1, 1); louder ones are clipped."""
    pcm: Pcm = np.clip(np.rint(samples * 32_768.0), -32_768, 32_767).astype(np.int16)
    return pcm

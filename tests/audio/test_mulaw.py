"""G.711 to the bit, judged by the standard library's own converter while it still has one."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.audio import mulaw

EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32_768, 32_768).astype(np.int16)


@pytest.fixture(scope="module")
def oracle():
    """The standard library's audioop; gone from Python 3.13 on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return pytest.importorskip("audioop")


def test_every_code_decodes_as_the_oracle_says(oracle):
    """256 values, no exception."""
    assert mulaw.decode(EVERY_CODE).tobytes() == oracle.ulaw2lin(EVERY_CODE, 2)


def test_every_sample_encodes_as_the_oracle_says(oracle):
    """65,536 values, the loudest included."""
    assert mulaw.encode(EVERY_SAMPLE) == oracle.lin2ulaw(EVERY_SAMPLE.tobytes(), 2)


@given(st.binary(max_size=400))
def test_what_was_decoded_encodes_to_the_same_sound(data):
    """Only the two zeros become one."""
    again = mulaw.encode(mulaw.decode(data))
    assert again == data.replace(b"\x7f", b"\xff")
    assert mulaw.encode_float(mulaw.decode_float(data)) == again


def test_silence_is_zero():
    """And a zero byte is the loudest there is."""
    assert mulaw.decode(bytes([mulaw.SILENCE])).tolist() == [0]
    assert mulaw.decode(b"\x00").tolist() == [-32_124]


def test_floats_are_within_one_and_louder_ones_clip():
    """What a model or a mixer hands over may be too loud."""
    assert np.abs(mulaw.decode_float(EVERY_CODE)).max() < 1
    assert mulaw.to_pcm(np.array([2.0, -2.0, 0.5])).tolist() == [32_767, -32_768, 16_384]


def test_the_arrays_are_the_callers_own():
    """Writing into one never changes the table."""
    pcm = mulaw.decode(b"\xff\xff")
    pcm[:] = 7
    assert mulaw.decode(memoryview(b"\xff\xff")).tolist() == [0, 0]


def test_strided_sound_is_encoded_too():
    """One channel of a stereo recording is not contiguous."""
    stereo = np.stack([EVERY_SAMPLE, EVERY_SAMPLE[::-1]], axis=1)
    assert mulaw.encode(stereo[:, 0]) == mulaw.encode(EVERY_SAMPLE)
    assert mulaw.encode(EVERY_SAMPLE[:0]) == b""

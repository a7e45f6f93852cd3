"""WAV files, written as the sound comes and read back as they were."""

import contextlib
import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.audio.wav import Recording, WavWriter, read, write
from stella.domain.errors import MalformedMessage

LEFT = np.arange(-400, 400, dtype=np.int16)


def test_stereo_comes_back_as_it_was():
    """Left is the caller, right the agent; the shorter ends in silence."""
    file = io.BytesIO()
    write(file, 8000, LEFT, LEFT[:100])
    file.seek(0)
    recording = read(file)
    assert recording.rate == 8000
    assert recording.seconds == 0.1
    assert recording.channels[0].tolist() == LEFT.tolist()
    assert recording.channels[1].tolist() == LEFT[:100].tolist() + [0] * 700
    assert recording.mono().tolist() == Recording(8000, (recording.mono(),)).mono().tolist()


def test_it_is_written_piece_by_piece():
    """A call is not kept in memory for its recording."""
    file = io.BytesIO()
    writer = WavWriter(file, 16_000)
    for at in range(0, 800, 160):
        writer.write(LEFT[at : at + 160])
    writer.close()
    file.seek(0)
    recording = read(file)
    assert recording.rate == 16_000
    assert recording.channels[0].tolist() == LEFT.tolist()


def test_every_piece_needs_every_channel():
    """A stereo file cannot take one voice."""
    writer = WavWriter(io.BytesIO(), 8000, 2)
    with pytest.raises(ValueError, match="1 channels for a file of 2"):
        writer.write(LEFT)
    writer.close()


def made(width=2, channels=1, rate=8000, frames=b"\0" * 12):
    """A file as the standard library writes it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(frames)
    return file.getvalue()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "format"),
        (b"RIFF", "format"),
        (made()[:20], "format"),
        (made(width=1), "format"),
        (made(channels=3), "format"),
        (made(rate=10), "format"),
        (made(rate=1_000, frames=b"\0" * 2 * 1_000 * 14_401), "size"),
    ],
)
def test_other_files_are_refused(raw, kind):
    """One failure that says why."""
    with pytest.raises(MalformedMessage) as failure:
        read(io.BytesIO(raw))
    assert failure.value.kind == kind


def test_a_file_cut_short_is_read_as_far_as_it_goes():
    """A crash leaves the last sample half written."""
    assert len(read(io.BytesIO(made(channels=2, frames=b"\1" * 12)[:-3])).channels[0]) == 2


@given(st.binary(max_size=100), st.integers(0, 44))
def test_any_bytes_are_a_recording_or_malformed(noise, keep):
    """Headers are anybody's word."""
    with contextlib.suppress(MalformedMessage):
        read(io.BytesIO(made()[:keep] + noise))

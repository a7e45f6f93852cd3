"""Onset and offset are the voice's, not its padding's; the line adds what it was told to add."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stella.audio.mulaw import decode, encode
from stella.phone.line import Line, LineFaults
from stella.phone.load_sound import repertoire
from stella.phone.recording import Recording
from stella.phone.sound import first_audible, last_audible, sound_of


def tone(seconds, amplitude=8000.0):
    """A steady 440 Hz."""
    t = np.arange(round(seconds * 8000)) / 8000
    return encode((np.sin(2 * np.pi * 440 * t) * amplitude).astype(np.int16))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 40), st.integers(5, 100), st.integers(0, 40))
def test_onset_and_offset_leave_padding_out(before, voiced, after):
    """A figure measured from padding flatters whoever pads more."""
    sound = sound_of("x", b"\xff" * before * 80 + tone(voiced / 100) + b"\xff" * after * 80)
    assert sound.onset_s == pytest.approx(before / 100, abs=0.011)
    assert sound.offset_s == pytest.approx((before + voiced) / 100, abs=0.011)


def test_silence_has_no_speech():
    """Nor a level that noise could refer to."""
    sound = sound_of("", b"\xff" * 8000)
    assert (sound.onset_s, sound.offset_s, sound.rms) == (0.0, 0.0, 0.0)


def test_audible_samples_are_found_exactly():
    """The response gap is read from them."""
    mulaw = b"\xff" * 13 + tone(0.01) + b"\xff" * 7
    assert 13 <= first_audible(mulaw) <= 15
    assert 90 <= last_audible(mulaw) <= 93
    assert first_audible(b"\xff\x7f" * 100) == -1


def test_noise_is_as_far_below_the_voice_as_asked():
    """30 dB is 30 dB, within a decibel."""
    line = Line(LineFaults(snr_db=30, seed=1), speech_rms=4000)
    noise = decode(b"".join(line.frame(None, 0) for _ in range(200))).astype(float)
    assert 20 * np.log10(4000 / np.sqrt(np.mean(noise**2))) == pytest.approx(30, abs=1)


def test_a_clean_line_changes_nothing():
    """What the script says is what is sent, byte for byte."""
    line = Line(LineFaults(snr_db=None), 4000)
    assert line.frame(tone(0.02), 0) == tone(0.02)
    assert line.frame(None, 160) == b"\xff" * 160


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 300), st.integers(0, 5000))
def test_echo_comes_back_softer_at_its_time(delay_ms, sample):
    """`--echo 20,ms`: a tenth of the amplitude, that much later, once."""
    line = Line(LineFaults(snr_db=None, echo_db=20, echo_ms=delay_ms), 4000)
    line.heard(sample, encode(np.full(160, 8000, np.int16)))
    start = sample // 160 * 160
    sent = np.concatenate([decode(line.frame(None, at)) for at in range(start, start + 4000, 160)])
    loud = np.flatnonzero(np.abs(sent) > 100)
    assert len(loud) == 160
    assert start + loud[0] == sample + delay_ms * 8
    assert np.abs(sent).max() == pytest.approx(800, rel=0.1)


def test_lost_frames_are_a_share():
    """A seeded line is the same line again."""
    lost = [Line(LineFaults(loss=0.2, seed=5), 0).lost() for _ in range(3)]
    assert len(set(lost)) == 1
    line = Line(LineFaults(loss=0.2, seed=5), 0)
    assert 120 < sum(line.lost() for _ in range(1000)) < 280


def test_recording_puts_both_sides_on_one_time_line():
    """Left the caller, right the agent, equally long."""
    recording = Recording()
    recording.caller(0.001, b"\x01" * 8)
    recording.agent(0.003, b"\x02" * 8)
    caller, agent = recording.tracks()
    assert caller == b"\xff" * 8 + b"\x01" * 8 + b"\xff" * 16
    assert agent == b"\xff" * 24 + b"\x02" * 8


def test_a_repertoire_is_whole_frames_with_their_noise():
    """Every frame of a load is ready before the first call rings."""
    words = repertoire([tone(0.5) + b"\xff" * 100], snr_db=20)
    assert len(words.lines[0].frames) == 26
    assert {len(frame) for frame in words.lines[0].frames + words.noise} == {216}

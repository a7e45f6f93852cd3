"""From an engine's samples to telephone sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stella.adapters.bench import speech_like
from stella.adapters.embedded.shape import limited, telephone_sound, trimmed
from stella.adapters.embedded.voice import clauses, clean
from stella.audio import energy, mulaw


@pytest.mark.parametrize("loudness", [0.3, 0.6, 1.0])
def test_every_engine_comes_out_equally_loud(loudness: float) -> None:
    """A caller must not reach for the volume when the language changes."""
    pcm = (mulaw.decode(speech_like()) * loudness).astype(np.int16)
    assert -22.5 < energy.dbfs(telephone_sound(pcm, 8000)) < -17


def test_silence_around_speech_is_trimmed_to_60_ms() -> None:
    """Dead air before the first word is response time."""
    tone = (np.sin(np.arange(8000) * 0.5) * 8000).astype(np.int16)
    quiet = np.zeros(4000, np.int16)
    assert 8000 <= len(trimmed(np.concatenate([quiet, tone, quiet]))) <= 8000 + 2 * 560
    assert len(trimmed(quiet)) == 0
    assert telephone_sound(quiet, 16000) == b""


@given(arrays(np.float32, 200, elements=st.floats(-8, 8, width=32)))
def test_limited_sound_never_clips(samples: np.ndarray) -> None:
    """Clipping is heard as a crackle."""
    out = limited(samples)
    assert np.all(np.abs(out) <= 1.0)
    quiet = np.abs(samples) <= 0.7
    assert np.array_equal(out[quiet], samples[quiet])


def test_rates_are_changed_to_8_khz() -> None:
    """One engine speaks at 22.05 kHz, another at 16."""
    tone = (np.sin(np.arange(22050) * 0.2) * 8000).astype(np.int16)
    assert abs(len(telephone_sound(tone, 22050)) - 8000) < 200


def test_clean_text_is_plain() -> None:
    """What comes from a model is data, not orders to the engine."""
    assert clean("a\x00b\x1b[31m\u202ec\nd") == "a b [31m c d"
    assert clean("<speak>&amp;</speak>") == "<speak>&amp;</speak>"


def test_the_first_clause_is_short_and_nothing_is_lost() -> None:
    """The first is heard while the next is made."""
    text = "Yes, of course we really do. " * 20
    parts = clauses(text)
    assert len(parts[0][1]) < 60
    assert "".join(part for _, part in parts) == text
    assert parts[-1][0] == len(text.rstrip())


def test_a_clause_does_not_end_in_the_middle_of_an_abbreviation_or_a_date() -> None:
    """What belongs together is read together."""
    text = "Please come to our practice, on the 3. Dezember to Dr. Huber, or call the office of the ministry, Tel. 17."
    assert not any(part.rstrip().endswith(("3.", "Dr.", "Tel.")) for _, part in clauses(text))


def test_what_has_no_stops_is_cut_all_the_same() -> None:
    """Forty seconds of sound in one go would keep everybody else waiting."""
    assert max(len(part) for _, part in clauses("word " * 120)) < 200


@given(st.text(alphabet="ab ,.!1\n…", max_size=300))
def test_clauses_are_the_text(text: str) -> None:
    """The record cuts at their ends."""
    parts = clauses(text)
    assert "".join(part for _, part in parts) == text
    assert all(text[:end] == text[:end].rstrip() for end, _ in parts)

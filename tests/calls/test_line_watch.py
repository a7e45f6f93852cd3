"""What is told of how a line sounds, and that nearly always nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from stella.audio.mulaw import encode_float
from stella.calls.line_watch import LineWatch
from stella.conversation import events as on

MUSIC = encode_float(np.sin(np.arange(160) * 0.4) * 0.2)
NOISE = encode_float(np.random.default_rng(1).standard_normal(160) * 0.004)


def heard(*parts: tuple[bytes, int, bool]) -> list[on.LineSounded]:
    """What is told of frames: which, for how many seconds, and whether voice activity finds a voice in them."""
    told: list[on.Event] = []
    watch = LineWatch(told.append)
    for frame, seconds, voice in parts:
        watch.changed(speaking=voice)
        for _ in range(50 * seconds):
            watch.feed(frame)
    assert all(isinstance(event, on.LineSounded) for event in told)
    return [event for event in told if isinstance(event, on.LineSounded)]


def test_music_is_told_of_every_five_seconds_and_once_when_it_has_ended() -> None:
    """The core can tell how long it lasts, and that it is over."""
    told = heard((MUSIC, 10, False), (NOISE, 20, False))
    assert [(event.seconds, event.loud, event.voiced) for event in told] == [
        (pytest.approx(5.0), 1.0, 0.0), (pytest.approx(5.0), 1.0, 0.0), (pytest.approx(5.0), 0.0, 0.0),
    ]  # fmt: skip


def test_of_a_caller_and_of_a_quiet_line_nothing_is_told() -> None:
    """Most calls never hear of it: a voice is loud, too, and noise is not."""
    assert heard((MUSIC, 30, True), (NOISE, 30, False)) == []


def test_the_share_of_a_voice_is_that_of_the_time() -> None:
    """A word now and then in the music."""
    (told,) = heard((MUSIC, 4, False), (MUSIC, 1, True))
    assert told.voiced == pytest.approx(0.2)

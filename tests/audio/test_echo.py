"""Our own voice coming back is told from a caller who interrupts."""

import numpy as np
import pytest

from stella.audio.echo import EchoGuard
from stella.audio.mulaw import encode_float
from stella.audio.noise import white, with_echo

WINDOW = 1600
END = 12_000


def guarded(far, *, piece=160):
    """A guard that saw all of `far` played."""
    guard = EchoGuard()
    sound = encode_float(far)
    for at in range(0, len(sound), piece):
        guard.sent(sound[at : at + piece], at / 8000)
    return guard


def likelihood(far, heard, window=WINDOW):
    """What a guard says of the last stretch of `heard`."""
    return guarded(far).likelihood(encode_float(heard)[END - window : END], END / 8000)


def scene(seed, speak):
    """Two voices, and the echo of the first."""
    generator = np.random.default_rng(seed)
    far, near = speak(2, generator), speak(2, generator)
    echo = with_echo(np.zeros(len(far)), far, -20, generator.uniform(60, 580))
    return generator, far, near, echo


def local(sound):
    """The power of what is compared."""
    return float((sound[END - WINDOW : END] ** 2).mean())


@pytest.mark.parametrize("seed", range(20))
def test_an_echo_alone_is_recognised(seed, speak):
    """At -20 dB, any delay from 60 to 580 ms, over a line with noise: at least 0.6."""
    generator, far, _, echo = scene(seed, speak)
    assert likelihood(far, echo + white(len(far), generator) * 1e-3) >= 0.6


@pytest.mark.parametrize("seed", range(20))
def test_an_echo_bent_by_a_handset_is_recognised(seed, speak):
    """Loudspeaker, room and microphone are a filter of a millisecond or so."""
    _, far, _, echo = scene(seed, speak)
    bent = np.convolve(echo, [0.2, 0.7, 1.0, -0.4, 0.3, 0.1, -0.2])[: len(echo)]
    assert likelihood(far, bent) >= 0.6


@pytest.mark.parametrize("louder_db", [10, 15, 25])
@pytest.mark.parametrize("seed", range(20))
def test_a_caller_over_the_echo_is_not_taken_for_it(seed, louder_db, speak):
    """Ten decibels above the echo and more: at most 0.3, the interruption counts."""
    _, far, near, echo = scene(seed + 100, speak)
    if min(local(near), local(echo)) < 1e-8:
        pytest.skip("a pause of the made-up voice")
    gain = np.sqrt(10 ** (louder_db / 10) * local(echo) / local(near))
    assert likelihood(far, echo + near * gain) <= 0.3


@pytest.mark.parametrize("seed", range(20))
def test_a_caller_alone_is_no_echo(seed, speak):
    """Two voices at once resemble each other only by chance."""
    _, far, near, _ = scene(seed + 200, speak)
    assert likelihood(far, near) <= 0.1


def test_nothing_played_or_nothing_heard_is_no_echo(speak):
    """No sound, no likeness; and too little of it proves nothing."""
    _, far, near, _ = scene(1, speak)
    assert EchoGuard().likelihood(encode_float(near), 1.0) == 0.0
    assert likelihood(far, np.zeros(len(far))) == 0.0
    assert likelihood(far, near, window=100) == 0.0


def test_what_was_cleared_cannot_come_back(speak):
    """Sound the carrier dropped at an interruption was never played."""
    _, far, _, echo = scene(3, speak)
    sound = encode_float(echo)[END - WINDOW : END]
    guard = guarded(far, piece=8000)
    assert guard.likelihood(sound, END / 8000) >= 0.6
    guard.cleared(0.5)
    assert guard.likelihood(sound, END / 8000) == 0.0
    guard.cleared(-1.0)
    assert guard.likelihood(sound, END / 8000) == 0.0


def test_it_remembers_two_seconds(speak):
    """Memory per call stays small, however long the call."""
    generator = np.random.default_rng(9)
    guard = guarded(np.tile(speak(2, generator), 10))
    assert sum(len(piece) for _, piece in guard._played) <= 3 * 8000


def test_a_pure_tone_is_compared_without_failing():
    """Every delay fits a tone; the equations stay solvable and the answer between 0 and 1."""
    tone = np.sin(np.arange(16_000) * 2 * np.pi * 400 / 8000) * 0.1
    assert 0.0 <= likelihood(tone, tone * 0.1) <= 1.0
    assert 0.0 <= likelihood(np.full(16_000, 0.5), np.full(16_000, 0.1)) <= 1.0


def test_longer_sound_than_needed_is_shortened(speak):
    """The last 400 ms decide, whatever is handed over."""
    _, far, _, echo = scene(4, speak)
    assert guarded(far).likelihood(encode_float(echo)[:END], END / 8000) >= 0.6

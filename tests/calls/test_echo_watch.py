"""A caller is found under our own echo, and the echo alone never is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from stella.calls.echo_watch import AGAIN_S, EchoWatch, ended
from stella.conversation import events as on


def watched(run: Callable[..., Any], echoes: Iterable[float], *, ends_after: float = 1.0) -> list[on.Event]:
    """What is told of one stretch of voice activity in which each look finds the next of `echoes`."""
    told: list[on.Event] = []

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        looks = iter(echoes)
        watch = EchoWatch(lambda: next(looks), 0.6, loop.time, told.append)
        watch.changed(0.0, speaking=True)
        await asyncio.sleep(ends_after)
        watch.changed(loop.time(), speaking=False, level=-20.0)
        watch.close()

    run(listen())
    return told


def onsets(told: list[on.Event]) -> list[float]:
    """How far each onset was echo."""
    return [event.echo for event in told if isinstance(event, on.CallerStartedSpeaking)]


def test_a_caller_is_told_of_at_once_and_not_looked_at_again(run):
    """No second look, no later second onset."""
    told = watched(run, [0.1])
    assert onsets(told) == [0.1]
    assert isinstance(told[-1], on.CallerStoppedSpeaking)
    assert told[-1].level == -20.0


def test_an_echo_is_looked_at_until_it_ends(run):
    """One odd look on a consonant is no caller, and after the offset nobody looks any more."""
    told = watched(run, [0.9, 0.8, 0.2, 0.9, 0.2, *[0.9] * 20])
    assert onsets(told) == [0.9]
    assert isinstance(told[-1], on.CallerStoppedSpeaking)


def test_two_looks_in_a_row_that_find_more_than_echo_are_a_caller(run):
    """Voice activity was on already and says nothing: this is the only way to hear the interruption."""
    told = watched(run, [0.9, 0.9, 0.3, 0.2])
    assert onsets(told) == [0.9, 0.2]
    assert told[1].at == 3 * AGAIN_S - 2 * AGAIN_S


def test_late_frames_do_not_move_the_time_of_the_sound():
    """A busy moment of ours or of the network delays frames, and they then come in a bunch: the echo's delay stays."""
    even = [(1.0 + n / 50, bytes([n]) * 160) for n in range(20)]
    late = [(at if n < 12 or n == 19 else 1.379, frame) for n, (at, frame) in enumerate(even)]
    for frames in (even, late, even[:12] + [(9.9, frame) for _, frame in even[12:]]):
        sound, end = ended(frames)
        assert sound == b"".join(frame for _, frame in even)
        assert abs(end - 1.38) < 0.01
    assert ended([]) == (b"", float("inf"))

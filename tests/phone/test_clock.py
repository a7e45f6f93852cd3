"""One beat for all calls: no drift, no bursts, nobody left behind."""

import asyncio

import pytest

from stella.phone import clock
from stella.phone.clock import CallClock, Metronome, shared_metronome


class Loop:
    """An event loop whose time the test moves."""

    def __init__(self, monkeypatch):
        self.now, self.timers = 0.0, []
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)

    def call_later(self, delay, call):
        self.timers.append((self.now + delay, call))
        return self

    def cancel(self):
        self.timers.clear()

    def run(self, until, late=0.0):
        """Wake whoever is due, `late` seconds after it was."""
        while self.timers and self.timers[0][0] + late <= until:
            when, call = self.timers.pop(0)
            self.now = max(self.now, when + late)
            call()
        self.now = max(self.now, until)


@pytest.fixture
def loop(monkeypatch):
    """Time in the test's hands."""
    return Loop(monkeypatch)


def test_a_second_has_fifty_beats_even_if_every_wake_is_late(loop):
    """Lateness must not add up: that would be drift."""
    beats = []
    Metronome(loop, 1.0).join(lambda: beats.append(loop.now))
    loop.run(10.005, late=0.004)
    assert len(beats) == 500


def test_catching_up_never_bursts(loop):
    """After a stall at most three frames go at once."""
    beats = []
    Metronome(loop, 1.0).join(lambda: beats.append(round(loop.now, 6)))
    loop.run(0.1)
    loop.now = 0.5
    loop.run(1.0)
    assert len(beats) == 50
    assert max(beats.count(at) for at in set(beats)) == 3


def test_a_machine_that_slept_does_not_catch_up(loop):
    """The lost beats are counted instead."""
    beats = []
    metronome = Metronome(loop, 1.0)
    metronome.join(lambda: beats.append(loop.now))
    loop.run(0.1)
    loop.now = 100.0
    loop.run(100.1)
    assert metronome.lost > 4900
    assert len(beats) < 20


def test_the_last_to_leave_stops_the_clock(loop):
    """Nothing runs when nobody calls."""
    metronome = Metronome(loop, 1.0)
    leave_one, leave_two = metronome.join(lambda: None), metronome.join(lambda: None)
    leave_one()
    assert loop.timers
    leave_two()
    assert not loop.timers


async def test_all_calls_of_a_loop_share_one_metronome():
    """Two hundred timers for two hundred calls would be two hundred times the wakes."""
    assert shared_metronome(1.0) is shared_metronome(1.0)
    assert shared_metronome(1.0) is not shared_metronome(0.5)


async def test_virtual_time_moves_by_beats_and_sleep_alone():
    """Pace 0: a minute's pause takes no time, and no figure depends on the machine."""
    virtual = CallClock(0)
    await virtual.sleep(60)
    virtual.beat()
    await asyncio.sleep(0.01)
    assert virtual.now() == pytest.approx(60.02)

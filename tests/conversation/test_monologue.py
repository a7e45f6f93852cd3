"""A stretch of speech without a gap: bounded, and only where nobody else speaks."""

from __future__ import annotations

from scripted import NOW, asked, sounds, speaks, stage, taken

from stella.conversation import actions as do
from stella.conversation.monologue import Monologue
from stella.conversation.steps import DONE, NEVER

BOUND = 45.0 + 15.0


def test_who_never_stops_is_interrupted_after_a_while() -> None:
    """What was said so far is taken for all of it; from here on we do not listen until there is a gap."""
    floor = stage()
    part = speaks(floor)
    machine = Monologue(floor)
    assert machine.step() == NOW + BOUND
    floor.now = NOW + BOUND - 0.1
    assert machine.step() == NOW + BOUND
    assert not floor.talked_over
    floor.now = NOW + BOUND
    floor.ready_at = 3.0
    assert machine.step() == DONE
    assert taken(floor) == [do.FinishUtterance(part.utterance)]
    assert floor.talked_over
    assert not floor.hears
    assert floor.caller.stopped == floor.now
    assert part.due == floor.now + floor.policy.stt_deadline
    assert floor.ready_at is None
    assert machine.step() == NEVER


def test_a_turn_is_as_long_as_all_its_stretches() -> None:
    """Breaths do not make a speech shorter."""
    floor = stage()
    floor.caller.began = NOW - 10.0
    speaks(floor)
    assert Monologue(floor).step() == NOW - 10.0 + BOUND


def test_nobody_is_interrupted_who_does_not_speak() -> None:
    """Silence, an unheard voice, an utterance of a turn that has not begun."""
    floor = stage()
    assert Monologue(floor).step() == NEVER
    speaks(floor)
    floor.speaking = False
    assert Monologue(floor).step() == NEVER
    floor.speaking = True
    floor.caller.began = None
    assert Monologue(floor).step() == NEVER
    floor.caller.began = NOW
    floor.utterance = None
    assert Monologue(floor).step() == NEVER


def test_while_we_are_heard_the_case_decides_and_not_the_clock() -> None:
    """A reply that is only being thought of does not count as speaking."""
    floor = stage()
    asked(floor)
    speaks(floor)
    assert Monologue(floor).step() == NOW + BOUND
    sounds(floor)
    assert Monologue(floor).step() == NEVER

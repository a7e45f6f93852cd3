"""The keys of the caller on the floor: recorded, collected, and complete after a while."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.floor import Floor
from stella.conversation.steps import DONE, NEVER


class Keying:
    """What the caller keys, applied to the floor."""

    __slots__ = ("_floor",)

    def __init__(self, floor: Floor) -> None:
        """Listen for one conversation."""
        self._floor = floor

    def pressed(self, event: on.DigitPressed) -> None:
        """A key: it takes the floor at once, unless a question may not be talked over."""
        floor = self._floor
        stored = "x" if floor.expectation.masked else event.digit
        floor.order(do.RecordDigit(stored, floor.since_answer(floor.now)))
        floor.line.keyed()
        if floor.deaf():
            return
        mine = floor.mine
        if mine is not None and mine.interruptible:
            if mine.segments and not floor.playout.paused and not floor.played_out():
                floor.pause(floor.now)
            floor.give_up_turn()
        caller = floor.caller
        if caller.began is None:
            caller.began = floor.now
        expected = floor.expectation
        before = caller.digits
        caller.digits = floor.digits.pressed(event.digit, before, expected, floor.now)
        if len(caller.digits) > len(before):
            caller.stored_digits += "x" if expected.masked else event.digit
        floor.ready_at = None

    def step(self) -> float:
        """A silence between keys ends them."""
        floor = self._floor
        due = floor.digits.deadline()
        if due is None:
            return NEVER
        if floor.now < due:
            return due
        floor.digits.stop()
        floor.ready_at = None
        return DONE

"""Keys on the floor: recorded, collected, and stronger than a voice."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, fixed, sounds, stage, taken

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.floor import Floor
from stella.conversation.keying import Keying
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE, NEVER
from stella.domain.acts import ExpectAnswer
from stella.domain.consent import Preset


def key(floor: Floor, digit: str = "7") -> Keying:
    """One key is pressed."""
    machine = Keying(floor)
    machine.pressed(on.DigitPressed(digit))
    return machine


def test_a_key_is_recorded_with_its_time_and_kept() -> None:
    """It belongs to the caller's turn like a word."""
    floor = stage()
    floor.ready_at = 3.0
    key(floor, "7")
    assert taken(floor) == [do.RecordDigit("7", NOW)]
    assert (floor.caller.digits, floor.caller.stored_digits) == ("7", "7")
    assert floor.caller.began == NOW
    assert floor.ready_at is None


def test_a_masked_key_is_never_stored() -> None:
    """A PIN goes to the brain and nowhere else."""
    floor = stage()
    floor.expected = ExpectAnswer("digits", max_digits=4, masked=True)
    key(floor, "7")
    assert taken(floor) == [do.RecordDigit("x", NOW)]
    assert (floor.caller.digits, floor.caller.stored_digits) == ("7", "x")


def test_a_terminator_is_recorded_but_is_no_part_of_the_number() -> None:
    """It only ends it."""
    floor = stage()
    floor.expected = ExpectAnswer("number")
    key(floor, "1")
    key(floor, "#")
    assert (floor.caller.digits, floor.caller.stored_digits) == ("1", "1")
    assert do.RecordDigit("#", NOW) in taken(floor)


def test_the_turn_began_with_its_first_word_or_key() -> None:
    """A key behind words does not begin it anew."""
    floor = stage()
    floor.caller.began = 90.0
    key(floor)
    assert floor.caller.began == 90.0


def test_keys_over_a_question_that_may_not_be_talked_over_are_only_recorded() -> None:
    """It was not heard yet: no key can be its answer. Once it was, by the clock, one is."""
    floor = stage(Preset.ASK_RECORDING)
    fixed(floor, kind=Kind.CONSENT, interruptible=False)
    sounds(floor)
    key(floor, "1")
    assert taken(floor) == [do.RecordDigit("1", NOW)]
    assert floor.caller.digits == ""
    floor.now = NOW + 2.0
    key(floor, "1")
    assert floor.caller.digits == "1"
    assert floor.mine is not None


def test_a_key_takes_the_floor_without_a_window() -> None:
    """Nobody coughs a key: what is being said is cleared and dropped."""
    floor = stage()
    asked(floor)
    sounds(floor)
    key(floor)
    assert [type(order) for order in taken(floor)] == [
        do.RecordDigit, do.PausePlayout, do.RecordBargeIn, do.DropPlayout, do.CancelReply,
    ]  # fmt: skip
    assert floor.mine is None


def test_a_key_into_an_undecided_interruption_clears_only_once() -> None:
    """The voice was paused already."""
    floor = stage()
    asked(floor)
    sounds(floor)
    floor.pause(NOW)
    taken(floor)
    key(floor)
    assert do.PausePlayout not in [type(order) for order in taken(floor)]
    assert floor.mine is None


def test_a_key_after_all_was_heard_interrupts_nobody() -> None:
    """By the clock there is nothing to clear; no interruption is measured."""
    floor = stage()
    fixed(floor)
    sounds(floor)
    floor.now = NOW + 2.0
    key(floor)
    assert do.RecordBargeIn not in [type(order) for order in taken(floor)]


def test_a_key_while_the_brain_thinks_joins_the_question() -> None:
    """Nothing was said yet: words and key are put to the brain together."""
    floor = stage()
    asked(floor, "number seven")
    key(floor)
    assert [type(order) for order in taken(floor)] == [do.RecordDigit, do.CancelReply]
    assert (floor.caller.text, floor.caller.digits) == ("number seven", "7")


def test_what_was_expected_before_the_reply_counts_for_a_key_that_takes_it_back() -> None:
    """The reply had another expectation; it is void, and the one it answered to holds again."""
    floor = stage()
    floor.expected = ExpectAnswer("digits", max_digits=2, masked=True)
    asked(floor)
    key(floor)
    assert taken(floor)[0] == do.RecordDigit("7", NOW)
    assert floor.caller.stored_digits == "x"


def test_without_keys_there_is_no_time_to_wait_for() -> None:
    """Most calls have none."""
    assert Keying(stage()).step() == NEVER


@pytest.mark.parametrize(("expected", "patience"), [(ExpectAnswer(), 0.6), (ExpectAnswer("number"), 3.0)])
def test_a_silence_between_keys_ends_them(expected: ExpectAnswer, patience: float) -> None:
    """A short one where none were expected, a longer one inside a number."""
    floor = stage()
    floor.expected = expected
    machine = key(floor)
    assert machine.step() == NOW + patience
    floor.now = NOW + patience
    floor.ready_at = 3.0
    assert machine.step() == DONE
    assert floor.ready_at is None
    assert machine.step() == NEVER

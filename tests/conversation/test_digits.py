"""Keys: when a number is complete."""

from __future__ import annotations

from stella.conversation.digits import Digits
from stella.conversation.policy import Policy
from stella.domain.acts import ExpectAnswer

POLICY = Policy()


def test_keys_without_a_question_wait_a_moment_for_more() -> None:
    """One key is a choice, two may be a number."""
    digits = Digits(POLICY)
    assert digits.pressed("0", "", ExpectAnswer(), 1.0) == "0"
    assert digits.deadline() == 1.0 + POLICY.key_timeout
    digits.stop()
    assert digits.deadline() is None


def test_a_number_ends_when_full_terminated_or_left_alone() -> None:
    """The three ways a keyed number is over."""
    digits = Digits(POLICY)
    three = ExpectAnswer("digits", max_digits=3)
    assert digits.pressed("1", "", three, 1.0) == "1"
    assert digits.deadline() == 1.0 + POLICY.digit_timeout
    assert digits.pressed("2", "12", three, 2.0) == "122"
    assert digits.deadline() == 2.0
    assert digits.pressed("#", "12", ExpectAnswer("number"), 3.0) == "12"
    assert digits.deadline() == 3.0


def test_a_terminator_alone_is_a_key() -> None:
    """Who keys nothing but # said something with it."""
    digits = Digits(POLICY)
    assert digits.pressed("#", "", ExpectAnswer("number"), 3.0) == "#"
    assert digits.deadline() == 3.0


def test_a_full_number_needs_exactly_as_many_keys() -> None:
    """One fewer waits, one more changes nothing; without a bound nothing is full."""
    digits = Digits(POLICY)
    assert digits.pressed("2", "1", ExpectAnswer("digits", max_digits=3), 1.0) == "12"
    assert digits.deadline() == 1.0 + POLICY.digit_timeout
    assert digits.pressed("9", "12345678", ExpectAnswer("number"), 2.0) == "123456789"
    assert digits.deadline() == 2.0 + POLICY.digit_timeout


def test_another_terminator_and_none() -> None:
    """The question says which key ends a number; where it names another, # is a key."""
    digits = Digits(POLICY)
    star = ExpectAnswer("digits", terminator="*")
    assert digits.pressed("*", "12", star, 1.0) == "12"
    assert digits.deadline() == 1.0
    assert digits.pressed("#", "12", star, 1.0) == "12#"


def test_one_digit_asked_for_is_complete_with_one() -> None:
    """A menu answers at once, whatever kind of answer it said it expects."""
    digits = Digits(POLICY)
    assert digits.pressed("4", "", ExpectAnswer("open", max_digits=1), 1.0) == "4"
    assert digits.deadline() == 1.0

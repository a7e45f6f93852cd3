"""Silence, consent, digits, limits, policy: the small ones."""

from __future__ import annotations

import pytest

from stella.conversation.consent_gate import ConsentGate, Step
from stella.conversation.digits import Digits
from stella.conversation.limits import Limits
from stella.conversation.policy import Policy
from stella.conversation.silence import Silence
from stella.conversation.words import Answer
from stella.domain.acts import ExpectAnswer
from stella.domain.consent import Preset
from stella.domain.errors import ConfigError

POLICY = Policy()


def test_patience_grows_and_then_ends() -> None:
    """Each prompt waits longer than the one before; after the last it is time to go."""
    silence = Silence(POLICY)
    assert silence.deadline() is None
    silence.wait(1.0)
    silence.wait(2.0)
    assert silence.deadline() == 1.0 + POLICY.silence
    assert silence.climb(("there?",)) == "there?"
    silence.wait(10.0)
    assert silence.deadline() == 10.0 + POLICY.silence * POLICY.silence_growth
    assert silence.climb(("there?",)) is None
    silence.spoken()
    assert silence.rung == 0


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


def test_limits_warn_once_and_end_once() -> None:
    """In good time, then for good."""
    limits = Limits(Policy(call_s=100.0, warn_before_s=20.0), 10.0)
    assert limits.deadline(10.0) == 90.0
    assert not limits.warning(80.0)
    assert limits.deadline(91.0) == 110.0
    assert limits.warning(91.0)
    assert not limits.warning(92.0)
    assert not limits.over(109.0)
    assert limits.over(110.0)
    assert not limits.over(111.0)
    assert limits.deadline(111.0) is None


def test_a_warning_that_makes_no_sense_is_left_out() -> None:
    """A call shorter than its warning."""
    assert Limits(Policy(call_s=30.0, warn_before_s=60.0), 0.0).deadline(0.0) == 30.0


def test_the_gate_asks_at_most_twice() -> None:
    """And knows keys."""
    gate = ConsentGate(POLICY, Preset.ASK_RECORDING, asks=True)
    assert gate.deadline() is None
    assert gate.ask_again()
    assert not gate.ask_again()
    gate.asked(1.0)
    assert gate.deadline() == 1.0 + POLICY.consent_patience
    assert gate.judge("", "1") is Answer.YES
    assert gate.judge("", "2") is Answer.NO
    assert gate.judge("", "7") is Answer.UNCLEAR
    gate.close()
    assert gate.step is Step.CLOSED


def test_overrides_change_numbers() -> None:
    """An agent file sets what it names and leaves the rest."""
    changed = POLICY.with_overrides({"endpointing_min": 0.2, "endpointing_max": 0.2, "barge_in_decide": 0})
    assert (changed.endpointing_min, changed.barge_in_decide, changed.watchdog) == (0.2, 0.0, POLICY.watchdog)
    assert POLICY.with_overrides({}) == POLICY


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"endpointing_mim": 0.2}, "did you mean endpointing_min"),
        ({"xyzzy": 0.2}, "known are"),
        ({"endpointing_min": 99.0}, "from 0 to 5 (s)"),
        ({"endpointing_min": True}, "give a number"),
        ({"endpointing_min": float("nan")}, "give a number"),
        ({"endpointing_min": "1"}, "give a number"),
        ({"endpointing_min": 2.0}, "more than endpointing_max"),
    ],
)
def test_a_wrong_override_says_what_is_right(overrides: dict[str, float], says: str) -> None:
    """The name, the bounds, the mend."""
    with pytest.raises(ConfigError, match="policy: ") as caught:
        POLICY.with_overrides(overrides)
    assert says in str(caught.value)

"""Limits: a warning once, an end once."""

from __future__ import annotations

from stella.conversation.limits import Limits
from stella.conversation.policy import Policy


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


def test_a_call_without_a_warning_only_ends() -> None:
    """Zero warns nobody."""
    limits = Limits(Policy(call_s=100.0, warn_before_s=0.0), 0.0)
    assert limits.deadline(0.0) == 100.0
    assert not limits.warning(99.9)
    assert limits.over(100.0)


def test_the_bounds_themselves_are_decided() -> None:
    """At the very second of the warning it is due; a warning of no time, or of the whole call, is none."""
    limits = Limits(Policy(call_s=100.0, warn_before_s=20.0), 0.0)
    assert limits.deadline(80.0) == 100.0
    assert limits.warning(80.0)
    assert Limits(Policy(call_s=60.0, warn_before_s=60.0), 0.0).deadline(-1.0) == 60.0
    assert Limits(Policy(call_s=60.0, warn_before_s=0.5), 0.0).deadline(0.0) == 59.5
    none = Limits(Policy(call_s=60.0, warn_before_s=0.0), 0.0)
    assert not none.warning(60.0)

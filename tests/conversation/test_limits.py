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


def test_money_warns_once_and_is_then_spent() -> None:
    """Most of it, then all of it; what was told for money is not told again for time."""
    limits = Limits(Policy(call_s=100.0, warn_before_s=20.0, cost_warn=0.8), 0.0)
    limits.cost_grew(0.79)
    assert not limits.warning(1.0) and not limits.spent and not limits.warned
    limits.cost_grew(0.8)
    assert limits.warning(1.0) and limits.warned and not limits.warning(2.0)
    limits.cost_grew(0.95)
    assert not limits.warning(3.0) and not limits.warning(80.0)
    limits.cost_grew(1.0)
    assert limits.spent
    limits.cost_grew(0.5)
    assert limits.spent


def test_money_that_is_gone_at_once_warns_nobody_any_more() -> None:
    """Then the end itself says what happens."""
    limits = Limits(Policy(), 0.0)
    limits.cost_grew(1.4)
    assert limits.spent and not limits.warning(1.0) and not limits.warned
    assert not Limits(Policy(), 0.0).spent


def test_the_bounds_themselves_are_decided() -> None:
    """At the very second of the warning it is due; a warning of no time, or of the whole call, is none."""
    limits = Limits(Policy(call_s=100.0, warn_before_s=20.0), 0.0)
    assert limits.deadline(80.0) == 100.0
    assert limits.warning(80.0)
    assert Limits(Policy(call_s=60.0, warn_before_s=60.0), 0.0).deadline(-1.0) == 60.0
    assert Limits(Policy(call_s=60.0, warn_before_s=0.5), 0.0).deadline(0.0) == 59.5
    none = Limits(Policy(call_s=60.0, warn_before_s=0.0), 0.0)
    assert not none.warning(60.0)

"""Silence: patience that grows, and ends."""

from __future__ import annotations

from stella.conversation.policy import Policy
from stella.conversation.silence import Silence

POLICY = Policy()


def test_patience_grows_and_then_ends() -> None:
    """Each prompt waits longer than the one before; after the last it is time to go."""
    silence = Silence(POLICY)
    assert silence.wait(1.0) == 1.0 + POLICY.silence
    assert silence.wait(2.0) == 1.0 + POLICY.silence
    assert silence.climb(("there?",)) == "there?"
    assert silence.rung == 1
    assert silence.wait(10.0) == 10.0 + POLICY.silence * POLICY.silence_growth
    assert silence.climb(("there?",)) is None
    silence.spoken()
    assert silence.rung == 0


def test_a_prompt_that_was_heard_is_not_waited_for_twice() -> None:
    """Whoever speaks stops the clock; when it is quiet again it starts from then, not from before."""
    silence = Silence(POLICY)
    silence.wait(1.0)
    silence.stop()
    assert silence.wait(5.0) == 5.0 + POLICY.silence
    assert silence.climb(("one", "two")) == "one"
    assert silence.wait(20.0) == 20.0 + POLICY.silence * POLICY.silence_growth
    assert silence.climb(("one", "two")) == "two"
    assert silence.wait(40.0) == 40.0 + POLICY.silence * POLICY.silence_growth**2
    silence.spoken()
    assert silence.wait(50.0) == 50.0 + POLICY.silence

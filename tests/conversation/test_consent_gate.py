"""The gate of consent: asked at most twice, closed for good."""

from __future__ import annotations

from stella.conversation.consent_gate import ConsentGate, Step
from stella.conversation.policy import Policy
from stella.conversation.words import Answer
from stella.domain.consent import Preset

POLICY = Policy()


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


def test_a_gate_that_does_not_ask_is_closed() -> None:
    """A later leg of a call that has answered, or a preset without a question."""
    gate = ConsentGate(POLICY, Preset.DISCLOSE, asks=False)
    assert gate.step is Step.CLOSED
    assert gate.deadline() is None


def test_words_outweigh_nothing_and_keys_outweigh_words() -> None:
    """What was said is judged by its words where no key was pressed."""
    gate = ConsentGate(POLICY, Preset.ASK_RECORDING, asks=True)
    assert gate.judge("yes please", "") is Answer.YES
    assert gate.judge("no", "") is Answer.NO
    assert gate.judge("perhaps", "") is Answer.UNCLEAR
    assert gate.judge("no", "1") is Answer.YES
    assert gate.step is not Step.CLOSED
    gate.asked(1.0)
    assert gate.step is Step.WAITING


def test_asking_again_forgets_what_was_talked_over_and_asks() -> None:
    """Nothing carries over from the first question but that it was asked."""
    gate = ConsentGate(POLICY, Preset.ASK_RECORDING, asks=True)
    assert (gate.repeated, gate.overlapped, gate.step) == (False, False, Step.ASKING)
    gate.asked(1.0)
    gate.overlapped = True
    assert gate.ask_again() is True
    assert (gate.repeated, gate.overlapped, gate.step) == (True, False, Step.ASKING)
    assert gate.ask_again() is False

"""The gate of consent: asked at most twice, closed for good."""

from __future__ import annotations

from stella.conversation.consent_gate import YES_OR_NO, ConsentGate, Step
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


def test_a_gate_opens_asking_and_nothing_has_been_said_over_it() -> None:
    """It keeps the preset it records under."""
    gate = ConsentGate(POLICY, Preset.ASK_RECORDING, asks=True)
    assert (gate.step, gate.repeated, gate.overlapped, gate.preset) == (Step.ASKING, False, False, Preset.ASK_RECORDING)


def test_asking_again_begins_the_question_anew() -> None:
    """What was spoken over the first time does not count against the second; nothing is waited for until it was heard."""
    gate = ConsentGate(POLICY, Preset.ASK_RECORDING, asks=True)
    gate.asked(1.0)
    gate.overlapped = True
    assert gate.ask_again() is True
    assert (gate.step, gate.overlapped, gate.repeated) == (Step.ASKING, False, True)
    assert gate.deadline() is None
    assert gate.ask_again() is False


def test_a_key_outweighs_a_word_and_only_the_first_counts() -> None:
    """Who keys has decided."""
    gate = ConsentGate(POLICY, Preset.ASK_RECORDING, asks=True)
    assert gate.judge("no", "1") is Answer.YES
    assert gate.judge("yes", "21") is Answer.NO
    assert gate.judge("yes", "") is Answer.YES


def test_the_answer_may_be_one_key_or_a_word() -> None:
    """A single digit, without a terminator to wait for."""
    assert (YES_OR_NO.kind, YES_OR_NO.max_digits, YES_OR_NO.terminator, YES_OR_NO.masked) == ("yes-no", 1, "", False)

"""The answer to the consent question: recorded once, before anything that depends on it."""

from __future__ import annotations

import pytest
from scripted import NOW, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation.consent_gate import Step
from stella.conversation.consenting import Consenting
from stella.conversation.floor import Floor
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE, NEVER
from stella.domain.consent import Preset

PATIENCE = 6.0


def waiting() -> Floor:
    """The question was heard just now."""
    floor = stage(Preset.ASK_EVERYTHING)
    floor.gate.asked(NOW)
    return floor


@pytest.mark.parametrize(
    ("words", "keys", "answer", "by", "said"),
    [
        ("yes please", "", "yes", "speech", "consent_yes"), ("no thanks", "", "no", "speech", "consent_no"),
        ("", "1", "yes", "key", "consent_yes"), ("", "2", "no", "key", "consent_no"),
        ("no", "1", "yes", "key", "consent_yes"),
    ],
)  # fmt: skip
def test_an_answer_is_recorded_first_then_written_down_then_thanked_for(
    words: str, keys: str, answer: str, by: str, said: str
) -> None:
    """With how it was given; a key outweighs a word. Then comes the greeting."""
    floor = waiting()
    if words:
        utterance(floor, words)
    floor.caller.digits = floor.caller.stored_digits = keys
    Consenting(floor).answered()
    record, commit = taken(floor)
    assert record == do.RecordConsent("ask-everything", answer, by)
    assert isinstance(commit, do.CommitTurn)
    assert commit.turn.text == f"{words} {keys}".strip()
    assert floor.gate.step is Step.CLOSED
    assert floor.mine is not None
    assert floor.mine.kind is Kind.PHRASE
    assert list(floor.mine.outbox) == [getattr(floor.phrases, said), floor.phrases.greeting]
    assert floor.mine.interruptible
    assert floor.caller.empty


def test_an_unclear_answer_is_asked_for_once_more_and_then_a_no() -> None:
    """The second time nothing is asked; that nobody understood is no yes."""
    floor = waiting()
    utterance(floor, "pardon?")
    Consenting(floor).answered()
    [commit] = taken(floor)
    assert isinstance(commit, do.CommitTurn)
    assert commit.turn.text == "pardon?"
    assert floor.gate.step is Step.ASKING
    assert floor.mine is not None
    assert (floor.mine.kind, floor.mine.text()) == (Kind.CONSENT, floor.phrases.consent_unclear)
    assert not floor.mine.interruptible
    floor.mine = None
    floor.gate.asked(NOW)
    floor.caller.digits = "7"
    Consenting(floor).answered()
    assert taken(floor)[0] == do.RecordConsent("ask-everything", "no", "key")


def test_silence_becomes_a_no_in_its_time() -> None:
    """Nobody can be recorded who did not say yes."""
    floor = waiting()
    assert Consenting(floor).step() == NOW + PATIENCE
    assert taken(floor) == []
    floor.now = NOW + PATIENCE
    assert Consenting(floor).step() == DONE
    assert taken(floor) == [do.RecordConsent("ask-everything", "no", "silence")]
    assert Consenting(floor).step() == NEVER


def test_silence_after_somebody_spoke_over_the_question_is_no_answer_yet() -> None:
    """They answered before they were listened to: it is put once more."""
    floor = waiting()
    floor.gate.overlapped = True
    floor.now = NOW + PATIENCE
    assert Consenting(floor).step() == DONE
    assert taken(floor) == []
    assert floor.mine is not None
    assert floor.mine.text() == floor.phrases.consent_unclear
    floor.mine = None
    floor.gate.asked(floor.now)
    floor.gate.overlapped = True
    floor.now += PATIENCE
    assert Consenting(floor).step() == DONE
    assert taken(floor) == [do.RecordConsent("ask-everything", "no", "silence")]

"""What is said to a line that may not be a person's, and how it is let go."""

from __future__ import annotations

from typing import Any

from scripted import asked, stage, taken, utterance
from simulation import PHRASES, Call

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.consent_gate import Step
from stella.conversation.core import Conversation
from stella.conversation.doubting import Doubting
from stella.conversation.floor import Floor
from stella.conversation.line_kind import Kind as LineReason
from stella.conversation.policy import Policy
from stella.conversation.speaking import Kind
from stella.domain.call import EndedBy
from stella.domain.consent import Preset

PITCH = "Good morning, we have an offer for your company"
ANSWER = "We do not need anything."


def ring(reply: str = ANSWER, preset: Preset = Preset.DISCLOSE, **numbers: float) -> Call:
    """A call that was just answered."""
    streams = bool(numbers.pop("streams", 0.0))
    conversation = Conversation(Policy().with_overrides(numbers), PHRASES, preset)
    return Call(conversation, lambda _: [reply], streams=streams).answered()


def said(call: Call) -> list[str]:
    """What was said after the greeting."""
    return [each.text for each in call.orders(do.Say)][1:]


def repeated(times: int, **numbers: Any) -> Call:
    """A machine that speaks every five seconds, whatever it hears."""
    call = ring(**numbers)
    for place in range(times):
        call.speaks(2.0 + 5.0 * place, PITCH, 2.0)
    return call.run(120.0)


def test_another_machine_is_asked_once_and_then_let_go() -> None:
    """Three answers, the question, the farewell; the brain was not asked about the rest, and the record says why."""
    call = repeated(12)
    assert said(call) == [ANSWER] * 3 + [PHRASES.person_check, PHRASES.farewell]
    assert call.orders(do.RecordLine) == [do.RecordLine("repeats")]
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.AGENT)]
    assert [turn.heard_text for turn in call.conversation.turns if turn.speaker == "agent"][-2:] == [
        PHRASES.person_check,
        PHRASES.farewell,
    ]
    assert sum(turn.text == PITCH for turn in call.conversation.turns) == 5


def test_whoever_answers_before_the_question_ends_is_answered() -> None:
    """It cannot be talked over, so that a machine hears it whole; a person who says it at once must not be asked in vain."""
    call = ring()
    for place in range(4):
        call.speaks(2.0 + 5.0 * place, PITCH, 2.0)
    call.run(22.0)
    (asked_at,) = [at for at, action in call.log if isinstance(action, do.Say) and action.text == PHRASES.person_check]
    call.speaks(asked_at + 0.3, "Yes, I am here, what does it cost?", 1.0)
    call.run(60.0)
    assert [ask.text for ask in call.orders(do.AskBrain)][-1] == "Yes, I am here, what does it cost?"
    assert said(call)[-1] != PHRASES.farewell or not call.orders(do.RecordLine)


def test_a_reply_made_ready_for_a_machine_is_not_said() -> None:
    """Where replies are made ready ahead, the doubt comes first all the same."""
    call = repeated(12, speculate=1.0, streams=1.0)
    assert said(call) == [ANSWER] * 3 + [PHRASES.person_check, PHRASES.farewell]


def test_a_person_who_says_so_goes_on() -> None:
    """Other words, or any key."""
    call = ring()
    for place in range(4):
        call.speaks(2.0 + 5.0 * place, PITCH, 2.0)
    call.speaks(24.0, "Of course I am a person", 1.5).run(33.0)
    assert said(call)[3:] == [PHRASES.person_check, ANSWER]
    call = ring()
    for place in range(4):
        call.speaks(2.0 + 5.0 * place, PITCH, 2.0)
    call.keys(24.0, "1").speaks(29.0, PITCH, 2.0).run(37.0)
    assert said(call)[3:] == [PHRASES.person_check, ANSWER, ANSWER]


def test_music_is_asked_and_let_go_sooner_than_silence() -> None:
    """Nobody answers a hold melody for as long as a silent person is waited for."""
    call = ring(silence=30.0)
    for place in range(1, 30):
        call.at(5.0 * place, on.LineSounded(5.0, 0.97, 0.0))
    call.run(120.0)
    assert said(call) == [PHRASES.person_check, PHRASES.farewell]
    assert call.orders(do.RecordLine) == [do.RecordLine("music")]
    assert call.when(do.Say, 1) == 20.0


def test_a_radio_is_let_go() -> None:
    """It talks over every reply; the question it cannot talk over."""
    call = ring("This is a rather long answer to whatever it was that you have just said to me, my dear radio.")
    words = iter(f"word{number}" for number in range(200))
    for place in range(24):
        call.speaks(2.0 + 4.0 * place, " ".join(next(words) for _ in range(5)), 2.6)
    call.run(150.0)
    assert PHRASES.person_check in said(call)
    assert call.orders(do.RecordLine) == [do.RecordLine("never-stops")]
    assert said(call)[-1] == PHRASES.farewell
    assert call.conversation.turns[-1].heard_text == PHRASES.farewell


def test_nobody_is_doubted_before_the_consent_is_given() -> None:
    """The question comes first, and music does not answer it."""
    call = ring(preset=Preset.ASK_EVERYTHING, consent_patience=40.0)
    for place in range(1, 8):
        call.at(5.0 * place, on.LineSounded(5.0, 0.97, 0.0))
    call.run(38.0)
    assert not call.orders(do.RecordLine)
    assert PHRASES.person_check not in said(call)


# The machine by itself


def doubtful() -> Floor:
    """The same was said three times, and now once more."""
    floor = stage()
    for _ in range(3):
        floor.line.said(PITCH)
    utterance(floor, PITCH)
    return floor


def test_a_doubt_takes_the_floor_from_a_reply_that_is_being_made() -> None:
    """It is spoken out, and nobody talks over it; the caller's words are written down."""
    floor = doubtful()
    asked(floor)
    assert Doubting(floor).step(floor.caller)
    assert [type(order) for order in taken(floor)] == [do.CancelReply, do.CommitTurn]
    assert floor.mine is not None
    assert (floor.mine.kind, floor.mine.text(), floor.mine.interruptible) == (
        Kind.REPROMPT, PHRASES.person_check or PHRASES.no_match, False,
    )  # fmt: skip
    assert floor.caller.empty


def test_a_line_that_is_let_go_is_told_goodbye_which_nobody_talks_over() -> None:
    """And why is recorded first."""
    floor = doubtful()
    floor.line.asked(LineReason.REPEATS)
    assert Doubting(floor).step(floor.caller)
    assert do.RecordLine("repeats") in taken(floor)
    assert floor.mine is not None
    assert list(floor.mine.outbox) == [PHRASES.farewell, do.HangUp(EndedBy.AGENT)]
    assert floor.mine.closing


def test_who_keys_or_is_still_asked_for_consent_is_not_doubted() -> None:
    """A key is pressed by somebody; and the question has rules of its own."""
    floor = doubtful()
    floor.caller.digits = "1"
    assert not Doubting(floor).step(floor.caller)
    floor = doubtful()
    floor.gate.step = Step.ASKING
    assert not Doubting(floor).step(floor.caller)
    assert floor.mine is None
    assert taken(floor) == []

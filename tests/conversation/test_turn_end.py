"""The end of the caller's turn: when it is, and what then."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, fixed, sounds, speaks, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation.ahead import Ahead
from stella.conversation.barge_in import BargeIn
from stella.conversation.consent_gate import Step
from stella.conversation.consenting import Consenting
from stella.conversation.doubting import Doubting
from stella.conversation.floor import Floor
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE, NEVER
from stella.conversation.turn_end import TurnEnd
from stella.domain.acts import ExpectAnswer
from stella.domain.call import EndedBy
from stella.domain.consent import Preset


def machine(floor: Floor) -> TurnEnd:
    """The machine on this floor."""
    return TurnEnd(floor, Consenting(floor), Ahead(floor), Doubting(floor))


def ended(floor: Floor) -> float:
    """Ask the machine once."""
    return machine(floor).step()


def test_a_turn_ends_after_a_silence_and_is_put_to_the_brain() -> None:
    """Not before, and with all that was said."""
    floor = stage()
    floor.limits = None  # without any the brain is asked all the same
    utterance(floor, "hello there", ended=0.5)
    assert ended(floor) == pytest.approx(NOW - 0.5 + 0.7)
    assert taken(floor) == []
    floor.now = NOW + 0.2
    assert ended(floor) == DONE
    [order] = taken(floor)
    assert isinstance(order, do.AskBrain)
    assert (order.text, order.digits) == ("hello there", "")
    assert floor.caller.parts == []
    assert floor.mine is not None
    assert floor.mine.hold_until == 0.0


def test_how_long_the_silence_must_be_is_for_endpointing_to_say() -> None:
    """It is told the words, what is expected, how long the turn was, and what the ears judged."""
    floor = stage()
    utterance(floor, "my number is", ended=0.0)
    assert ended(floor) == NOW + floor.policy.endpointing_max
    floor = stage()
    utterance(floor, "hello there", ended=0.0).over = True
    assert ended(floor) == NOW + floor.policy.endpointing_min
    floor = stage()
    floor.expected = ExpectAnswer("yes-no")
    utterance(floor, "yes", ended=0.0)
    assert ended(floor) == NOW + floor.policy.endpointing_min
    floor = stage()
    utterance(floor, "hello there", ended=0.0)
    floor.caller.began = NOW - floor.policy.monologue
    assert ended(floor) == NOW + floor.policy.monologue_gap


@pytest.mark.parametrize(("streams", "longest"), [(True, True), (False, False)])
def test_a_comma_of_ears_that_hear_whole_utterances_means_nothing(streams: bool, longest: bool) -> None:
    """They put one for want of what follows; others put one because they heard more coming."""
    floor = stage()
    floor.streams = streams
    utterance(floor, "hello there, ;-", ended=0.0)
    assert (ended(floor) == NOW + floor.policy.endpointing_max) is longest


def test_the_ears_judgement_of_the_last_stretch_counts() -> None:
    """One of an earlier stretch was proven wrong by the next."""
    floor = stage()
    utterance(floor, "hello", 50).over = True
    utterance(floor, "there", 51, ended=0.0)
    assert ended(floor) == NOW + floor.policy.endpointing_usual


def test_once_reckoned_the_time_stands() -> None:
    """Until something new is known."""
    floor = stage()
    utterance(floor, "hello there", ended=0.0)
    floor.ready_at = NOW + 9.0
    assert ended(floor) == NOW + 9.0


def test_words_without_any_sound_are_a_turn_at_once() -> None:
    """Late ones, or of a carrier that gives words only."""
    for missing in ("stopped", "began"):
        floor = stage()
        utterance(floor, "hello")
        setattr(floor.caller, missing, None)
        assert ended(floor) == DONE
        assert taken(floor)


def test_keys_alone_are_a_turn() -> None:
    """At once: their own silence has been waited for; behind words the wait is that of the words."""
    floor = stage()
    floor.caller.digits = "12"
    assert ended(floor) == DONE
    [order] = taken(floor)
    assert isinstance(order, do.AskBrain)
    assert (order.text, order.digits) == ("", "12")
    floor = stage()
    floor.caller.digits, floor.caller.began, floor.caller.stopped = "12", NOW - 1.0, NOW
    assert ended(floor) == NOW + floor.policy.endpointing_usual


def test_a_turn_does_not_end_while_something_is_still_to_come() -> None:
    """Words, more speech, more keys, or anything at all."""
    floor = stage()
    assert ended(floor) == NEVER
    utterance(floor, None)
    assert ended(floor) == NEVER
    floor = stage()
    utterance(floor)
    speaks(floor)
    assert ended(floor) == NEVER
    floor = stage()
    utterance(floor)
    floor.caller.digits = floor.digits.pressed("1", "", floor.expectation, NOW)
    assert ended(floor) == NEVER
    assert taken(floor) == []


def test_keys_in_the_making_still_leave_the_words_their_time() -> None:
    """Whoever asks next is told when."""
    floor = stage()
    utterance(floor, ended=0.0)
    floor.caller.digits = floor.digits.pressed("1", "", floor.expectation, NOW)
    assert ended(floor) == NOW + floor.policy.endpointing_usual


def test_before_the_call_is_answered_and_in_an_open_case_nothing_ends() -> None:
    """There is nobody to answer yet, or the floor is disputed."""
    floor = stage(answered=False)
    utterance(floor)
    assert ended(floor) == NEVER
    floor = stage()
    utterance(floor)
    floor.case = BargeIn(floor.policy, NOW, NOW)
    assert ended(floor) == NEVER
    assert taken(floor) == []


def test_a_noise_is_no_turn() -> None:
    """It is forgotten, and nobody is asked."""
    floor = stage()
    utterance(floor, "")
    assert ended(floor) == DONE
    assert taken(floor) == []
    assert floor.caller.parts == []
    assert floor.mine is None


@pytest.mark.parametrize("why", ["lost", "interrupted"])
def test_a_noise_that_leaves_the_caller_waiting_is_owned_up_to(why: str) -> None:
    """We did not understand them, or stopped for nothing."""
    floor = stage()
    part = utterance(floor, "")
    if why == "lost":
        part.lost = True
    else:
        floor.interrupted = True
    assert ended(floor) == DONE
    assert floor.mine is not None
    assert floor.mine.kind is Kind.REPROMPT
    assert floor.mine.text() == floor.phrases.no_match
    assert not floor.interrupted


def test_a_noise_under_a_turn_of_ours_is_not_talked_about() -> None:
    """We are speaking."""
    floor = stage()
    mine = asked(floor)
    utterance(floor, "").lost = True
    assert ended(floor) == DONE
    assert floor.mine is mine


def test_a_lost_answer_to_the_consent_question_is_asked_for_once_more() -> None:
    """A noise is not; the silence goes on."""
    for lost in (True, False):
        floor = stage(Preset.ASK_RECORDING)
        floor.gate.asked(NOW)
        utterance(floor, "").lost = lost
        assert ended(floor) == DONE
        assert (floor.mine is not None) is lost
        if floor.mine is not None:
            assert floor.mine.text() == floor.phrases.consent_unclear


def test_an_answer_to_the_consent_question_is_judged_and_put_to_no_brain() -> None:
    """The gate is closed by it."""
    floor = stage(Preset.ASK_RECORDING)
    floor.gate.asked(NOW)
    utterance(floor, "yes please")
    assert ended(floor) == DONE
    assert do.RecordConsent("ask-recording", "yes", "speech") in taken(floor)
    assert floor.gate.step is Step.CLOSED


def test_a_turn_of_ours_that_may_not_be_talked_over_is_waited_for() -> None:
    """Words that came meanwhile are answered afterwards; whoever asks is told when they are ready."""
    floor = stage()
    mine = fixed(floor, "Goodbye.", interruptible=False)
    utterance(floor, ended=0.0)
    assert ended(floor) == NOW + floor.policy.endpointing_usual
    floor.now = NOW + 5.0
    assert ended(floor) == NEVER
    assert floor.mine is mine
    assert floor.caller.parts


@pytest.mark.parametrize("what", ["reply", "reprompt", "consequence"])
def test_a_turn_of_ours_that_can_give_way_does(what: str) -> None:
    """A reply of which nothing was heard, a re-prompt, and a consequence that waits to be heard."""
    floor = stage()
    if what == "reply":
        asked(floor, "first")
    elif what == "reprompt":
        fixed(floor, "Are you there?", kind=Kind.REPROMPT)
        sounds(floor, "Are you there?")
    else:
        fixed(floor, then=do.HangUp(EndedBy.AGENT))
        sounds(floor)
    before = floor.mine
    utterance(floor, "second")
    assert ended(floor) == DONE
    assert floor.mine is not None
    assert floor.mine is not before
    assert floor.mine.asked == (("first second" if what == "reply" else "second"), "")


def test_a_question_that_grew_is_not_asked_anew_for_money_that_is_used_up() -> None:
    """The reply gives way, and the words stay the caller's: they are written down with the goodbye."""
    floor = stage()
    asked(floor, "first")
    assert floor.limits is not None
    floor.limits.cost_grew(1.0)
    utterance(floor, "second")
    assert ended(floor) == DONE
    assert [type(order) for order in taken(floor)] == [do.CancelReply]
    assert floor.mine is None
    assert floor.caller.text == "first second"


@pytest.mark.parametrize("what", ["reply", "phrase"])
def test_a_turn_of_ours_that_is_heard_does_not_give_way_to_words_without_an_onset(what: str) -> None:
    """There was no interruption: they are answered when we are done."""
    floor = stage()
    if what == "reply":
        asked(floor)
    else:
        fixed(floor)
    sounds(floor)
    mine = floor.mine
    utterance(floor, "second")
    assert ended(floor) == NEVER
    assert floor.mine is mine


def test_a_reply_may_be_made_ready_before_the_silence_is_over() -> None:
    """Where the policy speculates: asked at once, heard when the turn is over."""
    floor = stage(speculate=1.0)
    utterance(floor, ended=0.0)
    assert ended(floor) == DONE
    assert floor.mine is not None
    assert floor.mine.hold_until == NOW + floor.policy.endpointing_usual


@pytest.mark.parametrize("why", ["keys", "gate", "reprompt"])
def test_nothing_is_asked_early_where_it_could_not_stand(why: str) -> None:
    """Keys may follow; a consent is judged, not guessed; a re-prompt that sounds gives way to whole turns only."""
    floor = stage(Preset.ASK_RECORDING if why == "gate" else Preset.DISCLOSE, speculate=1.0)
    utterance(floor, ended=0.0)
    if why == "keys":
        floor.caller.digits = "1"
    elif why == "gate":
        floor.gate.asked(NOW)
    else:
        fixed(floor, kind=Kind.REPROMPT)
        sounds(floor)
    taken(floor)
    assert NOW < ended(floor) < NEVER
    assert taken(floor) == []


def test_a_reply_that_gives_way_early_is_asked_anew() -> None:
    """Nothing of it was heard yet."""
    floor = stage(speculate=1.0)
    asked(floor, "first")
    utterance(floor, "second", ended=0.0)
    assert ended(floor) == DONE
    assert floor.mine is not None
    assert floor.mine.asked == ("first second", "")


def guessed(floor: Floor, text: str) -> Ahead:
    """The brain was asked ahead with these words."""
    ahead = Ahead(floor)
    part = utterance(floor, None, guess=text, ended=2.0)
    ahead.changed()
    ahead.settled()
    assert ahead.step() == DONE
    part.text = text
    taken(floor)
    return ahead


def test_a_reply_that_was_asked_ahead_with_these_words_is_taken() -> None:
    """Nobody is asked twice, and the turn is no longer the caller's."""
    floor = stage(speculate=1.0)
    ahead = guessed(floor, "what are your hours")
    mine = floor.mine
    assert TurnEnd(floor, Consenting(floor), ahead, Doubting(floor)).step() == DONE
    assert floor.mine is mine
    assert mine is not None
    assert not mine.provisional
    assert mine.answers is not None
    assert taken(floor) == []
    assert floor.caller.parts == []


def test_a_reply_that_was_asked_ahead_with_other_words_is_thrown_away() -> None:
    """What was really said is asked."""
    floor = stage(speculate=1.0)
    ahead = guessed(floor, "what are your hours")
    floor.caller.parts[0].text = "what are your prices"
    assert TurnEnd(floor, Consenting(floor), ahead, Doubting(floor)).step() == DONE
    assert [type(order) for order in taken(floor)] == [do.CancelReply, do.AskBrain]
    assert floor.counts["discarded"] == 1


def test_a_reply_that_was_asked_ahead_for_nothing_is_thrown_away() -> None:
    """The ears thought they heard something."""
    floor = stage(speculate=1.0)
    ahead = guessed(floor, "what are your hours")
    floor.caller.parts[0].text = ""
    assert TurnEnd(floor, Consenting(floor), ahead, Doubting(floor)).step() == DONE
    assert floor.mine is None
    assert [type(order) for order in taken(floor)] == [do.CancelReply]


def test_a_turn_that_gives_reason_to_doubt_a_person_is_not_put_to_the_brain() -> None:
    """The line is asked instead, when the turn is over and not before, also where a reply might be made ready."""
    floor = stage(speculate=1.0)
    for _ in range(5):
        floor.line.answered(cut=True)
    utterance(floor, "and now the weather", ended=0.5)
    ready = ended(floor)
    assert ready == pytest.approx(NOW - 0.5 + 0.7)
    assert taken(floor) == []
    floor.now = ready
    assert ended(floor) == DONE
    assert floor.mine is not None
    assert list(floor.mine.outbox) == [floor.phrases.person_check]
    assert do.AskBrain not in [type(order) for order in taken(floor)]

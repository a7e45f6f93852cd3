"""An interruption on the floor: paused, judged, and either cut or gone on with."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, fixed, sounds, speaks, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation.barge_in import BargeIn, Verdict
from stella.conversation.floor import Floor
from stella.conversation.interrupting import Interrupting
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE, NEVER
from stella.domain.acts import ExpectAnswer
from stella.domain.call import EndedBy
from stella.domain.ids import UtteranceId

ONE = UtteranceId(1)


def interrupted(floor: Floor, machine: Interrupting | None = None) -> BargeIn:
    """The caller has begun to speak over the turn under way."""
    part = speaks(floor)
    assert floor.mine is not None
    (machine or Interrupting(floor)).open(floor.mine, part.utterance, floor.now)
    assert floor.case is not None
    return floor.case


def replying(floor: Floor, left: float = 2.0) -> Floor:
    """A reply of which so much is still to be heard."""
    asked(floor)
    sounds(floor, seconds=left)
    return floor


def answers(case: BargeIn) -> bool:
    """Whether a "yes" would be taken for an answer rather than for listening."""
    case.stopped(NOW + 0.4, NOW + 0.4)
    return case.understood(ONE, "yes") is Verdict.TURN


def test_a_case_is_opened_with_a_pause() -> None:
    """Paused while undecided, and never otherwise."""
    floor = replying(stage())
    interrupted(floor)
    assert [type(order) for order in taken(floor)] == [do.PausePlayout, do.RecordBargeIn]
    assert floor.playout.paused


def test_a_window_of_nothing_cuts_at_once() -> None:
    """As the benchmark wants it: no case, no doubt."""
    floor = replying(stage(barge_in_decide=0.0))
    assert floor.mine is not None
    Interrupting(floor).open(floor.mine, ONE, NOW)
    assert [type(order) for order in taken(floor)][-2:] == [do.DropPlayout, do.CancelReply]
    assert floor.case is None
    assert floor.mine is None


@pytest.mark.parametrize(("left", "ended", "kind", "answer"), [
    (0.75, True, "open", True), (0.8, True, "open", False), (0.75, False, "open", False),
    (2.25, True, "yes-no", True), (2.3, True, "yes-no", False), (2.25, False, "yes-no", True),
])  # fmt: skip
def test_near_the_end_a_yes_is_an_answer(left: float, ended: bool, kind: str, answer: bool) -> None:
    """With little left to hear, of a turn that is complete; much earlier where a yes or a no was asked for."""
    floor = replying(stage(early_answer=0.75), left)
    assert floor.mine is not None
    floor.mine.ended = ended
    floor.expected = ExpectAnswer(kind)
    assert answers(interrupted(floor)) is answer


def test_with_a_sentence_still_to_be_said_a_yes_is_listening() -> None:
    """However little of the present one is left."""
    floor = replying(stage(), 0.1)
    assert floor.mine is not None
    floor.mine.ended = True
    floor.mine.outbox.append("One more thing.")
    assert not answers(interrupted(floor))


def test_into_a_goodbye_said_for_silence_everything_is_an_answer() -> None:
    """We thought nobody was there: whatever they say, somebody is."""
    floor = stage()
    fixed(floor, kind=Kind.FAREWELL, then=do.HangUp(EndedBy.SILENCE))
    sounds(floor, seconds=9.0)
    assert answers(interrupted(floor))


def test_into_the_goodbye_of_a_reply_a_goodbye_is_politeness() -> None:
    """It does not keep the line open; a question does."""
    floor = replying(stage(), 9.0)
    assert floor.mine is not None
    floor.mine.outbox.append(do.HangUp(EndedBy.AGENT))
    case = interrupted(floor)
    case.stopped(NOW + 0.4, NOW + 0.4)
    assert case.understood(ONE, "thank you, goodbye") is Verdict.RESUME


def test_what_the_ears_have_shown_is_told_to_the_case() -> None:
    """Ears that give words while somebody speaks are believed."""
    floor = replying(stage())
    floor.streams = True
    case = interrupted(floor)
    case.stopped(NOW + 0.3, NOW + 0.3)
    assert case.understood(ONE, "Anna") is Verdict.TURN


def test_how_loud_the_caller_is_is_learnt_slowly() -> None:
    """The first turn is all that is known; a later one counts for three tenths."""
    for levels, loud, quiet in (((-20.0,), -14.0, -14.1), ((-20.0, -10.0), -11.0, -11.1)):
        for level, brief in ((loud, False), (quiet, True)):
            floor = replying(stage())
            machine = Interrupting(floor)
            for each in levels:
                machine.learn(each)
            case = interrupted(floor, machine)
            case.stopped(NOW + 0.3, NOW + 0.3, level)
            assert case.brief is brief


def test_a_turn_takes_the_floor() -> None:
    """What we had still to say is dropped, and the end of theirs is reckoned anew."""
    floor = replying(stage())
    interrupted(floor)
    floor.ready_at = 3.0
    taken(floor)
    Interrupting(floor).rule(Verdict.TURN)
    assert [type(order) for order in taken(floor)] == [do.DropPlayout, do.CancelReply]
    assert floor.mine is None
    assert floor.case is None
    assert floor.ready_at is None


def test_while_the_evidence_is_thin_nothing_happens() -> None:
    """The case stays open."""
    floor = replying(stage())
    case = interrupted(floor)
    floor.ready_at = 3.0
    taken(floor)
    Interrupting(floor).rule(Verdict.WAIT)
    assert taken(floor) == []
    assert floor.case is case
    assert floor.ready_at == 3.0


def test_after_nothing_we_go_on_where_we_were_heard() -> None:
    """The noise is forgotten, and the silence counted from now."""
    floor = replying(stage())
    part = speaks(floor)
    assert floor.mine is not None
    Interrupting(floor).open(floor.mine, part.utterance, NOW)
    part.text = ""
    floor.now = NOW + 1.0
    floor.ready_at = 3.0
    taken(floor)
    Interrupting(floor).rule(Verdict.RESUME)
    [order] = taken(floor)
    assert order == do.ResumePlayout(floor.mine.segments[0].segment, 0.0, exact=True)
    assert floor.counts == {"coughs": 1}
    assert floor.case is None
    assert floor.caller.parts == []
    assert floor.caller.began is None
    assert floor.progress_at == NOW + 1.0
    assert floor.ready_at is None
    assert floor.late == {}


def test_with_all_of_it_heard_there_is_nothing_to_go_on_with() -> None:
    """The shell is told to forget what it holds."""
    floor = replying(stage())
    interrupted(floor)
    assert floor.mine is not None
    floor.mine.segments[0].heard = 2.0
    taken(floor)
    Interrupting(floor).rule(Verdict.RESUME)
    assert taken(floor) == [do.DropPlayout()]


def test_a_backchannel_is_counted_as_one() -> None:
    """Words that wanted nothing."""
    floor = replying(stage())
    part = speaks(floor)
    assert floor.mine is not None
    Interrupting(floor).open(floor.mine, part.utterance, NOW)
    part.text = "mhm"
    Interrupting(floor).rule(Verdict.RESUME)
    assert floor.counts == {"backchannels": 1}


def test_words_that_are_still_to_come_are_remembered() -> None:
    """Taken for a cough now; if a "stop" comes of it, it is heard. With the ears they are, a hum is known as one."""
    for ears, brief in ((False, {ONE}), (True, set())):
        floor = replying(stage())
        machine = Interrupting(floor)
        floor.streams = ears
        case = interrupted(floor, machine)
        case.stopped(NOW + 0.3, NOW + 0.3)
        assert floor.mine is not None
        machine.rule(Verdict.RESUME)
        assert floor.late == {ONE: floor.mine.turn}
        assert floor.brief == brief


def test_what_was_said_before_the_interruption_stays() -> None:
    """Only what belongs to the case is dropped."""
    for keep in ("words", "keys"):
        floor = replying(stage())
        if keep == "words":
            utterance(floor, "and Sunday")
        else:
            floor.caller.digits = "7"
        interrupted(floor)
        began = floor.caller.began
        Interrupting(floor).rule(Verdict.RESUME)
        assert floor.caller.began == began
        assert [part.text for part in floor.caller.parts] == (["and Sunday"] if keep == "words" else [])


def test_without_a_case_there_is_no_time_to_wait_for() -> None:
    """Nobody interrupts."""
    assert Interrupting(stage()).step() == NEVER


def test_an_open_case_is_weighed_in_its_time_and_not_before() -> None:
    """Speech that goes on to the end of the window is a turn."""
    floor = replying(stage())
    machine = Interrupting(floor)
    case = interrupted(floor, machine)
    assert machine.step() == case.deadline() > NOW
    assert floor.case is case
    floor.now = case.deadline()
    assert machine.step() == DONE
    assert floor.mine is None


def test_a_resumption_without_a_case_harms_nobody() -> None:
    """What the caller said otherwise stays theirs."""
    floor = replying(stage())
    utterance(floor, "words")
    Interrupting(floor).rule(Verdict.RESUME)
    assert len(floor.caller.parts) == 1

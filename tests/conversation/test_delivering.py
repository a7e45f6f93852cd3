"""A turn of ours on its way to the ear: said in order, followed up, written down."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, fixed, hears_out, sounds, speaks, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation.barge_in import BargeIn
from stella.conversation.consent_gate import Step
from stella.conversation.delivering import Delivering
from stella.conversation.floor import Floor
from stella.conversation.mending import Mending
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE, NEVER
from stella.conversation.switching import Switching
from stella.conversation.watchdog import Watchdog
from stella.domain.call import EndedBy
from stella.domain.consent import Preset
from stella.domain.ids import Mark

BYE = do.HangUp(EndedBy.AGENT)
WATCHDOG = 4.0


def step(floor: Floor) -> float:
    """Ask the machine once."""
    return Delivering(floor, Switching(floor), Watchdog(floor, Mending(floor))).step()


def complete(floor: Floor, text: str = "One two three.") -> None:
    """A reply with this sentence is complete and was sent."""
    asked(floor)
    sounds(floor, text)
    assert floor.mine is not None
    floor.mine.ended = True


def cut(floor: Floor) -> Mark:
    """A reply that was heard was cut; the truth about it is under way. The fence that will bring it."""
    asked(floor)
    sounds(floor)
    floor.give_up_turn()
    [fence] = [order.fence for order in taken(floor) if isinstance(order, do.PausePlayout)]
    assert floor.cut is not None
    return fence


def test_with_nothing_to_say_nothing_is_due() -> None:
    """Silence is not ours."""
    assert step(stage()) == NEVER


def test_sentences_leave_one_after_the_other() -> None:
    """Each is an order of its own, so that the voice can begin."""
    floor = stage()
    fixed(floor, "One.", "Two.")
    assert step(floor) == DONE
    assert step(floor) == DONE
    assert [order.text for order in taken(floor) if isinstance(order, do.Say)] == ["One.", "Two."]
    assert step(floor) == NOW + WATCHDOG


def test_the_silence_of_a_brain_is_watched() -> None:
    """Whoever has nothing to say yet is not forgotten."""
    floor = stage()
    asked(floor)
    assert step(floor) == NOW + WATCHDOG
    floor.now = NOW + WATCHDOG
    assert step(floor) == DONE
    assert floor.counts["watchdog"] == 1


def test_no_sentence_leaves_while_the_floor_is_not_ours() -> None:
    """The caller speaks, or their words are on the way."""
    floor = stage()
    fixed(floor, "One.")
    part = speaks(floor)
    assert step(floor) == NEVER
    floor.speaking = False
    assert step(floor) == NEVER
    part.text = ""
    assert step(floor) == DONE


def test_a_reply_that_is_held_back_leaves_in_its_time() -> None:
    """It was made ready early."""
    floor = stage()
    mine = asked(floor, hold_until=NOW + 0.5)
    mine.outbox.append("One.")
    assert step(floor) == NOW + 0.5
    assert taken(floor) == []
    floor.now = NOW + 0.5
    assert step(floor) == DONE


def test_a_turn_that_was_heard_is_written_down() -> None:
    """And the floor is free."""
    floor = stage()
    complete(floor)
    assert step(floor) == NOW + 2.0 + floor.policy.mark_patience
    hears_out(floor)
    assert step(floor) == DONE
    [commit] = taken(floor)
    assert isinstance(commit, do.CommitTurn)
    assert (commit.turn.heard_text, commit.turn.interrupted) == ("One two three.", False)
    assert floor.mine is None
    assert floor.playout.all_sent


def test_marks_that_never_come_are_not_waited_for_for_ever() -> None:
    """What is proven is written down, and no more."""
    floor = stage()
    complete(floor)
    floor.now = NOW + 2.0 + floor.policy.mark_patience
    assert step(floor) == DONE
    [commit] = taken(floor)
    assert isinstance(commit, do.CommitTurn)
    assert commit.turn.heard_text == ""
    assert floor.mine is None


def test_a_turn_is_not_over_while_its_end_is_still_to_be_sent() -> None:
    """The voice is at work; that it does not hang is watched."""
    floor = stage()
    asked(floor)
    sounds(floor, upto=0.5)
    assert floor.mine is not None
    floor.mine.ended = True
    assert step(floor) == NOW + 0.5 + WATCHDOG


def test_a_turn_is_not_over_while_an_interruption_is_undecided() -> None:
    """It may have to go on."""
    floor = stage()
    complete(floor)
    hears_out(floor)
    floor.case = BargeIn(floor.policy, NOW, NOW)
    assert step(floor) == NEVER
    assert floor.mine is not None


def test_a_turn_is_not_over_while_more_may_come_of_it() -> None:
    """The brain has not ended."""
    floor = stage()
    asked(floor)
    sounds(floor)
    hears_out(floor)
    assert step(floor) == NOW + 2.0 + WATCHDOG
    assert floor.mine is not None


def test_the_consent_question_that_was_heard_is_open() -> None:
    """From now on whatever comes is an answer."""
    floor = stage(Preset.ASK_RECORDING)
    fixed(floor, kind=Kind.CONSENT, interruptible=False)
    sounds(floor)
    hears_out(floor)
    assert step(floor) == DONE
    assert floor.gate.step is Step.WAITING
    assert floor.gate.deadline() == floor.now + floor.policy.consent_patience


def test_another_turn_opens_no_question() -> None:
    """The gate stays where it is."""
    floor = stage(Preset.ASK_RECORDING)
    complete(floor)
    hears_out(floor)
    step(floor)
    assert floor.gate.step is Step.ASKING


def test_after_a_reply_to_a_caller_who_never_stopped_we_listen_again() -> None:
    """We had talked over them. After a phrase of ours we had not."""
    for reply in (True, False):
        floor = stage()
        if reply:
            complete(floor)
        else:
            fixed(floor)
            sounds(floor)
        floor.speaking = floor.talked_over = True
        hears_out(floor)
        assert step(floor) == DONE
        assert floor.hears is reply


def test_a_consequence_waits_until_everything_before_it_was_heard() -> None:
    """Nobody is hung up on in the middle of a goodbye."""
    floor = stage()
    fixed(floor, kind=Kind.FAREWELL, then=BYE)
    sounds(floor)
    assert step(floor) == NOW + 2.0 + floor.policy.mark_patience
    assert floor.left is None
    hears_out(floor)
    assert step(floor) == DONE
    assert taken(floor)[-1] == BYE
    assert floor.left == BYE


def test_a_consequence_of_a_goodbye_that_is_still_being_made_waits_too() -> None:
    """And the voice is watched meanwhile."""
    floor = stage()
    fixed(floor, kind=Kind.FAREWELL, then=BYE)
    sounds(floor, upto=0.5)
    assert step(floor) == NOW + 0.5 + WATCHDOG


def test_a_consequence_whose_marks_are_lost_follows_all_the_same() -> None:
    """A call that cannot end is worse than a goodbye that cannot be proven."""
    floor = stage()
    fixed(floor, kind=Kind.FAREWELL, then=BYE)
    sounds(floor)
    floor.now = NOW + 2.0 + floor.policy.mark_patience
    assert step(floor) == DONE
    assert floor.left == BYE


def test_a_language_is_changed_on_the_line_and_waited_for() -> None:
    """Nothing is said until it was, or until patience ends."""
    floor = stage()
    mine = asked(floor)
    mine.outbox.extend([do.SwitchLanguage("en"), "And on."])
    floor.now = NOW + 1.0
    assert step(floor) == DONE
    assert taken(floor) == [do.SwitchLanguage("en")]
    assert floor.left is None
    assert step(floor) == NOW + 1.0 + floor.policy.switch_patience
    floor.now += floor.policy.switch_patience
    assert step(floor) == DONE
    assert step(floor) == DONE
    assert [type(order) for order in taken(floor)] == [do.Say]


def test_a_cut_turn_is_written_down_when_the_truth_is_in() -> None:
    """The fence came back: nothing more can be proven of it."""
    floor = stage()
    fence = cut(floor)
    assert step(floor) == NOW + floor.policy.mark_patience
    floor.playout.returned(fence, NOW)
    assert step(floor) == DONE
    [commit] = taken(floor)
    assert isinstance(commit, do.CommitTurn)
    assert commit.turn.interrupted
    assert step(floor) == NEVER


def test_a_cut_turn_is_written_down_in_its_time_though_the_truth_never_comes() -> None:
    """A carrier that loses fences holds up no record."""
    floor = stage()
    cut(floor)
    floor.now = NOW + floor.policy.mark_patience
    assert step(floor) == DONE
    assert [type(order) for order in taken(floor)] == [do.CommitTurn]


@pytest.mark.parametrize(("hold", "due"), [(1.0, 1.0), (3.0, 2.0)])
def test_a_cut_turn_does_not_hold_up_the_next(hold: float, due: float) -> None:
    """The sooner of the two is waited for."""
    floor = stage()
    cut(floor)
    fixed(floor, kind=Kind.REPLY).hold_until = NOW + hold
    assert floor.mine is not None
    floor.mine.ended = False
    assert step(floor) == NOW + due


def test_a_reply_with_more_words_of_the_caller_before_it_does_not_begin() -> None:
    """They join the question first."""
    floor = stage()
    mine = asked(floor)
    mine.outbox.append("One.")
    utterance(floor, "and another")
    assert step(floor) == NEVER

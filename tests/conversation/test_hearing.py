"""The caller's side: in which order its machines are asked, and a stream that breaks."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, sounds, speaks, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.consenting import Consenting
from stella.conversation.doubting import Doubting
from stella.conversation.floor import Floor
from stella.conversation.hearing import Hearing
from stella.conversation.steps import DONE, NEVER


def hearing(floor: Floor) -> Hearing:
    """The machine on this floor."""
    return Hearing(floor, Consenting(floor), Doubting(floor))


def test_from_a_caller_who_does_nothing_nothing_is_due() -> None:
    """Nobody is asked at all."""
    assert hearing(stage()).step() == NEVER


def test_the_earliest_of_what_is_waited_for_is_named() -> None:
    """Words, keys, a monologue or the end of the turn."""
    floor = stage()
    utterance(floor, None).due = NOW + 3.0
    assert hearing(floor).step() == NOW + 3.0
    floor.digits.pressed("1", "", floor.expectation, NOW)
    assert hearing(floor).step() == pytest.approx(NOW + 0.6)
    floor = stage()
    speaks(floor)
    assert hearing(floor).step() == NOW + 60.0
    floor = stage()
    utterance(floor, ended=0.0)
    assert hearing(floor).step() == NOW + 0.7


def test_lost_words_come_before_the_end_of_the_turn() -> None:
    """What is missing is given up first; then it is asked what the turn says."""
    floor = stage()
    utterance(floor, "hello", 51)
    utterance(floor, None).due = NOW
    machine = hearing(floor)
    assert machine.step() == DONE
    assert floor.counts == {"lost": 1}
    assert taken(floor) == []
    assert machine.step() == DONE
    assert [type(order) for order in taken(floor)] == [do.AskBrain]


def test_keys_alone_are_ended_and_answered() -> None:
    """There is no word to wait for."""
    floor = stage()
    machine = hearing(floor)
    machine.keys.pressed(on.DigitPressed("7"))
    taken(floor)
    assert machine.step() == pytest.approx(NOW + 0.6)
    floor.now = machine.step()
    assert machine.step() == DONE
    assert taken(floor) == []
    assert machine.step() == DONE
    assert [type(order) for order in taken(floor)] == [do.AskBrain]


def test_in_an_open_case_the_case_is_waited_for() -> None:
    """And the words and keys that decide it; the turn does not end before."""
    floor = stage()
    asked(floor)
    sounds(floor)
    machine = hearing(floor)
    machine.onsets.started(on.CallerStartedSpeaking(NOW))
    assert floor.case is not None
    assert machine.step() == floor.case.deadline()
    machine.onsets.stopped(on.CallerStoppedSpeaking(NOW + 0.5))
    floor.caller.parts[0].due = NOW + 0.1
    assert machine.step() == NOW + 0.1
    floor.now = NOW + 0.1
    assert machine.step() == DONE
    assert floor.counts["lost"] == 1
    assert floor.case is None


def test_the_brain_is_asked_ahead_only_where_the_policy_wants_it() -> None:
    """It costs money."""
    for speculate, due in ((1.0, pytest.approx(NOW + 0.2)), (0.0, NOW + 60.0)):
        floor = stage(speculate=speculate)
        machine = hearing(floor)
        machine.onsets.started(on.CallerStartedSpeaking(NOW))
        machine.words.guessed(on.HypothesisGrew(floor.caller.parts[0].utterance, "what are your hours"))
        assert machine.step() == due


def test_a_stream_that_breaks_takes_with_it_what_was_under_way() -> None:
    """Our turn as far as it was proven, an interruption, keys in the making, words that were still to come; those are
    remembered, and what was understood is kept."""
    floor = stage()
    asked(floor, "my question")
    sounds(floor)
    machine = hearing(floor)
    utterance(floor, "and one", 51)
    machine.onsets.started(on.CallerStartedSpeaking(NOW))
    floor.digits.pressed("1", "", floor.expectation, NOW)
    floor.left = do.Transfer("Anna")
    floor.talked_over, floor.ready_at = True, 3.0
    taken(floor)
    machine.lose_stream()
    assert [type(order) for order in taken(floor)] == [do.DropPlayout, do.CancelReply, do.CommitTurn]
    assert (floor.left, floor.mine, floor.cut, floor.case, floor.digits.deadline()) == (None,) * 5
    assert (floor.speaking, floor.talked_over, floor.interrupted) == (False, False, False)
    assert [part.text for part in floor.caller.parts] == ["and one"]
    assert list(floor.late) == [1]
    assert floor.ready_at is None
    assert not floor.playout.open_fence()

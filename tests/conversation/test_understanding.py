"""Words: guessed, final, lost and late, and that none is dropped in silence."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, sounds, speaks, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.ahead import Ahead
from stella.conversation.floor import Floor
from stella.conversation.interrupting import Interrupting
from stella.conversation.steps import DONE, NEVER
from stella.conversation.understanding import Understanding
from stella.domain.ids import UtteranceId

NAME = UtteranceId(50)


class Machine(Understanding):
    """The machine, with those it tells."""

    def __init__(self, floor: Floor) -> None:
        self.interrupting = Interrupting(floor)
        self.ahead = Ahead(floor)
        super().__init__(floor, self.interrupting, self.ahead)


def interrupted(floor: Floor, machine: Machine, *, stops: float = 0.5) -> UtteranceId:
    """The caller has said something over our reply, and its words are on the way."""
    asked(floor)
    sounds(floor)
    part = speaks(floor)
    assert floor.mine is not None
    machine.interrupting.open(floor.mine, part.utterance, floor.now)
    assert floor.case is not None
    floor.now += stops
    floor.speaking = False
    floor.finish_utterance(part, floor.now)
    floor.case.stopped(floor.now, floor.now)
    taken(floor)
    return part.utterance


def test_final_words_are_the_words() -> None:
    """Without the blanks around them; the end of the turn is reckoned anew, and we have not been silent meanwhile."""
    floor = stage()
    part = utterance(floor, None)
    floor.ready_at = 3.0
    Machine(floor).understood(on.UtteranceFinal(NAME, "  hello there "))
    assert part.text == "hello there"
    assert floor.ready_at is None
    assert floor.progress_at == NOW
    assert floor.counts == {}
    assert not part.over


def test_ears_that_judge_a_turns_end_are_noted() -> None:
    """They heard how it was said."""
    floor = stage()
    part = utterance(floor, None)
    Machine(floor).understood(on.UtteranceFinal(NAME, "hello", over=True))
    assert part.over


@pytest.mark.parametrize("name", [50, 51])
def test_words_nobody_waits_for_are_stale(name: int) -> None:
    """Said twice, or for an utterance that is not ours: the first stands."""
    floor = stage()
    part = utterance(floor, "first")
    Machine(floor).understood(on.UtteranceFinal(UtteranceId(name), "second"))
    assert part.text == "first"
    assert floor.counts == {"stale": 1}


def test_words_in_an_open_case_are_evidence() -> None:
    """A "stop" cuts, an "okay" lets us go on."""
    for words, mine in (("stop", None), ("okay", "still there")):
        floor = stage()
        machine = Machine(floor)
        name = interrupted(floor, machine)
        machine.understood(on.UtteranceFinal(name, words))
        assert floor.case is None
        assert (floor.mine is None) is (mine is None)


def test_words_from_before_the_interruption_are_no_evidence_in_it() -> None:
    """They were said to us, not against us."""
    floor = stage()
    machine = Machine(floor)
    interrupted(floor, machine)
    utterance(floor, None)
    machine.understood(on.UtteranceFinal(NAME, "what are your hours"))
    assert floor.case is not None


def test_a_hypothesis_is_kept_until_the_words_are_final() -> None:
    """It is better than nothing, and worth asking with."""
    floor = stage(speculate=1.0)
    part = utterance(floor, None)
    machine = Machine(floor)
    machine.guessed(on.HypothesisGrew(NAME, " what are your hours "))
    assert part.guess == "what are your hours"
    assert machine.ahead.step() == pytest.approx(NOW + 0.2)


def test_a_hypothesis_that_stays_the_same_does_not_begin_the_wait_anew() -> None:
    """It is stable exactly because it does not change."""
    floor = stage(speculate=1.0)
    utterance(floor, None)
    machine = Machine(floor)
    machine.guessed(on.HypothesisGrew(NAME, "what are your hours"))
    floor.now = NOW + 0.1
    machine.guessed(on.HypothesisGrew(NAME, "what are your hours"))
    assert machine.ahead.step() == pytest.approx(NOW + 0.2)


def test_a_settled_hypothesis_is_worth_asking_with_at_once() -> None:
    """The ears take it for whole."""
    floor = stage(speculate=1.0)
    utterance(floor, None)
    machine = Machine(floor)
    machine.guessed(on.HypothesisGrew(NAME, "what are your hours", settled=True))
    assert machine.ahead.step() == DONE


@pytest.mark.parametrize("name", [50, 51])
def test_a_hypothesis_of_words_that_are_final_is_stale(name: int) -> None:
    """Or of an utterance nobody knows. It says nothing of the ears either."""
    floor = stage()
    utterance(floor, "first")
    machine = Machine(floor)
    machine.guessed(on.HypothesisGrew(UtteranceId(name), "second"))
    assert floor.counts == {"stale": 1}
    assert not floor.streams


def test_a_hypothesis_in_an_open_case_is_evidence() -> None:
    """Two clear words end the doubt before the window does; those of another utterance do not."""
    floor = stage()
    machine = Machine(floor)
    name = interrupted(floor, machine)
    utterance(floor, None)
    machine.guessed(on.HypothesisGrew(NAME, "please tell me"))
    assert floor.case is not None
    machine.guessed(on.HypothesisGrew(name, "please tell me"))
    assert floor.case is None


def test_ears_show_whether_they_give_words_while_somebody_speaks() -> None:
    """A hypothesis says so. Final words of some length without one say the contrary; a short word says nothing."""
    for words, streams in (("one two three", False), ("one two", True)):
        floor = stage()
        machine = Machine(floor)
        utterance(floor, None, 51)
        machine.guessed(on.HypothesisGrew(UtteranceId(51), "hello"))
        assert floor.streams
        utterance(floor, None)
        machine.understood(on.UtteranceFinal(NAME, words))
        assert floor.streams is streams
    floor.streams = True
    machine.understood(on.UtteranceFinal(UtteranceId(51), "one two three four"))
    assert floor.streams


def test_an_utterance_that_is_lost_is_owned_up_to() -> None:
    """The turn goes on without it; should its words come after all, they are taken."""
    floor = stage()
    part = utterance(floor, None)
    floor.ready_at = 3.0
    Machine(floor).lost(on.UtteranceLost(NAME))
    assert (part.text, part.lost) == ("", True)
    assert floor.late == {NAME: None}
    assert floor.counts == {"lost": 1}
    assert floor.ready_at is None


def test_of_a_lost_utterance_the_guess_is_better_than_nothing() -> None:
    """Then nothing is missing."""
    floor = stage()
    part = utterance(floor, None, guess="good morning")
    Machine(floor).lost(on.UtteranceLost(NAME))
    assert (part.text, part.lost) == ("good morning", False)
    assert floor.late == {}


@pytest.mark.parametrize("name", [50, 51])
def test_what_was_understood_cannot_be_lost(name: int) -> None:
    """Nor what nobody said."""
    floor = stage()
    part = utterance(floor, "first")
    Machine(floor).lost(on.UtteranceLost(UtteranceId(name)))
    assert (part.text, part.lost) == ("first", False)
    assert floor.counts == {"stale": 1}


def test_losing_the_words_of_an_interruption_decides_it() -> None:
    """There was nothing: we go on."""
    floor = stage()
    machine = Machine(floor)
    name = interrupted(floor, machine)
    machine.lost(on.UtteranceLost(name))
    assert floor.case is None
    assert [type(order) for order in taken(floor)] == [do.ResumePlayout]


def test_words_are_waited_for_until_their_deadline() -> None:
    """Each by itself: giving up one does not give up another."""
    floor = stage()
    first, second = utterance(floor, None), utterance(floor, None, 51)
    done, unasked = utterance(floor, "done", 52), utterance(floor, None, 53)
    first.due, second.due, done.due = NOW + 1.0, NOW + 2.0, NOW
    machine = Machine(floor)
    assert machine.step() == NOW + 1.0
    floor.now = NOW + 1.0
    assert machine.step() == DONE
    assert (first.text, second.text, done.text, unasked.text) == ("", None, "done", None)
    assert machine.step() == NOW + 2.0
    second.text = "here"
    assert machine.step() == NEVER
    assert floor.counts == {"lost": 1}


def test_late_words_take_their_place() -> None:
    """They were given up; the turn they were said in is still open."""
    floor = stage()
    part = utterance(floor, None)
    machine = Machine(floor)
    machine.lost(on.UtteranceLost(NAME))
    floor.ready_at = 3.0
    machine.understood(on.UtteranceFinal(NAME, "hello"))
    assert (part.text, part.lost) == ("hello", False)
    assert floor.caller.parts == [part]
    assert floor.ready_at is None
    assert floor.late == {}


def test_late_words_of_a_turn_that_is_gone_open_the_next() -> None:
    """Nobody says anything for nothing."""
    floor = stage()
    floor.remember_late(NAME)
    floor.ready_at = 3.0
    Machine(floor).understood(on.UtteranceFinal(NAME, "hello"))
    [part] = floor.caller.parts
    assert (part.utterance, part.began, part.text) == (NAME, NOW, "hello")
    assert floor.caller.began == NOW
    assert floor.ready_at is None


def test_late_words_do_not_begin_a_turn_anew() -> None:
    """It began when it began."""
    floor = stage()
    utterance(floor, "hello", 51)
    began = floor.caller.began
    floor.remember_late(NAME)
    Machine(floor).understood(on.UtteranceFinal(NAME, "there"))
    assert floor.caller.began == began


def test_late_silence_is_nothing() -> None:
    """There were no words."""
    floor = stage()
    floor.remember_late(NAME)
    Machine(floor).understood(on.UtteranceFinal(NAME, " "))
    assert floor.caller.parts == []
    assert floor.counts == {}


def test_a_late_stop_cuts_the_turn_it_was_said_under() -> None:
    """And no other."""
    for same in (True, False):
        floor = stage()
        mine = asked(floor)
        sounds(floor)
        floor.late[NAME] = mine.turn if same else on.TurnId(99)
        Machine(floor).understood(on.UtteranceFinal(NAME, "stop"))
        assert (floor.mine is None) is same
        assert [part.text for part in floor.caller.parts] == ["stop"]


@pytest.mark.parametrize(
    ("words", "brief", "under", "kept"),
    [
        ("mhm", False, True, False), ("And that", False, True, True), ("And that", True, True, False),
        ("stop", True, True, True), ("mhm", False, False, True), ("And that", True, False, True),
    ],
)  # fmt: skip
def test_a_late_backchannel_wanted_nothing(words: str, brief: bool, under: bool, kept: bool) -> None:
    """Nor did what was made out of a hum; said with nobody speaking it is an answer like any other."""
    floor = stage()
    mine = asked(floor)
    sounds(floor)
    floor.remember_late(NAME, mine if under else None, brief=brief)
    Machine(floor).understood(on.UtteranceFinal(NAME, words))
    assert bool(floor.caller.parts) is kept
    assert floor.counts["backchannels"] == (not kept)
    assert floor.brief == set()

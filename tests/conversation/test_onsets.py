"""Where the caller's sound begins and ends: listening at once, pausing at once, and what is no speech of theirs."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, fixed, sounds, speaks, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.floor import Floor
from stella.conversation.interrupting import Interrupting
from stella.conversation.onsets import Onsets
from stella.conversation.speaking import Kind
from stella.domain.ids import UtteranceId

ONSET = on.CallerStartedSpeaking(NOW - 0.1)


def onsets(floor: Floor) -> Onsets:
    """The machine on this floor."""
    return Onsets(floor, Interrupting(floor))


def test_an_onset_begins_an_utterance_at_once() -> None:
    """Nobody knows yet whether it is speech; its first sound must not be missing if it is."""
    floor = stage()
    floor.ready_at = 3.0
    onsets(floor).started(ONSET)
    assert taken(floor) == [do.BeginUtterance(UtteranceId(1))]
    assert floor.hears
    assert floor.caller.began == NOW - 0.1
    assert floor.ready_at is None
    assert floor.case is None


def test_a_second_onset_without_an_offset_is_stale() -> None:
    """Voice activity says it twice where a stream was resumed."""
    floor = stage()
    speaks(floor)
    onsets(floor).started(ONSET)
    assert taken(floor) == []
    assert floor.counts == {"stale": 1}


def test_an_onset_ends_that_we_talked_over_somebody() -> None:
    """They had gone on all the while; now they begin anew, and are heard."""
    floor = stage()
    floor.speaking = floor.talked_over = True
    onsets(floor).started(ONSET)
    assert floor.hears
    assert floor.counts == {}


def test_an_onset_over_our_voice_pauses_it() -> None:
    """First the clear, then the thinking."""
    floor = stage()
    asked(floor)
    sounds(floor)
    onsets(floor).started(ONSET)
    begun, paused, measured = taken(floor)
    assert begun == do.BeginUtterance(UtteranceId(1))
    assert isinstance(paused, do.PausePlayout)
    assert isinstance(measured, do.RecordBargeIn)
    assert measured.seconds == pytest.approx(0.1)
    assert floor.case is not None
    assert floor.case.texts == {UtteranceId(1): None}


def test_an_onset_in_an_open_case_joins_it() -> None:
    """A false start and then the question are one interruption."""
    floor = stage()
    asked(floor)
    sounds(floor)
    machine = onsets(floor)
    machine.started(ONSET)
    machine.stopped(on.CallerStoppedSpeaking(NOW))
    taken(floor)
    machine.started(on.CallerStartedSpeaking(NOW))
    assert taken(floor) == [do.BeginUtterance(UtteranceId(2))]
    assert floor.case is not None
    assert set(floor.case.texts) == {UtteranceId(1), UtteranceId(2)}


def test_nothing_is_paused_that_is_not_playing() -> None:
    """A reply that is still being thought of has no sound to take back; one that was heard neither."""
    floor = stage()
    asked(floor)
    onsets(floor).started(ONSET)
    assert [type(order) for order in taken(floor)] == [do.BeginUtterance]
    floor = stage()
    fixed(floor)
    sounds(floor)
    floor.now = NOW + 2.0
    onsets(floor).started(on.CallerStartedSpeaking(NOW + 2.0))
    assert [type(order) for order in taken(floor)] == [do.BeginUtterance]


def test_what_may_not_be_talked_over_is_not_paused() -> None:
    """The consent question is heard to its end."""
    floor = stage()
    fixed(floor, kind=Kind.CONSENT, interruptible=False)
    sounds(floor)
    onsets(floor).started(ONSET)
    assert [type(order) for order in taken(floor)] == [do.BeginUtterance]
    assert floor.case is None


@pytest.mark.parametrize(
    ("echo", "later", "ignored"),
    [(0.6, 0.0, True), (0.59, 0.0, False), (0.9, 2.8, True), (0.9, 2.81, False), (1.0, 50.0, False)],
)
def test_our_own_voice_coming_back_is_no_caller(echo: float, later: float, ignored: bool) -> None:
    """While we speak and as long after as an echo travels; like us by the threshold; and never in a silence."""
    floor = stage()
    fixed(floor)
    sounds(floor, seconds=2.0)
    floor.now = NOW + later
    onsets(floor).started(on.CallerStartedSpeaking(floor.now, echo))
    assert floor.counts["echoes"] == ignored
    assert floor.hears is not ignored


def test_echo_counts_while_a_sentence_is_still_being_made() -> None:
    """By the clock nothing sounds between two pieces; the speakerphone does not know."""
    floor = stage()
    asked(floor)
    sounds(floor, upto=0.5)
    floor.now = NOW + 10.0
    onsets(floor).started(on.CallerStartedSpeaking(floor.now, 0.9))
    assert floor.counts["echoes"] == 1


def test_going_on_after_a_pause_teaches_the_callers_pace() -> None:
    """Who pauses for a second inside a turn is waited for longer from then on."""
    floor = stage()
    utterance(floor, "I call")
    usual = floor.endpointing.wait("one", floor.expectation)
    onsets(floor).started(on.CallerStartedSpeaking(NOW))
    assert floor.endpointing.wait("one", floor.expectation) == pytest.approx(1.0 * 1.25)
    assert usual == 0.7


def test_a_pause_behind_unfinished_words_teaches_nothing() -> None:
    """It is waited for anyway."""
    floor = stage()
    utterance(floor, "one and")
    onsets(floor).started(on.CallerStartedSpeaking(NOW))
    assert floor.endpointing.wait("one", floor.expectation) == 0.7


def test_a_first_onset_teaches_nothing() -> None:
    """There was no pause before it."""
    floor = stage()
    onsets(floor).started(on.CallerStartedSpeaking(NOW))
    assert floor.endpointing.wait("one", floor.expectation) == 0.7


@pytest.mark.parametrize(("hold", "wait"), [(NOW + 1.0, 1.25), (NOW, 0.7)])
def test_going_on_while_a_reply_is_held_back_is_a_pause_too(hold: float, wait: float) -> None:
    """The turn was taken for over, with the reply waiting; the caller knew better. Afterwards it is a new turn."""
    floor = stage()
    mine = asked(floor, "I call", hold_until=hold)
    assert mine.answers is not None
    mine.answers.stopped = NOW - 1.0
    onsets(floor).started(on.CallerStartedSpeaking(NOW))
    assert floor.endpointing.wait("one", floor.expectation) == pytest.approx(wait)


def test_a_held_reply_that_answers_nothing_any_more_teaches_nothing() -> None:
    """What it answered is written down already."""
    floor = stage()
    asked(floor, "I call", hold_until=NOW + 1.0).answers = None
    onsets(floor).started(on.CallerStartedSpeaking(NOW))
    assert floor.endpointing.wait("one", floor.expectation) == 0.7


def test_an_offset_asks_for_the_words_at_once() -> None:
    """A recogniser of whole utterances works while we wait for the turn to end."""
    floor = stage()
    part = speaks(floor)
    floor.ready_at = 3.0
    onsets(floor).stopped(on.CallerStoppedSpeaking(NOW - 0.2))
    assert taken(floor) == [do.FinishUtterance(part.utterance)]
    assert not floor.speaking
    assert floor.utterance is None
    assert floor.caller.stopped == NOW - 0.2
    assert part.due == NOW + floor.policy.stt_deadline
    assert floor.ready_at is None


def test_an_offset_without_an_onset_is_stale() -> None:
    """Nothing to finish."""
    floor = stage()
    onsets(floor).stopped(on.CallerStoppedSpeaking(NOW))
    assert taken(floor) == []
    assert floor.counts == {"stale": 1}


def test_the_end_of_a_monologue_we_talked_over_asks_for_nothing() -> None:
    """Its words were asked for when we began to talk; from the offset on we listen as ever."""
    floor = stage()
    floor.speaking = floor.talked_over = True
    onsets(floor).stopped(on.CallerStoppedSpeaking(NOW))
    assert taken(floor) == []
    assert not floor.speaking
    assert not floor.talked_over
    assert floor.counts == {}


def test_words_over_a_question_that_may_not_be_talked_over_are_dropped_and_remembered() -> None:
    """They answer a question that was not heard: it is put again if nothing else comes."""
    floor = stage()
    fixed(floor, kind=Kind.CONSENT, interruptible=False)
    sounds(floor)
    part = speaks(floor)
    onsets(floor).stopped(on.CallerStoppedSpeaking(NOW))
    assert taken(floor) == [do.DropUtterance(part.utterance)]
    assert floor.caller.parts == []
    assert floor.gate.overlapped
    assert floor.utterance is None


def test_words_that_end_after_the_question_are_an_answer() -> None:
    """By the clock it was heard, whatever the marks still say."""
    floor = stage()
    fixed(floor, kind=Kind.CONSENT, interruptible=False)
    sounds(floor)
    part = speaks(floor)
    floor.now = NOW + 2.0
    onsets(floor).stopped(on.CallerStoppedSpeaking(floor.now))
    assert taken(floor) == [do.FinishUtterance(part.utterance)]
    assert not floor.gate.overlapped


def test_an_offset_is_evidence_in_an_open_case() -> None:
    """Who stops at once has coughed: the case is weighed sooner, not later."""
    floor = stage()
    asked(floor)
    sounds(floor)
    machine = onsets(floor)
    machine.started(on.CallerStartedSpeaking(NOW))
    assert floor.case is not None
    before = floor.case.deadline()
    machine.stopped(on.CallerStoppedSpeaking(NOW + 0.1))
    assert floor.case.deadline() < before


@pytest.mark.parametrize(("began", "learnt"), [(0.8, True), (0.79, False)])
def test_a_turn_of_some_length_teaches_how_loud_the_caller_is(began: float, learnt: bool) -> None:
    """Who raises the voice over ours is told from it by that. A short sound may be anything."""
    floor = stage()
    machine = onsets(floor)
    floor.now = NOW
    speaks(floor).began = NOW - began
    machine.stopped(on.CallerStoppedSpeaking(NOW, -20.0))
    asked(floor)
    sounds(floor)
    machine.started(on.CallerStartedSpeaking(NOW))
    assert floor.case is not None
    floor.case.stopped(NOW + 0.3, NOW + 0.3, -14.0)
    assert floor.case.brief is not learnt


def test_without_a_measured_level_nothing_is_learnt() -> None:
    """Not every voice activity measures."""
    floor = stage()
    machine = onsets(floor)
    speaks(floor).began = NOW - 3.0
    machine.stopped(on.CallerStoppedSpeaking(NOW))
    asked(floor)
    sounds(floor)
    machine.started(on.CallerStartedSpeaking(NOW))
    assert floor.case is not None
    floor.case.stopped(NOW + 0.3, NOW + 0.3, 0.0)
    assert floor.case.brief


def test_a_loud_interruption_does_not_teach_what_is_usual() -> None:
    """It is evidence for the case, which hears how loud it was."""
    floor = stage()
    machine = onsets(floor)
    speaks(floor).began = NOW - 1.0
    machine.stopped(on.CallerStoppedSpeaking(NOW, -20.0))
    asked(floor)
    sounds(floor)
    machine.started(on.CallerStartedSpeaking(NOW - 0.3))
    assert floor.case is not None
    machine.stopped(on.CallerStoppedSpeaking(NOW, -14.0))
    assert not floor.case.brief


def test_a_hint_counts_for_the_pause_that_was_listened_to() -> None:
    """The end of the turn is reckoned anew with it."""
    floor = stage()
    utterance(floor, "I call")
    floor.ready_at = 3.0
    onsets(floor).hinted(on.TurnHinted(0.97))
    assert floor.endpointing.hint == 0.97
    assert floor.ready_at is None


@pytest.mark.parametrize("why", ["speaks again", "never spoke"])
def test_a_hint_of_a_pause_that_is_over_is_stale(why: str) -> None:
    """The caller has gone on, or the turn is gone."""
    floor = stage()
    if why == "speaks again":
        utterance(floor, "I call")
        speaks(floor)
    floor.ready_at = 3.0
    onsets(floor).hinted(on.TurnHinted(0.97))
    assert floor.counts == {"stale": 1}
    assert floor.endpointing.hint is None
    assert floor.ready_at == 3.0


def test_a_hint_is_void_when_the_caller_goes_on() -> None:
    """It was about the pause before."""
    floor = stage()
    floor.endpointing.hint = 0.97
    onsets(floor).started(ONSET)
    assert floor.endpointing.hint is None

"""The floor: who has it, and the moves that change hands."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, fixed, hears_out, sounds, speaks, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.barge_in import BargeIn
from stella.conversation.caller import CallerTurn, Utterance
from stella.conversation.consent_gate import YES_OR_NO, Step
from stella.conversation.floor import Floor
from stella.conversation.speaking import OPEN, Kind
from stella.domain.acts import ExpectAnswer
from stella.domain.call import EndedBy
from stella.domain.consent import Preset
from stella.domain.ids import Mark, SegmentId, TurnId, UtteranceId

BYE = do.HangUp(EndedBy.AGENT)


def kinds(floor: Floor) -> list[type]:
    """What kind of orders were given."""
    return [type(order) for order in taken(floor)]


# Numbers and times


def test_every_turn_has_a_number_of_its_own() -> None:
    """From 1, both parties together."""
    floor = stage()
    assert [floor.next_turn(), floor.next_turn()] == [1, 2]
    assert fixed(floor).turn == 3
    mine = asked(floor)
    assert mine.answers is not None
    assert (mine.answers.turn, mine.turn) == (4, 5)


def test_times_are_counted_from_the_answer() -> None:
    """Never below it, and not at all before it."""
    floor = stage()
    floor.answered = 90.0
    assert floor.since_answer(95.0) == 5.0
    assert floor.since_answer(80.0) == 0.0
    floor.answered = None
    assert floor.since_answer(95.0) == 0.0


def test_nobody_has_spoken_on_a_new_floor() -> None:
    """Nothing is known, expected, owed or waited for."""
    floor = stage(answered=False)
    assert (floor.mine, floor.cut, floor.case, floor.utterance, floor.ready_at, floor.left) == (None,) * 6
    assert (floor.speaking, floor.talked_over, floor.interrupted, floor.over) == (False,) * 4
    assert floor.expected == OPEN
    assert floor.caller.empty
    assert floor.limits is None
    assert not floor.quiet()


# Questions everybody asks


def test_while_consent_is_open_a_yes_or_a_no_is_expected() -> None:
    """Whatever the brain expected otherwise."""
    floor = stage(Preset.ASK_RECORDING)
    floor.expected = ExpectAnswer("digits")
    assert floor.expectation == YES_OR_NO
    floor.gate.close()
    assert floor.expectation.kind == "digits"


def test_it_is_quiet_when_nobody_has_the_floor_or_is_about_to_take_it() -> None:
    """Each of them alone ends the quiet."""
    assert stage().quiet()
    for begin in (fixed, speaks, utterance, lambda floor: setattr(floor.caller, "digits", "1")):
        floor = stage()
        begin(floor)
        assert not floor.quiet()
    floor = stage()
    floor.speaking = True
    assert not floor.quiet()
    floor.talked_over = True
    assert floor.quiet()


def test_a_sentence_may_leave_while_the_floor_is_ours() -> None:
    """A fixed turn with nobody speaking."""
    floor = stage()
    assert not floor.ours()
    fixed(floor)
    assert floor.ours()


@pytest.mark.parametrize("why", ["paused", "switching", "provisional"])
def test_no_sentence_leaves_that_could_not_be_heard(why: str) -> None:
    """Not even of a turn that may not be talked over."""
    floor = stage()
    mine = fixed(floor, interruptible=False)
    if why == "paused":
        sounds(floor)
        floor.pause(NOW)
    else:
        setattr(mine, why, True)
    assert not floor.ours()


@pytest.mark.parametrize("why", ["speaks", "case", "awaited", "held"])
def test_no_sentence_leaves_that_would_interrupt(why: str) -> None:
    """Except of a turn that may not be talked over, for which nobody waits."""
    floor = stage()
    mine = fixed(floor)
    if why == "speaks":
        speaks(floor).text = ""
    elif why == "case":
        floor.case = BargeIn(floor.policy, NOW, NOW)
    elif why == "awaited":
        utterance(floor, None)
    else:
        mine.hold_until = NOW + 0.1
    assert not floor.ours()
    if why == "held":
        floor.now = NOW + 0.1
        assert floor.ours()
    mine.interruptible = False
    assert floor.ours()


@pytest.mark.parametrize("more", ["words", "keys"])
def test_a_reply_does_not_begin_when_there_is_more_to_answer(more: str) -> None:
    """Once it is heard it goes on; a fixed turn does not wait for that at all."""
    floor = stage()
    mine = asked(floor)
    if more == "words":
        utterance(floor)
    else:
        floor.caller.digits = "1"
    assert not floor.ours()
    mine.audible = True
    assert floor.ours()
    floor.mine = None
    fixed(floor)
    assert floor.ours()


def test_by_the_clock_a_turn_is_played_out_when_all_of_it_was_heard() -> None:
    """Complete, nothing more to say, and the sound is over, whatever marks are missing."""
    floor = stage()
    assert floor.played_out()
    mine = fixed(floor)
    sounds(floor)
    assert not floor.played_out()
    floor.now = NOW + 2.0
    assert floor.played_out()
    mine.outbox.append("More.")
    assert not floor.played_out()
    mine.outbox.clear()
    mine.ended = False
    assert not floor.played_out()


def test_only_what_is_being_said_and_may_not_be_talked_over_is_sheltered() -> None:
    """Until it was heard."""
    floor = stage()
    assert not floor.sheltered()
    mine = fixed(floor, "Hello.")
    assert not floor.sheltered()
    mine.interruptible = False
    assert floor.sheltered()
    sounds(floor, "Hello.")
    floor.now = NOW + 2.0
    assert not floor.sheltered()


def test_only_a_question_to_a_doubtful_line_is_sheltered_and_listens() -> None:
    """Whoever answers it before its end is the person it asks for; into a consent question nothing can be answered yet."""
    floor = stage()
    assert not floor.deaf()
    mine = fixed(floor, "Hello.")
    mine.interruptible = False
    assert floor.deaf()
    mine.kind = Kind.REPROMPT
    assert floor.sheltered()
    assert not floor.deaf()


def test_sound_in_the_middle_of_a_sentence_is_only_noted() -> None:
    """It is progress; a mark is proof and none."""
    floor = stage()
    asked(floor)
    segment = sounds(floor, upto=0.5)
    floor.now = NOW + 0.5
    assert floor.flows(on.AudioSent(segment.segment, 0.2, 0.7, Mark("x")))
    assert floor.progress_at == NOW + 0.5
    floor.now = NOW + 0.6
    assert floor.flows(on.MarkReturned(Mark(f"{segment.segment}.2")))
    assert floor.progress_at == NOW + 0.5
    assert segment.heard == 0.5
    assert not floor.flows(on.AudioSent(SegmentId(99), 0.2, 0.7, Mark("y")))


@pytest.mark.parametrize("why", ["cut", "left"])
def test_what_follows_a_cut_or_an_end_is_never_only_noted(why: str) -> None:
    """The truth about it is on its way."""
    floor = stage()
    mine = asked(floor)
    segment = sounds(floor, upto=0.5)
    if why == "cut":
        floor.cut = mine
    else:
        floor.left = BYE
    assert not floor.flows(on.AudioSent(segment.segment, 0.2, 0.7, Mark("x")))
    assert segment.sent == 0.5


# Our turns


def test_a_fixed_turn_has_its_words_and_then_its_consequence() -> None:
    """Blank phrases are none; whoever waits in silence waits no more."""
    floor = stage()
    floor.silence.wait(NOW - 5.0)
    floor.progress_at = 0.0
    floor.speak(Kind.FAREWELL, ["One.", "  ", "Two."], BYE, interruptible=False)
    mine = floor.mine
    assert mine is not None
    assert list(mine.outbox) == ["One.", "Two.", BYE]
    assert (mine.kind, mine.interruptible, mine.ended, mine.began) == (Kind.FAREWELL, False, True, NOW)
    assert floor.progress_at == NOW
    assert floor.silence.wait(NOW) == NOW + floor.policy.silence
    assert taken(floor) == []
    floor.speak(Kind.PHRASE, ["One."])
    assert floor.mine is not None
    assert floor.mine.interruptible
    assert list(floor.mine.outbox) == ["One."]


def test_the_brain_is_asked_with_what_was_said_and_keyed() -> None:
    """The question is taken back from nothing that was expected; the ladder of silence begins anew."""
    floor = stage()
    floor.expected = ExpectAnswer("yes-no")
    floor.interrupted = True
    floor.silence.rung = 2
    caller = CallerTurn([Utterance(UtteranceId(1), NOW, "hello")], "12", stopped=NOW - 1.0)
    floor.now = NOW + 1.0
    floor.ask(caller, ("hello", "12"), attempt=1, hold_until=NOW + 3.0)
    mine = floor.mine
    assert mine is not None
    assert taken(floor) == [do.AskBrain(mine.turn, "hello", "12")]
    assert (mine.kind, mine.ended, mine.answers, mine.asked) == (Kind.REPLY, False, caller, ("hello", "12"))
    assert (mine.caller_stopped, mine.hold_until, mine.attempt) == (NOW - 1.0, NOW + 3.0, 1)
    assert mine.expected_before == ExpectAnswer("yes-no")
    assert (floor.expected, floor.interrupted, floor.silence.rung) == (OPEN, False, 0)
    assert floor.progress_at == NOW + 1.0
    assert not mine.worded


def test_a_question_asked_again_keeps_its_number() -> None:
    """It is the same turn of the caller's."""
    floor = stage()
    caller = CallerTurn(turn=TurnId(7))
    floor.ask(caller, ("hello", ""))
    assert caller.turn == 7
    assert floor.mine is not None
    assert (floor.mine.attempt, floor.mine.hold_until) == (0, 0.0)


def test_a_turn_that_was_cut_is_written_down_before_the_next_question_is_asked() -> None:
    """The brain must know what was heard of it."""
    floor = stage()
    asked(floor)
    sounds(floor)
    floor.give_up_turn()
    taken(floor)
    floor.ask(CallerTurn(), ("hello", ""))
    assert kinds(floor) == [do.CommitTurn, do.AskBrain]


def test_sentences_are_numbered_and_found_again() -> None:
    """By the voice that makes them and the marks that prove them."""
    floor = stage()
    mine = asked(floor)
    floor.now = NOW + 1.0
    floor.say(mine, "One.")
    floor.say(mine, "Moment.", filler=True)
    assert taken(floor) == [do.Say(mine.turn, SegmentId(1), "One."), do.Say(mine.turn, SegmentId(2), "Moment.")]
    assert [segment.filler for segment in mine.segments] == [False, True]
    assert floor.playout.find(SegmentId(2)) is mine.segments[1]
    assert floor.progress_at == NOW + 1.0


def test_a_pause_is_measured_from_the_onset() -> None:
    """Never below nothing."""
    for onset, seconds in ((NOW - 0.25, 0.25), (NOW + 1.0, 0.0)):
        floor = stage()
        asked(floor)
        sounds(floor)
        floor.pause(onset)
        assert taken(floor) == [do.PausePlayout(Mark("fence-0")), do.RecordBargeIn(seconds)]


# Giving up


def test_a_turn_that_was_heard_is_cut_and_waits_for_the_truth() -> None:
    """Cleared, dropped, its brain stopped; written down when its fence is back or patience ends."""
    floor = stage()
    mine = asked(floor)
    sounds(floor)
    floor.case = BargeIn(floor.policy, NOW, NOW)
    floor.give_up_turn()
    assert kinds(floor) == [do.PausePlayout, do.DropPlayout, do.CancelReply]
    assert (floor.mine, floor.cut, floor.case) == (None, mine, None)
    assert floor.cut_until == NOW + floor.policy.mark_patience
    assert floor.interrupted
    assert mine.finished == NOW
    assert floor.playout.find(SegmentId(1)) is None
    assert not floor.playout.paused


def test_a_turn_that_was_paused_is_not_cleared_again() -> None:
    """The carrier has nothing of it."""
    floor = stage()
    asked(floor)
    sounds(floor)
    floor.pause(NOW)
    taken(floor)
    floor.give_up_turn()
    assert kinds(floor) == [do.DropPlayout, do.CancelReply]


def test_a_turn_of_which_the_truth_is_known_is_written_down_at_once() -> None:
    """Its fence came back while it was paused."""
    floor = stage()
    asked(floor)
    sounds(floor)
    floor.pause(NOW)
    floor.playout.returned(Mark("fence-0"), NOW)
    taken(floor)
    floor.give_up_turn()
    assert kinds(floor) == [do.DropPlayout, do.CancelReply, do.CommitTurn]
    assert floor.cut is None


def test_a_second_cut_writes_the_first_down() -> None:
    """Only one can wait."""
    floor = stage()
    asked(floor)
    sounds(floor, "One.")
    floor.give_up_turn()
    fixed(floor)
    sounds(floor, "Two.")
    taken(floor)
    floor.give_up_turn()
    [commit] = [order for order in taken(floor) if isinstance(order, do.CommitTurn)]
    assert commit.turn.text == "One."
    assert floor.cut is not None
    assert floor.cut.text() == "Two."


def test_a_complete_turn_is_cut_without_stopping_its_brain() -> None:
    """There is nothing to stop."""
    floor = stage()
    fixed(floor)
    sounds(floor)
    floor.give_up_turn()
    assert kinds(floor) == [do.PausePlayout, do.DropPlayout]


def test_a_reply_of_which_nothing_was_heard_gives_its_question_back() -> None:
    """With what was expected then, and counted as thrown away. What was said since comes behind it."""
    floor = stage()
    floor.expected = ExpectAnswer("yes-no")
    asked(floor, "my question")
    utterance(floor, "and more")
    floor.expected = ExpectAnswer("digits")
    floor.give_up_turn()
    assert kinds(floor) == [do.CancelReply]
    assert floor.caller.text == "my question and more"
    assert floor.expected.kind == "yes-no"
    assert floor.counts == {"discarded": 1}
    assert (floor.cut, floor.interrupted) == (None, False)


def test_a_reply_asked_ahead_gives_nothing_back() -> None:
    """It had nothing yet."""
    floor = stage()
    mine = asked(floor)
    mine.provisional, mine.answers = True, None
    floor.give_up_turn()
    assert floor.counts == {"discarded": 1}
    assert floor.caller.empty


def test_a_fixed_turn_of_which_nothing_was_heard_is_forgotten() -> None:
    """Nobody asked for it."""
    floor = stage()
    fixed(floor, "Hello.")
    floor.give_up_turn()
    assert floor.mine is None
    assert floor.counts == {}
    assert taken(floor) == []


def test_with_nobody_speaking_there_is_nothing_to_give_up() -> None:
    """And nothing happens."""
    floor = stage()
    floor.give_up_turn()
    assert taken(floor) == []


# Writing down


def test_a_turn_of_ours_is_written_down_with_what_was_heard_of_it() -> None:
    """From when it was first heard to when it ended, in seconds of the call."""
    floor = stage()
    floor.answered = 90.0
    mine = asked(floor)
    sounds(floor)
    mine.began = NOW + 1.0
    hears_out(floor)
    floor.commit_agent(mine, interrupted=False)
    [order] = taken(floor)
    assert isinstance(order, do.CommitTurn)
    turn = order.turn
    assert (turn.turn, turn.speaker, turn.text, turn.heard_text) == (mine.turn, "agent", *["One two three."] * 2)
    assert (turn.started_s, turn.ended_s, turn.interrupted) == (11.0, 12.0, False)
    assert floor.turns == [turn]
    mine.finished = NOW + 1.5
    floor.commit_agent(mine, interrupted=True)
    assert (floor.turns[-1].ended_s, floor.turns[-1].interrupted) == (11.5, True)


def test_what_a_turn_of_ours_answers_is_written_down_before_it() -> None:
    """Once. A reply that was not heard leaves only its question."""
    floor = stage()
    mine = asked(floor, "my question")
    floor.commit_agent(mine, interrupted=False)
    floor.commit_agent(mine, interrupted=False)
    [order] = taken(floor)
    assert isinstance(order, do.CommitTurn)
    assert (order.turn.speaker, order.turn.text) == ("caller", "my question")


def test_a_turn_of_the_callers_is_written_down_with_its_words_and_keys() -> None:
    """From its first sound to its last."""
    floor = stage()
    floor.answered = 90.0
    caller = CallerTurn([Utterance(UtteranceId(1), NOW, "hello")], "12", "1x", NOW - 3.0, NOW - 1.0, TurnId(4))
    floor.commit_caller(caller)
    [turn] = floor.turns
    assert (turn.turn, turn.speaker, turn.text, turn.heard_text) == (4, "caller", "hello 1x", "hello 1x")
    assert (turn.started_s, turn.ended_s) == (7.0, 9.0)
    assert taken(floor) == [do.CommitTurn(turn)]


def test_a_turn_without_sound_happened_now() -> None:
    """Keys or late words; and it never ends before it began."""
    floor = stage()
    floor.commit_caller(CallerTurn(stored_digits="1"))
    assert (floor.turns[0].turn, floor.turns[0].started_s, floor.turns[0].ended_s) == (1, 100.0, 100.0)
    floor.commit_caller(CallerTurn(stored_digits="1", began=NOW, stopped=NOW - 5.0))
    assert (floor.turns[1].started_s, floor.turns[1].ended_s) == (100.0, 100.0)


def test_a_turn_of_nothing_is_not_worth_a_line() -> None:
    """A cough is no turn."""
    floor = stage()
    floor.commit_caller(CallerTurn([Utterance(UtteranceId(1), NOW, "")]))
    assert floor.turns == []
    assert taken(floor) == []


def test_consent_is_recorded_and_closes_the_gate() -> None:
    """Under the question that was asked."""
    floor = stage(Preset.ASK_EVERYTHING)
    floor.record_consent("yes", "key")
    assert taken(floor) == [do.RecordConsent("ask-everything", "yes", "key")]
    assert floor.gate.step is Step.CLOSED


# The end


def test_closing_the_books_writes_down_all_that_is_unfinished() -> None:
    """The cut turn, the one under way as far as it was heard, and what the caller was saying."""
    floor = stage()
    asked(floor)
    sounds(floor, "One.")
    floor.give_up_turn()
    fixed(floor)
    sounds(floor, "Two.")
    utterance(floor, "wait")
    floor.case = BargeIn(floor.policy, NOW, NOW)
    floor.digits.pressed("1", "", OPEN, NOW)
    floor.silence.wait(NOW - 5.0)
    taken(floor)
    floor.close_books()
    assert [turn.text for turn in floor.turns] == ["One.", "Two.", "wait"]
    assert [turn.interrupted for turn in floor.turns] == [True, True, False]
    assert (floor.mine, floor.case, floor.digits.deadline()) == (None, None, None)
    assert floor.caller.empty
    assert floor.silence.wait(NOW) == NOW + floor.policy.silence


def test_a_turn_that_was_heard_whole_was_not_interrupted_by_the_end() -> None:
    """One whose brain had more to say was."""
    for ended in (True, False):
        floor = stage()
        mine = asked(floor)
        sounds(floor)
        mine.ended = ended
        hears_out(floor)
        floor.close_books()
        assert floor.turns[0].interrupted is not ended


def test_leaving_closes_the_books_first() -> None:
    """Nothing is said after it; a brain that still thinks is stopped."""
    floor = stage()
    mine = asked(floor)
    sounds(floor)
    floor.leave(do.Transfer("Anna"))
    assert kinds(floor) == [do.CancelReply, do.CommitTurn, do.Transfer]
    assert floor.left == do.Transfer("Anna")
    floor = stage()
    mine = fixed(floor)
    assert mine.ended
    floor.leave(BYE)
    assert taken(floor) == [BYE]
    floor = stage()
    floor.leave(BYE)
    assert taken(floor) == [BYE]


@pytest.mark.parametrize(("consequence", "recorded"), [(BYE, True), (do.FallBack("silent"), False)])
def test_hanging_up_on_an_open_question_is_no_yes(consequence: do.HangUp, recorded: bool) -> None:
    """On another path the question may still be answered."""
    floor = stage(Preset.ASK_RECORDING)
    floor.leave(consequence)
    assert (do.RecordConsent("ask-recording", "none", "silence") in taken(floor)) is recorded


def test_hanging_up_records_no_consent_twice() -> None:
    """It was answered."""
    floor = stage()
    floor.leave(BYE)
    assert taken(floor) == [BYE]


# The caller's turns


def test_an_utterance_belongs_to_the_turn_it_is_spoken_in() -> None:
    """Numbered, ordered, and the turn begins with the first."""
    floor = stage()
    floor.ready_at = 3.0
    assert floor.begin_utterance(NOW - 1.0) == 1
    assert floor.begin_utterance(NOW) == 2
    assert taken(floor) == [do.BeginUtterance(UtteranceId(1)), do.BeginUtterance(UtteranceId(2))]
    assert [part.began for part in floor.caller.parts] == [NOW - 1.0, NOW]
    assert floor.caller.began == NOW - 1.0
    assert floor.utterance is floor.caller.parts[1]
    assert floor.ready_at is None


def test_the_words_of_an_utterance_that_is_over_have_a_deadline() -> None:
    """From now, not from its end."""
    floor = stage()
    part = speaks(floor)
    floor.ready_at = 3.0
    floor.finish_utterance(part, NOW - 0.3)
    assert taken(floor) == [do.FinishUtterance(part.utterance)]
    assert (floor.caller.stopped, part.due) == (NOW - 0.3, NOW + floor.policy.stt_deadline)
    assert floor.ready_at is None


def test_whom_we_talked_over_we_listen_to_again() -> None:
    """They never stopped. Whom we did not, we hear already."""
    floor = stage()
    floor.listen_again()
    assert taken(floor) == []
    floor.speaking = floor.talked_over = True
    floor.listen_again()
    assert kinds(floor) == [do.BeginUtterance]
    assert floor.hears
    assert floor.caller.began == NOW


def test_words_of_the_next_utterance_are_not_answered_before_it_is_over() -> None:
    """Late words wait for those that are being spoken; they would take them along unheard."""
    floor = stage()
    utterance(floor, "late")
    floor.ready_at = NOW
    floor.speaking = floor.talked_over = True
    floor.listen_again()
    assert floor.ready_at is None


def test_a_complete_turn_is_handed_out_and_another_begins() -> None:
    """Empty, and with nothing known of its end."""
    floor = stage()
    utterance(floor, "hello")
    floor.ready_at = NOW
    assert floor.take_caller().text == "hello"
    assert floor.caller.empty
    assert floor.caller.began is None
    assert floor.ready_at is None


def test_late_words_are_remembered_up_to_a_bound() -> None:
    """The oldest are forgotten, and that is counted."""
    floor = stage()
    mine = fixed(floor)
    for name in range(17):
        floor.remember_late(UtteranceId(name), mine if name else None, brief=name in {0, 5})
    assert list(floor.late) == list(range(1, 17))
    assert floor.late[UtteranceId(1)] == mine.turn
    assert floor.brief == {UtteranceId(5)}
    assert floor.counts == {"forgotten": 1}
    floor = stage()
    for name in range(16):
        floor.remember_late(UtteranceId(name))
    assert floor.counts == {}
    assert floor.late[UtteranceId(3)] is None
    assert floor.brief == set()

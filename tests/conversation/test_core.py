"""The core itself: how a call begins, goes on elsewhere and ends, and the three laws between it and its shell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from simulation import PHRASES

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation, Phase
from stella.conversation.policy import Policy
from stella.domain.acts import EndCall, TransferTo
from stella.domain.call import EndedBy
from stella.domain.consent import Preset
from stella.domain.ids import Mark, SegmentId, TurnId, UtteranceId

ASKS = Preset.ASK_EVERYTHING


def conversation(preset: Preset = Preset.DISCLOSE, phrases: Any = PHRASES, **more: Any) -> Conversation:
    """One that has not heard anything yet."""
    asks = more.pop("asks_consent", None)
    return Conversation(Policy().with_overrides(more), phrases, preset, asks_consent=asks)


def said(orders: Any) -> list[str]:
    """What was ordered to be said."""
    return [order.text for order in orders if isinstance(order, do.Say)]


def kinds(orders: Any) -> list[type]:
    """What kind of orders were given."""
    return [type(order) for order in orders]


def heard(core: Conversation, segment: int, seconds: float, now: float) -> Any:
    """A segment is made, sent and heard. What follows."""
    core.handle(on.SegmentVoiced(SegmentId(segment), seconds), now)
    core.handle(on.AudioSent(SegmentId(segment), seconds, seconds, Mark(f"m{segment}")), now)
    return core.handle(on.MarkReturned(Mark(f"m{segment}")), now + seconds)


def greeted(**more: Any) -> Conversation:
    """The greeting was heard; it is one second past the answer."""
    core = conversation(**more)
    core.handle(on.CallAnswered(), 0.0)
    heard(core, 1, 1.0, 0.0)
    return core


def test_nothing_happens_before_the_call_is_answered() -> None:
    """Nobody is on the line, and nothing is waited for."""
    core = conversation()
    assert core.deadline() is None
    assert core.phase is Phase.WAITING
    assert core.handle(on.TimePassed(), 5.0) == []
    assert core.handle(on.CostGrew(1.0), 5.0) == []
    assert core.deadline() is None


def test_an_answered_call_is_greeted() -> None:
    """And the silence of the voice is watched."""
    core = conversation()
    assert core.handle(on.CallAnswered(), 10.0) == [do.Say(TurnId(1), SegmentId(1), PHRASES.greeting)]
    assert core.deadline() == 10.0 + Policy().watchdog


def test_where_consent_is_asked_the_question_comes_first_and_may_not_be_talked_over() -> None:
    """A greeting before it would be heard by somebody who has agreed to nothing."""
    core = conversation(ASKS)
    assert said(core.handle(on.CallAnswered(), 0.0)) == [PHRASES.consent_question]
    heard_half = core.handle(on.SegmentVoiced(SegmentId(1), 2.0), 0.1)
    core.handle(on.AudioSent(SegmentId(1), 2.0, 2.0, Mark("m")), 0.1)
    assert heard_half == []
    assert kinds(core.handle(on.CallerStartedSpeaking(0.5), 0.5)) == [do.BeginUtterance]


@pytest.mark.parametrize(
    ("preset", "asks", "question"),
    [(ASKS, None, True), (ASKS, False, False), (Preset.DISCLOSE, None, False), (Preset.DISCLOSE, True, True)],
)
def test_a_later_leg_may_have_its_answer_already(preset: Preset, asks: bool | None, question: bool) -> None:
    """What the leg says outweighs the preset."""
    core = conversation(preset, asks_consent=asks)
    words = PHRASES.consent_question if question else PHRASES.greeting
    assert said(core.handle(on.CallAnswered(), 0.0)) == [words]


@pytest.mark.parametrize(("preset", "asks", "recorded"), [
    (Preset.ANNOUNCE, None, True), (Preset.ANNOUNCE, False, False), (Preset.DISCLOSE, None, False),
])  # fmt: skip
def test_where_it_was_announced_staying_means_yes(preset: Preset, asks: bool | None, recorded: bool) -> None:
    """Once, with the answer of the call, and not again on a later leg."""
    core = conversation(preset, asks_consent=asks)
    orders = list(core.handle(on.CallAnswered(), 0.0))
    assert (do.RecordConsent("announce", "yes", "staying") in orders) is recorded
    assert do.RecordConsent not in kinds(core.handle(on.CallResumed("stream-lost"), 1.0))


def test_a_call_is_answered_only_once() -> None:
    """A second time is counted and greets nobody."""
    core = greeted()
    assert core.handle(on.CallAnswered(), 2.0) == []
    assert core.counts["stale"] == 1


def test_a_call_that_is_already_being_spoken_to_is_not_greeted_on_top() -> None:
    """A shutdown was quicker than the answer."""
    core = conversation()
    assert said(core.handle(on.ShutdownAsked(), 0.0)) == [PHRASES.handed_over]
    assert core.handle(on.CallAnswered(), 0.1) == []
    assert core.phase is Phase.CLOSING


def test_a_shutdown_says_why_and_hangs_up() -> None:
    """An agent without words for it says goodbye."""
    for words, expected in ((PHRASES.handed_over, PHRASES.handed_over), ("", PHRASES.farewell)):
        core = conversation(phrases=replace(PHRASES, handed_over=words))
        core.handle(on.CallAnswered(), 0.0)
        heard(core, 1, 1.0, 0.0)
        assert said(core.handle(on.ShutdownAsked(), 2.0)) == [expected]
        assert kinds(heard(core, 2, 1.0, 2.0)) == [do.CommitTurn, do.HangUp]
        assert core.phase is Phase.LEFT


def test_money_that_is_used_up_ends_the_call_in_words() -> None:
    """The core knows it as a fact like any other."""
    core = greeted()
    assert said(core.handle(on.CostGrew(0.9), 2.0)) == [PHRASES.limit_warning]
    heard(core, 2, 1.0, 2.0)
    assert said(core.handle(on.CostGrew(1.0), 4.0)) == [PHRASES.farewell]


def test_after_leaving_nothing_is_ordered_until_the_call_goes_on() -> None:
    """Law 3: the line belongs to somebody else."""
    core = greeted()
    core.handle(on.DigitPressed("7"), 2.0)
    core.handle(on.TimePassed(), 2.7)
    turn = core._floor.mine.turn  # type: ignore[union-attr]
    core.handle(on.ReplyActed(turn, TransferTo("Anna")), 3.0)
    core.handle(on.ReplyEnded(turn), 3.0)
    assert do.Transfer in kinds(heard(core, 2, 1.0, 3.0))
    assert core.deadline() is None
    assert core.handle(on.CallerStartedSpeaking(5.0), 5.0) == []
    assert core.handle(on.TimePassed(), 6.0) == []
    assert core.deadline() is None
    assert said(core.handle(on.CallResumed("transfer-failed"), 9.0)) == [PHRASES.transfer_failed]
    assert core.deadline() == 9.0 + Policy().watchdog


def test_a_stream_that_was_lost_is_apologised_for() -> None:
    """With other words than a person who does not answer."""
    core = greeted()
    assert said(core.handle(on.CallResumed("stream-lost"), 5.0)) == [PHRASES.resumed]
    assert core.phase is Phase.SPEAKING


def test_a_later_leg_may_be_the_first_this_core_hears_of() -> None:
    """Its time counts from there."""
    core = conversation()
    assert said(core.handle(on.CallResumed("transfer-failed"), 50.0)) == [PHRASES.transfer_failed]
    [order] = [each for each in heard(core, 1, 1.0, 50.0) if isinstance(each, do.CommitTurn)]
    assert (order.turn.started_s, order.turn.ended_s) == (0.0, 1.0)


def test_a_consent_question_that_was_cut_by_a_lost_stream_is_put_again() -> None:
    """Behind the apology, and to be heard to its end."""
    core = conversation(ASKS)
    core.handle(on.CallAnswered(), 0.0)
    heard(core, 1, 1.0, 0.0)
    assert said(core.handle(on.CallResumed("stream-lost"), 2.0)) == [PHRASES.resumed, PHRASES.consent_question]
    assert core.phase is Phase.ASKING_CONSENT
    core.handle(on.SegmentVoiced(SegmentId(2), 1.0), 2.0)
    core.handle(on.AudioSent(SegmentId(2), 1.0, 1.0, Mark("x")), 2.0)
    assert kinds(core.handle(on.CallerStartedSpeaking(2.5), 2.5)) == [do.BeginUtterance]
    core.handle(on.CallerStoppedSpeaking(2.8), 2.8)
    core.handle(on.SegmentVoiced(SegmentId(3), 1.0), 3.0)
    core.handle(on.AudioSent(SegmentId(3), 1.0, 1.0, Mark("y")), 3.0)
    core.handle(on.MarkReturned(Mark("y")), 4.0)
    assert do.RecordConsent("ask-everything", "yes", "key") in core.handle(on.DigitPressed("1"), 5.0)


def test_a_call_that_ends_is_written_down_and_over() -> None:
    """What was under way as far as it came; and then nothing ever again, not even a deadline."""
    core = greeted()
    core.handle(on.CallerStartedSpeaking(2.0), 2.0)
    core.handle(on.HypothesisGrew(UtteranceId(1), "hello"), 2.5)
    [order] = core.handle(on.CallEnded(EndedBy.CALLER), 3.0)
    assert isinstance(order, do.CommitTurn)
    assert order.turn.text == "hello"
    assert core.phase is Phase.OVER
    assert core.deadline() is None
    assert core.handle(on.CallAnswered(), 4.0) == ()
    assert core.handle(on.CallEnded(EndedBy.CALLER), 4.0) == ()
    assert core.turns[-1] is order.turn


@pytest.mark.parametrize(("preset", "answered", "recorded"), [
    (ASKS, True, True), (ASKS, False, False), (Preset.DISCLOSE, True, False),
])  # fmt: skip
def test_who_hangs_up_on_the_question_has_not_answered_it(preset: Preset, answered: bool, recorded: bool) -> None:
    """And that is recorded, where it was asked."""
    core = conversation(preset)
    if answered:
        core.handle(on.CallAnswered(), 0.0)
    orders = core.handle(on.CallEnded(EndedBy.CALLER), 1.0)
    assert (do.RecordConsent("ask-everything", "none", "silence") in orders) is recorded


def test_the_end_after_leaving_writes_nothing_twice() -> None:
    """The books were closed when the line was given away."""
    core = conversation(ASKS)
    core.handle(on.CallAnswered(), 0.0)
    core.handle(on.SegmentFailed(SegmentId(1)), 0.1)
    assert core.phase is Phase.LEFT
    assert core.handle(on.CallEnded(EndedBy.CALLER), 1.0) == []
    assert core.phase is Phase.OVER


def test_a_mark_that_is_early_has_a_deadline_of_its_own() -> None:
    """It is believed when its sound can have been played."""
    core = conversation()
    core.handle(on.CallAnswered(), 0.0)
    core.handle(on.SegmentVoiced(SegmentId(1), 1.0), 0.0)
    core.handle(on.AudioSent(SegmentId(1), 0.5, 0.5, Mark("m")), 0.0)
    core.handle(on.MarkReturned(Mark("m")), 0.1)
    assert core.deadline() == 0.5
    core.handle(on.TimePassed(), 0.5)
    assert core.marks_heard == 1


def test_sound_that_flows_moves_no_deadline_and_orders_nothing() -> None:
    """Ten facts a second while we speak. Once the deadline has come everything is looked at again."""
    core = conversation()
    core.handle(on.CallAnswered(), 0.0)
    core.handle(on.AudioSent(SegmentId(1), 0.2, 0.2, Mark("1")), 0.0)
    core.handle(on.AudioSent(SegmentId(1), 0.2, 0.4, Mark("2")), 0.0)
    due = core.deadline()
    assert core.handle(on.AudioSent(SegmentId(1), 0.2, 0.6, Mark("3")), 0.1) == ()
    assert core.handle(on.MarkReturned(Mark("1")), 0.2) == ()
    assert core.deadline() == due
    assert due is not None
    assert core.handle(on.AudioSent(SegmentId(1), 0.2, 0.8, Mark("4")), due) == []
    assert core.deadline() != due


def test_what_was_dropped_or_ignored_is_counted() -> None:
    """For the record and the metrics."""
    core = greeted()
    core.handle(on.MarkReturned(Mark("nobody knows")), 2.0)
    core.handle(on.ReplyGrew(TurnId(9), "stale"), 2.0)
    assert core.counts == {"ignored": 1, "stale": 1}
    assert core.marks_heard == 1
    assert core.discarded == 0


def test_a_reply_that_is_thrown_away_is_counted() -> None:
    """It cost money and was never heard."""
    core = greeted()
    core.handle(on.DigitPressed("7"), 2.0)
    core.handle(on.TimePassed(), 2.7)
    core.handle(on.DigitPressed("8"), 2.8)
    assert core.discarded == 1


def test_that_the_brain_is_asked_ahead_can_be_seen() -> None:
    """Whoever pays may refuse it."""
    core = greeted(speculate=1)
    assert not core.asking_ahead
    core.handle(on.CallerStartedSpeaking(2.0), 2.0)
    assert not core.asking_ahead
    orders = core.handle(on.HypothesisGrew(UtteranceId(1), "what are your hours", settled=True), 2.5)
    assert kinds(orders) == [do.AskBrain]
    assert core.asking_ahead
    core.handle(on.CallerStoppedSpeaking(3.0), 3.0)
    core.handle(on.UtteranceFinal(UtteranceId(1), "what are your hours"), 3.1)
    assert not core.asking_ahead


def test_the_end_for_money_comes_before_the_next_question() -> None:
    """A turn that is complete in that moment is not put to the brain any more."""
    core = greeted()
    core.handle(on.CallerStartedSpeaking(2.0), 2.0)
    core.handle(on.CostGrew(1.0), 2.1)
    core.handle(on.CallerStoppedSpeaking(3.0), 3.0)
    orders = core.handle(on.UtteranceFinal(UtteranceId(1), "what are your hours"), 9.0)
    assert do.AskBrain not in kinds(orders)
    assert core.phase is Phase.CLOSING


def test_the_earliest_of_all_deadlines_is_the_deadline() -> None:
    """Ours, the caller's, or the call's."""
    core = greeted(silence=60)
    assert core.deadline() == 1.0 + 60.0
    core.handle(on.DigitPressed("7"), 2.0)
    assert core.deadline() == 2.6
    core.handle(on.TimePassed(), 2.6)
    assert core.deadline() == 2.6 + Policy().watchdog
    ending = greeted(call_s=10, warn_before_s=0)
    assert ending.deadline() == 8.0
    ending.handle(on.TimePassed(), 8.0)
    assert ending.deadline() == 10.0


def test_every_kind_of_fact_is_taken() -> None:
    """In any state, without a word of complaint."""
    facts = [
        on.CallAnswered(), on.CallResumed("stream-lost"), on.CallerStartedSpeaking(1.0), on.CallerStoppedSpeaking(1.0),
        on.LineSounded(5.0, 1.0, 0.0), on.TurnHinted(0.5),
        on.HypothesisGrew(UtteranceId(1), "a"), on.UtteranceFinal(UtteranceId(1), "a"), on.UtteranceLost(UtteranceId(1)),
        on.DigitPressed("1"), on.CostGrew(0.1), on.ReplyGrew(TurnId(1), "a"), on.ReplyActed(TurnId(1), EndCall()),
        on.ReplyEnded(TurnId(1)), on.ReplyFailed(TurnId(1)), on.SegmentVoiced(SegmentId(1), 1.0),
        on.SegmentFailed(SegmentId(1)), on.AudioSent(SegmentId(1), 0.2, 0.2, Mark("m")), on.MarkReturned(Mark("m")),
        on.LanguageChanged(PHRASES), on.ShutdownAsked(), on.TimePassed(), on.CallEnded(EndedBy.CALLER),
    ]  # fmt: skip
    assert {type(fact) for fact in facts} == set(on.Event.__args__)
    for fact in facts:
        core = greeted()
        core.handle(fact, 5.0)
        assert "unsettled" not in core.counts


def test_whether_we_may_be_talked_over_can_be_seen() -> None:
    """A carrier that hears for us must be told."""
    core = conversation(ASKS)
    assert core.yields
    core.handle(on.CallAnswered(), 0.0)
    assert not core.yields
    core.handle(on.CallEnded(EndedBy.CALLER), 1.0)
    assert core.yields


def test_whether_more_will_be_said_can_be_seen() -> None:
    """Of a fixed turn all of it is ordered at once; of a reply nobody knows until it has ended."""
    core = greeted()
    assert core.all_said
    core.handle(on.DigitPressed("7"), 2.0)
    core.handle(on.TimePassed(), 2.6)
    assert not core.all_said
    turn = core._floor.mine.turn  # type: ignore[union-attr]
    core.handle(on.ReplyGrew(turn, "Seven."), 3.0)
    assert not core.all_said
    core.handle(on.ReplyEnded(turn), 3.1)
    assert core.all_said

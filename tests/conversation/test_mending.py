"""A reply that did not come: asked for once more, then owned up to."""

from __future__ import annotations

from scripted import NOW, asked, fixed, sounds, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation.mending import Mending
from stella.conversation.speaking import Kind
from stella.domain.acts import ExpectAnswer


def test_the_same_is_asked_again_under_a_new_number() -> None:
    """The old one is cancelled: whatever still comes of it is stale."""
    floor = stage()
    floor.expected = ExpectAnswer("yes-no")
    mine = asked(floor, "my question", hold_until=NOW + 1.0)
    answers = mine.answers
    floor.expected = ExpectAnswer("digits")
    assert Mending(floor).retry(mine)
    again = floor.mine
    assert again is not None
    assert taken(floor) == [do.CancelReply(mine.turn), do.AskBrain(again.turn, "my question")]
    assert again.turn > mine.turn
    assert again.attempt == 1
    assert again.answers is answers
    assert again.hold_until == NOW + 1.0
    assert again.expected_before == ExpectAnswer("yes-no")
    assert again.caller_stopped == mine.caller_stopped


def test_it_is_asked_again_only_once() -> None:
    """A brain that fails twice fails a third time."""
    floor = stage()
    mine = asked(floor, attempt=1)
    assert not Mending(floor).retry(mine)
    assert floor.mine is mine
    assert taken(floor) == []


def test_what_was_heard_of_the_first_try_is_written_down() -> None:
    """The caller was told to wait: that is part of the call. When the caller stopped speaking is still known."""
    floor = stage()
    mine = asked(floor, "my question")
    stopped = mine.caller_stopped
    sounds(floor, "One moment.", heard=2.0)
    assert Mending(floor).retry(mine)
    [commit] = [order for order in taken(floor) if isinstance(order, do.CommitTurn)]
    assert commit.turn.heard_text == "One moment."
    assert commit.turn.interrupted
    assert floor.mine is not None
    assert floor.mine.caller_stopped == stopped
    assert floor.mine.asked == ("my question", "")


def test_an_apology_is_the_last_word_and_nobody_may_talk_over_it() -> None:
    """Behind it the carrier's own voice goes on. The caller's words are written down, though nothing answered them."""
    floor = stage()
    asked(floor, "my question")
    Mending(floor).apologise("silent")
    mine = floor.mine
    assert mine is not None
    assert mine.kind is Kind.FAREWELL
    assert not mine.interruptible
    assert list(mine.outbox) == [floor.phrases.apology, do.FallBack("silent")]
    [cancelled, commit] = taken(floor)
    assert isinstance(cancelled, do.CancelReply)
    assert isinstance(commit, do.CommitTurn)
    assert (commit.turn.speaker, commit.turn.text) == ("caller", "my question")
    assert floor.caller.parts == []


def test_words_that_nothing_answered_are_joined_by_those_said_since() -> None:
    """All of them are the caller's."""
    floor = stage()
    asked(floor, "my question")
    utterance(floor, "and another")
    Mending(floor).apologise("silent")
    [commit] = [order for order in taken(floor) if isinstance(order, do.CommitTurn)]
    assert commit.turn.text == "my question and another"


def test_an_apology_for_what_answers_nobody_leaves_the_callers_words_alone() -> None:
    """A fixed turn, or none at all, or a reply whose question is written down already: they are still being spoken."""
    for what in ("fixed", "none", "reply"):
        floor = stage()
        if what == "fixed":
            fixed(floor, "Hello.")
        elif what == "reply":
            asked(floor)
            sounds(floor)
        utterance(floor, "my words")
        Mending(floor).apologise("silent")
        assert [part.text for part in floor.caller.parts] == ["my words"]
        assert floor.mine is not None
        assert floor.mine.kind is Kind.FAREWELL

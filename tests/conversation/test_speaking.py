"""A turn of ours: what is left to say, what follows it, and what of it was heard."""

from __future__ import annotations

from collections import deque

import pytest

from stella.conversation.actions import FallBack, HangUp, SwitchLanguage, Transfer
from stella.conversation.playout import Segment
from stella.conversation.speaking import OPEN, AgentTurn, Consequence, Kind
from stella.domain.call import EndedBy
from stella.domain.ids import SegmentId, TurnId

BYE = HangUp(EndedBy.AGENT)


def mine(*outbox: str | Consequence, **more: object) -> AgentTurn:
    """A reply with something still to go."""
    return AgentTurn(TurnId(1), Kind.REPLY, 0.0, outbox=deque(outbox), **more)  # type: ignore[arg-type]


def piece(name: int, text: str, heard: float, *, failed: bool = False) -> Segment:
    """A second of speech of which so much was heard."""
    return Segment(SegmentId(name), text, 1.0, sent=1.0, heard=heard, failed=failed)


@pytest.mark.parametrize(
    ("outbox", "hanging_up", "leaving", "waits", "all_said"),
    [
        ((), False, False, False, True),
        (("a",), False, False, False, False),
        ((BYE,), True, True, True, True),
        (("a", BYE), True, True, False, False),
        ((Transfer("Anna"),), False, True, True, True),
        ((FallBack("silent"),), False, True, True, True),
        ((SwitchLanguage("en"),), False, False, True, True),
        ((SwitchLanguage("en"), "a"), False, False, True, False),
    ],
)
def test_what_follows_the_words(
    outbox: tuple[str | Consequence, ...], hanging_up: bool, leaving: bool, waits: bool, all_said: bool
) -> None:
    """The last thing decides what becomes of the line, the first what happens next."""
    turn = mine(*outbox)
    assert (turn.hanging_up, turn.leaving, turn.waits_to_be_heard, turn.all_said) == (
        hanging_up, leaving, waits, all_said,
    )  # fmt: skip


def test_only_a_farewell_nobody_may_talk_over_closes() -> None:
    """A farewell the caller may answer keeps the line open."""
    assert AgentTurn(TurnId(1), Kind.FAREWELL, 0.0, interruptible=False).closing
    assert not AgentTurn(TurnId(1), Kind.FAREWELL, 0.0).closing
    assert not AgentTurn(TurnId(1), Kind.CONSENT, 0.0, interruptible=False).closing


def test_what_was_heard_is_a_beginning_of_what_was_meant() -> None:
    """It ends at the first sentence that was not heard; one that could not be voiced is passed over."""
    turn = mine("d", BYE, segments=[piece(1, "a", 1.0), piece(2, "b", 0.5), piece(3, "c", 1.0)])
    assert turn.text() == "a b c d"
    assert turn.heard_text() == "a"
    turn.segments[1] = piece(2, "b", 0.0, failed=True)
    assert turn.heard_text() == "a c"
    assert mine().heard_text() == ""


def test_a_fresh_turn_owes_nothing() -> None:
    """Complete, to be talked over, and nothing of it was said, tried or waited for."""
    turn = mine()
    assert (turn.ended, turn.interruptible) == (True, True)
    assert (turn.asked, turn.hold_until, turn.attempt, turn.told_to_wait) == (("", ""), 0.0, 0, 0)
    assert (turn.worded, turn.audible, turn.replied, turn.switching, turn.provisional) == (False,) * 5
    assert (turn.finished, turn.answers, turn.caller_stopped, turn.expects, turn.tool_since) == (None,) * 5
    assert turn.expected_before == OPEN


def test_what_was_meant_is_all_that_was_said_where_nothing_waits() -> None:
    """The usual case at the end of a turn."""
    assert mine(segments=[piece(1, "a", 1.0), piece(2, "b", 1.0)]).text() == "a b"
    assert mine(BYE).text() == ""


def test_a_sentence_of_which_no_word_is_proven_leaves_no_blank() -> None:
    """Nothing stands for nothing."""
    assert mine(segments=[piece(1, "a", 1.0), piece(2, "b", 0.0)]).heard_text() == "a"


def test_anything_may_be_said_next() -> None:
    """Unless a question was asked."""
    assert (OPEN.kind, OPEN.max_digits) == ("open", 0)

"""The brain's reply: what it says, what it wants, and that nothing stale is ever spoken."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, fixed, sounds, stage, taken

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.floor import Floor
from stella.conversation.mending import Mending
from stella.conversation.replying import Replying
from stella.conversation.speaking import AgentTurn, Kind
from stella.domain.acts import BeganTool, ChangeLanguage, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import EndedBy, ToolUse

BYE = do.HangUp(EndedBy.AGENT)


def machine(floor: Floor) -> Replying:
    """The machine on this floor."""
    return Replying(floor, Mending(floor))


def provisional(floor: Floor) -> AgentTurn:
    """A reply that was asked for ahead."""
    mine = asked(floor)
    mine.provisional, mine.answers = True, None
    return mine


def test_sentences_are_said_in_order() -> None:
    """Without the blanks around them."""
    floor = stage()
    mine = asked(floor)
    for text in (" One. ", "Two."):
        machine(floor).grew(on.ReplyGrew(mine.turn, text))
    assert list(mine.outbox) == ["One.", "Two."]
    assert mine.worded


def test_a_sentence_without_words_is_none() -> None:
    """A reply of blanks is an empty reply, and is asked for again."""
    floor = stage()
    mine = asked(floor)
    machine(floor).grew(on.ReplyGrew(mine.turn, "  "))
    assert not mine.outbox
    assert not mine.worded


def test_what_is_said_after_the_wish_to_leave_is_said_before_leaving() -> None:
    """Brains act first and say goodbye afterwards."""
    floor = stage()
    mine = asked(floor)
    mine.outbox.extend(["One.", BYE])
    machine(floor).grew(on.ReplyGrew(mine.turn, "Two."))
    assert list(mine.outbox) == ["One.", "Two.", BYE]
    mine.outbox.clear()
    mine.outbox.append(do.SwitchLanguage("en"))
    machine(floor).grew(on.ReplyGrew(mine.turn, "Two."))
    assert list(mine.outbox) == [do.SwitchLanguage("en"), "Two."]


FACTS = [
    lambda turn: on.ReplyGrew(turn, "Stale."),
    lambda turn: on.ReplyActed(turn, EndCall()),
    on.ReplyEnded,
    on.ReplyFailed,
]


@pytest.mark.parametrize("fact", FACTS, ids=["grew", "acted", "ended", "failed"])
@pytest.mark.parametrize("why", ["nobody speaks", "another turn", "a fixed turn", "it has ended"])
def test_what_comes_for_another_turn_is_stale(fact: object, why: str) -> None:
    """It is counted and never spoken."""
    floor = stage()
    turn = on.TurnId(2)
    if why == "a fixed turn":
        turn = fixed(floor).turn
    elif why != "nobody speaks":
        mine = asked(floor)
        mine.ended = why == "it has ended"
        turn = mine.turn if mine.ended else on.TurnId(mine.turn + 1)
    told = fact(turn)  # type: ignore[operator]
    replies = machine(floor)
    handlers = {
        on.ReplyGrew: replies.grew, on.ReplyActed: replies.acted, on.ReplyEnded: replies.ended,
        on.ReplyFailed: replies.failed,
    }  # fmt: skip
    handlers[type(told)](told)
    assert floor.counts == {"stale": 1}
    assert taken(floor) == []
    assert floor.mine is None or not floor.mine.outbox


def test_an_act_is_a_sign_of_life() -> None:
    """The silence of ours is counted from it."""
    floor = stage()
    mine = asked(floor)
    floor.now = NOW + 1.0
    machine(floor).acted(on.ReplyActed(mine.turn, ExpectAnswer("yes-no")))
    assert floor.progress_at == NOW + 1.0
    assert floor.expected.kind == "yes-no"
    assert not mine.worded


def test_what_a_reply_that_was_asked_ahead_expects_stays_with_it() -> None:
    """Until it is the reply the question before it is still open."""
    floor = stage()
    mine = provisional(floor)
    machine(floor).acted(on.ReplyActed(mine.turn, ExpectAnswer("yes-no")))
    assert floor.expected.kind == "open"
    assert mine.expects == ExpectAnswer("yes-no")


def test_a_tool_at_work_is_known_and_a_used_one_recorded() -> None:
    """The caller is told that it takes a moment; the record what came of it."""
    floor = stage()
    mine = asked(floor)
    machine(floor).acted(on.ReplyActed(mine.turn, BeganTool("book")))
    assert mine.tool_since == NOW
    assert taken(floor) == []
    used = UsedTool(ToolUse("book", {}), 1.0)
    machine(floor).acted(on.ReplyActed(mine.turn, used))
    assert mine.tool_since is None
    assert taken(floor) == [do.RecordTool(used)]
    assert not mine.outbox


@pytest.mark.parametrize(
    ("act", "words", "consequence"),
    [
        (EndCall(), "farewell", BYE), (TransferTo("Anna"), "transferring", do.Transfer("Anna")),
        (ChangeLanguage("en"), None, do.SwitchLanguage("en")),
    ],
)  # fmt: skip
def test_a_consequence_waits_behind_words(act: EndCall | TransferTo, words: str | None, consequence: object) -> None:
    """Behind the reply's own, or behind ours where the brain had none; a language is changed without any."""
    floor = stage()
    mine = asked(floor)
    machine(floor).acted(on.ReplyActed(mine.turn, act))
    assert list(mine.outbox) == ([getattr(floor.phrases, words)] if words else []) + [consequence]
    assert mine.worded
    mine = asked(floor)
    machine(floor).grew(on.ReplyGrew(mine.turn, "So."))
    machine(floor).acted(on.ReplyActed(mine.turn, act))
    assert list(mine.outbox) == ["So.", consequence]


def test_an_agent_without_a_farewell_leaves_without_words() -> None:
    """A blank phrase is none."""
    floor = stage()
    floor.phrases = type(floor.phrases)(*["  "] * 6, (), *["  "] * 10)
    mine = asked(floor)
    machine(floor).acted(on.ReplyActed(mine.turn, EndCall()))
    assert list(mine.outbox) == [BYE]


def test_the_first_way_to_leave_stands() -> None:
    """A brain that hangs up and then transfers has hung up. A change of language before it is no leaving."""
    floor = stage()
    mine = asked(floor)
    for act in (ChangeLanguage("en"), EndCall(), TransferTo("Anna"), ChangeLanguage("de")):
        machine(floor).acted(on.ReplyActed(mine.turn, act))
    assert list(mine.outbox) == [do.SwitchLanguage("en"), BYE]
    assert floor.counts == {"stale": 2}


def test_a_reply_with_words_ends_without_more() -> None:
    """It is heard to its end."""
    floor = stage()
    mine = asked(floor)
    machine(floor).grew(on.ReplyGrew(mine.turn, "So."))
    machine(floor).ended(on.ReplyEnded(mine.turn))
    assert mine.ended
    assert floor.mine is mine
    assert taken(floor) == []


def test_a_reply_of_nothing_is_asked_for_once_more_and_then_owned_up_to() -> None:
    """A model that says nothing is asked the same again; the second time the caller is."""
    floor = stage()
    mine = asked(floor, "my question")
    machine(floor).ended(on.ReplyEnded(mine.turn))
    again = floor.mine
    assert again is not None
    assert again is not mine
    [order] = [order for order in taken(floor) if isinstance(order, do.AskBrain)]
    assert order.text == "my question"
    machine(floor).ended(on.ReplyEnded(again.turn))
    assert floor.mine is not None
    assert floor.mine.kind is Kind.REPROMPT
    assert floor.mine.text() == floor.phrases.no_match
    [committed] = taken(floor)
    assert isinstance(committed, do.CommitTurn)
    assert (committed.turn.speaker, committed.turn.text) == ("caller", "my question")


def test_an_empty_second_reply_that_told_to_wait_was_heard_so_far() -> None:
    """What was said of it is written down as said, not as interrupted."""
    floor = stage()
    mine = asked(floor, attempt=1)
    sounds(floor, "One moment.", heard=2.0)
    mine.worded = False
    machine(floor).ended(on.ReplyEnded(mine.turn))
    [order] = taken(floor)
    assert isinstance(order, do.CommitTurn)
    assert order.turn.interrupted is False
    assert order.turn.heard_text == "One moment."


@pytest.mark.parametrize("fact", [on.ReplyEnded, on.ReplyFailed])
def test_a_reply_asked_ahead_that_came_to_nothing_is_thrown_away(fact: type) -> None:
    """Nobody was waiting for it yet: no second try, and no apology."""
    floor = stage()
    mine = provisional(floor)
    replies = machine(floor)
    (replies.ended if fact is on.ReplyEnded else replies.failed)(fact(mine.turn))
    assert floor.mine is None
    assert taken(floor) == []
    assert floor.counts["discarded"] == 1


def test_a_reply_asked_ahead_is_kept_when_it_ends_with_words() -> None:
    """It waits for the caller to be done. One that failed is not believed, words or not."""
    floor = stage()
    mine = provisional(floor)
    mine.worded = True
    machine(floor).ended(on.ReplyEnded(mine.turn))
    assert floor.mine is mine
    mine.ended = False
    machine(floor).failed(on.ReplyFailed(mine.turn))
    assert floor.mine is None


def test_a_brain_that_fails_without_a_word_is_tried_once_more_and_then_another_path_speaks() -> None:
    """The caller hears an apology, then the carrier's own voice."""
    floor = stage()
    mine = asked(floor)
    machine(floor).failed(on.ReplyFailed(mine.turn))
    again = floor.mine
    assert again is not None
    assert again.kind is Kind.REPLY
    machine(floor).failed(on.ReplyFailed(again.turn))
    assert floor.mine is not None
    assert list(floor.mine.outbox) == [floor.phrases.apology, do.FallBack("brain-failed")]
    assert floor.counts["brain_failures"] == 2


def test_what_a_brain_said_before_it_failed_stands() -> None:
    """Half an answer is better than twice the beginning."""
    floor = stage()
    mine = asked(floor)
    mine.worded = True
    machine(floor).failed(on.ReplyFailed(mine.turn))
    assert floor.mine is mine
    assert mine.ended
    assert floor.counts == {"brain_failures": 1}

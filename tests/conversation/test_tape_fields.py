"""Facts and orders as rows of plain data, and back to the last bit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from simulation import PHRASES

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.tape_fields import (
    EVENTS,
    ORDERS,
    names,
    personal_places,
    plain_row,
    plain_time,
    rich_row,
    rich_time,
)  # fmt: skip
from stella.domain.acts import BeganTool, ChangeLanguage, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import EndedBy, ToolUse
from stella.domain.ids import Mark, SegmentId, TurnId, UtteranceId
from stella.domain.transcript import Turn

NAME, TURN, SEGMENT = UtteranceId(1), TurnId(2), SegmentId(3)
USED = UsedTool(ToolUse("book", {"who": "Anna"}, "done", 1.0, 2.0, None), 0.5)
FACTS: list[on.Event] = [
    on.CallAnswered(), on.CallResumed("stream-lost"), on.CallerStartedSpeaking(1 / 3, 0.25),
    on.LineSounded(5.0, 0.95, 0.1),
    on.CallerStoppedSpeaking(1.5, -20.0), on.TurnHinted(0.25), on.HypothesisGrew(NAME, "hel"), on.UtteranceFinal(NAME, "hello"),
    on.UtteranceLost(NAME), on.DigitPressed("7"), on.CostGrew(0.5), on.ReplyGrew(TURN, "Yes."),
    on.ReplyActed(TURN, EndCall()), on.ReplyActed(TURN, TransferTo("Anna")), on.ReplyActed(TURN, ChangeLanguage("en")),
    on.ReplyActed(TURN, ExpectAnswer("digits", 4, "*", masked=True, hints=("a", "b"))), on.ReplyActed(TURN, USED),
    on.ReplyActed(TURN, BeganTool("book")), on.ReplyEnded(TURN), on.ReplyFailed(TURN),
    on.SegmentVoiced(SEGMENT, 1.25, (on.WordTime(3, 0.5), on.WordTime(7, 1.0))), on.SegmentFailed(SEGMENT),
    on.AudioSent(SEGMENT, 0.2, 0.4, Mark("m")), on.MarkReturned(Mark("m")),
    on.LanguageChanged(replace(PHRASES, still_working=("Still looking.",)), followed=True), on.ShutdownAsked(),
    on.CallEnded(EndedBy.CALLER), on.TimePassed(),
]  # fmt: skip
ALL_ORDERS: list[do.Action] = [
    do.BeginUtterance(NAME), do.FinishUtterance(NAME), do.DropUtterance(NAME), do.AskBrain(TURN, "hello", "7"),
    do.CancelReply(TURN), do.Say(TURN, SEGMENT, "Yes."), do.PausePlayout(Mark("f")),
    do.ResumePlayout(SEGMENT, 1 / 3, exact=True), do.DropPlayout(),
    do.CommitTurn(Turn(2, "agent", "Yes.", 1.0, 2.0, interrupted=True, heard_text="Ye")), do.RecordDigit("x", 1.5),
    do.RecordConsent("announce", "yes", "staying"), do.RecordTool(USED),
    do.RecordLine("music"), do.RecordGap(0.5), do.RecordBargeIn(0.1),
    do.SwitchLanguage("en"), do.Transfer("Anna"), do.FallBack("silent"), do.HangUp(EndedBy.LIMIT),
]  # fmt: skip


def through_json(row: list[Any]) -> list[Any]:
    """As a store would give it back."""
    back: list[Any] = json.loads(json.dumps(row))
    return back


def test_there_is_one_of_every_kind_here() -> None:
    """What is tried below is all there is."""
    assert {type(fact).__name__ for fact in FACTS} == set(EVENTS)
    assert {type(order).__name__ for order in ALL_ORDERS} == set(ORDERS)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_a_fact_comes_back_as_it_was(fact: on.Event) -> None:
    """Its time first, then its kind, then its fields in the order of the class."""
    row = through_json(plain_row(fact, 12.5))
    assert row[:2] == [12500000, type(fact).__name__]
    assert rich_row(row) == fact
    assert type(rich_row(row)) is type(fact)


@pytest.mark.parametrize("order", ALL_ORDERS, ids=lambda order: type(order).__name__)
def test_an_order_comes_back_as_it_was(order: do.Action) -> None:
    """It has no time: it belongs to the fact before it."""
    row = through_json(plain_row(order, None))
    assert row[:2] == [None, type(order).__name__]
    assert rich_row(row) == order
    if isinstance(order, do.HangUp):
        assert isinstance(rich_row(row).by, EndedBy)


@pytest.mark.parametrize(
    ("seconds", "plain"), [(0.0, 0), (1.5, 1500000), (0.1, 100000), (1 / 3, 1 / 3), (1e-7, 1e-7), (-0.25, -250000)]
)
def test_times_are_whole_microseconds_where_that_is_exact(seconds: float, plain: float) -> None:
    """A number of six digits takes less room than one of seventeen; where it would lie the float stays."""
    assert plain_time(seconds) == plain
    assert type(plain_time(seconds)) is type(plain)
    assert rich_time(plain_time(seconds)) == seconds


def test_times_inside_a_row_are_kept_like_its_own() -> None:
    """An onset, and when a key was pressed."""
    assert plain_row(on.CallerStartedSpeaking(1.5, 0.0), 2.0) == [2000000, "CallerStartedSpeaking", 1500000, 0.0]
    assert plain_row(do.RecordDigit("x", 1.5), None) == [None, "RecordDigit", "x", 1500000]
    assert plain_row(do.ResumePlayout(SEGMENT, 0.5, exact=True), None)[3] == 500000


def test_what_nobody_measured_takes_no_room() -> None:
    """And a row from before a field was there has its default."""
    assert plain_row(on.CallerStoppedSpeaking(1.5), 2.0) == [2000000, "CallerStoppedSpeaking", 1500000]
    assert rich_row([2000000, "CallerStartedSpeaking", 1500000]) == on.CallerStartedSpeaking(1.5)
    assert rich_row([2000000, "TimePassed"]) == on.TimePassed()


@pytest.mark.parametrize("row", [[0, "Nonsense"], [None, "TimePassed"], [0, "DropPlayout"], [0], []])
def test_a_row_of_another_kind_is_refused(row: list[Any]) -> None:
    """A fact is no order, and an order no fact."""
    with pytest.raises((KeyError, IndexError)):
        rich_row(row)


def test_a_row_with_too_much_in_it_is_refused() -> None:
    """It is of another version, or damaged."""
    with pytest.raises((TypeError, ValueError)):
        rich_row([0, "ReplyEnded", 1, 2])


PERSONAL = {
    "HypothesisGrew": ["text"], "UtteranceFinal": ["text"], "DigitPressed": ["digit"], "ReplyGrew": ["text"],
    "ReplyActed": ["act"], "AskBrain": ["text", "digits"], "Say": ["text"], "CommitTurn": ["turn"],
    "RecordDigit": ["digit"], "RecordTool": ["used"], "Transfer": ["name"],
}  # fmt: skip


@pytest.mark.parametrize("thing", [*FACTS, *ALL_ORDERS], ids=lambda thing: type(thing).__name__)
def test_what_somebody_said_or_keyed_is_personal_and_nothing_else(thing: Any) -> None:
    """It can be erased, and the rest kept."""
    kind = type(thing)
    row = plain_row(thing, 1.0 if kind.__name__ in EVENTS else None)
    assert [names(kind)[place - 2] for place in personal_places(row)] == PERSONAL.get(kind.__name__, [])


@pytest.mark.parametrize("thing", [*FACTS, *ALL_ORDERS], ids=lambda thing: type(thing).__name__)
def test_an_erased_row_can_still_be_read(thing: Any) -> None:
    """With nothing in the place of what was said, and nobody the wiser."""
    row = plain_row(thing, 1.0 if type(thing).__name__ in EVENTS else None)
    for place in personal_places(row):
        row[place] = None
    back = rich_row(row)
    assert type(back) is type(thing)
    told = repr(back)
    for place in personal_places(row):
        value = getattr(back, names(type(thing))[place - 2])
        assert value in ("", ExpectAnswer(), UsedTool(ToolUse("", {})), Turn(0, "", "", 0.0, 0.0)), told


def test_personal_places_of_nonsense_are_refused() -> None:
    """Rather than taken for harmless."""
    with pytest.raises(KeyError):
        personal_places([0, "Nonsense"])

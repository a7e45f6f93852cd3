"""The flight recorder."""

from __future__ import annotations

import json
from typing import Any

import pytest
from simulation import PHRASES, Call

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation
from stella.conversation.policy import Policy
from stella.conversation.tape import VERSION, differences, join, read, replay, split, write
from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, UsedTool
from stella.domain.call import ToolUse
from stella.domain.consent import Preset
from stella.domain.errors import MalformedMessage


def begin() -> Conversation:
    """The core as it was when the call was recorded."""
    return Conversation(Policy(), PHRASES, Preset.DISCLOSE)


def record() -> Call:
    """A call with something of everything, a secret name in it."""
    use = UsedTool(ToolUse("find", {"who": "Kunigunde"}))
    reply = ["Let me see.", use, ExpectAnswer("digits", max_digits=2, hints=("a",)), ChangeLanguage("en"), EndCall()]
    call = Call(begin(), lambda _: reply, vad=0.0625, stt=0.125).answered()
    return call.speaks(2.0, "Kunigunde speaking", 1.0).keys(4.0, "7").speaks(9.0, "", 0.5).run(30.0)


def test_a_recorded_call_plays_the_same_again() -> None:
    """Through JSON and back, the core gives the same orders: the recording is the call."""
    call = record()
    moments = read(json.loads(json.dumps(write(call.tape))))
    assert len(moments) == len(call.tape)
    assert [type(event) for _, event in moments] == [type(event) for _, event in call.tape]
    again = replay(moments, begin)
    assert [type(action) for _, action in again] == [type(action) for _, action in call.log]
    assert differences(again, replay(moments, begin)) == []


def test_differences_are_found() -> None:
    """In what is ordered, when, and whether at all."""
    one: list[tuple[float, do.Action]] = [(1.0, do.DropPlayout()), (2.0, do.DropPlayout())]
    assert differences(one, one) == []
    assert differences(one, [(1.5, do.DropPlayout())]) == [(0, one[0], (1.5, do.DropPlayout())), (1, one[1], None)]
    assert differences([], one[:1]) == [(0, None, one[0])]


def test_what_people_said_can_be_taken_out_and_put_back() -> None:
    """Nothing personal is left in the one part; without the other, the tape can still be read."""
    tape = write(record().tape)
    bare, personal = split(tape)
    assert "Kunigunde" not in json.dumps(bare)
    assert "Kunigunde" in json.dumps(personal)
    assert join(bare, personal) == tape
    assert len(bare[1]) == len(tape[1])
    with pytest.raises(MalformedMessage, match="does not belong"):
        join(bare, personal[:-1])
    with pytest.raises(MalformedMessage, match="longer"):
        join(bare, [*personal, "more"])


def test_an_erased_tape_still_has_its_times() -> None:
    """How long everything took is no secret."""
    bare, _ = split(write([(1.0, on.ReplyActed(on.TurnId(1), EndCall())), (1.5, on.TimePassed())]))
    assert [now for now, _ in read(bare)] == [0.0, 0.5]


@pytest.mark.parametrize(
    "tape",
    [
        [],
        [VERSION + 1, []],
        [VERSION, [[0, "Nonsense"]]],
        [VERSION, [[0]]],
        [VERSION, [[0, "ReplyEnded"]]],
        [VERSION, 3],
    ],
)
def test_a_tape_that_cannot_be_read_says_so(tape: list[Any]) -> None:
    """One way to fail."""
    with pytest.raises(MalformedMessage):
        read(tape)

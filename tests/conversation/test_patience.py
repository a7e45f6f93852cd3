"""A tool at work: the caller is told that it takes a moment, with growing patience, and is never spoken over."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from simulation import PHRASES, Call

from stella.conversation import actions as do
from stella.conversation.core import Conversation
from stella.conversation.policy import Policy
from stella.domain.acts import BeganTool, UsedTool
from stella.domain.call import ToolUse
from stella.domain.consent import Preset

WAITS = ("It takes a little longer.", "I am still on it.")
USED = UsedTool(ToolUse("free_times", {}))


def ring(*reply: Any, **options: Any) -> Call:
    """A call in which the brain uses a tool; the caller asks from 2 to 3 s, the brain is asked at 3.7."""
    conversation = Conversation(Policy(), replace(PHRASES, still_working=WAITS), Preset.DISCLOSE)
    return Call(conversation, lambda _: list(reply), **options).answered().speaks(2.0, "Tuesday would do", 1.0)


def said(call: Call) -> list[str]:
    """What was said after the greeting."""
    return [each.text for each in call.orders(do.Say)][1:]


def test_a_quick_tool_needs_no_words() -> None:
    """Nobody notices a second."""
    assert said(ring(BeganTool("free_times"), 0.9, USED, "Tuesday is free.").run(8.0)) == ["Tuesday is free."]


def test_a_slow_tool_is_explained_with_growing_patience() -> None:
    """One moment; longer; still on it; and then the answer, which alone counts as the reply."""
    call = ring(BeganTool("free_times"), 13.0, USED, "Tuesday is free.").run(20.0)
    assert said(call) == [PHRASES.one_moment, *WAITS, "Tuesday is free."]
    times = [call.when(do.Say, place) for place in range(1, 5)]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] == pytest.approx(3.9 + 1.2, abs=0.1)
    assert pauses[1] > pauses[0] + 0.5
    (gap,) = call.orders(do.RecordGap)
    assert gap.seconds > 10
    assert len(call.orders(do.AskBrain)) == 1 and not call.orders(do.FallBack)


def test_words_of_the_brains_own_are_heard_out_before_any_of_ours() -> None:
    """The words "let me look" are patience enough for a while."""
    words = "Let me look that up for you."
    for seconds, expected in ((1.5, [words, "It is free."]), (3.0, [words, PHRASES.one_moment, "It is free."])):
        call = ring(words, BeganTool("free_times"), seconds, USED, "It is free.").run(12.0)
        assert said(call) == expected
        spoken_until = 3.7 + 0.2 + 0.1 + 0.05 * len(words)
        assert all(at > spoken_until for at, order in call.log if order in call.orders(do.Say)[2:])


def test_a_caller_who_speaks_is_not_told_to_wait() -> None:
    """The word of patience stops, the tool is given up with the reply, and the caller is answered."""
    asked: list[str] = []

    def brain(order: do.AskBrain) -> list[Any]:
        asked.append(order.text)
        return [BeganTool("free_times"), 10.0, USED, "Tuesday is free."] if len(asked) == 1 else ["Of course."]

    conversation = Conversation(Policy(), replace(PHRASES, still_working=WAITS), Preset.DISCLOSE)
    call = Call(conversation, brain).answered().speaks(2.0, "Tuesday would do", 1.0)
    call.speaks(5.4, "forget Tuesday I want Wednesday", 1.5).run(12.0)
    assert said(call) == [PHRASES.one_moment, "Of course."]
    assert asked == ["Tuesday would do", "forget Tuesday I want Wednesday"]
    assert call.orders(do.CancelReply) and call.orders(do.PausePlayout)


def test_an_mhm_gives_nothing_up() -> None:
    """The caller is listening; the tool goes on."""
    call = ring(BeganTool("free_times"), 6.0, USED, "Tuesday is free.").speaks(5.5, "mhm", 0.4).run(16.0)
    assert said(call)[-1] == "Tuesday is free." and not call.orders(do.CancelReply)
    assert len(call.orders(do.AskBrain)) == 1


def test_a_tool_that_never_comes_back_ends_in_words() -> None:
    """However long it says it takes: the caller hears from us, and then another path."""
    call = ring(BeganTool("free_times"), 500.0, "Too late.").run(200.0)
    words = said(call)
    assert words[:3] == [PHRASES.one_moment, *WAITS] and words[-1] == PHRASES.apology
    assert len(words) < 20

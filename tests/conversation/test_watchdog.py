"""Nobody is left in silence by us: a word of patience, the same again, an apology and another path."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scripted import NOW, asked, fixed, hears_out, sounds, stage, taken

from stella.conversation import actions as do
from stella.conversation.floor import Floor
from stella.conversation.mending import Mending
from stella.conversation.speaking import AgentTurn, Kind
from stella.conversation.steps import DONE, NEVER
from stella.conversation.watchdog import TOOL_LONGEST_S, Watchdog
from stella.domain.call import EndedBy

PATIENCE = 4.0


def waiting() -> Floor:
    """The brain was asked, and nothing came of it yet."""
    floor = stage()
    asked(floor)
    return floor


def watch(floor: Floor) -> float:
    """Ask the machine once about the turn under way."""
    assert floor.mine is not None
    return Watchdog(floor, Mending(floor)).step(floor.mine)


def barks(floor: Floor) -> AgentTurn:
    """Wait until it barks, and let it. The turn it barked at."""
    mine = floor.mine
    assert mine is not None
    floor.now = watch(floor)
    assert watch(floor) == DONE
    return mine


@pytest.mark.parametrize("last", ["progress", "sound", "hold"])
def test_silence_is_counted_from_the_last_sign_of_life(last: str) -> None:
    """A fact, a sound that is still playing, or the moment until which a reply is held back on purpose."""
    floor = waiting()
    mine = floor.mine
    assert mine is not None
    at = NOW + 3.0
    if last == "progress":
        floor.progress_at = at
    elif last == "sound":
        floor.playout.ends_at = at
    else:
        mine.hold_until = at
    assert watch(floor) == at + PATIENCE
    assert taken(floor) == []


@pytest.mark.parametrize("why", ["ended", "waits"])
def test_the_marks_of_a_turn_that_was_sent_are_not_our_silence(why: str) -> None:
    """The carrier plays, or has lost them; that has a patience of its own."""
    floor = waiting()
    mine = floor.mine
    assert mine is not None
    sounds(floor)
    if why == "ended":
        mine.ended = True
    else:
        mine.outbox.append(do.HangUp(EndedBy.AGENT))
    assert watch(floor) == NEVER
    mine.segments[0].sent = 0.0
    assert watch(floor) < NEVER


def test_a_brain_that_says_nothing_is_excused_with_one_moment_then_asked_again_then_apologised_for() -> None:
    """Each after the same patience."""
    floor = waiting()
    first = barks(floor)
    assert [order.text for order in taken(floor) if isinstance(order, do.Say)] == [floor.phrases.one_moment]
    assert first.segments[0].filler
    assert floor.counts["watchdog"] == 1
    assert floor.progress_at == floor.now
    first.segments[0].duration = first.segments[0].sent = 0.5
    barks(floor)
    assert floor.mine is not first
    assert [type(order) for order in taken(floor)][-1] is do.AskBrain
    barks(floor)
    assert floor.mine is not None
    assert list(floor.mine.outbox) == [floor.phrases.apology, do.FallBack("silent")]
    assert floor.counts["watchdog"] == 3


def test_a_voice_that_hangs_is_not_asked_to_say_one_moment() -> None:
    """It could not. The brain is asked once more: perhaps other words can be voiced."""
    floor = waiting()
    mine = floor.mine
    assert mine is not None
    floor.say(mine, "Stuck.")
    barks(floor)
    assert floor.mine is not mine
    assert [order.text for order in taken(floor) if isinstance(order, do.Say)] == ["Stuck."]


def test_a_reply_that_is_complete_but_cannot_be_voiced_is_asked_for_again() -> None:
    """There is nothing to wait for."""
    floor = waiting()
    mine = floor.mine
    assert mine is not None
    floor.say(mine, "Stuck.")
    mine.ended = True
    barks(floor)
    assert floor.mine is not mine


def test_a_second_try_that_is_silent_is_not_excused_again() -> None:
    """The caller has been told to wait."""
    floor = waiting()
    assert floor.mine is not None
    floor.mine.attempt = 1
    barks(floor)
    assert floor.mine.kind is Kind.FAREWELL


def test_a_reply_that_breaks_off_after_words_is_left_at_that() -> None:
    """What was said stands; a tool it waits for or a sentence that never comes do not keep the caller."""
    floor = waiting()
    mine = floor.mine
    assert mine is not None
    first = sounds(floor, "One.", heard=2.0)
    mine.attempt = 1
    floor.say(mine, "Two.")
    taken(floor)
    barks(floor)
    assert floor.mine is mine
    assert mine.ended
    assert taken(floor) == [do.CancelReply(mine.turn)]
    assert not first.failed
    assert mine.segments[1].failed


def test_a_complete_reply_whose_last_sentence_hangs_is_cancelled_by_nobody() -> None:
    """The brain is done."""
    floor = waiting()
    mine = floor.mine
    assert mine is not None
    sounds(floor, "One.", heard=2.0)
    floor.say(mine, "Two.")
    mine.ended = True
    taken(floor)
    barks(floor)
    assert taken(floor) == []
    assert mine.segments[1].failed


@pytest.mark.parametrize(
    ("outbox", "left"),
    [
        ((), do.FallBack("silent")), (("Words.",), do.FallBack("silent")),
        ((do.SwitchLanguage("en"),), do.FallBack("silent")), ((do.HangUp(EndedBy.LIMIT),), do.HangUp(EndedBy.LIMIT)),
        (("Words.", do.Transfer("Anna")), do.Transfer("Anna")),
    ],
)  # fmt: skip
def test_a_fixed_turn_that_cannot_be_voiced_is_followed_by_what_was_to_follow_it(
    outbox: tuple[object, ...], left: object
) -> None:
    """Or by another path, where nothing was."""
    floor = waiting()
    mine = fixed(floor)
    floor.say(mine, "Stuck.")
    mine.outbox.extend(outbox)  # type: ignore[arg-type]
    barks(floor)
    assert floor.left == left


def working(floor: Floor) -> AgentTurn:
    """A tool of the reply under way has begun."""
    mine = floor.mine
    assert mine is not None
    mine.tool_since = floor.now
    return mine


def said(floor: Floor) -> list[str]:
    """Every word of patience so far."""
    assert floor.mine is not None
    return [segment.text for segment in floor.mine.segments if segment.filler]


def test_a_tool_at_work_is_excused_sooner_and_with_other_words_each_time() -> None:
    """With growing patience; the last words again and again. It does not bark meanwhile."""
    floor = waiting()
    floor.phrases = replace(floor.phrases, still_working=("Still looking.", "Nearly there."))
    mine = working(floor)
    since = floor.now
    for place in range(4):
        due = watch(floor)
        assert due == pytest.approx(since + 1.2 * 1.8**place)
        floor.now = due
        assert watch(floor) == DONE
        mine.segments[-1].duration = mine.segments[-1].sent = 0.5
        since = floor.now
    assert said(floor) == [floor.phrases.one_moment, "Still looking.", "Nearly there.", "Nearly there."]
    assert floor.counts == {}


def test_a_tool_is_excused_from_when_it_began_or_from_the_last_sound() -> None:
    """Words before it are words."""
    floor = waiting()
    mine = working(floor)
    mine.tool_since = NOW + 1.0
    assert watch(floor) == pytest.approx(NOW + 1.0 + 1.2)
    sounds(floor, seconds=3.0)
    assert watch(floor) == pytest.approx(NOW + 3.0 + 1.2)


def test_after_half_a_minute_a_tool_counts_as_lost() -> None:
    """Whatever it says of its deadline."""
    floor = waiting()
    working(floor)
    floor.now = NOW + TOOL_LONGEST_S - 0.1
    watch(floor)
    assert said(floor) == [floor.phrases.one_moment]
    floor = waiting()
    working(floor)
    floor.now = NOW + TOOL_LONGEST_S
    assert watch(floor) == DONE
    assert floor.counts["watchdog"] == 1


def test_a_voice_that_hangs_while_a_tool_works_is_barked_at_as_ever() -> None:
    """Words of patience could not be voiced either."""
    floor = waiting()
    mine = working(floor)
    floor.say(mine, "Stuck.")
    assert watch(floor) == NOW + PATIENCE


def test_what_was_heard_out_is_no_silence() -> None:
    """The turn is complete; whoever asks finishes it."""
    floor = waiting()
    mine = floor.mine
    assert mine is not None
    sounds(floor)
    mine.ended = True
    hears_out(floor)
    assert watch(floor) == NEVER

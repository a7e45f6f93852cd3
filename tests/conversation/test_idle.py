"""What happens when nothing else does: an end in good time, consent by silence, and somebody asks who is there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scripted import NOW, asked, fixed, sounds, speaks, stage, taken, utterance

from stella.conversation import actions as do
from stella.conversation.consenting import Consenting
from stella.conversation.doubting import Doubting
from stella.conversation.floor import Floor
from stella.conversation.idle import Idle
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE, NEVER
from stella.domain.call import EndedBy
from stella.domain.consent import Preset


def machine(floor: Floor) -> Idle:
    """The machine on this floor."""
    return Idle(floor, Consenting(floor), Doubting(floor))


def says(floor: Floor) -> tuple[Kind, list[object], bool]:
    """Why, what, and whether it may be talked over."""
    assert floor.mine is not None
    return floor.mine.kind, list(floor.mine.outbox), floor.mine.interruptible


def test_a_call_that_was_not_answered_has_no_clock() -> None:
    """Nobody is on the line."""
    assert machine(stage(answered=False)).step() == NEVER


def test_nobody_speaks_for_a_while_and_is_asked_whether_they_are_there() -> None:
    """Twice, with growing patience, and then the goodbye: which may be talked over, for then somebody is."""
    floor = stage()
    idle = machine(floor)
    for patience, prompt in ((7.0, "Are you still there?"), (7.0 * 1.4, "Can you hear me?")):
        begun = floor.now
        assert idle.step() == pytest.approx(begun + patience)
        assert floor.mine is None
        floor.now = idle.step()
        assert idle.step() == DONE
        assert says(floor) == (Kind.REPROMPT, [prompt], True)
        floor.mine = None
    floor.now = idle.step()
    assert floor.now == pytest.approx(begun + 7.0 * 1.4 + 7.0 * 1.4**2)
    assert idle.step() == DONE
    assert says(floor) == (Kind.FAREWELL, [floor.phrases.farewell, do.HangUp(EndedBy.SILENCE)], True)


@pytest.mark.parametrize("who", ["agent", "caller", "words", "keys"])
def test_while_somebody_has_the_floor_only_the_end_of_the_call_is_waited_for(who: str) -> None:
    """Silence begins when nobody has it."""
    floor = stage(warn_before_s=0.0)
    if who == "agent":
        fixed(floor, "Hello.")
    elif who == "caller":
        speaks(floor)
        floor.caller.parts.clear()
    elif who == "words":
        utterance(floor)
    else:
        floor.caller.digits = "1"
    assert machine(floor).step() == 1200.0


def test_a_warning_comes_in_good_time_once_and_waits_for_the_floor() -> None:
    """It interrupts nobody, and is not asked for again meanwhile."""
    floor = stage(silence=120.0)
    idle = machine(floor)
    speaks(floor)
    assert idle.step() == 1140.0
    floor.now = 1150.0
    assert idle.step() == 1200.0
    floor.speaking = False
    floor.caller.parts.clear()
    assert idle.step() == DONE
    assert says(floor) == (Kind.PHRASE, [floor.phrases.limit_warning], True)
    floor.mine = None
    assert idle.step() == 1200.0


def test_the_end_of_a_call_comes_whoever_speaks() -> None:
    """In words, which nobody may talk over; what was being said is cut."""
    floor = stage()
    asked(floor)
    sounds(floor)
    floor.now = 1200.0
    idle = machine(floor)
    assert idle.step() == DONE
    assert says(floor) == (Kind.FAREWELL, [floor.phrases.farewell, do.HangUp(EndedBy.LIMIT)], False)
    assert do.DropPlayout() in taken(floor)
    assert idle.step() == NEVER


def test_last_words_are_not_begun_anew() -> None:
    """Whatever else would end the call: it is ending."""
    floor = stage()
    mine = fixed(floor, "Bye.", kind=Kind.FAREWELL, then=do.HangUp(EndedBy.LIMIT), interruptible=False)
    machine(floor).force_end("Bye bye.", EndedBy.SHUTDOWN)
    assert floor.mine is mine
    mine.interruptible = True
    machine(floor).force_end("Bye bye.", EndedBy.SHUTDOWN)
    assert says(floor) == (Kind.FAREWELL, ["Bye bye.", do.HangUp(EndedBy.SHUTDOWN)], False)


def test_after_the_consent_question_silence_is_an_answer_and_no_silence() -> None:
    """Nobody is asked whether they are there."""
    floor = stage(Preset.ASK_RECORDING)
    floor.gate.asked(NOW)
    idle = machine(floor)
    assert idle.step() == NOW + 6.0
    floor.now = NOW + 6.0
    assert idle.step() == DONE
    assert do.RecordConsent("ask-recording", "no", "silence") in taken(floor)


def test_while_the_question_is_being_asked_the_usual_silence_counts() -> None:
    """It was never heard, and nobody is saying it."""
    floor = stage(Preset.ASK_RECORDING)
    assert machine(floor).step() == NOW + 7.0


@pytest.mark.parametrize(("warned", "handed", "words"), [
    (True, "Later.", "farewell"), (False, "Later.", "handed_over"), (False, "", "farewell"),
])  # fmt: skip
def test_when_the_money_is_used_up_the_call_ends_in_words(warned: bool, handed: str, words: str) -> None:
    """With a goodbye to who was warned, and an explanation to who was not."""
    floor = stage()
    floor.phrases = replace(floor.phrases, handed_over=handed)
    assert floor.limits is not None
    if warned:
        floor.limits.cost_grew(0.9)
        floor.limits.warning(NOW)
    floor.limits.cost_grew(1.0)
    assert machine(floor).spent()
    assert says(floor) == (Kind.FAREWELL, [getattr(floor.phrases, words), do.HangUp(EndedBy.LIMIT)], False)


@pytest.mark.parametrize("who", ["agent", "caller", "nobody yet", "money left"])
def test_the_end_for_money_waits_for_what_is_being_said(who: str) -> None:
    """What was paid for is heard, and the caller may finish."""
    floor = stage(answered=who != "nobody yet")
    if floor.limits is not None:
        floor.limits.cost_grew(0.99 if who == "money left" else 1.0)
    if who == "agent":
        asked(floor)
    elif who == "caller":
        speaks(floor)
    before = floor.mine
    assert not machine(floor).spent()
    assert floor.mine is before


def test_a_reply_that_was_only_asked_ahead_is_not_paid_for() -> None:
    """Nobody heard of it yet."""
    floor = stage()
    asked(floor).provisional = True
    assert floor.limits is not None
    floor.limits.cost_grew(1.0)
    assert machine(floor).spent()


def test_a_line_that_only_plays_music_is_asked_before_patience_ends() -> None:
    """It is no silence that anybody could break."""
    floor = stage()
    floor.line.sounded(20.0, 1.0, 0.0)
    assert machine(floor).step() == DONE
    assert says(floor) == (Kind.REPROMPT, [floor.phrases.person_check], False)

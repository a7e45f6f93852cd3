"""Where a conversation is, for people."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scripted import NOW, asked, fixed, sounds, speaks, stage, utterance

from stella.conversation import actions as do
from stella.conversation.barge_in import BargeIn
from stella.conversation.floor import Floor
from stella.conversation.phases import Phase, phase_of
from stella.conversation.speaking import Kind
from stella.domain.call import EndedBy
from stella.domain.consent import Preset

BYE = do.HangUp(EndedBy.AGENT)


def over(floor: Floor) -> None:
    """Left, and then the line closed."""
    floor.left = BYE
    floor.over = True


def paused(floor: Floor) -> None:
    """Somebody speaks over a reply."""
    asked(floor)
    floor.case = BargeIn(floor.policy, NOW, NOW)


def ahead(floor: Floor) -> None:
    """Nobody speaks, and the brain is asked all the same."""
    asked(floor).provisional = True


SCENES: list[tuple[Callable[[Floor], object], Phase]] = [
    (lambda floor: None, Phase.LISTENING),
    (over, Phase.OVER),
    (lambda floor: setattr(floor, "left", BYE), Phase.LEFT),
    (lambda floor: setattr(floor, "answered", None), Phase.WAITING),
    (paused, Phase.PAUSED),
    (ahead, Phase.LISTENING),
    (lambda floor: setattr(floor, "speaking", True), Phase.HEARING),
    (speaks, Phase.HEARING),
    (utterance, Phase.HEARING),
    (lambda floor: setattr(floor.caller, "digits", "1"), Phase.HEARING),
    (asked, Phase.THINKING),
    (lambda floor: (asked(floor), sounds(floor)), Phase.SPEAKING),
    (lambda floor: fixed(floor, "Bye.", kind=Kind.FAREWELL), Phase.CLOSING),
    (lambda floor: fixed(floor, "Bye.", then=BYE), Phase.CLOSING),
    (lambda floor: fixed(floor, "May we?", kind=Kind.CONSENT, then=BYE), Phase.ASKING_CONSENT),
]


@pytest.mark.parametrize(("scene", "phase"), SCENES)
def test_what_the_floor_looks_like_from_outside(scene: Callable[[Floor], object], phase: Phase) -> None:
    """One word for every state, whoever has the floor."""
    floor = stage()
    scene(floor)
    assert phase_of(floor) is phase


def test_an_open_consent_question_is_asked_whoever_is_silent() -> None:
    """The caller's answer belongs to it; a reply of ours does not."""
    floor = stage(Preset.ASK_RECORDING)
    assert phase_of(floor) is Phase.ASKING_CONSENT
    speaks(floor)
    assert phase_of(floor) is Phase.ASKING_CONSENT
    asked(floor)
    assert phase_of(floor) is Phase.THINKING


def test_the_names_of_the_phases_are_those_of_the_page() -> None:
    """They are shown to people, and drawn."""
    assert [phase.value for phase in Phase] == [
        "waiting", "asking-consent", "listening", "hearing", "thinking", "speaking", "paused", "closing", "left", "over",
    ]  # fmt: skip

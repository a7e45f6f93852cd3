"""Another language: said in it, asked in it, and not waited for for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scripted import NOW, asked, fixed, stage
from simulation import PHRASES

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.consent_gate import Step
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE
from stella.conversation.switching import Switching
from stella.domain.call import EndedBy
from stella.domain.consent import Preset

GERMAN = replace(PHRASES, language_switch="Wir sprechen Deutsch.", consent_question="Dürfen wir aufnehmen?")


@pytest.mark.parametrize("words", [GERMAN.language_switch, "  "])
def test_a_change_the_brain_wanted_is_said_before_what_it_still_has_to_say(words: str) -> None:
    """In the new language; an agent without such a phrase just goes on."""
    floor = stage()
    mine = asked(floor)
    mine.switching = True
    mine.outbox.append("Und weiter.")
    floor.now = NOW + 1.0
    Switching(floor).changed(on.LanguageChanged(replace(GERMAN, language_switch=words)))
    assert list(mine.outbox) == [*([words] if words.strip() else []), "Und weiter."]
    assert not mine.switching
    assert floor.progress_at == NOW + 1.0
    assert floor.phrases.consent_question == GERMAN.consent_question


def test_a_change_by_a_key_takes_the_floor() -> None:
    """What we were saying is not for this caller."""
    floor = stage()
    mine = asked(floor)
    Switching(floor).changed(on.LanguageChanged(GERMAN))
    assert floor.mine is not None
    assert floor.mine is not mine
    assert (floor.mine.kind, floor.mine.text()) == (Kind.PHRASE, GERMAN.language_switch)
    assert floor.mine.interruptible


def test_a_change_by_a_key_asks_for_consent_in_the_new_language() -> None:
    """Whoever was asked in another was not asked."""
    floor = stage(Preset.ASK_RECORDING)
    floor.gate.asked(NOW)
    Switching(floor).changed(on.LanguageChanged(GERMAN))
    assert floor.mine is not None
    assert (floor.mine.kind, floor.mine.text()) == (Kind.CONSENT, GERMAN.consent_question)
    assert not floor.mine.interruptible
    assert floor.gate.step is Step.ASKING


def test_a_change_with_nobody_speaking_is_said_too() -> None:
    """So the caller knows."""
    floor = stage()
    Switching(floor).changed(on.LanguageChanged(GERMAN))
    assert floor.mine is not None


def test_a_language_that_followed_the_caller_is_not_talked_about() -> None:
    """They speak it already; what is being said goes on."""
    floor = stage()
    mine = asked(floor)
    mine.switching = True
    Switching(floor).changed(on.LanguageChanged(GERMAN, followed=True))
    assert floor.mine is mine
    assert floor.phrases is GERMAN
    assert not mine.outbox


def test_before_the_call_is_answered_a_language_is_only_chosen() -> None:
    """The greeting will be in it."""
    floor = stage(answered=False)
    Switching(floor).changed(on.LanguageChanged(GERMAN))
    assert floor.mine is None
    assert floor.phrases is GERMAN


def test_the_last_words_of_a_call_are_not_begun_anew() -> None:
    """We are leaving."""
    floor = stage()
    mine = fixed(floor, "Goodbye.", kind=Kind.FAREWELL, then=do.HangUp(EndedBy.LIMIT), interruptible=False)
    Switching(floor).changed(on.LanguageChanged(GERMAN))
    assert floor.mine is mine


def test_a_change_that_hangs_is_not_waited_for_for_ever() -> None:
    """The talk goes on in the language it had."""
    floor = stage()
    mine = asked(floor)
    mine.switching = True
    due = NOW + floor.policy.switch_patience
    assert Switching(floor).step(mine) == due
    assert mine.switching
    floor.now = due
    assert Switching(floor).step(mine) == DONE
    assert not mine.switching
    assert floor.progress_at == due

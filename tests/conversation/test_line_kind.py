"""A person, a machine, music, or a radio."""

from __future__ import annotations

import pytest

from stella.conversation.line_kind import Kind, LineKind, Verdict
from stella.conversation.policy import Policy

POLICY = Policy()
PITCH = "Good morning, we have an offer for your company"
HEARD = ("good morning we have an offer for your company", "Good morning, we have no offer for your company")


@pytest.fixture
def line() -> LineKind:
    """Nothing was said yet."""
    return LineKind(POLICY)


def test_a_machine_says_the_same_again_and_again(line: LineKind) -> None:
    """Heard a little differently each time, it is the same; doubted at the third repetition, certain at the next."""
    line.said(PITCH)
    for heard in HEARD:
        assert line.judge(heard)[0] is Verdict.PERSON
        line.said(heard)
    assert line.judge(PITCH) == (Verdict.DOUBT, Kind.REPEATS)
    line.said(PITCH)
    line.asked(Kind.REPEATS)
    assert line.judge() == (Verdict.PERSON, Kind.REPEATS)
    assert line.judge(PITCH) == (Verdict.NOBODY, Kind.REPEATS)


def test_a_machine_with_several_sentences_is_one_too(line: LineKind) -> None:
    """A menu that goes round in a circle."""
    menu = ("For sales please press the one", "For support please press the two", "To hear this again stay there")
    for sentence in menu:
        line.said(sentence)
    line.said(menu[0])
    line.said(menu[1])
    assert line.judge(menu[2]) == (Verdict.DOUBT, Kind.REPEATS)


def test_a_person_who_was_not_understood_says_it_once_more_and_then_otherwise(line: LineKind) -> None:
    """Other words end the doubt, also after it was spoken out."""
    for _ in range(3):
        line.said("I would like to speak to Anna")
    line.said("What is so hard about that")
    assert line.judge("I would like to speak to Anna")[0] is Verdict.PERSON
    for _ in range(3):
        line.said(PITCH)
    line.asked(Kind.REPEATS)
    line.said("Yes I am a person of flesh")
    assert line.judge(PITCH)[0] is Verdict.PERSON


@pytest.mark.parametrize("text", ["yes please", "no", "", "null sechs sechs vier eins zwei drei"])
def test_short_answers_and_numbers_are_repeated_by_everybody(line: LineKind, text: str) -> None:
    """They say nothing about who says them."""
    for _ in range(10):
        line.said(text)
    assert line.judge(text)[0] is Verdict.PERSON


def test_music_is_loud_and_no_voice(line: LineKind) -> None:
    """Doubted after a while; and when the question changes nothing, that is enough."""
    for _ in range(3):
        line.sounded(5.0, 0.95, 0.0)
    assert line.judge()[0] is Verdict.PERSON
    line.sounded(5.0, 0.95, 0.1)
    assert line.judge() == (Verdict.DOUBT, Kind.MUSIC)
    line.asked(Kind.MUSIC)
    line.sounded(5.0, 0.95, 0.0)
    assert line.judge()[0] is Verdict.PERSON
    line.sounded(5.0, 0.95, 0.0)
    assert line.judge() == (Verdict.NOBODY, Kind.MUSIC)


@pytest.mark.parametrize(("loud", "voiced"), [(0.95, 0.8), (0.3, 0.0)])
def test_a_voice_or_a_noise_that_comes_and_goes_is_no_music(line: LineKind, loud: float, voiced: float) -> None:
    """A caller who talks, or doors that slam; and music that ended is over."""
    for _ in range(3):
        line.sounded(5.0, 0.95, 0.0)
    line.sounded(5.0, loud, voiced)
    for _ in range(3):
        line.sounded(5.0, 0.95, 0.0)
    assert line.judge()[0] is Verdict.PERSON


def test_words_in_between_are_a_person_behind_the_music(line: LineKind) -> None:
    """Somebody in a café: what they say counts, the music does not; also after the question."""
    for _ in range(3):
        line.sounded(5.0, 0.95, 0.0)
    line.said("Sorry it is so loud in here")
    line.sounded(5.0, 0.95, 0.0)
    assert line.judge()[0] is Verdict.PERSON
    line.asked(Kind.MUSIC)
    line.said("Yes I am in a café")
    line.sounded(20.0, 0.95, 0.0)
    assert line.judge()[0] is Verdict.DOUBT


def test_a_radio_talks_over_everything(line: LineKind) -> None:
    """Five replies in a row; after the question two more."""
    for _ in range(5):
        assert line.judge("and now the weather for tomorrow")[0] is Verdict.PERSON
        line.answered(cut=True)
    assert line.judge() == (Verdict.DOUBT, Kind.NEVER_STOPS)
    line.asked(Kind.NEVER_STOPS)
    line.answered(cut=True)
    assert line.judge()[0] is Verdict.PERSON
    line.answered(cut=True)
    assert line.judge() == (Verdict.NOBODY, Kind.NEVER_STOPS)


def test_who_hears_one_reply_out_is_a_person(line: LineKind) -> None:
    """Impatient people interrupt again and again, but not always."""
    for _ in range(4):
        line.answered(cut=True)
    line.answered(cut=False)
    line.answered(cut=True)
    assert line.judge()[0] is Verdict.PERSON
    line.asked(Kind.NEVER_STOPS)
    line.answered(cut=False)
    for _ in range(2):
        line.answered(cut=True)
    assert line.judge()[0] is Verdict.PERSON


def test_a_key_is_pressed_by_somebody(line: LineKind) -> None:
    """Machines and music have no fingers."""
    for _ in range(4):
        line.said(PITCH)
        line.sounded(10.0, 1.0, 0.0)
        line.answered(cut=True)
    line.asked(Kind.MUSIC)
    line.keyed()
    assert line.judge(PITCH)[0] is Verdict.PERSON

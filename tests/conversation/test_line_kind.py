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


def test_a_doubt_is_recorded_by_these_names() -> None:
    """Reports are made from them."""
    assert [kind.value for kind in Kind] == ["repeats", "music", "never-stops"]


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("we have an offer", True), ("have an offer", False), ("one two we have", False), ("one two we have an", True),
        ("12 we have", False), ("12 we have an offer", True),
    ],
)  # fmt: skip
def test_what_tells_something_of_who_says_it(line: LineKind, text: str, tells: bool) -> None:
    """Four words, and less than half of them digits."""
    for _ in range(3):
        line.said(text)
    assert (line.judge(text)[0] is Verdict.DOUBT) is tells


@pytest.mark.parametrize(
    ("heard", "same"),
    [
        ("one must not call my good neighbour again", True), ("one must not call my good neighbour", True),
        ("one must not call my old neighbour", True), ("one must not ask my old neighbour", False),
    ],
)  # fmt: skip
def test_a_word_or_two_may_be_heard_otherwise(line: LineKind, heard: str, same: bool) -> None:
    """Three quarters of all words in common are enough, to the bound."""
    for _ in range(3):
        line.said("one must not call my good neighbour")
    assert (line.judge(heard)[0] is Verdict.DOUBT) is same


def test_what_was_said_long_ago_is_forgotten(line: LineKind) -> None:
    """Eight turns are remembered."""
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota"]
    for word in words:
        line.said(" ".join(f"{word}{place}" for place in "abcd"))
    assert not line._known(frozenset(f"alpha{place}" for place in "abcd"))
    assert line._known(frozenset(f"beta{place}" for place in "abcd"))


@pytest.mark.parametrize(("loud", "voiced", "music"), [(0.8, 0.3, True), (0.79, 0.3, False), (0.8, 0.31, False)])
def test_how_music_sounds(line: LineKind, loud: float, voiced: float, music: bool) -> None:
    """Loud most of the time and hardly ever a voice, to the bounds."""
    line.sounded(POLICY.line_music, loud, voiced)
    assert (line.judge()[0] is Verdict.DOUBT) is music


def test_music_adds_up_and_a_pause_or_a_word_begins_it_anew(line: LineKind) -> None:
    """To the second."""
    line.sounded(POLICY.line_music - 1.0, 1.0, 0.0)
    assert line.judge()[0] is Verdict.PERSON
    line.sounded(1.0, 1.0, 0.0)
    assert line.judge() == (Verdict.DOUBT, Kind.MUSIC)
    line.sounded(1.0, 0.0, 0.0)
    line.sounded(POLICY.line_music - 0.5, 1.0, 0.0)
    assert line.judge()[0] is Verdict.PERSON
    line.said("ja")
    line.sounded(POLICY.line_music - 0.5, 1.0, 0.0)
    assert line.judge()[0] is Verdict.PERSON


def test_after_the_question_music_is_certain_when_it_goes_on(line: LineKind) -> None:
    """For as long as a person would be waited for."""
    line.sounded(POLICY.line_music, 1.0, 0.0)
    line.asked(Kind.MUSIC)
    line.sounded(POLICY.silence - 0.5, 1.0, 0.0)
    assert line.judge()[0] is Verdict.PERSON
    line.sounded(0.5, 1.0, 0.0)
    assert line.judge() == (Verdict.NOBODY, Kind.MUSIC)


def test_words_end_a_doubt_by_music_and_replies_that_are_heard_one_by_noise(line: LineKind) -> None:
    """Each doubt is ended by what speaks against it."""
    for kind, against in ((Kind.MUSIC, True), (Kind.NEVER_STOPS, False)):
        line.asked(kind)
        line.said("Yes I am a person of flesh")
        assert (line._asked is None) is against
    line.answered(cut=False)
    assert line._asked is None
    line.asked(Kind.REPEATS)
    line.answered(cut=False)
    assert line._asked is Kind.REPEATS


def test_after_the_question_two_more_cuts_are_certain(line: LineKind) -> None:
    """Before it, as many as the policy says."""
    for _ in range(int(POLICY.line_cuts)):
        assert line.judge()[0] is Verdict.PERSON
        line.answered(cut=True)
    assert line.judge() == (Verdict.DOUBT, Kind.NEVER_STOPS)
    line.asked(Kind.NEVER_STOPS)
    line.answered(cut=True)
    assert line.judge()[0] is Verdict.PERSON
    line.answered(cut=True)
    assert line.judge() == (Verdict.NOBODY, Kind.NEVER_STOPS)


def test_a_key_takes_everything_back(line: LineKind) -> None:
    """Repetitions, music, cuts and the doubt itself are counted from nothing again."""
    for _ in range(3):
        line.said(PITCH)
    for _ in range(int(POLICY.line_cuts)):
        line.answered(cut=True)
    line.sounded(POLICY.line_music, 1.0, 0.0)
    line._asked = Kind.REPEATS
    line.keyed()
    assert line.judge(PITCH)[0] is Verdict.PERSON
    line.sounded(POLICY.line_music - 0.5, 1.0, 0.0)
    for _ in range(int(POLICY.line_cuts) - 1):
        line.answered(cut=True)
    assert line.judge()[0] is Verdict.PERSON
    line.answered(cut=True)
    assert line.judge()[0] is Verdict.DOUBT


def test_a_line_is_a_persons_to_begin_with(line: LineKind) -> None:
    """Nothing is held against it."""
    assert line.judge() == (Verdict.PERSON, Kind.REPEATS)
    line.sounded(POLICY.line_music - 0.5, 1.0, 0.0)
    assert line.judge()[0] is Verdict.PERSON
    for _ in range(int(POLICY.line_cuts) - 1):
        line.answered(cut=True)
    assert line.judge()[0] is Verdict.PERSON

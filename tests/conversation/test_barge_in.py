"""Whether a sound was a cough, a backchannel, or a turn."""

from __future__ import annotations

from typing import Any

import pytest

from stella.conversation.barge_in import BargeIn, Verdict
from stella.conversation.policy import Policy
from stella.domain.ids import UtteranceId

ONE, TWO = UtteranceId(1), UtteranceId(2)
POLICY = Policy()


NOTICED = 0.25
"""How late the end of speech may be known."""


def case(**known: Any) -> BargeIn:
    """An interruption that began at 10 s."""
    opened = BargeIn(POLICY, 10.0, 10.05, **known)
    opened.began(ONE, 10.0)
    return opened


def test_speech_that_goes_on_is_a_turn() -> None:
    """At the end of the window, and after the time it takes to notice an end, the caller is still speaking."""
    opened = case(streams=False)
    assert opened.deadline() == 10.0 + POLICY.barge_in_decide + NOTICED
    assert opened.due(opened.deadline()) is Verdict.TURN


def test_a_short_noise_is_a_cough_when_no_words_come() -> None:
    """Shorter than a syllable, and nothing understood by the end of the window."""
    opened = case()
    assert opened.stopped(10.1, 10.15) is Verdict.WAIT
    assert opened.due(10.5) is Verdict.RESUME


def test_a_noise_without_words_is_over_as_soon_as_that_is_known() -> None:
    """There is no reason to wait for the end of the window."""
    opened = case()
    opened.stopped(10.1, 10.15)
    assert opened.understood(ONE, "") is Verdict.RESUME


def test_a_longer_sound_waits_for_its_words_but_not_for_ever() -> None:
    """Half a word of speech deserves the time speech-to-text needs; without an answer we go on."""
    opened = case()
    assert opened.stopped(10.4, 10.45) is Verdict.WAIT
    assert opened.deadline() == 10.45 + POLICY.barge_in_patience
    assert opened.due(opened.deadline()) is Verdict.RESUME


def test_an_okay_that_ends_just_before_the_window_is_no_speech_that_goes_on() -> None:
    """Its end is noticed after the window; until then nothing is decided, and then its words are waited for."""
    opened = case(streams=False)
    assert opened.deadline() > 10.0 + 0.75 + 0.2
    assert opened.stopped(10.75, 10.95) is Verdict.WAIT
    assert opened.due(opened.deadline()) is Verdict.RESUME


def test_speech_as_long_as_the_window_is_a_turn_although_its_words_never_came() -> None:
    """Nobody says "mhm" for so long; a turn that speech-to-text lost is still one."""
    opened = case(streams=False)
    opened.stopped(10.9, 11.0)
    assert opened.due(opened.deadline()) is Verdict.TURN


def test_stretches_add_up() -> None:
    """Two halves of a turn are as long as the whole."""
    opened = case(streams=False)
    opened.stopped(10.5, 10.6)
    opened.began(TWO, 10.7)
    assert opened.deadline() == pytest.approx(max(10.6 + POLICY.barge_in_patience, 10.7 + 0.3 + NOTICED))
    opened.stopped(11.1, 11.2)
    assert opened.due(opened.deadline()) is Verdict.TURN


@pytest.mark.parametrize("words", ["And that,", "You have.", "Bright,"])
def test_words_made_out_of_a_hum_are_not_believed(words: str) -> None:
    """What an ear that hears only whole utterances makes of "uh huh", "yeah" and "right" (really)."""
    opened = case(streams=False)
    opened.stopped(10.45, 10.6)
    assert opened.understood(ONE, words) is Verdict.RESUME
    assert opened.brief


@pytest.mark.parametrize("words", ["Stop.", "No.", "Wait, wait,", "Moment", "What"])
def test_words_that_plainly_interrupt_are_believed_however_short(words: str) -> None:
    """They mean it, and they are heard right."""
    opened = case(streams=False)
    opened.stopped(10.35, 10.5)
    assert opened.understood(ONE, words) is Verdict.TURN


def test_words_of_a_longer_sound_are_believed() -> None:
    """With more to go by the same ears are right."""
    opened = case(streams=False)
    opened.stopped(10.7, 10.85)
    assert opened.understood(ONE, "And that,") is Verdict.TURN


def test_ears_that_give_words_while_somebody_speaks_are_believed() -> None:
    """Their "Anna" is Anna."""
    opened = case(streams=False)
    opened.guessed("Anna")
    opened.stopped(10.4, 10.55)
    assert opened.understood(ONE, "Anna") is Verdict.TURN


@pytest.mark.parametrize(("level", "verdict"), [(-20.0, Verdict.RESUME), (-10.0, Verdict.TURN), (None, Verdict.RESUME)])
def test_who_raises_the_voice_wants_the_floor(level: float | None, verdict: Verdict) -> None:
    """A short sound much louder than the caller's turns is no hum, whether or not its words come."""
    opened = case(streams=False, usual=-18.0)
    opened.stopped(10.4, 10.55, level)
    assert opened.due(opened.deadline()) is verdict
    opened = case(streams=False, usual=-18.0)
    opened.stopped(10.4, 10.55, level)
    assert opened.understood(ONE, "Anna") is verdict


def test_a_bang_is_no_raised_voice() -> None:
    """Loud, but too short for a word."""
    opened = case(streams=False, usual=-18.0)
    opened.stopped(10.1, 10.25, -3.0)
    assert opened.due(opened.deadline()) is Verdict.RESUME


def test_late_words_of_ears_that_stream_are_waited_for_a_little_longer_once() -> None:
    """We are silent anyway; for ever would be a silence of our own."""
    opened = case()
    first = opened.deadline()
    assert opened.due(first) is Verdict.WAIT
    assert opened.deadline() == first + POLICY.barge_in_patience
    assert opened.due(opened.deadline()) is Verdict.TURN


def test_who_says_only_yeah_okay_is_still_listening_at_the_end_of_the_window() -> None:
    """A long "yeah, okay, okay" is no turn yet; words that are, end the doubt."""
    opened = case()
    opened.guessed("yeah okay")
    assert opened.due(opened.deadline()) is Verdict.WAIT
    assert opened.guessed("yeah okay but listen") is Verdict.TURN
    opened = case()
    opened.guessed("listen")
    assert opened.due(opened.deadline()) is Verdict.TURN


@pytest.mark.parametrize(("guess", "verdict"), [("yeah okay yeah", Verdict.RESUME), ("Anna", Verdict.TURN)])
def test_a_guess_is_better_than_a_length_when_the_final_words_are_late(guess: str, verdict: Verdict) -> None:
    """A long "yeah, okay, yeah" lets us go on; a name does not."""
    opened = case()
    opened.guessed(guess)
    opened.stopped(11.2, 11.3)
    assert opened.due(opened.deadline()) is verdict


def test_a_backchannel_resumes() -> None:
    """They want us to go on."""
    opened = case()
    opened.stopped(10.3, 10.35)
    assert opened.understood(ONE, "mhm") is Verdict.RESUME


def test_a_short_real_word_is_a_turn() -> None:
    """A "stop" is said in a quarter of a second and means it."""
    opened = case()
    opened.stopped(10.25, 10.3)
    assert opened.understood(ONE, "Stop!") is Verdict.TURN


def test_two_noises_are_judged_together() -> None:
    """The second sound keeps the case open; its words decide."""
    opened = case()
    opened.stopped(10.1, 10.12)
    opened.began(TWO, 10.2)
    assert opened.understood(ONE, "") is Verdict.WAIT
    opened.stopped(10.4, 10.42)
    assert opened.understood(TWO, "ja") is Verdict.RESUME


def test_a_second_onset_without_an_offset_changes_nothing() -> None:
    """A doubled event does not move the onset."""
    opened = case()
    opened.began(TWO, 10.2)
    opened.stopped(10.3, 10.32)
    assert opened.due(opened.deadline()) is Verdict.RESUME


def test_hypotheses_decide_early_when_they_are_clear() -> None:
    """Two words that are no backchannel need no final."""
    opened = case()
    assert opened.guessed("I") is Verdict.WAIT
    assert opened.guessed("ja genau") is Verdict.WAIT
    assert opened.guessed("I would") is Verdict.TURN


def test_one_word_is_enough_where_it_plainly_interrupts() -> None:
    """Nobody says "stop" and waits for a second word."""
    assert case().guessed("stop") is Verdict.TURN


def test_a_yes_at_the_end_of_a_question_is_an_answer() -> None:
    """Callers answer before the last syllable; that is no backchannel."""
    opened = case(answering=True)
    opened.stopped(10.3, 10.35)
    assert opened.understood(ONE, "ja") is Verdict.TURN


def test_a_goodbye_into_the_farewell_is_politeness() -> None:
    """It lets us finish; anything else takes the floor back."""
    opened = case(farewell=True)
    opened.stopped(10.4, 10.45)
    assert opened.understood(ONE, "Danke, tschüss") is Verdict.RESUME
    assert opened.understood(ONE, "one more question") is Verdict.TURN

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


def test_a_goodbye_into_a_farewell_may_go_on_for_some_time() -> None:
    """Four windows, and the time it takes to notice the end."""
    assert case(farewell=True).deadline() == 10.0 + 4.0 * POLICY.barge_in_decide + NOTICED


def test_a_case_that_is_opened_late_is_weighed_at_once() -> None:
    """The onset was long ago: there is no window left."""
    assert BargeIn(POLICY, 10.0, 20.0).deadline() == 20.0


def test_ears_are_believed_unless_they_have_shown_otherwise() -> None:
    """A short word is a word."""
    opened = case()
    opened.stopped(10.3, 10.4)
    assert not opened.brief
    assert opened.understood(ONE, "Anna") is Verdict.TURN


@pytest.mark.parametrize(("spoken", "brief"), [(0.5, True), (0.625, False)])
def test_how_short_a_sound_is_too_short_for_words(spoken: float, brief: bool) -> None:
    """At the bound it is long enough. Near the end of what we said it may be a "yes" anyway."""
    policy = Policy().with_overrides({"barge_in_short": 0.625})
    opened = BargeIn(policy, 10.0, 10.0, streams=False)
    opened.began(ONE, 10.0)
    opened.stopped(10.0 + spoken, 11.0)
    assert opened.brief is brief
    near = BargeIn(policy, 10.0, 10.0, streams=False, answering=True)
    near.began(ONE, 10.0)
    near.stopped(10.0 + spoken, 11.0)
    assert not near.brief


def test_speech_that_begins_again_gets_a_window_for_the_rest() -> None:
    """What was said before counts, and the deadline is never earlier for it."""
    opened = case()
    opened.stopped(10.5, 10.5)
    opened.began(TWO, 12.0)
    assert opened.deadline() == pytest.approx(12.0 + POLICY.barge_in_decide - 0.5 + NOTICED)
    opened = case()
    opened.stopped(10.5, 10.5)
    opened.began(TWO, 10.6)
    assert opened.deadline() == 10.5 + POLICY.barge_in_patience


def test_a_second_onset_while_speaking_moves_nothing() -> None:
    """The stretch is one, from its beginning."""
    opened = case(streams=False)
    due = opened.deadline()
    opened.began(TWO, 10.5)
    assert opened.deadline() == due
    opened.stopped(10.9, 10.9)
    assert opened.due(opened.deadline()) is Verdict.TURN


def test_an_end_before_the_beginning_is_no_speech() -> None:
    """Estimates of times cross; nothing is taken away from what was said before."""
    opened = case(streams=False)
    opened.stopped(10.9, 10.9)
    opened.began(TWO, 11.0)
    opened.stopped(10.5, 11.1)
    assert opened.due(opened.deadline()) is Verdict.TURN


@pytest.mark.parametrize(("level", "loud"), [(-12.0, True), (-12.1, False)])
def test_how_much_louder_a_raised_voice_is(level: float, loud: bool) -> None:
    """By the policy's number, to the bound; once raised it was raised, however it goes on."""
    opened = case(streams=False, usual=-18.0)
    opened.stopped(10.3, 10.4, level)
    assert opened.brief is not loud
    opened.began(TWO, 10.5)
    opened.stopped(10.6, 10.7, -40.0)
    assert opened.brief is not loud


@pytest.mark.parametrize(("end", "due"), [(10.125, 10.8), (10.25, 11.5)])
def test_a_cough_is_weighed_at_the_end_of_the_window_and_a_word_when_patience_ends(end: float, due: float) -> None:
    """Of the one nobody expects words."""
    policy = Policy().with_overrides({"barge_in_min": 0.25})
    opened = BargeIn(policy, 10.0, 10.0)
    opened.began(ONE, 10.0)
    opened.stopped(end, 10.5)
    assert opened.deadline() == pytest.approx(due)


def test_a_cough_whose_end_is_known_late_is_weighed_then() -> None:
    """No deadline lies in the past."""
    opened = case()
    opened.stopped(10.1, 20.0)
    assert opened.deadline() == 20.0


@pytest.mark.parametrize(("spoken", "verdict"), [(0.75, Verdict.TURN), (0.7, Verdict.RESUME)])
def test_speech_as_long_as_the_window_is_long_enough(spoken: float, verdict: Verdict) -> None:
    """To the bound."""
    policy = Policy().with_overrides({"barge_in_decide": 0.75})
    opened = BargeIn(policy, 10.0, 10.0, streams=False)
    opened.began(ONE, 10.0)
    opened.stopped(10.0 + spoken, 10.9)
    assert opened.due(opened.deadline()) is verdict


@pytest.mark.parametrize(("spoken", "verdict"), [(0.25, Verdict.TURN), (0.2, Verdict.RESUME)])
def test_a_raised_voice_must_last_as_long_as_a_word(spoken: float, verdict: Verdict) -> None:
    """To the bound."""
    policy = Policy().with_overrides({"barge_in_min": 0.25})
    opened = BargeIn(policy, 10.0, 10.0, streams=False, usual=-18.0)
    opened.began(ONE, 10.0)
    opened.stopped(10.0 + spoken, 10.5, -6.0)
    assert opened.due(opened.deadline()) is verdict


def test_one_stretch_of_words_that_take_the_floor_is_enough() -> None:
    """Whatever the other was."""
    opened = case()
    opened.began(TWO, 10.2)
    opened.stopped(10.7, 10.7)
    assert opened.understood(ONE, "okay") is Verdict.WAIT
    assert opened.understood(TWO, "what are your hours") is Verdict.TURN


def test_words_that_are_complete_while_somebody_still_speaks_decide_nothing_yet() -> None:
    """An "okay" may be followed by a "but"."""
    opened = case()
    assert opened.understood(ONE, "okay") is Verdict.WAIT


def test_patience_is_counted_from_when_it_is_asked_for() -> None:
    """And asked for once."""
    opened = case()
    assert opened.due(15.0) is Verdict.WAIT
    assert opened.deadline() == 15.0 + POLICY.barge_in_patience
    assert opened.due(16.0) is Verdict.TURN

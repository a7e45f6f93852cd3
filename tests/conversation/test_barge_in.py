"""Whether a sound was a cough, a backchannel, or a turn."""

from __future__ import annotations

from stella.conversation.barge_in import BargeIn, Verdict
from stella.conversation.policy import Policy
from stella.domain.ids import UtteranceId

ONE, TWO = UtteranceId(1), UtteranceId(2)
POLICY = Policy()


def case(*, answering: bool = False, farewell: bool = False) -> BargeIn:
    """An interruption that began at 10 s."""
    opened = BargeIn(POLICY, 10.0, 10.05, answering=answering, farewell=farewell)
    opened.began(ONE, 10.0)
    return opened


def test_speech_that_goes_on_is_a_turn() -> None:
    """At the end of the window the caller is still speaking: nobody coughs for half a second."""
    opened = case()
    assert opened.deadline() == 10.0 + POLICY.barge_in_decide
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
    assert opened.due(10.5) is Verdict.WAIT
    assert opened.deadline() == 10.4 + POLICY.stt_deadline
    assert opened.due(opened.deadline()) is Verdict.RESUME


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
    assert opened.due(10.5) is Verdict.WAIT


def test_hypotheses_decide_early_when_they_are_clear() -> None:
    """Two words that are no backchannel need no final."""
    opened = case()
    assert opened.guessed("wait") is Verdict.WAIT
    assert opened.guessed("ja genau") is Verdict.WAIT
    assert opened.guessed("wait a moment") is Verdict.TURN


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

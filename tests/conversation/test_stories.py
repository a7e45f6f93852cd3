"""Calls, told from outside: what the caller does, what happens, and what remains."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from simulation import PHRASES, Call, Reply

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation, Phase
from stella.conversation.policy import Policy
from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import EndedBy, ToolUse
from stella.domain.consent import Preset
from stella.domain.ids import Mark, SegmentId, TurnId, UtteranceId

LONG = "We are open from Monday to Friday between nine and five, and on Saturday until noon."
GREETED = 1.3


def ring(brain: Any = None, preset: Preset = Preset.DISCLOSE, phrases: Any = PHRASES, **numbers: Any) -> Call:
    """A call that was just answered. Numbers of the policy and delays of the engines may be given."""
    names = ("stt", "think", "tts", "vad", "words", "mute", "streams")
    delays = {name: numbers.pop(name) for name in names if name in numbers}
    policy = Policy().with_overrides(numbers)
    reply = brain if callable(brain) else (lambda _: brain if brain is not None else [LONG])
    return Call(Conversation(policy, phrases, preset), reply, **delays).answered()


def asked(call: Call) -> list[tuple[str, str]]:
    """What the brain was asked: words and keys."""
    return [(each.text, each.digits) for each in call.orders(do.AskBrain)]


def said(call: Call) -> list[str]:
    """What was ordered to be said."""
    return [each.text for each in call.orders(do.Say)]


def agent_turns(call: Call) -> list[Any]:
    """The agent's turns in the transcript."""
    return [each.turn for each in call.orders(do.CommitTurn) if each.turn.speaker == "agent"]


# An ordinary exchange


def test_a_question_is_answered_and_written_down() -> None:
    """The whole of it: greeting, words, reply, in this order and with true numbers."""
    call = ring().speaks(2.0, "What are your hours?").run(9.0)
    assert call.transcript == [("agent", PHRASES.greeting), ("caller", "What are your hours?"), ("agent", LONG)]
    turns = [each.turn.turn for each in call.orders(do.CommitTurn)]
    assert turns == sorted(turns)
    [gap] = call.orders(do.RecordGap)
    assert gap.seconds == pytest.approx(0.5 + 0.2 + 0.1)
    assert call.conversation.turns == [each.turn for each in call.orders(do.CommitTurn)]


def test_words_are_wanted_at_the_offset_not_after_the_wait() -> None:
    """A segment STT decodes while endpointing waits."""
    call = ring().speaks(2.0, "hello there", 1.0).run(5.0)
    assert call.when(do.FinishUtterance) == pytest.approx(3.06)
    assert call.when(do.AskBrain) == pytest.approx(3.7)


def test_two_stretches_of_one_turn_are_joined_in_order() -> None:
    """A breath is no end."""
    call = ring().speaks(2.0, "I would like a table and", 1.0).speaks(3.8, "a chair", 0.8).run(6.0)
    assert asked(call) == [("I would like a table and a chair", "")]


def test_a_cough_in_the_silence_asks_nobody() -> None:
    """Nothing intelligible is nothing said."""
    call = ring().speaks(3.0, "", 0.2).run(6.0)
    assert asked(call) == []
    assert call.conversation.phase is Phase.LISTENING


def test_words_that_never_come_are_asked_for_again() -> None:
    """The ears failed, not the caller: say so instead of staying silent."""
    call = ring(stt=30.0).speaks(2.0, "hello there", 1.0).run(8.0)
    assert said(call)[-1] == PHRASES.no_match
    assert call.when(do.Say, 1) == pytest.approx(3.06 + 3.0)


def test_words_that_come_too_late_are_answered_all_the_same() -> None:
    """They cut our own "I did not get that" short and are put to the brain."""
    call = ring(stt=3.5).speaks(2.0, "hello there", 1.0).run(20.0)
    assert asked(call) == [("hello there", "")]
    assert PHRASES.no_match in said(call)


def test_an_utterance_that_is_lost_is_known_at_once() -> None:
    """The engine says so; nobody waits for the deadline. Its hypothesis is better than nothing."""
    call = ring(stt=30.0).speaks(2.0, "x", 1.0).speaks(12.0, "y", 1.0)
    call.at(3.3, on.UtteranceLost(UtteranceId(1))).at(3.4, on.UtteranceLost(UtteranceId(1)))
    call.at(12.5, on.HypothesisGrew(UtteranceId(2), "good morning")).at(13.2, on.UtteranceLost(UtteranceId(2)))
    call.run(20.0)
    assert said(call)[1] == PHRASES.no_match
    assert asked(call) == [("good morning", "")]


def test_a_hint_that_the_caller_is_done_ends_the_turn_sooner_and_for_this_pause_only() -> None:
    """It is told during the pause; what is told after the caller went on, or of nobody, is stale."""
    call = ring().speaks(2.0, "I would like a table", 1.0).at(3.3, on.TurnHinted(0.99)).run(5.0)
    assert call.when(do.AskBrain) == pytest.approx(3.5)
    call = ring().speaks(2.0, "I would like a table", 1.0).at(3.2, on.TurnHinted(0.99)).at(2.5, on.TurnHinted(0.99))
    call.at(0.5, on.TurnHinted(0.99)).speaks(3.3, "today", 0.5).run(6.0)
    assert asked(call) == [("I would like a table today", "")]
    assert call.when(do.AskBrain) == pytest.approx(3.8 + 0.7)
    assert call.conversation.counts["stale"] == 2


def test_a_comma_of_ears_that_hear_whole_utterances_is_no_promise_of_more() -> None:
    """They end in one for want of what follows; ears that stream mean it."""
    call = ring().speaks(2.0, "A chair for my daughter,", 1.0).run(6.0)
    assert call.when(do.AskBrain) == pytest.approx(3.7)
    call = ring(streams=True).speaks(2.0, "A chair for my daughter,", 1.0).run(6.0)
    assert call.when(do.AskBrain) == pytest.approx(4.6)


# Interruptions


def test_an_interruption_pauses_at_once_and_cuts_when_it_is_one() -> None:
    """The clear goes out with the onset; the turn is cut where the marks prove it was heard."""
    call = ring().speaks(2.0, "What are your hours?").speaks(6.0, "wait a moment please", 1.5).run(8.0)
    assert call.when(do.PausePlayout) == pytest.approx(6.06)
    assert call.orders(do.RecordBargeIn)[0].seconds == pytest.approx(0.06)
    assert call.when(do.DropPlayout) == pytest.approx(6.8 + 0.25)
    assert not call.orders(do.ResumePlayout)
    cut = agent_turns(call)[1]
    assert cut.interrupted
    assert LONG.startswith(cut.heard_text)
    assert 0 < len(cut.heard_text) < len(LONG)
    assert cut.ended_s == pytest.approx(6.8 + 0.25)


def test_a_backchannel_lets_us_go_on_at_a_word_boundary() -> None:
    """They hear every word once, or the last one twice, never half of one."""
    call = ring().speaks(2.0, "What are your hours?").speaks(6.0, "mhm", 0.3).run(20.0)
    [resumed] = call.orders(do.ResumePlayout)
    assert resumed.exact
    ends = [LONG.index(word) + len(word) for word in LONG.split()[:30]]
    assert any(resumed.at == pytest.approx(end * 0.05) for end in ends)
    assert agent_turns(call)[1].heard_text == LONG
    assert asked(call) == [("What are your hours?", "")]
    assert call.conversation.counts["backchannels"] == 1


def test_without_word_times_we_go_on_at_the_proven_position() -> None:
    """The shell then looks for the quietest frame before it."""
    call = ring(words=False).speaks(2.0, "What are your hours?").speaks(6.0, "mhm", 0.3).run(20.0)
    [resumed] = call.orders(do.ResumePlayout)
    assert not resumed.exact
    assert resumed.at > 0.5


def test_a_cough_is_forgotten_at_the_end_of_the_window() -> None:
    """Even when speech-to-text takes its time."""
    call = ring(stt=2.0).speaks(2.0, "What are your hours?").speaks(8.0, "", 0.1).run(20.0)
    assert call.when(do.ResumePlayout) == pytest.approx(8.8)
    assert call.conversation.counts["coughs"] == 1


def test_a_short_word_understood_late_still_interrupts() -> None:
    """It was taken for a cough; then the word came. A late "mhm" does not."""
    call = ring(stt=1.2).speaks(2.0, "What are your hours?").speaks(7.0, "stop", 0.15).run(9.0)
    assert call.orders(do.ResumePlayout)
    assert agent_turns(call)[1].interrupted
    assert asked(call)[-1] == ("stop", "")
    call = ring(stt=1.2).speaks(2.0, "What are your hours?").speaks(7.0, "mhm", 0.15).run(20.0)
    assert not agent_turns(call)[1].interrupted


def test_an_okay_whose_words_are_late_does_not_cut() -> None:
    """Ears that hear whole utterances, under load: we go on after a moment, and the "okay" that comes then is one."""
    call = ring(stt=2.0, vad=0.2).speaks(2.0, "What are your hours?").speaks(8.0, "okay", 0.6).run(30.0)
    assert call.when(do.ResumePlayout) == pytest.approx(8.8 + 1.0)
    assert agent_turns(call)[1].heard_text == LONG
    assert asked(call) == [("What are your hours?", "")]


def test_an_okay_that_was_heard_as_something_else_does_not_cut() -> None:
    """A hum is any word to such ears: late or not, it is none."""
    for stt, when in ((0.3, 6.0), (2.0, 8.0)):
        call = ring(stt=stt).speaks(2.0, "What are your hours?").speaks(when, "And that,", 0.45).run(30.0)
        assert agent_turns(call)[1].heard_text == LONG
        assert asked(call) == [("What are your hours?", "")]


def test_a_long_okay_of_a_streaming_ear_is_waited_for_while_paused() -> None:
    """Its words come late, and are a backchannel: nothing was cut meanwhile."""
    call = ring(stt=1.1, streams=True).speaks(2.0, "What are your hours?").speaks(6.5, "yeah okay", 1.3).run(30.0)
    assert len(call.orders(do.PausePlayout)) == 1
    assert agent_turns(call)[1].heard_text == LONG


def test_a_raised_voice_cuts_without_words() -> None:
    """A short shout that speech-to-text is slow with: loudness decides when patience ends."""

    def at_level(level: float) -> Any:
        call = ring(stt=9.0).at(2.0, on.CallerStartedSpeaking(2.0)).at(3.0, on.CallerStoppedSpeaking(3.0, -20.0))
        call.at(3.5, on.UtteranceFinal(UtteranceId(1), "What are your hours?"))
        call.at(7.0, on.CallerStartedSpeaking(7.0)).at(7.4, on.CallerStoppedSpeaking(7.4, level)).run(9.0)
        return call.orders(do.DropPlayout)

    assert at_level(-10.0)
    assert not at_level(-25.0)


def test_a_late_word_after_the_turn_it_was_said_under_opens_the_next() -> None:
    """It does not interrupt what came after."""
    call = ring(["Short answer."], stt=2.0).speaks(2.0, "hello there", 1.0).speaks(5.5, "stop", 0.15).run(15.0)
    assert asked(call) == [("hello there", ""), ("stop", "")]
    assert not agent_turns(call)[1].interrupted


def test_a_window_of_nothing_cuts_at_once() -> None:
    """The setting of the benchmark."""
    call = ring(barge_in_decide=0).speaks(2.0, "What are your hours?").speaks(6.0, "mhm", 0.3).run(7.5)
    assert call.when(do.PausePlayout) == call.when(do.DropPlayout) == pytest.approx(6.06)
    assert agent_turns(call)[1].interrupted
    assert asked(call)[-1] == ("mhm", "")


def test_echo_of_our_own_voice_does_not_interrupt_but_a_caller_on_top_of_it_does() -> None:
    """A speakerphone returns us to ourselves."""
    call = ring().speaks(2.0, "hours?").speaks(5.0, "", 1.0, echo=0.9).run(7.0)
    assert not call.orders(do.PausePlayout)
    assert call.conversation.counts["echoes"] == 1
    call = ring().speaks(2.0, "hours?").at(5.0, on.CallerStartedSpeaking(4.95, 0.9)).speaks(5.3, "stop it", 1.0).run(8)
    assert call.when(do.PausePlayout) == pytest.approx(5.36)


def test_the_echo_of_our_last_words_opens_no_turn() -> None:
    """It comes back when we have stopped: nobody spoke, and nobody is asked."""
    call = ring().speaks(1.5, "", 0.4, echo=0.9).run(5.0)
    assert asked(call) == []
    assert not call.orders(do.BeginUtterance)


def test_the_echo_of_words_that_were_cleared_does_not_count_as_more_speech() -> None:
    """A pause ends our sound as well, and its echo is still under way."""
    call = ring().speaks(2.0, "hours?").speaks(5.0, "stop", 0.3).speaks(5.45, "", 0.2, echo=0.9).run(9.0)
    assert asked(call)[-1] == ("stop", "")
    assert call.conversation.counts["echoes"] == 1


def test_echo_with_nothing_playing_is_speech() -> None:
    """There is nothing it could be an echo of."""
    call = ring().speaks(3.0, "hello there", echo=0.9).run(6.0)
    assert asked(call) == [("hello there", "")]


def test_an_interruption_in_the_first_instant_joins_the_question() -> None:
    """Nothing of the reply was sent: the caller was not done, and the brain is asked anew with all of it."""
    call = ring(tts=0.4).speaks(2.0, "What are your hours", 1.0).speaks(3.95, "on Saturday", 0.8).run(8.0)
    assert asked(call) == [("What are your hours", ""), ("What are your hours on Saturday", "")]
    assert call.orders(do.CancelReply) or call.orders(do.DropPlayout)
    assert call.conversation.discarded == 1
    assert [text for who, text in call.transcript if who == "caller"] == ["What are your hours on Saturday"]


def test_speaking_on_while_we_think_joins_the_question() -> None:
    """No sentence leaves while the caller speaks."""
    call = ring(think=1.0).speaks(2.0, "What are your hours", 1.0).speaks(4.0, "on Saturday", 1.5).run(9.0)
    assert asked(call)[-1] == ("What are your hours on Saturday", "")
    assert call.conversation.discarded == 1
    assert call.when(do.Say, 1) > 5.5


def test_a_noise_while_we_think_only_holds_the_reply() -> None:
    """The reply is kept, and said when the noise turns out to be none."""
    call = ring(think=0.5).speaks(2.0, "What are your hours?", 1.0).speaks(3.8, "", 0.5).run(12.0)
    assert len(asked(call)) == 1
    assert call.when(do.Say, 1) == pytest.approx(4.3 + 0.06 + 0.15)


def test_an_interruption_between_two_sentences_takes_the_floor() -> None:
    """Nothing is playing, but the turn is not over."""
    call = ring(["First.", 3.0, "Second."]).speaks(2.0, "tell me more", 1.0).speaks(5.2, "no thank you", 1.2).run(8.0)
    assert agent_turns(call)[1].heard_text == "First."
    assert agent_turns(call)[1].interrupted
    assert asked(call)[1] == ("no thank you", "")


def test_a_backchannel_between_two_sentences_lets_the_second_come() -> None:
    """There is nothing to resume, and the shell is told so."""
    call = ring(["First.", 3.0, "Second."]).speaks(2.0, "tell me more", 1.0).speaks(5.2, "okay", 0.4).run(12.0)
    assert not call.orders(do.ResumePlayout)
    assert call.orders(do.DropPlayout)
    assert agent_turns(call)[1].heard_text == "First. Second."


def test_a_double_interruption_is_one_turn() -> None:
    """A false start and then the question."""
    call = ring().speaks(2.0, "hours?").speaks(5.0, "", 0.15).speaks(5.3, "what about Sunday", 1.2).run(9.0)
    assert asked(call)[1] == ("what about Sunday", "")
    assert len(call.orders(do.PausePlayout)) == 1


def test_a_cut_by_mere_noise_is_owned_up_to() -> None:
    """We stopped for nothing and cannot go on: say something rather than nothing."""
    call = ring().speaks(2.0, "hours?").speaks(5.0, "", 1.5).run(9.0)
    assert said(call)[-1] == PHRASES.no_match


def test_a_yes_into_the_last_syllable_is_an_answer() -> None:
    """Where a question is as good as over, "ja" is no backchannel."""
    call = ring(["Shall I book it?", ExpectAnswer("yes-no")]).speaks(2.0, "hello there", 1.0).speaks(4.4, "ja", 0.3)
    assert asked(call.run(6.0))[1] == ("ja", "")


def test_hypotheses_of_a_streaming_ear_decide_early() -> None:
    """Two clear words end the doubt before the window does."""
    call = ring().speaks(2.0, "hours?").speaks(5.0, "please tell me", 1.5)
    call.at(5.3, on.HypothesisGrew(UtteranceId(2), "please")).at(5.4, on.HypothesisGrew(UtteranceId(2), "please tell"))
    assert call.run(8.0).when(do.DropPlayout) == pytest.approx(5.4)


# Keys


def test_a_key_interrupts_without_a_window() -> None:
    """Nobody presses a key by coughing."""
    call = ring().speaks(2.0, "hours?").keys(5.0, "0").run(7.0)
    assert call.when(do.PausePlayout) == call.when(do.DropPlayout) == 5.0
    assert asked(call)[1] == ("", "0")
    assert call.orders(do.RecordDigit) == [do.RecordDigit("0", 5.0)]
    assert ("caller", "0") in call.transcript


def test_a_key_while_we_think_joins_the_question() -> None:
    """Both are handed over."""
    call = ring(think=1.5).speaks(2.0, "I need somebody", 1.0).keys(4.0, "0").run(8.0)
    assert asked(call)[-1] == ("I need somebody", "0")


def test_masked_digits_are_never_written_down() -> None:
    """They reach the brain and nothing else."""
    pin: Reply = ["Your PIN please.", ExpectAnswer("digits", max_digits=4, masked=True)]
    call = ring(lambda question: ["Thanks."] if question.digits else pin)
    call.speaks(2.0, "log me in", 1.0).keys(6.0, "1234").run(12.0)
    assert asked(call)[1] == ("", "1234")
    assert {each.digit for each in call.orders(do.RecordDigit)} == {"x"}
    assert ("caller", "xxxx") in call.transcript
    assert "1234" not in str(call.orders(do.CommitTurn))


def test_a_terminator_ends_a_number_at_once() -> None:
    """And is not part of it."""
    number: Reply = ["Your number please.", ExpectAnswer("number")]
    call = ring(lambda question: ["Thanks."] if question.digits else number)
    call.speaks(2.0, "call me back", 1.0).keys(6.0, "0664#").run(12.0)
    assert asked(call)[1] == ("", "0664")
    assert call.when(do.AskBrain, 1) == pytest.approx(7.2)


def test_words_and_keys_of_one_turn_come_together() -> None:
    """Keys said alongside words wait for both to be complete."""
    call = ring().speaks(3.0, "it is", 1.0).keys(3.5, "42").run(8.0)
    assert asked(call) == [("it is", "42")]


# Consent


def test_a_yes_is_recorded_once_and_then_we_greet() -> None:
    """Before anything that depends on it."""
    call = ring(preset=Preset.ASK_RECORDING).speaks(3.0, "Ja, gerne").run(8.0)
    assert call.orders(do.RecordConsent) == [do.RecordConsent("ask-recording", "yes", "speech")]
    assert said(call)[1:3] == [PHRASES.consent_yes, PHRASES.greeting]
    assert ("caller", "Ja, gerne") in call.transcript


def test_keys_answer_too() -> None:
    """1 is yes, 2 is no."""
    assert ring(preset=Preset.ASK_RECORDING).keys(3.0, "2").run(5.0).orders(do.RecordConsent) == [
        do.RecordConsent("ask-recording", "no", "key")
    ]


def test_the_question_cannot_be_talked_over() -> None:
    """Speech and keys during it change nothing; having been spoken over, it is put once more."""
    call = ring(preset=Preset.ASK_EVERYTHING).speaks(0.3, "yes", 0.4).keys(0.5, "1").run(30.0)
    assert not call.orders(do.PausePlayout)
    assert call.orders(do.DropUtterance) == [do.DropUtterance(UtteranceId(1))]
    assert said(call)[1] == PHRASES.consent_unclear
    assert call.orders(do.RecordConsent) == [do.RecordConsent("ask-everything", "no", "silence")]


def test_words_that_end_after_the_question_are_the_answer() -> None:
    """They were begun early and finished in time."""
    call = ring(preset=Preset.ASK_RECORDING).speaks(1.0, "yes of course", 1.5).run(8.0)
    assert call.orders(do.RecordConsent) == [do.RecordConsent("ask-recording", "yes", "speech")]


def test_an_unclear_answer_is_asked_for_once_more_and_then_a_no() -> None:
    """A consent is only what is clearly one."""
    call = ring(preset=Preset.ASK_RECORDING).speaks(3.0, "why is that").speaks(8.0, "bananas", 1.0).run(14.0)
    assert call.orders(do.RecordConsent) == [do.RecordConsent("ask-recording", "no", "speech")]
    assert said(call)[2] == PHRASES.consent_no


def test_words_lost_after_the_question_are_unclear() -> None:
    """The ears' failure is no answer; a noise is none either, and patience goes on."""
    call = ring(preset=Preset.ASK_RECORDING, stt=30.0).speaks(3.0, "yes", 0.5).run(9.0)
    assert said(call)[1] == PHRASES.consent_unclear
    call = ring(preset=Preset.ASK_RECORDING).speaks(3.0, "", 0.5).speaks(5.0, "yes", 0.5).run(9.0)
    assert call.orders(do.RecordConsent)[0].answer == "yes"


def test_announcing_records_the_staying() -> None:
    """Going on means yes, once."""
    call = ring(preset=Preset.ANNOUNCE).run(5.0)
    assert call.orders(do.RecordConsent) == [do.RecordConsent("announce", "yes", "staying")]


def test_hanging_up_instead_of_answering_is_written_down() -> None:
    """The question was asked and never answered."""
    call = ring(preset=Preset.ASK_RECORDING).hangs_up(2.0).run(5.0)
    assert call.orders(do.RecordConsent) == [do.RecordConsent("ask-recording", "none", "silence")]


def test_a_later_leg_need_not_ask_again() -> None:
    """The shell knows that the answer is there."""
    conversation = Conversation(Policy(), PHRASES, Preset.ASK_RECORDING, asks_consent=False)
    assert said(Call(conversation).at(0.0, on.CallResumed("stream-lost")).run(3.0)) == [PHRASES.resumed]


# Acts


def test_the_farewell_is_heard_before_the_line_closes() -> None:
    """Marks prove it."""
    call = ring(["Goodbye.", EndCall()]).speaks(2.0, "bye", 0.5).run(10.0)
    [hangup] = call.orders(do.HangUp)
    assert hangup == do.HangUp(EndedBy.AGENT)
    assert call.carrier.heard[SegmentId(2)] == pytest.approx(0.4)
    assert agent_turns(call)[1].heard_text == "Goodbye."
    assert call.conversation.phase is Phase.OVER


def test_words_behind_an_end_are_said_before_it_and_the_first_end_stands() -> None:
    """A model may call its tool first and speak afterwards."""
    call = ring([EndCall(), TransferTo("Anna"), "Goodbye."]).speaks(2.0, "bye", 0.5).run(14.0)
    assert said(call)[1:] == [PHRASES.farewell, "Goodbye."]
    assert not call.orders(do.Transfer)
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.AGENT)]


def test_an_end_without_words_says_goodbye_itself() -> None:
    """Nobody is hung up on."""
    call = ring([EndCall()]).speaks(2.0, "bye", 0.5).run(10.0)
    assert said(call)[1] == PHRASES.farewell


def test_speaking_into_the_farewell_keeps_the_line() -> None:
    """The hang-up is cancelled and the question answered; a goodbye is only a goodbye."""
    brain = {"bye": [LONG, EndCall()]}
    call = ring(lambda question: brain.get(question.text, ["Sure."])).speaks(2.0, "bye", 0.5)
    call.speaks(5.0, "one more question", 1.2).run(9.0)
    assert asked(call)[1] == ("one more question", "")
    assert not call.orders(do.HangUp)
    call = ring(lambda question: brain.get(question.text, ["Sure."])).speaks(2.0, "bye", 0.5)
    call.speaks(5.0, "danke tschüss", 0.8).run(15.0)
    assert len(asked(call)) == 1
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.AGENT)]


def test_a_transfer_waits_until_it_was_announced() -> None:
    """Then nothing more is said, until the call comes back."""
    call = ring([TransferTo("Anna")]).speaks(2.0, "Anna please", 0.8).at(20.0, on.CallResumed("transfer-failed"))
    call.at(10.0, on.CallerStartedSpeaking(10.0)).at(11.0, on.ShutdownAsked()).run(12.0)
    assert said(call)[1] == PHRASES.transferring
    assert call.orders(do.Transfer) == [do.Transfer("Anna")]
    assert call.conversation.phase is Phase.LEFT
    assert call.conversation.deadline() is None
    call.speaks(23.0, "what now", 0.8).run(26.0)
    assert PHRASES.transfer_failed in said(call)
    assert asked(call)[-1] == ("what now", "")


def test_a_change_of_language_is_announced_in_the_new_one() -> None:
    """The words before it are heard in the old one, the words behind it wait."""
    call = ring(["Moment.", ChangeLanguage("en"), "Hello again."]).speaks(2.0, "english please", 0.8).run(10.0)
    assert said(call)[1:] == ["Moment.", PHRASES.language_switch, "Hello again."]
    assert call.when(do.SwitchLanguage) > call.when(do.Say, 1)


def test_a_change_of_language_that_never_comes_does_not_end_the_talk() -> None:
    """We go on in the old one; a late change brings its phrases."""
    call = ring([ChangeLanguage("en"), "Hello again."])
    call._carry_out = lambda action, keep=call._carry_out: (
        None if isinstance(action, do.SwitchLanguage) else keep(action)
    )  # type: ignore[method-assign]
    call.speaks(2.0, "english please", 0.8).run(20.0)
    assert "Hello again." in said(call)
    call.at(20.5, on.LanguageChanged(OTHER)).run(80.0)
    assert "Baba." in said(call)


def test_without_a_phrase_for_the_change_we_just_go_on() -> None:
    """Nothing to announce."""
    call = ring([ChangeLanguage("en"), "Hello again."]).speaks(2.0, "english please", 0.8)
    call._carry_out = lambda action, keep=call._carry_out: (  # type: ignore[method-assign]
        call.at(call.now + 0.1, on.LanguageChanged(replace(PHRASES, language_switch="")))
        if isinstance(action, do.SwitchLanguage)
        else keep(action)
    )
    assert said(call.run(8.0))[1:] == ["Hello again."]


OTHER = replace(PHRASES, language_switch="Wir sprechen Deutsch.", consent_question="Darf ich?", farewell="Baba.")


def test_a_language_chosen_by_key_cuts_the_greeting() -> None:
    """It is not for them; we say in the new language that we speak it. A reply under way is asked for anew."""
    call = ring().at(0.6, on.LanguageChanged(OTHER)).run(5.0)
    assert said(call) == [PHRASES.greeting, "Wir sprechen Deutsch."]
    assert agent_turns(call)[0].interrupted
    call = ring(think=1.0).speaks(2.0, "hours?", 1.0).at(3.9, on.LanguageChanged(OTHER)).run(12.0)
    assert [text for text, _ in asked(call)] == ["hours?", "hours?"]


def test_a_language_chosen_by_key_asks_for_consent_anew() -> None:
    """A question is only asked in words one understands; a farewell is not begun again."""
    call = ring(preset=Preset.ASK_RECORDING).at(0.6, on.LanguageChanged(OTHER)).speaks(3.0, "ja").run(5.0)
    assert said(call)[1] == "Darf ich?"
    assert len(call.orders(do.RecordConsent)) == 1
    call = ring().at(2.0, on.ShutdownAsked()).at(2.3, on.LanguageChanged(OTHER)).run(9.0)
    assert said(call)[-1] == PHRASES.handed_over


def test_tools_and_expectations_count_at_once() -> None:
    """They change no sound."""
    use = UsedTool(ToolUse("hours", {}))
    call = ring([use, LONG]).speaks(2.0, "hours?", 0.8).run(4.5)
    assert call.orders(do.RecordTool) == [do.RecordTool(use)]


def test_an_interruption_while_a_tool_runs_joins_or_asks_anew() -> None:
    """Said something before the tool: cut there. The tool's answer is stale and never spoken."""
    call = ring(["Let me look.", 3.0, "Here it is."]).speaks(2.0, "find it", 0.8)
    call.speaks(5.0, "never mind the rest", 1.2).run(12.0)
    assert asked(call)[1] == ("never mind the rest", "")
    assert said(call).count("Here it is.") <= 1


# Nobody is left in silence


def test_silence_is_met_with_prompts_and_then_a_farewell() -> None:
    """With growing patience."""
    call = ring().run(80.0)
    assert said(call) == [PHRASES.greeting, *PHRASES.no_input, PHRASES.farewell]
    times = [call.when(do.Say, place) for place in range(4)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == sorted(gaps)
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.SILENCE)]


def test_a_sign_of_life_takes_the_farewell_back() -> None:
    """The caller was there after all, even if a "ja" is all they say."""
    assert asked(ring(["Fine."], silence=2.0).speaks(12.8, "ja", 0.3).run(18.0)) == [("ja", "")]
    call = ring(["Fine."], silence=2.0).speaks(12.8, "wait I am here", 1.2).run(20.0)
    assert asked(call) == [("wait I am here", "")]
    assert not call.orders(do.HangUp)


def test_noise_alone_does_not_keep_a_line_open() -> None:
    """An open line with noises ends like a silent one."""
    call = ring()
    for when in range(4, 200, 3):
        call.speaks(float(when), "", 0.5)
    assert call.run(200.0).orders(do.HangUp) == [do.HangUp(EndedBy.SILENCE)]


def test_a_line_that_is_all_sound_ends_too() -> None:
    """Music, or a television: never a gap, never a word."""
    call = ring().speaks(2.0, "", 1000.0).run(300.0)
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.SILENCE)]


def test_a_caller_who_never_stops_is_interrupted_politely() -> None:
    """After a while without a gap we answer, and then listen to the rest."""
    call = ring(["I see."], monologue=5.0, monologue_patience=5.0, stt=0.1)
    call.speaks(2.0, "so I said", 15.0).run(40.0)
    assert asked(call)[0] == ("so I said", "")
    assert call.when(do.AskBrain) == pytest.approx(12.1, abs=0.3)
    assert len(call.orders(do.BeginUtterance)) == 2


def test_a_monologue_is_answered_in_the_next_breath() -> None:
    """A short gap is enough then."""
    call = ring(["I see."], monologue=5.0, stt=0.05).speaks(2.0, "so I said and", 6.0).run(9.5)
    assert call.when(do.AskBrain) == pytest.approx(8.15, abs=0.05)


def test_a_silent_brain_is_covered_for_asked_again_and_given_up() -> None:
    """One moment; once more; sorry, and the carrier's own voice goes on."""
    call = ring(lambda _: None).speaks(2.0, "hours?", 1.0).run(60.0)
    assert said(call)[1:] == [PHRASES.one_moment, PHRASES.apology]
    assert len(asked(call)) == 2
    assert asked(call)[0] == asked(call)[1]
    assert call.orders(do.FallBack) == [do.FallBack("silent")]
    assert len(call.orders(do.CancelReply)) == 2
    assert [text for who, text in call.transcript if who == "caller"] == ["hours?"]


def test_a_brain_that_breaks_off_is_not_asked_to_repeat_itself() -> None:
    """What was said stands; then the caller has the floor."""
    call = ring(["First.", 100.0, "Second."]).speaks(2.0, "tell me more", 1.0).run(25.0)
    assert said(call)[1:3] == ["First.", PHRASES.one_moment]
    assert agent_turns(call)[1].heard_text == f"First. {PHRASES.one_moment}"
    assert call.orders(do.CancelReply)


def test_a_failed_brain_is_asked_once_more() -> None:
    """Then an apology and another path."""
    answers = iter([[on.ReplyFailed(TurnId(0))], ["Here."]])
    call = ring(lambda _: next(answers)).speaks(2.0, "hours?", 1.0).run(10.0)
    assert len(asked(call)) == 2
    assert said(call)[1:] == ["Here."]
    call = ring([on.ReplyFailed(TurnId(0))]).speaks(2.0, "hours?", 1.0).run(10.0)
    assert said(call)[1:] == [PHRASES.apology]
    assert call.orders(do.FallBack) == [do.FallBack("brain-failed")]
    assert call.conversation.counts["brain_failures"] == 2


def test_a_brain_that_fails_after_a_sentence_has_answered() -> None:
    """What it said stands."""
    call = ring(["First.", on.ReplyFailed(TurnId(0))]).speaks(2.0, "hours?", 1.0).run(8.0)
    assert call.transcript[-1] == ("agent", "First.")
    assert not call.orders(do.FallBack)


def test_an_empty_reply_is_asked_for_once_more_and_then_admitted() -> None:
    """Silence is not an answer."""
    call = ring([]).speaks(2.0, "hours?", 1.0).run(8.0)
    assert len(asked(call)) == 2
    assert said(call)[1:] == [PHRASES.no_match]


def test_an_empty_reply_after_one_moment_ends_in_its_words() -> None:
    """Late and empty, asked again, empty again: still somebody speaks."""
    answers = iter([[6.0], []])
    call = ring(lambda _: next(answers)).speaks(2.0, "hours?", 1.0).run(16.0)
    assert said(call)[1:] == [PHRASES.one_moment, PHRASES.no_match]
    assert len(asked(call)) == 2


def test_a_voice_that_fails_hands_over() -> None:
    """Nothing can be voiced: another path must speak."""
    call = ring(mute=True).at(0.5, on.SegmentFailed(SegmentId(1))).run(3.0)
    assert call.orders(do.FallBack) == [do.FallBack("voice-failed")]


def test_one_failed_sentence_among_others_is_skipped() -> None:
    """The rest is worth hearing."""
    call = ring(["First.", "Second."]).speaks(2.0, "tell me more", 1.0)
    call.at(4.0, lambda: call._voice.pop(SegmentId(3), None)).at(4.2, on.SegmentFailed(SegmentId(3)))
    call.at(4.3, on.SegmentFailed(SegmentId(33))).run(9.0)
    assert agent_turns(call)[1].heard_text == "First."
    assert not call.orders(do.FallBack)


def test_a_voice_that_never_speaks_hands_over() -> None:
    """No sound was sent for the greeting: the carrier's own voice goes on."""
    call = ring(mute=True).run(10.0)
    assert call.orders(do.FallBack) == [do.FallBack("silent")]
    assert call.when(do.FallBack) == 4.0


def test_a_stuck_voice_is_tried_again_and_then_given_up() -> None:
    """The reply's sound never comes."""
    call = ring()
    call.run(1.8)
    call.mute = True
    call.speaks(2.0, "hours?", 1.0).run(40.0)
    assert len(asked(call)) == 2
    assert call.orders(do.FallBack) == [do.FallBack("silent")]


def test_a_farewell_that_cannot_be_voiced_still_ends_the_call() -> None:
    """A hanging farewell must not hang."""
    call = ring()
    call.run(1.5)
    call.mute = True
    call.at(2.0, on.ShutdownAsked()).run(20.0)
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.SHUTDOWN)]
    call = ring()
    call.run(1.5)
    call.mute = True
    call.at(2.0, on.ShutdownAsked()).at(2.2, on.SegmentFailed(SegmentId(2))).run(2.5)
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.SHUTDOWN)]


def test_lost_marks_do_not_hang_the_call() -> None:
    """After some patience the turn ends with what is proven, which is nothing."""
    call = ring(mark_patience=1.0)
    call._return = lambda marks: None  # type: ignore[method-assign,assignment]
    call.run(3.0)
    assert call.transcript == [("agent", "")]
    assert call.when(do.CommitTurn) == pytest.approx(0.1 + 1.1 + 1.0)


def test_a_lost_fence_does_not_hold_the_transcript_back() -> None:
    """After some patience, or before the brain is asked, the cut turn is written down."""
    call = ring(barge_in_decide=0, mark_patience=0.3)
    call._return = lambda marks: None  # type: ignore[method-assign,assignment]
    call.speaks(0.5, "hello", 3.0).run(2.0)
    assert agent_turns(call)[0].interrupted
    assert call.when(do.CommitTurn) == pytest.approx(0.56 + 0.3)


def test_a_voice_that_breaks_off_in_a_reply_ends_the_turn_with_what_was_heard() -> None:
    """The brain had finished; the rest of its sound never comes."""
    call = ring(["First.", "Second."]).speaks(2.0, "tell me more", 1.0)
    call.at(4.05, lambda: call._voice.pop(SegmentId(3), None)).run(20.0)
    assert agent_turns(call)[1].heard_text == "First."
    assert agent_turns(call)[1].text == "First. Second."
    assert not call.orders(do.FallBack)


def test_a_carrier_that_returns_marks_at_once_is_believed_when_the_sound_is_due() -> None:
    """The turn ends by the clock, not before."""
    call = ring()
    tell = call.tell

    def eager(event: on.Event) -> None:
        tell(event)
        if isinstance(event, on.AudioSent):
            tell(on.MarkReturned(event.mark))

    call.tell = eager  # type: ignore[method-assign]
    call.run(3.0)
    assert call.transcript == [("agent", PHRASES.greeting)]
    assert call.when(do.CommitTurn) == pytest.approx(1.2)


def test_words_lost_during_an_interruption_let_us_go_on() -> None:
    """The ears failed; there is no evidence for a turn."""
    call = ring(stt=30.0).at(0.5, on.CallerStartedSpeaking(0.45)).at(0.8, on.CallerStoppedSpeaking(0.75))
    call.at(0.9, on.UtteranceLost(UtteranceId(1))).run(3.0)
    assert call.orders(do.ResumePlayout)
    assert call.transcript == [("agent", PHRASES.greeting)]


def test_a_caller_talked_over_may_stop_meanwhile() -> None:
    """Their last sound belongs to nobody; the next is heard."""
    call = ring([LONG], monologue=5.0, monologue_patience=5.0)
    call.speaks(2.0, "so I said", 12.0).speaks(20.0, "and then", 1.0).run(24.0)
    assert [text for text, _ in asked(call)] == ["so I said", "and then"]


def test_lost_marks_and_a_caller_who_speaks_do_not_hang_the_call() -> None:
    """The turn is given up while the caller speaks, and the words are asked."""
    call = ring(mark_patience=1.0)
    call._return = lambda marks: None  # type: ignore[method-assign,assignment]
    call.speaks(1.5, "hello there", 4.0).run(9.0)
    assert asked(call) == [("hello there", "")]


# Limits and ends


def test_the_end_of_the_call_is_announced_and_polite() -> None:
    """A warning in good time, then the farewell."""
    call = ring(call_s=30.0, warn_before_s=15.0, silence=50.0).run(40.0)
    assert said(call) == [PHRASES.greeting, PHRASES.limit_warning, PHRASES.farewell]
    assert call.when(do.Say, 1) == 15.0
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.LIMIT)]


def test_the_limit_cuts_through_everything_and_cannot_be_talked_away() -> None:
    """A warning waits for the floor; the end does not."""
    call = ring([LONG * 10], call_s=20.0, warn_before_s=5.0).speaks(2.0, "tell me more", 1.0)
    call.speaks(20.3, "but I", 1.0).keys(20.4, "1").at(20.5, on.ShutdownAsked()).run(40.0)
    assert PHRASES.limit_warning not in said(call)
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.LIMIT)]
    assert agent_turns(call)[-1].heard_text == PHRASES.farewell


def test_money_is_warned_of_and_ends_the_call_after_what_was_asked_for() -> None:
    """The reply under way is heard to its end, the next question is not put to the brain, and the end is polite."""
    call = ring([LONG], silence=50.0).at(3.0, on.CostGrew(0.85)).speaks(8.0, "tell me more", 1.0)
    call.at(10.5, on.CostGrew(1.05)).speaks(17.0, "and what else", 1.0).run(40.0)
    assert said(call) == [PHRASES.greeting, PHRASES.limit_warning, LONG, PHRASES.farewell]
    assert asked(call) == [("tell me more", "")]
    assert [turn.heard_text for turn in agent_turns(call)] == said(call)
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.LIMIT)]


def test_money_gone_while_the_caller_speaks_ends_the_call_when_they_have_spoken() -> None:
    """Nobody is talked over, nothing is asked ahead or afterwards, and the words are kept."""
    call = ring(speculate=1.0).speaks(3.0, "I would like to", 2.0).at(3.5, on.CostGrew(1.2)).run(20.0)
    assert said(call) == [PHRASES.greeting, PHRASES.handed_over]
    assert asked(call) == []
    assert call.when(do.Say, 1) >= 5.0
    assert [turn.text for turn in call.conversation.turns if turn.speaker == "caller"] == ["I would like to"]
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.LIMIT)]


def test_money_before_the_answer_is_nobodys() -> None:
    """Another call may have spent it; this one begins and is told again."""
    assert said(ring().at(0.0, on.CostGrew(0.1)).run(3.0)) == [PHRASES.greeting]


def test_a_shutdown_says_what_happens() -> None:
    """With its own words, or the farewell."""
    assert PHRASES.handed_over in said(ring().at(2.0, on.ShutdownAsked()).run(8.0))
    assert PHRASES.farewell in said(ring(phrases=replace(PHRASES, handed_over="")).at(2.0, on.ShutdownAsked()).run(8.0))


@pytest.mark.parametrize("when", [0.05, 1.0, 2.5, 3.1, 3.6, 3.75, 4.2, 6.03, 6.3, 6.6, 7.7, 8.4, 30.0])
def test_hanging_up_at_any_moment_commits_everything(when: float) -> None:
    """The caller's unfinished words and our turn, cut to what was heard; nothing after that."""
    call = ring().speaks(2.0, "What are your hours?").speaks(6.0, "wait a moment", 1.5).hangs_up(when).run(60.0)
    assert call.conversation.phase is Phase.OVER
    assert call.log[-1][0] <= when
    assert call.conversation.deadline() is None
    assert not call.orders(do.HangUp)
    if when > 3.2:
        assert ("caller", "What are your hours?") in call.transcript
    if 4.2 < when < 8:
        assert agent_turns(call)[1].interrupted
    assert call.conversation.handle(on.TimePassed(), 99.0) == ()


def test_what_was_only_guessed_is_kept_when_the_caller_hangs_up() -> None:
    """A hypothesis is better than nothing."""
    call = ring().speaks(2.0, "x", 3.0).at(3.0, on.HypothesisGrew(UtteranceId(1), "I wanted to")).hangs_up(3.5)
    assert ("caller", "I wanted to") in call.run(5.0).transcript


def test_a_lost_stream_keeps_what_was_understood() -> None:
    """A question without an answer is asked again on the new stream; a half-said turn is written down."""
    call = ring(think=5.0).speaks(2.0, "hours?", 1.0).at(4.5, on.CallResumed("stream-lost")).run(20.0)
    assert asked(call) == [("hours?", ""), ("hours?", "")]
    assert PHRASES.resumed in said(call)
    call = (
        ring().speaks(2.0, "hours?", 1.0).speaks(6.0, "and then", 3.0).at(6.2, on.CallResumed("stream-lost")).run(8.0)
    )
    assert agent_turns(call)[1].interrupted


def test_a_lost_stream_asks_for_consent_again() -> None:
    """The question was not answered."""
    call = ring(preset=Preset.ASK_RECORDING).at(0.8, on.CallResumed("stream-lost")).speaks(5.0, "yes").run(9.0)
    assert said(call)[1:3] == [PHRASES.resumed, PHRASES.consent_question]
    assert call.orders(do.RecordConsent)[0].answer == "yes"


def test_without_a_greeting_we_listen() -> None:
    """The benchmark needs none."""
    call = ring(["Hi."], phrases=replace(PHRASES, greeting="")).speaks(0.1, "hello there", 0.8).run(4.0)
    assert said(call) == ["Hi."]


# Speculation


def test_a_speculative_reply_is_ready_when_the_floor_is_ours() -> None:
    """The brain is asked as soon as the words are there, and its sentence waits for the end of the turn."""
    call = ring(speculate=1).speaks(2.0, "I would like a table", 1.0).run(6.0)
    assert call.when(do.AskBrain) == pytest.approx(3.21)
    assert call.when(do.Say, 1) == pytest.approx(3.7)


def test_a_speculative_reply_is_thrown_away_when_the_caller_goes_on() -> None:
    """It never becomes sound, and is counted. The pause is learned as the caller's own."""
    call = ring(speculate=1).speaks(2.0, "I would like a table", 1.0).speaks(3.5, "for two people", 1.0).run(8.0)
    assert asked(call) == [("I would like a table", ""), ("I would like a table for two people", "")]
    assert len(said(call)) == 2
    assert call.conversation.discarded == 1


# Stale and made-up facts


def test_stale_facts_are_counted_and_change_nothing() -> None:
    """A reply to nobody, a second answer, words of an unknown utterance, an offset without an onset."""
    call = ring().run(2.0)
    before = len(call.log)
    for event in (
        on.CallAnswered(), on.ReplyGrew(TurnId(9), "Hello."), on.ReplyActed(TurnId(9), EndCall()),
        on.ReplyEnded(TurnId(9)), on.ReplyFailed(TurnId(9)), on.UtteranceFinal(UtteranceId(9), "x"),
        on.HypothesisGrew(UtteranceId(9), "x"), on.UtteranceLost(UtteranceId(9)), on.CallerStoppedSpeaking(1.9),
        on.SegmentVoiced(SegmentId(9), 1.0), on.SegmentFailed(SegmentId(9)),
        on.AudioSent(SegmentId(9), 0.2, 0.2, on.Mark("x")),
    ):  # fmt: skip
        call.tell(event)
    assert len(call.log) == before
    assert call.conversation.counts["stale"] == 12
    call.tell(on.CallerStartedSpeaking(2.0))
    call.tell(on.CallerStartedSpeaking(2.0))
    assert len(call.orders(do.BeginUtterance)) == 1


def test_blank_sentences_are_not_voiced() -> None:
    """And do not count as an answer; sound of no length is no sound."""
    call = ring(["  ", "Hi."]).speaks(2.0, "hello there", 0.8).run(3.9)
    call.tell(on.SegmentVoiced(SegmentId(2), 0.0))
    assert said(call)[1:] == ["Hi."]


def test_before_the_answer_nothing_is_said() -> None:
    """The stream is not verified yet; what is spoken already is listened to."""
    call = Call(Conversation(Policy(), PHRASES, Preset.DISCLOSE)).speaks(0.2, "hello there", 0.5).answered(1.0)
    assert call.conversation.phase is Phase.WAITING
    call.run(6.0)
    assert call.when(do.Say) >= 1.0


def test_a_shutdown_in_the_first_instant_leaves_no_greeting_behind() -> None:
    """Nothing of it was sent, so nothing of it is written down."""
    call = ring().at(0.05, on.ShutdownAsked()).run(9.0)
    assert call.transcript == [("agent", PHRASES.handed_over)]


def test_a_shutdown_before_the_answer_is_not_followed_by_a_greeting() -> None:
    """The farewell under way stands."""
    call = Call(Conversation(Policy(), PHRASES, Preset.DISCLOSE)).at(0.0, on.ShutdownAsked()).answered(0.1).run(9.0)
    assert said(call) == [PHRASES.handed_over]
    assert call.orders(do.HangUp) == [do.HangUp(EndedBy.SHUTDOWN)]


def test_forgotten_late_words_are_counted() -> None:
    """There is a bound to what is waited for."""
    call = ring(stt=1000.0, silence=100.0)
    for place in range(20):
        call.speaks(3.0 + 8 * place, "hello", 0.5)
    assert call.run(200.0).conversation.counts["forgotten"] > 0


def test_a_sentence_that_breaks_off_is_played_as_far_as_it_goes_and_written_down_so() -> None:
    """What was made is heard; what was not made was not, and nothing of it is cut by another path."""
    call = ring(tts=30.0).speaks(2.0, "hours?").run(4.0)
    [_, reply] = call.orders(do.Say)
    words = tuple(on.WordTime(len(text), 0.39 * n) for n, text in ((1, "We"), (2, "We are"), (3, "We are open")))
    call.at(4.1, on.AudioSent(reply.segment, 1.2, 1.2, Mark("part")))
    call.at(4.2, on.SegmentVoiced(reply.segment, 1.2, words)).at(4.2, on.SegmentFailed(reply.segment))
    call.at(5.4, on.MarkReturned(Mark("part"))).run(6.0)
    assert not call.orders(do.FallBack)
    turn = agent_turns(call)[-1]
    assert (turn.text, turn.heard_text) == (LONG, "We are open")

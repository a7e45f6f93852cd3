"""Laws of whole calls: hanging up, consent, a person who is rung, and money. `HYPOTHESIS_PROFILE=long` tries 100,000 of each."""

from __future__ import annotations

from typing import Any

import test_laws as laws
from hypothesis import given
from hypothesis import strategies as st
from simulation import PER_CHAR, PHRASES, Call, echo_brain

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation, Phase
from stella.conversation.policy import Policy
from stella.domain.acts import TransferTo
from stella.domain.consent import Preset

QUESTIONS = {PHRASES.consent_question, PHRASES.consent_unclear}
words = st.sampled_from(["stop", "what are your hours", "my number is", "one two three", "bye", "and then", "yes?"])
stretches = st.lists(st.tuples(st.floats(0.05, 4.0), st.floats(0.75, 2.5), words), min_size=1, max_size=6)
ears = st.sampled_from([0.05, 0.3, 1.2])
brains = st.sampled_from([0.05, 0.5])


def speaks(call: Call, script: list[tuple[float, float, str]], begin: float = 0.0) -> float:
    """The caller says all this, each stretch with a word of its own. When it is over."""
    when = begin
    for place, (gap, length, text) in enumerate(script):
        when += gap
        call.speaks(when, f"{text} w{place}", length)
        when += length
    return when


def written(call: Call) -> list[str]:
    """Every word of the caller's in the transcript."""
    turns = [order.turn for order in call.orders(do.CommitTurn) if order.turn.speaker == "caller"]
    return " ".join(turn.text for turn in turns).split()


@laws.WHOLE_CALL
@given(laws.policies, stretches, ears, brains, st.floats(0.1, 25.0))
def test_hanging_up_at_any_moment_loses_no_word_that_was_understood(
    policy: Policy, script: list[tuple[float, float, str]], stt: float, think: float, hangs_up: float
) -> None:
    """What speech-to-text had made of it by then stands in the transcript, once; and then nothing is ordered any more."""
    call = laws.Truth(
        Conversation(policy, PHRASES, Preset.DISCLOSE), laws.chatty_brain, stt=stt, think=think
    ).answered()
    speaks(call, script)
    call.hangs_up(hangs_up).run(60.0)
    ended = min(at for at, event in call.tape if isinstance(event, on.CallEnded))
    finals = [event.text for at, event in call.tape if isinstance(event, on.UtteranceFinal) and at < ended]
    understood = [word for text in finals for word in text.split() if word.startswith("w") and word != "what"]
    for word in understood:
        assert written(call).count(word) == 1, (word, written(call))
    assert max(at for at, _ in call.log) <= ended
    assert call.conversation.phase is Phase.OVER


class Asked(laws.Truth):
    """A call in which consent is asked: the question is heard, and only then answered."""

    def tell(self, event: on.Event) -> None:
        """One step, with the laws of consent."""
        sounding = [self.texts[piece.segment] for piece in self.carrier.queue if piece.segment is not None]
        before = len(self.log)
        super().tell(event)
        for _, action in self.log[before:]:
            if isinstance(action, do.PausePlayout):
                assert not QUESTIONS & set(sounding), "a consent question was talked over"
            if isinstance(action, do.RecordConsent) and action.answer == "yes":
                assert any(self.whole(name) for name, text in self.texts.items() if text in QUESTIONS), "yes to nothing"

    def whole(self, segment: Any) -> bool:
        """Whether a sentence reached the ear to its end."""
        return self.carrier.heard.get(segment, 0.0) >= max(0.1, len(self.texts[segment]) * PER_CHAR) - 0.03


@laws.WHOLE_CALL
@given(
    laws.policies,
    st.lists(laws.stretches, max_size=8),
    ears,
    st.lists(st.tuples(st.floats(0.0, 20.0), st.sampled_from("127#")), max_size=4),
    st.booleans(),
)
def test_a_consent_question_is_never_talked_over_and_never_answered_before_it_was_heard(
    policy: Policy, script: list[tuple[float, float, str]], stt: float, keys: list[tuple[float, str]], streams: bool
) -> None:
    """Whatever the caller says or keys into it; and it has one answer in the end."""
    call = Asked(Conversation(policy, PHRASES, Preset.ASK_EVERYTHING), laws.chatty_brain, stt=stt, streams=streams)
    call.answered()
    when = 0.0
    for gap, length, text in script:
        when += gap
        call.speaks(when, text, length)
        when += length
    for at, key in keys:
        call.keys(at, key)
    call.run(80.0)
    assert len(call.orders(do.RecordConsent)) == 1


class Ringing(laws.Truth):
    """A call in which a person is rung who does not answer."""

    def _carry_out(self, action: do.Action) -> None:
        super()._carry_out(action)
        if isinstance(action, do.Transfer):
            self.at(self.now + 5.0, on.CallResumed("transfer-failed"))


@laws.WHOLE_CALL
@given(laws.policies, stretches, stretches, ears, brains)
def test_while_a_person_is_rung_nothing_is_said_and_afterwards_the_talk_goes_on(
    policy: Policy,
    before: list[tuple[float, float, str]],
    after: list[tuple[float, float, str]],
    stt: float,
    think: float,
) -> None:
    """The line is theirs until they do not answer; then the caller is told, and heard again."""
    call = Ringing(
        Conversation(policy, PHRASES, Preset.DISCLOSE),
        lambda asked: [] if len(call.orders(do.Transfer)) else ["I will.", TransferTo("Anna")],
        stt=stt,
        think=think,
    ).answered()
    speaks(call, after, 5.0 + speaks(call, before))
    call.run(200.0)
    away = None
    resumed = {at for at, event in call.tape if isinstance(event, on.CallResumed)}
    for at, action in call.log:
        if away is not None and any(away <= back <= at for back in resumed):
            away = None
        assert away is None, f"{action} while a person is rung"
        if isinstance(action, do.Transfer):
            away = at
    if call.orders(do.Transfer):
        assert PHRASES.transfer_failed in [order.text for order in call.orders(do.Say)]
    assert call.conversation.phase is Phase.OVER


@laws.WHOLE_CALL
@given(
    laws.policies, stretches, ears, brains, st.lists(st.tuples(st.floats(0.1, 20.0), st.floats(0.0, 1.5)), max_size=4)
)
def test_when_the_money_is_used_up_nothing_new_is_asked_and_the_call_ends_in_words(
    policy: Policy, script: list[tuple[float, float, str]], stt: float, think: float, bill: list[tuple[float, float]]
) -> None:
    """What was asked may be asked again where it failed; no other question costs anything any more."""
    call = laws.Truth(Conversation(policy, PHRASES, Preset.DISCLOSE), echo_brain, stt=stt, think=think).answered()
    speaks(call, script)
    for at, share in bill:
        call.at(at, on.CostGrew(share))
    call.run(200.0)
    used_up = min((at for at, share in bill if share >= 1.0), default=None)
    asked = [(at, order.text) for at, order in call.log if isinstance(order, do.AskBrain)]
    if used_up is not None:
        known = {text for at, text in asked if at <= used_up}
        assert {text for at, text in asked if at > used_up} <= known
    assert call.conversation.phase is Phase.OVER
    if call.orders(do.HangUp):
        assert [order.text for order in call.orders(do.Say)][-1] in {PHRASES.farewell, PHRASES.handed_over}

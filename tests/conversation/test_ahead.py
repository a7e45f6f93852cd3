"""The brain is asked ahead of the final words, and nobody ever hears what they do not bear out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import NOW, asked, fixed, stage, taken, utterance
from simulation import PHRASES, Call

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.ahead import STABLE_S, Ahead
from stella.conversation.core import Conversation, Phase
from stella.conversation.policy import Policy
from stella.conversation.steps import DONE, NEVER
from stella.domain.acts import EndCall, ExpectAnswer
from stella.domain.call import EndedBy
from stella.domain.consent import Preset

QUESTION = "what are your hours"


class Guessing(Call):
    """A virtual call whose ears tell what they think so far; `final` is what they commit to."""

    def guesses(self, *guesses: tuple[float, str]) -> Guessing:
        """Hypotheses of the first utterance."""
        for when, text in guesses:
            self.at(when, on.HypothesisGrew(on.UtteranceId(1), text))
        return self


def call(brain: Any = lambda _: ["From nine to five."], *, final: str = QUESTION, **options: Any) -> Guessing:
    """A greeting until 1.7 s; the caller speaks from 3 to 4; the ears are slow."""
    options = {"stt": 1.0, "think": 0.3, **options}
    conversation = Conversation(Policy().with_overrides({"speculate": 1.0}), PHRASES, Preset.DISCLOSE)
    made = Guessing(conversation, brain, **options)
    made.answered().speaks(3.0, final, 1.0)
    return made


def test_a_stable_hypothesis_is_answered_the_moment_the_words_bear_it_out() -> None:
    """The brain thinks while the ears still do; the answer comes with the final words, not seconds after."""
    ahead = call().guesses((3.5, "what are"), (3.9, QUESTION)).run(9.0)
    plain = call().run(9.0)
    assert ahead.when(do.AskBrain) == pytest.approx(4.1)
    (asked,) = ahead.orders(do.AskBrain)
    assert asked.text == QUESTION
    assert ahead.when(do.Say, 1) < plain.when(do.Say, 1) - 0.2
    assert ahead.transcript[1:] == plain.transcript[1:]
    assert ahead.conversation.discarded == 0
    assert ahead.conversation.counts["asked_ahead"] == 1


def test_words_that_the_ears_take_for_whole_are_asked_with_at_once() -> None:
    """An engine that hears how it was said need not be waited for."""
    ahead = call().at(3.9, on.HypothesisGrew(on.UtteranceId(1), QUESTION, settled=True)).run(9.0)
    assert ahead.when(do.AskBrain) == pytest.approx(3.9)
    assert ahead.conversation.discarded == 0


def test_ears_that_heard_the_end_of_the_turn_end_it_sooner() -> None:
    """An unfinished sentence is waited for, unless the ears know better."""
    waits = []
    for over in (None, True):
        conversation = Conversation(Policy(), PHRASES, Preset.DISCLOSE)
        made = Call(conversation, lambda _: ["Yes."], stt=99.0, think=0.1)
        made.answered().speaks(3.0, "I would like to", 1.0)
        made.at(4.2, on.UtteranceFinal(on.UtteranceId(1), "I would like to", over))
        waits.append(made.run(9.0).when(do.AskBrain))
    assert waits[1] < waits[0] - 0.3


def test_other_words_in_the_end_throw_the_reply_away() -> None:
    """Nothing of it is heard, it is counted, and the brain is asked with what was really said."""
    found = call(final="what are your hours on Sunday").guesses((3.9, QUESTION)).run(9.0)
    first, second = found.orders(do.AskBrain)
    assert second.text == "what are your hours on Sunday"
    assert found.conversation.discarded == 1
    assert all(order.turn != first.turn for order in found.orders(do.Say))


def test_a_hypothesis_that_grows_asks_anew() -> None:
    """The old reply is void at once; only the last one is heard."""
    found = call(final="what are your hours on Sunday").guesses((3.3, QUESTION), (3.9, "what are your hours on Sunday"))
    found.run(9.0)
    first, second = found.orders(do.AskBrain)
    assert (first.text, second.text) == (QUESTION, "what are your hours on Sunday")
    assert {order.turn for order in found.orders(do.Say)[1:]} == {second.turn}


@pytest.mark.parametrize("guess", ["my number is", "and", ""])
def test_an_unfinished_hypothesis_is_not_worth_asking(guess: str) -> None:
    """It will not stand."""
    assert call().guesses((3.9, guess)).run(4.9).orders(do.AskBrain) == []


def test_without_the_policy_nothing_is_asked_ahead() -> None:
    """Replies that are thrown away cost money."""
    quiet = Guessing(Conversation(Policy(), PHRASES, Preset.DISCLOSE), stt=1.0)
    quiet.answered().speaks(3.0, QUESTION, 1.0)
    assert quiet.guesses((3.9, QUESTION)).run(4.9).orders(do.AskBrain) == []


def test_while_we_still_ask_the_phase_is_hearing() -> None:
    """For people the caller is speaking, whatever the brain does meanwhile."""
    found = call().guesses((3.3, QUESTION)).run(3.8)
    assert found.orders(do.AskBrain)
    assert found.conversation.phase is Phase.HEARING


@pytest.mark.parametrize("last", [on.ReplyFailed, on.ReplyEnded])
def test_a_brain_that_fails_ahead_is_asked_again_in_time(last: type) -> None:
    """The failure is nobody's business; the final words are asked with as ever."""
    found = call(lambda asked: None if asked.turn == 3 else ["From nine to five."])
    found.guesses((3.9, QUESTION)).at(4.3, last(on.TurnId(3))).run(9.0)
    assert [order.text for order in found.orders(do.AskBrain)] == [QUESTION, QUESTION]
    assert found.transcript[-1] == ("agent", "From nine to five.")
    assert found.conversation.discarded == 1


def test_nothing_understood_in_the_end_is_no_turn() -> None:
    """What the ears thought they heard was nothing: no reply to it may be spoken."""
    found = call(final="").guesses((3.9, QUESTION)).run(6.0)
    assert len(found.orders(do.AskBrain)) == 1
    assert found.conversation.discarded == 1
    assert len(found.orders(do.Say)) == 1


def test_what_the_reply_expects_counts_once_it_is_the_reply() -> None:
    """Until then the wait is that of the question before."""
    found = call(lambda _: ["Key it.", ExpectAnswer("digits", max_digits=2, masked=True)]).guesses((3.9, QUESTION))
    found.keys(8.0, "12").run(9.0)
    assert [order.digit for order in found.orders(do.RecordDigit)] == ["x", "x"]


def test_keys_void_what_was_asked_ahead() -> None:
    """Keys and words are put to the brain together."""
    found = call().guesses((3.9, QUESTION)).keys(4.4, "7").run(9.0)
    assert [(order.text, order.digits) for order in found.orders(do.AskBrain)] == [(QUESTION, ""), (QUESTION, "7")]


def test_hanging_up_writes_down_what_was_guessed() -> None:
    """The words so far are the caller's, also when the reply to them never was."""
    found = call(lambda _: ["Bye.", EndCall()]).guesses((3.9, QUESTION)).hangs_up(4.5).run(6.0)
    assert found.transcript[-1] == ("caller", QUESTION)


texts = st.sampled_from([QUESTION, "what are your hours on Sunday", "stop", "what", "", "yes"])


@given(
    st.lists(st.tuples(st.floats(3.1, 5.2), texts), max_size=6),
    texts,
    st.sampled_from([0.05, 0.4, 1.2]),
    st.sampled_from([0.05, 0.4, 2.0]),
    st.booleans(),
)
def test_nothing_is_heard_that_the_final_words_do_not_bear_out(
    guesses: list[tuple[float, str]], final: str, stt: float, think: float, again: bool
) -> None:
    """Whatever the ears thought on the way: the reply that is spoken was asked with what was said, and said once."""
    found = call(lambda asked: [f"{asked.text}!"], final=final, stt=stt, think=think).guesses(*sorted(guesses))
    if again:
        found.speaks(4.3, "and again", 0.5)
    found.run(14.0)
    said = [order.text for order in found.orders(do.Say)][1:]
    written = [turn.turn.text for turn in found.orders(do.CommitTurn) if turn.turn.speaker == "caller"]
    meant = [f"{text}!" for text in written]
    assert [text for text in said if text.endswith("!")] == meant[: len([text for text in said if text.endswith("!")])]
    assert " ".join(written).split() == " ".join([final, *(["and again"] if again else [])]).split()
    found.tell(on.CallEnded(EndedBy.CALLER))
    assert found.conversation.deadline() is None


# The machine by itself


def hearing(text: str = QUESTION, **numbers: float) -> tuple[Any, Ahead]:
    """The caller is saying this, and the ears have just guessed it."""
    floor = stage(speculate=1.0, **numbers)
    utterance(floor, None, guess=text)
    ahead = Ahead(floor)
    ahead.changed()
    return floor, ahead


def test_the_brain_is_asked_when_a_guess_has_stood_for_a_moment() -> None:
    """Provisionally, under a number of its own behind that of the caller's turn."""
    floor, ahead = hearing()
    assert ahead.step() == NOW + STABLE_S
    floor.now = NOW + STABLE_S
    floor.expected = ExpectAnswer("yes-no")
    assert ahead.step() == DONE
    mine = floor.mine
    assert taken(floor) == [do.AskBrain(mine.turn, QUESTION)]
    assert (mine.provisional, mine.ended, mine.answers, mine.asked) == (True, False, None, (QUESTION, ""))
    assert mine.expected_before.kind == "yes-no"
    assert mine.turn == floor.caller.turn + 1
    assert floor.counts == {"asked_ahead": 1}
    assert ahead.step() == NEVER


def test_a_turn_that_was_asked_before_keeps_its_number() -> None:
    """However often it is asked."""
    floor, ahead = hearing()
    floor.caller.turn = 7
    ahead.settled()
    assert ahead.step() == DONE
    assert floor.caller.turn == 7


def test_another_guess_begins_the_moment_anew_and_voids_the_reply() -> None:
    """A reply that is not provisional is nobody's to void."""
    floor, ahead = hearing()
    floor.now = NOW + 0.1
    ahead.changed()
    assert ahead.step() == NOW + 0.1 + STABLE_S
    ahead.settled()
    ahead.step()
    floor.caller.parts[0].guess = "what are your prices"
    ahead.changed()
    assert floor.mine is None
    assert floor.counts["discarded"] == 1
    mine = asked(floor)
    ahead.changed()
    assert floor.mine is mine


@pytest.mark.parametrize(
    "why", ["nothing new", "speaks", "nothing said", "final", "no guess", "gate", "keys", "waiting"]
)
def test_nothing_is_asked_ahead_where_it_could_not_stand(why: str) -> None:
    """Or where there is nothing to ask with."""
    floor, ahead = hearing()
    part = floor.caller.parts[0]
    if why == "nothing new":
        ahead.settled()
        ahead.step()
        floor.mine = None
        ahead.settled()
    elif why == "speaks":
        fixed(floor)
    elif why == "nothing said":
        floor.caller.parts.clear()
    elif why == "final":
        part.text = QUESTION
    elif why == "no guess":
        part.guess = ""
    elif why == "gate":
        floor.gate.asked(NOW)
    elif why == "keys":
        floor.caller.digits = "1"
    else:
        floor.answered = None
    assert ahead.step() == NEVER


def test_of_several_stretches_the_newest_must_be_a_guess() -> None:
    """The earlier ones may be final: all of them are asked with."""
    floor = stage(speculate=1.0)
    utterance(floor, "hello", 51)
    utterance(floor, None, guess=QUESTION)
    ahead = Ahead(floor)
    assert ahead.step() == NEVER
    ahead.settled()
    assert ahead.step() == DONE
    assert floor.mine is not None
    assert floor.mine.asked == (f"hello {QUESTION}", "")


def test_a_reply_that_was_asked_ahead_becomes_the_reply() -> None:
    """With what it expects; the cut turn before it is written down, the silence forgotten, and nothing is asked twice."""
    floor, ahead = hearing()
    ahead.settled()
    ahead.step()
    mine = floor.mine
    mine.expects = ExpectAnswer("yes-no")
    floor.cut = asked(stage())
    floor.silence.rung, floor.interrupted = 2, True
    floor.now, floor.caller.parts[0].text = NOW + 1.0, "What are your hours?"
    caller = floor.caller
    assert ahead.adopt(caller, NOW + 2.0) is True
    assert (mine.provisional, mine.answers, mine.hold_until) == (False, caller, NOW + 2.0)
    assert mine.caller_stopped == caller.stopped
    assert (floor.expected.kind, floor.interrupted, floor.silence.rung, floor.cut) == ("yes-no", False, 0, None)
    assert floor.progress_at == NOW + 1.0


def test_without_an_expectation_anything_may_be_said_next() -> None:
    """What the question before expected is answered."""
    floor, ahead = hearing()
    ahead.settled()
    ahead.step()
    floor.expected = ExpectAnswer("digits")
    floor.caller.parts[0].text = QUESTION
    assert ahead.adopt(floor.caller, 0.0)
    assert floor.expected == ExpectAnswer()


@pytest.mark.parametrize("why", ["nobody", "real", "keys", "others"])
def test_a_reply_that_was_asked_otherwise_is_not_taken(why: str) -> None:
    """The right one is asked for; and the next turn may be guessed anew."""
    floor, ahead = hearing()
    ahead.settled()
    ahead.step()
    floor.caller.parts[0].text = QUESTION
    if why == "nobody":
        floor.mine = None
    elif why == "real":
        floor.mine.provisional = False
    elif why == "keys":
        floor.caller.digits = "1"
    else:
        floor.caller.parts[0].text = "what are your prices"
    assert ahead.adopt(floor.caller, 0.0) is False
    floor.mine, floor.caller.digits = None, ""
    floor.caller.parts[0].text = None
    assert ahead.step() == NEVER
    ahead.settled()
    assert ahead.step() == DONE


def test_without_the_policy_the_machine_is_idle() -> None:
    """It costs money."""
    floor = stage()
    utterance(floor, None, guess=QUESTION)
    ahead = Ahead(floor)
    ahead.settled()
    assert ahead.step() == NEVER

"""Laws that hold for every call, over arbitrary scripts. `HYPOTHESIS_PROFILE=long` tries 100,000 of each."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import example, given, note, settings
from hypothesis import strategies as st
from simulation import PER_CHAR, PHRASES, Call

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation, Phase
from stella.conversation.policy import Policy
from stella.conversation.words import interrupts
from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import EndedBy, ToolUse
from stella.domain.consent import Preset
from stella.domain.ids import Mark, SegmentId, TurnId, UtteranceId

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
LAW = settings.get_profile("long" if LONG else "quick")
WHOLE_CALL = LAW if LONG else settings(LAW, max_examples=60)

ids = st.integers(1, 12)
texts = st.sampled_from(["", "mhm", "ja", "no", "stop", "what are your hours", "my number is", "one two three", "yes?"])
acts = st.sampled_from(
    [
        EndCall(),
        TransferTo("Anna"),
        ChangeLanguage("en"),
        ExpectAnswer("yes-no"),
        ExpectAnswer("digits", max_digits=3, masked=True),
        UsedTool(ToolUse("book", {})),
    ]
)
seconds = st.floats(0.0, 3.0)
marks = st.one_of(st.integers(0, 12).map(lambda n: Mark(f"m{n}")), st.integers(0, 4).map(lambda n: Mark(f"fence-{n}")))
anything: st.SearchStrategy[Any] = st.one_of(
    st.just(on.CallAnswered()),
    st.builds(on.CallResumed, st.sampled_from(["transfer-failed", "stream-lost"])),
    st.builds(on.HypothesisGrew, ids.map(UtteranceId), texts),
    st.builds(on.UtteranceFinal, ids.map(UtteranceId), texts),
    st.builds(on.UtteranceLost, ids.map(UtteranceId)),
    st.builds(on.DigitPressed, st.sampled_from("0129*#")),
    st.builds(on.ReplyGrew, ids.map(TurnId), texts),
    st.builds(on.ReplyActed, ids.map(TurnId), acts),
    st.builds(on.ReplyEnded, ids.map(TurnId)),
    st.builds(on.ReplyFailed, ids.map(TurnId)),
    st.builds(on.SegmentVoiced, ids.map(SegmentId), st.floats(0.0, 2.0)),
    st.builds(on.SegmentFailed, ids.map(SegmentId)),
    st.builds(on.AudioSent, ids.map(SegmentId), st.just(0.2), st.floats(0.0, 2.0), marks),
    st.builds(on.MarkReturned, marks),
    st.just(on.LanguageChanged(PHRASES)),
    st.builds(on.LineSounded, st.just(5.0), st.sampled_from([0.2, 1.0]), st.sampled_from([0.0, 1.0])),
    st.builds(on.TurnHinted, st.sampled_from([0.0, 0.5, 1.0])),
    st.just(on.ShutdownAsked()),
    st.builds(on.CostGrew, st.sampled_from([0.5, 0.85, 1.0, 1.3])),
    st.just(on.TimePassed()),
    st.tuples(st.just("start"), st.floats(0.0, 0.3), st.floats(0.0, 1.0)),
    st.tuples(st.just("stop"), st.floats(0.0, 0.3)),
)
policies = st.builds(
    lambda decide, speculate, least: Policy().with_overrides(
        {"barge_in_decide": decide, "speculate": speculate, "endpointing_min": least, "call_s": 90.0}
    ),
    st.sampled_from([0.0, 0.3, 0.5]),
    st.sampled_from([0.0, 1.0]),
    st.sampled_from([0.0, 0.2, 0.5]),
)


class Watch:
    """Holds every law against every step of one conversation."""

    def __init__(self, conversation: Conversation) -> None:
        """Watch from the beginning."""
        self.conversation = conversation
        self.now = 0.0
        self.over = self.left = False
        self.consents = 0
        self.committed: set[int] = set()
        self.voice: int | None = None
        self.turn_of: dict[int, int] = {}
        self.dropped: set[int] = set()
        self.cancelled: set[int] = set()

    def tell(self, event: on.Event) -> None:
        """One step."""
        note(f"{self.now:.3f} {event}")
        if isinstance(event, on.SegmentVoiced) and event.duration <= 0.025:
            self.turn_of.pop(
                event.segment, None
            )  # a segment without a whole frame of sound is no voice, whatever is said to be sent of it
        if isinstance(event, on.AudioSent) and not self.left:
            self.voice = self.turn_of.get(event.segment, self.voice)
        actions = self.conversation.handle(event, self.now)
        due = self.conversation.deadline()
        assert due is None or due > self.now, (event, due, self.now)
        assert "unsettled" not in self.conversation.counts
        assert not (self.over and actions)
        if isinstance(event, on.CallResumed):
            self.left = False
        for action in actions:
            assert not self.left, f"{action} after leaving"
            self.check(action)
        if isinstance(event, on.CallEnded):
            self.over = True
            assert self.conversation.phase is Phase.OVER

    def check(self, action: do.Action) -> None:
        """One order."""
        match action:
            case do.Say(turn):
                assert turn not in self.dropped | self.committed, "a stale turn speaks"
                assert turn not in self.cancelled, "a cancelled reply speaks"
                assert self.voice in {None, turn}, "two voices"
                self.turn_of[action.segment] = turn
            case do.DropPlayout():
                self.voice, self.turn_of = None, {}
            case do.CancelReply(turn):
                assert turn not in self.cancelled
                self.cancelled.add(turn)
            case do.CommitTurn(turn):
                assert turn.turn not in self.committed
                assert turn.text.startswith(turn.heard_text) or turn.speaker == "agent"
                assert turn.ended_s >= turn.started_s >= 0
                self.committed.add(turn.turn)
                self.turn_of = {name: owner for name, owner in self.turn_of.items() if owner != turn.turn}
                if self.voice == turn.turn:
                    self.voice = None
            case do.RecordConsent():
                self.consents += 1
                assert self.consents == 1
            case do.HangUp() | do.Transfer() | do.FallBack():
                # The stream ends with it: sound reported of it later is heard by nobody.
                self.left, self.voice, self.turn_of = True, None, {}
            case _:
                pass

    def wait(self, until: float) -> None:
        """Let time pass, stopping at every deadline."""
        while (due := self.conversation.deadline()) is not None and due <= until:
            self.now = due
            self.tell(on.TimePassed())
        self.now = until


class Truth(Call):
    """A virtual call that compares what the core believes with what reached the ear."""

    def tell(self, event: on.Event) -> None:
        """One step, with the laws of sound."""
        before = len(self.log)
        super().tell(event)
        for _, action in self.log[before:]:
            if isinstance(action, do.CommitTurn) and action.turn.speaker == "agent":
                self.compare(action)

    def compare(self, commit: do.CommitTurn) -> None:
        """Nothing is written down that was not in the caller's ear."""
        heard = commit.turn.heard_text
        ear = ""
        for segment, text in self.texts.items():
            if self.turn_of[segment] != commit.turn.turn:
                continue
            seconds = self.carrier.heard.get(segment, 0.0)
            duration = max(0.1, len(text) * PER_CHAR)
            ear = f"{ear} {text[: round(min(1.0, seconds / duration) * len(text) + 0.01)]}".strip()
            if seconds < duration - 0.03:
                break
        assert ear.startswith(heard), (heard, ear)


def chatty_brain(asked: do.AskBrain) -> list[Any]:
    """Answers in as many sentences as there were words, and now and then wants something."""
    words = asked.text.split()
    reply: list[Any] = [f"Sentence {place} of {len(words)}." for place, _ in enumerate(words, 1)] or ["Keys."]
    if "hours" in words:
        reply.insert(1, ExpectAnswer("yes-no"))
    if "is" in words:
        reply.insert(1, ChangeLanguage("en"))
    if "bye" in words:
        reply.append(EndCall())
    return reply


said = st.sampled_from(
    ["", "", "mhm", "ja", "stop", "what are your hours", "my number is", "one two three", "bye", "and then", "yes?"]
)
stretches = st.tuples(st.floats(0.05, 4.0), st.floats(0.05, 2.5), said)


@WHOLE_CALL
@given(
    st.sampled_from([Preset.DISCLOSE, Preset.ANNOUNCE, Preset.ASK_EVERYTHING]),
    policies,
    st.lists(stretches, max_size=12),
    st.sampled_from([0.05, 0.3, 1.2]),
    st.sampled_from([0.05, 0.5]),
    st.sampled_from([0.0, 0.05, 0.2]),
    st.booleans(),
    st.lists(st.tuples(st.floats(0.1, 25.0), st.sampled_from("12#")), max_size=3),
    st.one_of(st.none(), st.floats(0.1, 30.0)),
    st.one_of(st.none(), st.floats(0.1, 20.0)),
    st.booleans(),
)
def test_a_call_of_any_shape_keeps_its_promises(
    preset: Preset,
    policy: Policy,
    script: list[tuple[float, float, str]],
    stt: float,
    think: float,
    delay: float,
    words: bool,
    keys: list[tuple[float, str]],
    hangs_up: float | None,
    switched: float | None,
    streams: bool,
) -> None:
    """Words reach the brain or were a backchannel; what is written was heard; every call ends, and is written down.

    A line that is asked whether a person speaks has its words written down, where the brain finds them. Of ears that hear
    only whole utterances nobody can tell the words of a short sound from those of a backchannel.
    """
    conversation = Conversation(policy, PHRASES, preset)
    call = Truth(conversation, chatty_brain, stt=stt, think=think, words=words, streams=streams).answered()
    call.carrier.delay = delay
    when, expected = 0.0, []
    for place, (gap, length, text) in enumerate(script):
        when += gap
        named = f"{text} w{place}" if text not in {"", "mhm", "ja"} else text
        call.speaks(when, named, length)
        plain = (streams and length > 2 * stt) or length > policy.barge_in_short + 0.01 or interrupts(text)
        if named != text and plain:
            expected.append(f"w{place}")
        when += length
    for at, key in keys:
        call.keys(at, key)
    if switched is not None:
        call.at(switched, on.LanguageChanged(PHRASES))
    if hangs_up is not None:
        call.hangs_up(hangs_up)
    call.run(400.0)
    assert conversation.phase is Phase.OVER, "a call did not end"
    assert conversation.deadline() is None
    assert sum(isinstance(action, do.HangUp) for _, action in call.log) <= 1
    if preset.asks:
        assert len(call.orders(do.RecordConsent)) == 1
    ended = call.when(do.HangUp) if call.orders(do.HangUp) else hangs_up
    asked = " ".join(each.text for each in call.orders(do.AskBrain))
    written = " ".join(each.turn.text for each in call.orders(do.CommitTurn) if each.turn.speaker == "caller")
    if not preset.asks and not call.orders(do.FallBack) and ended is not None and ended > when + 10.0:
        doubted = any(each.text == PHRASES.person_check for each in call.orders(do.Say))
        for word in expected:
            assert word in asked.split() or doubted, "words were lost"
            assert written.split().count(word) == 1, "words were written twice, or not at all"


OLD_SOUND = [
    (4.0, on.CallResumed("transfer-failed")), (0.0, on.SegmentVoiced(SegmentId(2), 0.0)),
    (0.0, on.AudioSent(SegmentId(1), 0.2, 0.0, Mark("m0"))),
]  # fmt: skip
"""Sound of a stream that is gone is reported after the call went on."""


@LAW
@example(Preset.DISCLOSE, Policy(), True, OLD_SOUND)
@given(st.sampled_from(Preset), policies, st.booleans(), st.lists(st.tuples(seconds, anything), max_size=60))
def test_no_order_of_events_breaks_a_law(
    preset: Preset, policy: Policy, begins: bool, script: list[tuple[float, Any]]
) -> None:
    """Facts may come in any order, stale, doubled or made up: laws hold, and the call still can end."""
    watch = Watch(Conversation(policy, PHRASES, preset))
    if begins:
        watch.tell(on.CallAnswered())
    for gap, event in script:
        watch.wait(watch.now + gap)
        if isinstance(event, tuple):
            kind, back, *echo = event
            at = max(0.0, watch.now - back)
            watch.tell(on.CallerStartedSpeaking(at, *echo) if kind == "start" else on.CallerStoppedSpeaking(at))
        else:
            watch.tell(event)
    watch.wait(watch.now + 20.0)
    watch.tell(on.CallEnded(EndedBy.CALLER))
    watch.tell(on.CallerStartedSpeaking(watch.now))
    assert watch.conversation.deadline() is None

"""Conversation: one call's turn-taking, decided in one place that nothing can interrupt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import Enum

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.consent_gate import ConsentGate, Step
from stella.conversation.consenting import Consenting
from stella.conversation.floor import Floor
from stella.conversation.hearing import Hearing
from stella.conversation.limits import Limits
from stella.conversation.policy import Policy
from stella.conversation.replying import Replying
from stella.conversation.speaking import Kind
from stella.domain.agent import Phrases
from stella.domain.call import EndedBy
from stella.domain.consent import Preset
from stella.domain.transcript import Turn


class Phase(Enum):
    """Where a conversation is, for people. Derived, never stored."""

    WAITING = "waiting"
    ASKING_CONSENT = "asking-consent"
    LISTENING = "listening"
    HEARING = "hearing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    PAUSED = "paused"
    CLOSING = "closing"
    LEFT = "left"
    OVER = "over"


class Conversation:
    """One call's turn-taking.

    Law 1: the caller of `handle` carries out all actions, in order, before the next `handle`.
    Law 2: if `deadline()` is not None, call `handle(TimePassed(), now)` at that time.
    Law 3: after CallEnded nothing is ordered any more; after HangUp, Transfer or FallBack nothing until CallResumed.
    """

    def __init__(self, policy: Policy, phrases: Phrases, preset: Preset, *, asks_consent: bool | None = None) -> None:
        """Begin. `asks_consent` overrides the preset (a later leg of a call that has answered already)."""
        asks = preset.asks if asks_consent is None else asks_consent
        self._announces = preset is Preset.ANNOUNCE and asks_consent is not False
        self._floor = floor = Floor(policy, phrases, ConsentGate(policy, preset, asks=asks))
        self._consenting = Consenting(floor)
        self._hearing = hearing = Hearing(floor, self._consenting)
        self._replying = replying = Replying(floor)
        self._deadline: float | None = None
        self._handlers: dict[type, Callable[..., None]] = {
            on.CallAnswered: self._answered,
            on.CallResumed: self._resumed,
            on.CallerStartedSpeaking: hearing.started,
            on.CallerStoppedSpeaking: hearing.stopped,
            on.HypothesisGrew: hearing.guessed,
            on.UtteranceFinal: hearing.understood,
            on.UtteranceLost: hearing.lost,
            on.DigitPressed: hearing.pressed,
            on.ReplyGrew: replying.grew,
            on.ReplyActed: replying.acted,
            on.ReplyEnded: replying.ended,
            on.ReplyFailed: replying.failed,
            on.SegmentVoiced: replying.voiced,
            on.SegmentFailed: replying.unvoiced,
            on.AudioSent: replying.sent,
            on.MarkReturned: replying.returned,
            on.LanguageChanged: replying.language_changed,
            on.ShutdownAsked: self._shutdown,
            on.TimePassed: self._time_passed,
        }

    def handle(self, event: on.Event, now: float) -> Sequence[do.Action]:
        """Take a fact and give the orders that follow from it. `now` never goes backwards; seconds of any clock."""
        floor = self._floor
        if floor.over:
            return ()
        floor.now = now
        kind = type(event)
        due = self._deadline
        if due is not None and now < due and isinstance(event, (on.AudioSent, on.MarkReturned)) and floor.flows(event):
            # Ten times a second while we speak. The deadline stands: it can only have moved later.
            return ()
        floor.orders = []
        if kind is on.CallEnded:
            self._ended()
        elif floor.left is None or kind is on.CallResumed:
            self._handlers[kind](event)
            self._settle()
        self._deadline = self._next_deadline()
        return floor.orders

    def deadline(self) -> float | None:
        """When this conversation next needs to be told that time has passed; always later than the last `handle`."""
        return self._deadline

    @property
    def turns(self) -> list[Turn]:
        """The committed transcript, as heard: the context of the brain. Not to be changed."""
        return self._floor.turns

    @property
    def counts(self) -> dict[str, int]:
        """What was dropped or ignored: `discarded` replies, `stale` events, `ignored` marks, `coughs` and more."""
        return {**self._floor.counts, "ignored": self._floor.playout.ignored}

    @property
    def marks_heard(self) -> int:
        """How many marks came back that counted as heard."""
        return self._floor.playout.marks_heard

    @property
    def discarded(self) -> int:
        """Replies thrown away before anything of them was sent."""
        return self._floor.counts["discarded"]

    @property
    def phase(self) -> Phase:
        """Where the conversation is."""
        floor = self._floor
        mine = floor.mine
        if floor.over or floor.left is not None:
            return Phase.OVER if floor.over else Phase.LEFT
        if floor.answered is None:
            return Phase.WAITING
        if floor.case is not None:
            return Phase.PAUSED
        if mine is None or mine.provisional:
            if floor.gate.step is not Step.CLOSED:
                return Phase.ASKING_CONSENT
            return Phase.HEARING if floor.hears or floor.caller.parts or floor.caller.digits else Phase.LISTENING
        if mine.kind is Kind.CONSENT:
            return Phase.ASKING_CONSENT
        if mine.kind is Kind.FAREWELL or mine.hanging_up:
            return Phase.CLOSING
        return Phase.SPEAKING if mine.segments else Phase.THINKING

    def _begin(self) -> None:
        """The stream is verified: time counts from here."""
        floor = self._floor
        if floor.answered is None:
            floor.answered = floor.now
            floor.limits = Limits(floor.policy, floor.now)
            if self._announces:
                floor.record_consent("yes", "staying")

    def _answered(self, _event: on.CallAnswered) -> None:
        """Ask what must be asked first, then greet."""
        floor = self._floor
        if floor.answered is not None:
            floor.counts["stale"] += 1
            return
        self._begin()
        if floor.mine is not None:
            return
        if floor.gate.step is Step.CLOSED:
            floor.speak(Kind.PHRASE, [floor.phrases.greeting])
        else:
            floor.speak(Kind.CONSENT, [floor.phrases.consent_question], interruptible=False)

    def _resumed(self, event: on.CallResumed) -> None:
        """A new stream: what was under way on the old one is written down, what was not answered is kept."""
        floor = self._floor
        self._begin()
        self._hearing.lose_stream()
        failed = event.why == "transfer-failed"
        phrase = floor.phrases.transfer_failed if failed else floor.phrases.resumed
        if floor.gate.step is Step.CLOSED:
            floor.speak(Kind.PHRASE, [phrase])
        else:
            floor.gate.step = Step.ASKING
            floor.speak(Kind.CONSENT, [phrase, floor.phrases.consent_question], interruptible=False)

    def _shutdown(self, _event: on.ShutdownAsked) -> None:
        """Say goodbye and end."""
        phrases = self._floor.phrases
        self._force_end(phrases.handed_over or phrases.farewell, EndedBy.SHUTDOWN)

    def _force_end(self, words: str, by: EndedBy) -> None:
        """Take the floor, whoever has it, and end the call when the words were heard."""
        floor = self._floor
        if floor.mine is not None and floor.mine.closing:
            return
        floor.give_up_turn()
        floor.speak(Kind.FAREWELL, [words], do.HangUp(by), interruptible=False)

    def _ended(self) -> None:
        """The line is gone: write everything down."""
        floor = self._floor
        if floor.left is None:
            if floor.gate.step is not Step.CLOSED and floor.answered is not None:
                floor.record_consent("none", "silence")
            floor.close_books()
        floor.over = True

    def _time_passed(self, _event: on.TimePassed) -> None:
        """Everything that is due happens in `_settle`."""

    def _settle(self) -> None:
        """Let everything follow that follows, until nothing changes any more."""
        for _ in range(100):
            if not self._step():
                return
        self._floor.counts["unsettled"] += 1  # pragma: no cover (a bug; the property tests forbid it)

    def _step(self) -> bool:
        """One consequence. Whether there was one."""
        floor = self._floor
        if floor.left is not None:
            return False
        return self._replying.step() or self._hearing.step() or self._idle()

    def _idle(self) -> bool:
        """What happens when nothing else does: limits, consent by silence, re-prompts."""
        floor = self._floor
        limits, now = floor.limits, floor.now
        if limits is not None and limits.over(now):
            self._force_end(floor.phrases.farewell, EndedBy.LIMIT)
            return True
        if not self._quiet():
            return False
        if limits is not None and limits.warning(now):
            floor.speak(Kind.PHRASE, [floor.phrases.limit_warning])
            return True
        if floor.gate.step is Step.WAITING:
            return self._consenting.silent()
        floor.silence.wait(now)
        due = floor.silence.deadline()
        if due is None or now < due:
            return False
        prompt = floor.silence.climb(floor.phrases.no_input)
        if prompt is not None:
            floor.speak(Kind.REPROMPT, [prompt])
        else:
            floor.speak(Kind.FAREWELL, [floor.phrases.farewell], do.HangUp(EndedBy.SILENCE))
        return True

    def _quiet(self) -> bool:
        """Whether nobody has the floor and nobody is about to take it."""
        floor = self._floor
        caller = floor.caller
        return (
            floor.answered is not None and floor.mine is None and not floor.hears and not caller.parts
            and not caller.digits
        )  # fmt: skip

    def _next_deadline(self) -> float | None:
        """The earliest of all deadlines."""
        floor = self._floor
        if floor.over or floor.left is not None:
            return None
        due = min(self._replying.deadline(), self._hearing.deadline())
        limits = floor.limits.deadline(floor.now) if floor.limits is not None else None
        if limits is not None:
            due = min(due, limits)
        if self._quiet():
            idle = floor.silence.deadline() if floor.gate.step is not Step.WAITING else floor.gate.deadline()
            due = min(due, math.inf if idle is None else idle)
        return None if due == math.inf else due

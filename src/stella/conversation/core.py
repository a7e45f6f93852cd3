"""Conversation: one call's turn-taking, decided in one place that nothing can interrupt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.consent_gate import ConsentGate, Step
from stella.conversation.consenting import Consenting
from stella.conversation.delivering import Delivering
from stella.conversation.doubting import Doubting
from stella.conversation.floor import Floor
from stella.conversation.hearing import Hearing
from stella.conversation.idle import Idle
from stella.conversation.limits import Limits
from stella.conversation.mending import Mending
from stella.conversation.phases import Phase, phase_of
from stella.conversation.policy import Policy
from stella.conversation.replying import Replying
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE, NEVER
from stella.conversation.switching import Switching
from stella.conversation.voicing import Voicing
from stella.conversation.watchdog import Watchdog
from stella.domain.agent import Phrases
from stella.domain.call import EndedBy
from stella.domain.consent import Preset
from stella.domain.transcript import Turn

__all__ = ["Conversation", "Phase"]


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
        consenting, mending, doubting = Consenting(floor), Mending(floor), Doubting(floor)
        self._idle = Idle(floor, consenting, doubting)
        self._hearing = hearing = Hearing(floor, consenting, doubting)
        replying, voicing, switching = Replying(floor, mending), Voicing(floor), Switching(floor)
        self._delivering = Delivering(floor, switching, Watchdog(floor, mending))
        self._deadline: float | None = None
        self._handlers: dict[type, Callable[..., None]] = {
            on.CallAnswered: self._answered,
            on.CallResumed: self._resumed,
            on.CallerStartedSpeaking: hearing.onsets.started,
            on.CallerStoppedSpeaking: hearing.onsets.stopped,
            on.LineSounded: doubting.sounded,
            on.TurnHinted: hearing.onsets.hinted,
            on.HypothesisGrew: hearing.words.guessed,
            on.UtteranceFinal: hearing.words.understood,
            on.UtteranceLost: hearing.words.lost,
            on.DigitPressed: hearing.keys.pressed,
            on.CostGrew: self._cost_grew,
            on.ReplyGrew: replying.grew,
            on.ReplyActed: replying.acted,
            on.ReplyEnded: replying.ended,
            on.ReplyFailed: replying.failed,
            on.SegmentVoiced: voicing.voiced,
            on.SegmentFailed: voicing.unvoiced,
            on.AudioSent: voicing.sent,
            on.MarkReturned: voicing.returned,
            on.LanguageChanged: switching.changed,
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
            self._deadline = None
        elif floor.left is None or kind is on.CallResumed:
            self._handlers[kind](event)
            self._deadline = self._settle()
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
    def asking_ahead(self) -> bool:
        """Whether the brain is being asked before the caller is known to be done."""
        mine = self._floor.mine
        return mine is not None and mine.provisional

    @property
    def discarded(self) -> int:
        """Replies thrown away before anything of them was sent."""
        return self._floor.counts["discarded"]

    @property
    def yields(self) -> bool:
        """Whether what we say now may be talked over."""
        mine = self._floor.mine
        return mine is None or mine.interruptible

    @property
    def all_said(self) -> bool:
        """Whether every sentence of the turn under way, if there is one, has been ordered: none will follow."""
        mine = self._floor.mine
        return mine is None or (mine.ended and mine.all_said)

    @property
    def phase(self) -> Phase:
        """Where the conversation is."""
        return phase_of(self._floor)

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

    def _cost_grew(self, event: on.CostGrew) -> None:
        """Money is used up: what follows, follows when nobody has the floor."""
        if self._floor.limits is not None:
            self._floor.limits.cost_grew(event.share)

    def _shutdown(self, _event: on.ShutdownAsked) -> None:
        """Say goodbye and end."""
        phrases = self._floor.phrases
        self._idle.force_end(phrases.handed_over or phrases.farewell, EndedBy.SHUTDOWN)

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

    def _settle(self) -> float | None:
        """Let everything follow that follows, until nothing is due any more. When something will be."""
        floor = self._floor
        due = floor.playout.tick(floor.now)
        for _ in range(100):
            if floor.left is not None:
                return None
            at = self._step()
            if at != DONE:
                due = min(due, at)
                return None if due == NEVER else due
        floor.counts["unsettled"] += 1  # pragma: no cover (a bug; the property tests forbid it)
        return None  # pragma: no cover

    def _step(self) -> float:
        """One consequence: on our side, on the caller's, or because nobody does anything."""
        due = self._delivering.step()
        if due == DONE:
            return DONE
        limits = self._floor.limits
        if limits is not None and limits.spent and self._idle.spent():
            return DONE
        at = self._hearing.step()
        if at < due:
            due = at
            if due == DONE:
                return DONE
        at = self._idle.step()
        return min(due, at)

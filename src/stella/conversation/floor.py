"""Who has the floor: the state of one call, and the few moves that change hands.

Law 1: at most one turn of ours is under way (`mine`). Law 2: a turn of ours begins only when the last one ended or was
cut. Law 3: playout is paused exactly while an interruption (`case`) is undecided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from stella.conversation import actions as do
from stella.conversation.barge_in import BargeIn
from stella.conversation.caller import CallerTurn, Utterance
from stella.conversation.consent_gate import YES_OR_NO, ConsentGate, Step
from stella.conversation.digits import Digits
from stella.conversation.endpointing import Endpointing
from stella.conversation.events import AudioSent, MarkReturned
from stella.conversation.limits import Limits
from stella.conversation.line_kind import LineKind
from stella.conversation.playout import Playout, Segment
from stella.conversation.policy import Policy
from stella.conversation.silence import Silence
from stella.conversation.speaking import OPEN, AgentTurn, Consequence, Kind
from stella.domain.acts import ExpectAnswer
from stella.domain.agent import Phrases
from stella.domain.ids import SegmentId, TurnId, UtteranceId
from stella.domain.transcript import Turn


class Floor:
    """Everything one conversation knows, and the moves everybody uses. `orders` is what the shell is to do; `ready_at`
    is when the caller's turn is over, None while that is to be reckoned (anew)."""

    __slots__ = (
        "_segment", "_turn", "_utterance", "answered", "brief", "caller", "case", "counts", "cut", "cut_until", "digits",
        "endpointing", "expected", "gate", "interrupted", "late", "left", "limits", "line", "mine", "now", "orders", "over",
        "phrases", "playout", "policy", "progress_at", "ready_at", "silence", "speaking", "streams", "talked_over", "turns",
        "utterance",
    )  # fmt: skip

    def __init__(self, policy: Policy, phrases: Phrases, gate: ConsentGate) -> None:
        """Nobody has spoken."""
        self.policy, self.phrases, self.gate = policy, phrases, gate
        self.now = 0.0
        self.orders: list[do.Action] = []
        self.counts: Counter[str] = Counter()
        self.turns: list[Turn] = []
        self.playout = Playout(policy)
        self.endpointing = Endpointing(policy)
        self.silence = Silence(policy)
        self.digits = Digits(policy)
        self.limits: Limits | None = None
        self.line = LineKind(policy)
        self.caller = CallerTurn()
        self.mine: AgentTurn | None = None
        self.cut: AgentTurn | None = None
        self.cut_until = 0.0
        self.case: BargeIn | None = None
        self.late: dict[UtteranceId, TurnId | None] = {}
        self.brief: set[UtteranceId] = set()
        """Those of `late` that were too short for words to be made out of them."""
        self.speaking = False
        self.streams = False
        """Whether the ears give words while somebody speaks, as far as they have shown."""
        self.talked_over = False
        self.interrupted = False
        self.utterance: Utterance | None = None
        self.ready_at: float | None = None
        self.progress_at = 0.0
        self.expected = OPEN
        self.answered: float | None = None
        self.left: Consequence | None = None
        self.over = False
        self._turn = self._segment = self._utterance = 0

    def flows(self, event: AudioSent | MarkReturned) -> bool:
        """Whether this was sound or a mark in the middle of a sentence, from which nothing follows. Then it is noted."""
        if self.cut is not None or self.left is not None:
            return False
        if not self.playout.flows(event, self.now):
            return False
        if type(event) is AudioSent:
            self.progress_at = self.now
        return True

    def next_turn(self) -> TurnId:
        """A number no turn had before."""
        self._turn += 1
        return TurnId(self._turn)

    def order(self, action: do.Action) -> None:
        """Tell the shell to do something."""
        self.orders.append(action)

    def since_answer(self, at: float) -> float:
        """Seconds from the answer of the call."""
        return max(0.0, at - self.answered) if self.answered is not None else 0.0

    @property
    def expectation(self) -> ExpectAnswer:
        """What kind of answer is waited for now."""
        return self.expected if self.gate.step is Step.CLOSED else YES_OR_NO

    @property
    def hears(self) -> bool:
        """Whether the caller is speaking and we listen."""
        return self.speaking and not self.talked_over

    def quiet(self) -> bool:
        """Whether nobody has the floor and nobody is about to take it."""
        caller = self.caller
        return (
            self.mine is None and not caller.parts and not caller.digits and not self.hears
            and self.answered is not None
        )  # fmt: skip

    def ours(self) -> bool:
        """Whether a sentence of ours may leave now."""
        mine = self.mine
        if mine is None or self.playout.paused or mine.switching or mine.provisional:
            return False
        if not mine.interruptible:
            return True
        caller = self.caller
        if mine.kind is Kind.REPLY and not mine.audible and (caller.parts or caller.digits):
            return False
        return not self.hears and self.case is None and not caller.awaited and self.now >= mine.hold_until

    def sheltered(self) -> bool:
        """Whether we are saying something that may not be talked over."""
        mine = self.mine
        return mine is not None and not mine.interruptible and not self.played_out()

    def deaf(self) -> bool:
        """Whether what the caller does now is an answer to nothing: a consent question must be heard before it can be
        answered, and behind a last word nobody listens. What is said into any other question of ours waits for its end."""
        return self.sheltered() and self.mine is not None and self.mine.kind is not Kind.REPROMPT

    def played_out(self) -> bool:
        """Whether, by the clock, the caller has heard all we had to say (the marks may still be under way)."""
        mine = self.mine
        return mine is None or (mine.ended and not mine.outbox and self.playout.left(self.now) <= 0.0)

    def speak(
        self, kind: Kind, texts: Iterable[str], then: Consequence | None = None, *, interruptible: bool = True
    ) -> None:
        """Begin a fixed turn of ours. Without any words only the consequence remains."""
        mine = AgentTurn(self.next_turn(), kind, self.now, interruptible=interruptible)
        mine.outbox.extend(text for text in texts if text.strip())
        if then is not None:
            mine.outbox.append(then)
        self.mine = mine
        self.progress_at = self.now
        self.silence.stop()

    def ask(self, caller: CallerTurn, asked: tuple[str, str], attempt: int = 0, hold_until: float = 0.0) -> None:
        """Put a caller's turn to the brain; the reply is the next turn of ours."""
        if caller.turn is None:
            caller.turn = self.next_turn()
        mine = AgentTurn(
            self.next_turn(), Kind.REPLY, self.now, ended=False, answers=caller, asked=asked,
            caller_stopped=caller.stopped, hold_until=hold_until, expected_before=self.expected, attempt=attempt,
        )  # fmt: skip
        self.flush_cut()
        self.mine, self.expected, self.interrupted = mine, OPEN, False
        self.progress_at = self.now
        self.silence.spoken()
        self.order(do.AskBrain(mine.turn, *asked))

    def say(self, mine: AgentTurn, text: str, *, filler: bool = False) -> None:
        """Order one sentence of the turn under way."""
        self._segment += 1
        segment = Segment(SegmentId(self._segment), text, filler=filler)
        mine.segments.append(segment)
        self.playout.say(segment)
        self.progress_at = self.now
        self.order(do.Say(mine.turn, segment.segment, text))

    def pause(self, onset: float) -> None:
        """The caller may want the floor: clear what the carrier has, and hold the rest back."""
        self.order(do.PausePlayout(self.playout.pause(self.now)))
        self.order(do.RecordBargeIn(max(0.0, self.now - onset)))

    def silence_us(self, mine: AgentTurn) -> None:
        """Take all sound of the turn under way back, and stop its brain."""
        if mine.segments:
            if not self.playout.paused:
                self.order(do.PausePlayout(self.playout.pause(self.now)))
            self.order(do.DropPlayout())
        if not mine.ended:
            self.order(do.CancelReply(mine.turn))
        self.playout.drop()
        self.case = None
        self.mine = None

    def give_up_turn(self) -> None:
        """The turn under way is over now. If nothing of a reply was sent yet, its question is open again."""
        mine = self.mine
        if mine is None:
            return
        self.silence_us(mine)
        mine.finished = self.now
        if mine.audible:
            self.interrupted = True
            self.flush_cut()
            self.cut, self.cut_until = mine, self.now + self.policy.mark_patience
            if not self.playout.open_fence():
                self.flush_cut()
        elif mine.answers is not None:
            self.counts["discarded"] += 1
            self.expected = mine.expected_before
            self.caller = self.caller.after(mine.answers)
        elif mine.provisional:
            self.counts["discarded"] += 1

    def flush_cut(self) -> None:
        """Write an interrupted turn down with what is proven by now."""
        cut, self.cut = self.cut, None
        if cut is not None:
            self.commit_agent(cut, interrupted=True)

    def commit_agent(self, mine: AgentTurn, *, interrupted: bool) -> None:
        """Write a turn of ours down; one of which nothing was sent is not worth a line."""
        if mine.answers is not None:
            self.commit_caller(mine.answers)
            mine.answers = None
        if not mine.audible:
            return
        if mine.kind is Kind.REPLY:
            self.line.answered(cut=interrupted)
        began = self.since_answer(mine.began)
        ended = self.since_answer(self.now if mine.finished is None else mine.finished)
        turn = Turn(mine.turn, "agent", mine.text(), began, ended, interrupted, mine.heard_text())
        self.turns.append(turn)
        self.order(do.CommitTurn(turn))

    def commit_caller(self, caller: CallerTurn) -> None:
        """Write a turn of the caller down, if there are words or keys in it."""
        shown = caller.shown
        if not shown:
            return
        self.line.said(caller.text)
        began = self.since_answer(caller.began if caller.began is not None else self.now)
        ended = max(began, self.since_answer(caller.stopped if caller.stopped is not None else self.now))
        number = self.next_turn() if caller.turn is None else caller.turn
        turn = Turn(number, "caller", shown, began, ended, heard_text=shown)
        self.turns.append(turn)
        self.order(do.CommitTurn(turn))

    def record_consent(self, answer: str, by: str) -> None:
        """Write the answer down, once."""
        self.gate.close()
        self.order(do.RecordConsent(self.gate.preset.value, answer, by))

    def close_books(self) -> None:
        """Everything unfinished is written down as far as it came."""
        self.flush_cut()
        mine, self.mine = self.mine, None
        if mine is not None:
            self.commit_agent(mine, interrupted=not mine.ended or bool(mine.text() != mine.heard_text()))
        self.commit_caller(self.take_caller())
        self.case = None
        self.digits.stop()
        self.silence.stop()

    def leave(self, consequence: Consequence) -> None:
        """Everything was heard: hang up, transfer or fall back. Nothing is said after this."""
        if self.mine is not None and not self.mine.ended:
            self.order(do.CancelReply(self.mine.turn))
        self.close_books()
        if isinstance(consequence, do.HangUp) and self.gate.step is not Step.CLOSED:
            self.record_consent("none", "silence")
        self.order(consequence)
        self.left = consequence

    def begin_utterance(self, at: float) -> UtteranceId:
        """From here the sound belongs to a new utterance of the caller's turn."""
        self._utterance += 1
        utterance = UtteranceId(self._utterance)
        self.utterance = Utterance(utterance, at)
        self.caller.parts.append(self.utterance)
        if self.caller.began is None:
            self.caller.began = at
        self.ready_at = None
        self.order(do.BeginUtterance(utterance))
        return utterance

    def finish_utterance(self, part: Utterance, at: float) -> None:
        """An utterance of the caller's turn is over: its words are wanted, and have a deadline."""
        self.caller.stopped = at
        self.order(do.FinishUtterance(part.utterance))
        part.due = self.now + self.policy.stt_deadline
        self.ready_at = None

    def listen_again(self) -> None:
        """We interrupted a caller who never stopped, and have answered: listen to the rest."""
        if self.talked_over:
            self.talked_over = False
            self.begin_utterance(self.now)

    def take_caller(self) -> CallerTurn:
        """The caller's turn is complete: hand it out, and begin an empty one."""
        caller, self.caller = self.caller, CallerTurn()
        self.ready_at = None
        return caller

    def remember_late(self, utterance: UtteranceId, beneath: AgentTurn | None = None, *, brief: bool = False) -> None:
        """Its words may still come; `beneath` is the turn of ours it was spoken under without stopping it."""
        self.late[utterance] = beneath.turn if beneath is not None else None
        if brief:
            self.brief.add(utterance)
        if len(self.late) > 16:
            oldest = next(iter(self.late))
            del self.late[oldest]
            self.brief.discard(oldest)
            self.counts["forgotten"] += 1

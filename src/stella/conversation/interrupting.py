"""An interruption on the floor: the reply is paused, the case is open, and the verdict is carried out."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation.barge_in import BargeIn, Verdict
from stella.conversation.floor import Floor
from stella.conversation.speaking import AgentTurn, Kind
from stella.conversation.steps import DONE, NEVER
from stella.domain.ids import UtteranceId

_LEARNING = 0.3
"""Weight of the newest turn in how loud a caller is."""
_YES_OR_NO = 3.0
"""A yes or no is expected: so many times earlier than otherwise an answer counts as one."""


class Interrupting:
    """The interruptions of one conversation, one after the other."""

    __slots__ = ("_floor", "_usual")

    def __init__(self, floor: Floor) -> None:
        """Nobody interrupts."""
        self._floor = floor
        self._usual: float | None = None

    def learn(self, level: float) -> None:
        """How loud a turn of this caller was, dB: who interrupts may be louder."""
        usual = self._usual
        self._usual = level if usual is None else usual + _LEARNING * (level - usual)

    def open(self, mine: AgentTurn, utterance: UtteranceId, onset: float) -> None:
        """Pause at once; with a window of nothing, cut at once."""
        floor = self._floor
        policy = floor.policy
        yes_or_no = floor.expected.kind == "yes-no"
        near = policy.early_answer * (_YES_OR_NO if yes_or_no else 1.0)
        answering = mine.all_said and (mine.ended or yes_or_no) and floor.playout.left(floor.now) <= near
        alone = mine.kind is Kind.FAREWELL
        floor.pause(onset)
        if policy.barge_in_decide <= 0.0:
            floor.give_up_turn()
            return
        farewell = mine.hanging_up and not alone
        floor.case = BargeIn(
            policy, onset, floor.now, answering=answering or alone, farewell=farewell, streams=floor.streams,
            usual=self._usual,
        )  # fmt: skip
        floor.case.began(utterance, onset)

    def rule(self, verdict: Verdict) -> None:
        """Carry out what the evidence says."""
        floor = self._floor
        if verdict is Verdict.TURN:
            floor.give_up_turn()
            floor.ready_at = None
        elif verdict is Verdict.RESUME:
            self._resume()

    def _resume(self) -> None:
        """It was nothing: go on where the caller stopped hearing us."""
        floor = self._floor
        case, floor.case = floor.case, None
        spoken = case.texts if case is not None else {}
        for part in [part for part in floor.caller.parts if part.utterance in spoken]:
            if part.text is None:
                floor.remember_late(part.utterance, floor.mine, brief=case is not None and case.brief)
            floor.counts["backchannels" if part.text else "coughs"] += 1
            floor.caller.drop(part.utterance)
        floor.ready_at = None
        floor.progress_at = floor.now
        place = floor.playout.resume()
        floor.order(do.DropPlayout() if place is None else do.ResumePlayout(*place))

    def step(self) -> float:
        """Weigh the evidence of an open case when its time has come."""
        case = self._floor.case
        if case is None:
            return NEVER
        due = case.deadline()
        if self._floor.now < due:
            return due
        self.rule(case.due(self._floor.now))
        return DONE

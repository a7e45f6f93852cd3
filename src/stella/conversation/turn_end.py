"""When the caller's turn is over, and what then: the brain is asked, the consent judged, or nothing was said."""

from __future__ import annotations

from stella.conversation.ahead import Ahead
from stella.conversation.consent_gate import Step
from stella.conversation.consenting import Consenting
from stella.conversation.doubting import Doubting
from stella.conversation.floor import Floor
from stella.conversation.speaking import AgentTurn, Kind
from stella.conversation.steps import DONE, NEVER


class TurnEnd:
    """The ends of the caller's turns. Whoever changes what is known of a turn sets the floor's `ready_at` to None."""

    __slots__ = ("_ahead", "_consenting", "_doubting", "_floor")

    def __init__(self, floor: Floor, consenting: Consenting, ahead: Ahead, doubting: Doubting) -> None:
        """Wait for one conversation."""
        self._floor = floor
        self._consenting = consenting
        self._ahead = ahead
        self._doubting = doubting

    def step(self) -> float:
        """Answer a caller's turn that is complete."""
        floor = self._floor
        if floor.answered is None or floor.case is not None:
            return NEVER
        ready = floor.ready_at
        if ready is None:
            ready = floor.ready_at = self._reckon()
            if ready is None:
                return NEVER
        now = floor.now
        caller = floor.caller
        early = now < ready
        if floor.digits.deadline() is not None or (early and not self._asks_early()):
            return ready if early else NEVER
        mine = floor.mine
        if caller.empty:
            if mine is not None and mine.provisional:
                floor.give_up_turn()
            self._nothing_said()
        elif mine is not None and not _yields(mine, early=early):
            return ready if early else NEVER
        elif floor.gate.step is Step.WAITING:
            self._consenting.answered()
        elif self._doubting.doubts(caller):
            if early:
                return ready
            self._doubting.step(caller)
        else:
            self._ask(ready if early else 0.0)
        return DONE

    def _reckon(self) -> float | None:
        """When the caller's turn will be over, as far as is known now. None while something is still to come."""
        floor = self._floor
        caller = floor.caller
        if floor.hears or caller.awaited or not (caller.parts or caller.digits):
            return None
        text = caller.text
        began, stopped = caller.began, caller.stopped
        if not (text or caller.digits) or stopped is None or began is None:
            return floor.now
        if not floor.streams:
            # Ears that hear whole utterances end every other of them in a comma, for want of what follows.
            text = text.rstrip(" ,;-")
        over = bool(caller.parts) and caller.parts[-1].over
        wait = floor.endpointing.wait(text, floor.expectation, stopped - began, over=over)
        return max(stopped + wait, floor.now)

    def _asks_early(self) -> bool:
        """Whether a reply may be made ready before the wait is over."""
        floor = self._floor
        return bool(floor.policy.speculate) and floor.gate.step is Step.CLOSED and not floor.caller.digits

    def _ask(self, hold_until: float) -> None:
        """Put the turn to the brain, or take the reply that was asked for ahead."""
        floor = self._floor
        if self._ahead.adopt(floor.caller, hold_until):
            floor.take_caller()
            return
        if floor.mine is not None:
            floor.give_up_turn()
        if floor.limits is not None and floor.limits.spent:
            return  # `idle` ends the call now that nobody speaks; asking with more words would cost once more
        caller = floor.take_caller()
        floor.ask(caller, (caller.text, caller.digits), hold_until=hold_until)

    def _nothing_said(self) -> None:
        """The sound was no words. Say so where that leaves the caller waiting; otherwise go on as if it had not been."""
        floor = self._floor
        wanted = floor.caller.lost or floor.interrupted
        floor.take_caller()
        floor.interrupted = False
        if floor.gate.step is Step.WAITING:
            if wanted:
                self._consenting.unclear("speech")
        elif wanted and floor.mine is None:
            floor.speak(Kind.REPROMPT, [floor.phrases.no_match])


def _yields(mine: AgentTurn, *, early: bool) -> bool:
    """Whether our own turn gives way to words that came without an onset while it was under way."""
    if not mine.interruptible:
        return False
    if mine.kind is Kind.REPLY and not mine.audible:
        return True
    return not early and (mine.kind is Kind.REPROMPT or mine.waits_to_be_heard)

"""Asking the brain ahead: on words that speech-to-text has not changed for a moment, before it commits to them.

The reply is provisional: it may not be heard until the turn is over, and only if the final words are those it was asked
with. Otherwise it is thrown away, counted, and the brain is asked with the right ones.
"""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation.caller import CallerTurn
from stella.conversation.consent_gate import Step
from stella.conversation.floor import Floor
from stella.conversation.speaking import OPEN, AgentTurn, Kind
from stella.conversation.steps import DONE, NEVER
from stella.conversation.words import is_unfinished, split

STABLE_S = 0.2
"""A hypothesis that did not change for so long is worth asking with."""


class Ahead:
    """Provisional replies of one conversation. Idle unless the policy speculates."""

    __slots__ = ("_asked", "_floor", "_since")

    def __init__(self, floor: Floor) -> None:
        """Nothing was asked ahead."""
        self._floor = floor
        self._since: float | None = None
        self._asked = ""

    def changed(self) -> None:
        """The words so far are others: what was asked with the old ones is void, and the moment begins anew."""
        floor = self._floor
        self._since = floor.now
        if floor.mine is not None and floor.mine.provisional:
            floor.give_up_turn()

    def settled(self) -> None:
        """Speech-to-text takes the words so far for whole: they need not stand unchanged for a moment first."""
        self._since = self._floor.now - STABLE_S

    def step(self) -> float:
        """Ask, if nothing has changed for long enough."""
        floor = self._floor
        due = self._due()
        if floor.now < due:
            return due
        caller = floor.caller
        self._asked = caller.guess
        if caller.turn is None:
            caller.turn = floor.next_turn()
        floor.mine = AgentTurn(
            floor.next_turn(), Kind.REPLY, floor.now, ended=False, asked=(self._asked, ""),
            expected_before=floor.expected, provisional=True,
        )  # fmt: skip
        floor.counts["asked_ahead"] += 1
        floor.order(do.AskBrain(floor.mine.turn, self._asked))
        return DONE

    def _due(self) -> float:
        """When the brain is asked ahead, if nothing changes until then."""
        floor = self._floor
        caller = floor.caller
        if not floor.policy.speculate or self._since is None or floor.mine is not None or not caller.parts:
            return NEVER
        newest = caller.parts[-1]
        blocked = floor.answered is None or floor.gate.step is not Step.CLOSED or bool(caller.digits)
        if blocked or newest.text is not None or not newest.guess:
            return NEVER
        guess = caller.guess
        if guess == self._asked or is_unfinished(guess):
            return NEVER
        return self._since + STABLE_S

    def adopt(self, caller: CallerTurn, hold_until: float) -> bool:
        """The turn is complete: make the provisional reply the real one if it was asked with these words."""
        floor = self._floor
        mine = floor.mine
        self._since, self._asked = None, ""
        if mine is None or not mine.provisional or caller.digits or split(mine.asked[0]) != split(caller.text):
            return False
        mine.provisional, mine.answers, mine.caller_stopped = False, caller, caller.stopped
        mine.hold_until = hold_until
        floor.flush_cut()
        floor.expected, floor.interrupted = mine.expects or OPEN, False
        floor.progress_at = floor.now
        floor.silence.spoken()
        return True

"""A turn of ours on its way to the ear: sentence by sentence, then its consequence, then the line in the transcript."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation.floor import Floor
from stella.conversation.speaking import AgentTurn, Consequence, Kind
from stella.conversation.steps import DONE, NEVER
from stella.conversation.switching import Switching
from stella.conversation.watchdog import Watchdog


class Delivering:
    """Our side of one conversation, between the facts."""

    __slots__ = ("_floor", "_switching", "_watchdog")

    def __init__(self, floor: Floor, switching: Switching, watchdog: Watchdog) -> None:
        """Speak for one conversation."""
        self._floor = floor
        self._switching = switching
        self._watchdog = watchdog

    def step(self) -> float:
        """The first thing that is due: a cut turn is written down, then the turn under way goes on."""
        floor = self._floor
        due = NEVER
        if floor.cut is not None:
            due = floor.cut_until
            if floor.now >= due or not floor.playout.open_fence():
                floor.flush_cut()
                return DONE
        mine = floor.mine
        if mine is None:
            return due
        at = self._switching.step(mine) if mine.switching else self._turn(mine)
        return min(due, at)

    def _turn(self, mine: AgentTurn) -> float:
        """Finish the turn under way, say its next sentence, or do what follows it; else watch over the silence."""
        floor = self._floor
        outbox = mine.outbox
        if mine.ended and not outbox and floor.case is None:
            heard_by = floor.playout.heard_by()
            if floor.now >= heard_by:
                self._finish(mine)
                return DONE
            if heard_by < NEVER:
                return heard_by
        if not floor.ours():
            return mine.hold_until if floor.now < mine.hold_until else NEVER
        if outbox:
            waiting = outbox[0]
            if isinstance(waiting, str):
                floor.say(mine, waiting)
                outbox.popleft()
                return DONE
            heard_by = floor.playout.heard_by()
            if floor.now >= heard_by:
                outbox.popleft()
                self._follow(mine, waiting)
                return DONE
            if heard_by < NEVER:
                return heard_by
        return self._watchdog.step(mine)

    def _follow(self, mine: AgentTurn, consequence: Consequence) -> None:
        """Everything before it was heard: carry a consequence out."""
        floor = self._floor
        if isinstance(consequence, do.SwitchLanguage):
            mine.switching = True
            floor.progress_at = floor.now
            floor.order(consequence)
        else:
            floor.leave(consequence)

    def _finish(self, mine: AgentTurn) -> None:
        """Everything was heard: write it down and listen."""
        floor = self._floor
        floor.playout.drop()
        floor.mine = None
        floor.commit_agent(mine, interrupted=False)
        if mine.kind is Kind.CONSENT:
            floor.gate.asked(floor.now)
        if mine.kind is Kind.REPLY:
            floor.listen_again()

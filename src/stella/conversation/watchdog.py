"""Nobody is left in silence by us: one moment, the same once more, an apology and another path."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation.floor import Floor
from stella.conversation.mending import Mending
from stella.conversation.speaking import AgentTurn, Kind
from stella.conversation.steps import DONE, NEVER

TOOL_LONGEST_S = 30.0
"""After so long a tool counts as lost, whatever it says of its deadline."""


class Watchdog:
    """Watches the silence that is ours: a turn is under way, the floor is free, and no sound comes."""

    __slots__ = ("_floor", "_mending")

    def __init__(self, floor: Floor, mending: Mending) -> None:
        """Watch one conversation."""
        self._floor = floor
        self._mending = mending

    def step(self, mine: AgentTurn) -> float:
        """Bark when the silence of this turn has lasted too long. Whether it is ours the asker knows."""
        floor = self._floor
        playout = floor.playout
        if (mine.ended or mine.outbox) and playout.all_sent:
            return NEVER
        quiet_since = max(floor.progress_at, playout.ends_at, mine.hold_until)
        if mine.tool_since is not None and playout.all_sent and floor.now < mine.tool_since + TOOL_LONGEST_S:
            return self._wait_for_tool(mine, max(quiet_since, mine.tool_since))
        due = quiet_since + floor.policy.watchdog
        if floor.now < due:
            return due
        self._bark(mine)
        return DONE

    def _wait_for_tool(self, mine: AgentTurn, quiet_since: float) -> float:
        """A tool has its own deadline; meanwhile a word of patience, another each time, the last again and again."""
        floor = self._floor
        policy, phrases = floor.policy, floor.phrases
        due = quiet_since + policy.tool_patience * policy.tool_patience_growth**mine.told_to_wait
        if floor.now < due:
            return due
        words = (phrases.one_moment, *phrases.still_working)
        floor.say(mine, words[min(mine.told_to_wait, len(words) - 1)], filler=True)
        mine.told_to_wait += 1
        return DONE

    def _bark(self, mine: AgentTurn) -> None:
        """Nothing was sent for too long."""
        floor = self._floor
        floor.counts["watchdog"] += 1
        floor.progress_at = floor.now
        stuck = not floor.playout.all_sent
        if mine.kind is not Kind.REPLY:
            self._abandon(mine)
        elif not mine.ended and not stuck and not mine.attempt and not any(each.filler for each in mine.segments):
            floor.say(mine, floor.phrases.one_moment, filler=True)
        elif mine.replied:
            self._stop_short(mine)
        elif not self._mending.retry(mine):
            self._mending.apologise("silent")

    def _abandon(self, mine: AgentTurn) -> None:
        """A fixed turn cannot be voiced: do what was to follow it, or let another path speak."""
        floor = self._floor
        then = mine.outbox[-1] if mine.outbox else None
        floor.leave(do.FallBack("silent") if then is None or isinstance(then, (str, do.SwitchLanguage)) else then)

    def _stop_short(self, mine: AgentTurn) -> None:
        """A reply broke off after the caller had heard part of it: what was said stands."""
        floor = self._floor
        if not mine.ended:
            floor.order(do.CancelReply(mine.turn))
            mine.ended = True
        for segment in mine.segments:
            if not segment.all_sent:
                segment.failed = True

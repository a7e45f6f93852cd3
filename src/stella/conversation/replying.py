"""The brain's reply: sentences, wishes, its end and its failure. What comes for another turn is stale and never spoken."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.floor import Floor
from stella.conversation.mending import Mending
from stella.conversation.speaking import AgentTurn, Kind
from stella.domain.acts import BeganTool, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import EndedBy
from stella.domain.ids import TurnId


class Replying:
    """What the brain does, applied to the floor."""

    __slots__ = ("_floor", "_mending")

    def __init__(self, floor: Floor, mending: Mending) -> None:
        """Take the replies of one conversation."""
        self._floor = floor
        self._mending = mending

    def _current(self, turn: TurnId) -> AgentTurn | None:
        """The reply under way, if this event belongs to it."""
        mine = self._floor.mine
        if mine is not None and mine.turn == turn and mine.kind is Kind.REPLY and not mine.ended:
            return mine
        self._floor.counts["stale"] += 1
        return None

    def grew(self, event: on.ReplyGrew) -> None:
        """The next sentence. One that comes after the wish to leave is said before leaving."""
        mine = self._current(event.turn)
        text = event.text.strip()
        if mine is not None and text:
            mine.worded = True
            mine.outbox.insert(len(mine.outbox) - mine.leaving, text)

    def acted(self, event: on.ReplyActed) -> None:
        """Something besides words. What closes or changes the line waits until the words before it were heard."""
        floor = self._floor
        mine = self._current(event.turn)
        if mine is None:
            return
        floor.progress_at = floor.now
        act = event.act
        if isinstance(act, ExpectAnswer):
            if mine.provisional:
                mine.expects = act
            else:
                floor.expected = act
        elif isinstance(act, BeganTool):
            mine.tool_since = floor.now
        elif isinstance(act, UsedTool):
            mine.tool_since = None
            floor.order(do.RecordTool(act))
        elif isinstance(act, EndCall):
            self._consequence(mine, floor.phrases.farewell, do.HangUp(EndedBy.AGENT))
        elif isinstance(act, TransferTo):
            self._consequence(mine, floor.phrases.transferring, do.Transfer(act.name))
        else:
            self._consequence(mine, "", do.SwitchLanguage(act.language))

    def _consequence(
        self, mine: AgentTurn, words: str, consequence: do.HangUp | do.Transfer | do.SwitchLanguage
    ) -> None:
        """Queue a consequence behind the reply's words, or behind our own where the brain had none.

        The first that closes the line stands: whatever is said after it is said before it, and no other follows.
        """
        if mine.leaving:
            self._floor.counts["stale"] += 1
            return
        if not mine.worded and words.strip():
            mine.outbox.append(words)
        mine.worded = True
        mine.outbox.append(consequence)

    def ended(self, event: on.ReplyEnded) -> None:
        """The reply is complete. One without anything in it is tried once more."""
        mine = self._current(event.turn)
        if mine is None:
            return
        mine.ended = True
        if mine.worded:
            return
        if mine.provisional:
            self._floor.give_up_turn()
        elif not self._mending.retry(mine):
            self._floor.commit_agent(mine, interrupted=False)
            self._floor.speak(Kind.REPROMPT, [self._floor.phrases.no_match])

    def failed(self, event: on.ReplyFailed) -> None:
        """The brain failed. What it said stands; if it said nothing: once more, then an apology and another path."""
        mine = self._current(event.turn)
        if mine is None:
            return
        mine.ended = True
        self._floor.counts["brain_failures"] += 1
        if mine.provisional:
            self._floor.give_up_turn()
        elif not mine.worded and not self._mending.retry(mine):
            self._mending.apologise("brain-failed")

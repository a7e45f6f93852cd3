"""A reply that did not come: asked for once more, then owned up to."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation.caller import CallerTurn
from stella.conversation.floor import Floor
from stella.conversation.speaking import AgentTurn, Kind


class Mending:
    """What is tried when the brain or the voice leaves the caller in silence."""

    __slots__ = ("_floor",)

    def __init__(self, floor: Floor) -> None:
        """Mend for one conversation."""
        self._floor = floor

    def retry(self, mine: AgentTurn) -> bool:
        """Ask the same again under a new number, once. Whether that was still to be tried."""
        floor = self._floor
        if mine.attempt:
            return False
        floor.silence_us(mine)
        if mine.audible:
            floor.commit_agent(mine, interrupted=True)
        answers = mine.answers
        if answers is None:
            answers = CallerTurn(stopped=mine.caller_stopped)
        floor.expected = mine.expected_before
        floor.ask(answers, mine.asked, attempt=1, hold_until=mine.hold_until)
        return True

    def apologise(self, why: str) -> None:
        """Say sorry, then let the carrier's own voice go on."""
        floor = self._floor
        mine = floor.mine
        floor.give_up_turn()
        if mine is not None and mine.answers is not None and floor.caller.parts[:1] == mine.answers.parts[:1]:
            floor.commit_caller(floor.take_caller())
        floor.speak(Kind.FAREWELL, [floor.phrases.apology], do.FallBack(why), interruptible=False)

"""What becomes of a line that may not be a person's: it is asked, and when that changes nothing, it is let go politely."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.caller import CallerTurn
from stella.conversation.consent_gate import Step
from stella.conversation.floor import Floor
from stella.conversation.line_kind import Verdict
from stella.conversation.speaking import Kind
from stella.domain.call import EndedBy


class Doubting:
    """The doubts of one conversation, applied to the floor."""

    __slots__ = ("_floor",)

    def __init__(self, floor: Floor) -> None:
        """Doubt nobody yet."""
        self._floor = floor

    def sounded(self, event: on.LineSounded) -> None:
        """How the line has sounded for a while."""
        self._floor.line.sounded(event.seconds, event.loud, event.voiced)

    def doubts(self, caller: CallerTurn) -> bool:
        """Whether there is reason to doubt, the caller's turn, just over, being this one. Who pressed a key is somebody."""
        floor = self._floor
        if caller.digits or floor.gate.step is not Step.CLOSED:
            return False
        return floor.line.judge(caller.text)[0] is not Verdict.PERSON

    def step(self, caller: CallerTurn) -> bool:
        """Speak a doubt out or let the line go, if there is reason to, nobody having the floor. Whether there was."""
        floor = self._floor
        if not self.doubts(caller):
            return False
        verdict, kind = floor.line.judge(caller.text)
        if floor.mine is not None:
            floor.give_up_turn()
        floor.commit_caller(floor.take_caller())
        if verdict is Verdict.DOUBT:
            floor.line.asked(kind)
            phrases = floor.phrases
            floor.speak(Kind.REPROMPT, [phrases.person_check or phrases.no_match], interruptible=False)
        else:
            floor.order(do.RecordLine(kind.value))
            floor.speak(Kind.FAREWELL, [floor.phrases.farewell], do.HangUp(EndedBy.AGENT), interruptible=False)
        return True

"""The consent question on the floor: answered, unclear, or met with silence."""

from __future__ import annotations

from stella.conversation.floor import Floor
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE, NEVER
from stella.conversation.words import Answer


class Consenting:
    """What becomes of the answer to the consent question."""

    __slots__ = ("_floor",)

    def __init__(self, floor: Floor) -> None:
        """Ask for one conversation."""
        self._floor = floor

    def answered(self) -> None:
        """The caller said or keyed something after the question."""
        floor = self._floor
        by = "key" if floor.caller.digits else "speech"
        answer = floor.gate.judge(floor.caller.text, floor.caller.digits)
        if answer is Answer.UNCLEAR:
            self.unclear(by)
        else:
            self._record(answer.value, by)

    def unclear(self, by: str) -> None:
        """Ask once more, then take it for a no."""
        floor = self._floor
        if not floor.gate.ask_again():
            self._record("no", by)
            return
        floor.commit_caller(floor.take_caller())
        floor.speak(Kind.CONSENT, [floor.phrases.consent_unclear], interruptible=False)

    def _record(self, answer: str, by: str) -> None:
        """Record first, then go on to the greeting."""
        floor = self._floor
        floor.record_consent(answer, by)
        floor.commit_caller(floor.take_caller())
        said = floor.phrases.consent_yes if answer == "yes" else floor.phrases.consent_no
        floor.speak(Kind.PHRASE, [said, floor.phrases.greeting])

    def step(self) -> float:
        """Nobody spoke after the question: when that has lasted long enough, it is an answer."""
        floor = self._floor
        due = floor.gate.deadline()
        if due is None:
            return NEVER
        if floor.now < due:
            return due
        if floor.gate.overlapped:
            self.unclear("silence")
        else:
            self._record("no", "silence")
        return DONE

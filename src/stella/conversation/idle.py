"""What happens when nothing else does: the end of a call that is too long, consent by silence, and re-prompts."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation.consent_gate import Step
from stella.conversation.consenting import Consenting
from stella.conversation.doubting import Doubting
from stella.conversation.floor import Floor
from stella.conversation.speaking import Kind
from stella.conversation.steps import DONE, NEVER
from stella.domain.call import EndedBy


class Idle:
    """The clock of one call."""

    __slots__ = ("_consenting", "_doubting", "_floor")

    def __init__(self, floor: Floor, consenting: Consenting, doubting: Doubting) -> None:
        """Watch one conversation."""
        self._floor = floor
        self._consenting = consenting
        self._doubting = doubting

    def force_end(self, words: str, by: EndedBy) -> None:
        """Take the floor, whoever has it, and end the call when the words were heard."""
        floor = self._floor
        if floor.mine is not None and floor.mine.closing:
            return
        floor.give_up_turn()
        floor.speak(Kind.FAREWELL, [words], do.HangUp(by), interruptible=False)

    def spent(self) -> bool:
        """Nothing more may be paid for: what was asked for is still said, nothing new is asked, and the call ends in words."""
        floor = self._floor
        limits, mine = floor.limits, floor.mine
        if limits is None or not limits.spent or floor.hears or (mine is not None and not mine.provisional):
            return False
        phrases = floor.phrases
        self.force_end(phrases.farewell if limits.warned else phrases.handed_over or phrases.farewell, EndedBy.LIMIT)
        return True

    def step(self) -> float:
        """The end of a call comes whoever speaks; everything else waits until nobody has the floor."""
        floor = self._floor
        limits = floor.limits
        if limits is None:
            return NEVER
        now = floor.now
        due = limits.deadline(now)
        if due is not None and now >= due and limits.over(now):
            self.force_end(floor.phrases.farewell, EndedBy.LIMIT)
            return DONE
        quiet = NEVER
        if floor.quiet():
            if limits.warning(now):
                floor.speak(Kind.PHRASE, [floor.phrases.limit_warning])
                return DONE
            quiet = self._consenting.step() if floor.gate.step is Step.WAITING else self._prompt(now)
        return quiet if due is None or quiet < due else due

    def _prompt(self, now: float) -> float:
        """Nobody speaks: ask whether somebody is there, and in the end say goodbye."""
        floor = self._floor
        if self._doubting.step(floor.caller):
            return DONE
        due = floor.silence.wait(now)
        if now < due:
            return due
        prompt = floor.silence.climb(floor.phrases.no_input)
        if prompt is not None:
            floor.speak(Kind.REPROMPT, [prompt])
        else:
            floor.speak(Kind.FAREWELL, [floor.phrases.farewell], do.HangUp(EndedBy.SILENCE))
        return DONE

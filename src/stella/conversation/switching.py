"""Another language: said in it, and what was being asked is asked anew. A change that hangs is not waited for forever."""

from __future__ import annotations

from stella.conversation import events as on
from stella.conversation.consent_gate import Step
from stella.conversation.floor import Floor
from stella.conversation.speaking import AgentTurn, Kind
from stella.conversation.steps import DONE


class Switching:
    """Changes of language in one conversation."""

    __slots__ = ("_floor",)

    def __init__(self, floor: Floor) -> None:
        """Begin in the language the call began in."""
        self._floor = floor

    def changed(self, event: on.LanguageChanged) -> None:
        """Ears, voice and phrases are those of another language: say so in it."""
        floor = self._floor
        floor.phrases = event.phrases
        if event.followed:
            return
        mine = floor.mine
        if mine is not None and mine.switching:
            mine.switching = False
            floor.progress_at = floor.now
            if event.phrases.language_switch.strip():
                mine.outbox.appendleft(event.phrases.language_switch)
        elif floor.answered is not None and not (mine is not None and mine.closing):
            self._begin_anew()

    def _begin_anew(self) -> None:
        """The caller chose another language (by a key): what we were saying is not for them."""
        floor = self._floor
        floor.give_up_turn()
        if floor.gate.step is Step.CLOSED:
            floor.speak(Kind.PHRASE, [floor.phrases.language_switch])
        else:
            floor.gate.step = Step.ASKING
            floor.speak(Kind.CONSENT, [floor.phrases.consent_question], interruptible=False)

    def step(self, mine: AgentTurn) -> float:
        """A change under way in this turn that takes too long: go on without it."""
        floor = self._floor
        due = floor.progress_at + floor.policy.switch_patience
        if floor.now < due:
            return due
        mine.switching = False
        floor.progress_at = floor.now
        return DONE

"""The caller's side: the machines that listen, and the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from stella.conversation.ahead import Ahead
from stella.conversation.consenting import Consenting
from stella.conversation.doubting import Doubting
from stella.conversation.floor import Floor
from stella.conversation.interrupting import Interrupting
from stella.conversation.keying import Keying
from stella.conversation.monologue import Monologue
from stella.conversation.onsets import Onsets
from stella.conversation.steps import DONE, NEVER
from stella.conversation.turn_end import TurnEnd
from stella.conversation.understanding import Understanding

_Steps: TypeAlias = tuple[Callable[[], float], ...]


class Hearing:
    """What the caller does, applied to the floor."""

    __slots__ = ("_cases", "_floor", "_keys", "_words", "keys", "onsets", "words")

    def __init__(self, floor: Floor, consenting: Consenting, doubting: Doubting) -> None:
        """Listen for one conversation."""
        self._floor = floor
        ahead, interrupting, monologue = Ahead(floor), Interrupting(floor), Monologue(floor)
        end = TurnEnd(floor, consenting, ahead, doubting)
        self.onsets = Onsets(floor, interrupting)
        self.words = words = Understanding(floor, interrupting, ahead)
        self.keys = keys = Keying(floor)
        self._cases: _Steps = (interrupting.step, words.step, keys.step)
        self._words: _Steps = (words.step, keys.step, monologue.step, end.step)
        if floor.policy.speculate:
            self._words = (*self._words, ahead.step)
        self._keys: _Steps = (keys.step, end.step)

    def step(self) -> float:
        """The first thing that is due. Nobody is asked whose time cannot come now: while an interruption is undecided
        no turn ends, and without words none is late."""
        floor = self._floor
        caller = floor.caller
        if floor.case is not None:
            steps = self._cases
        elif caller.parts:
            steps = self._words
        elif caller.digits:
            steps = self._keys
        else:
            return NEVER
        due = NEVER
        for step in steps:
            at = step()
            if at < due:
                due = at
                if due == DONE:
                    break
        return due

    def lose_stream(self) -> None:
        """The stream broke: nothing under way on it will come; what was understood is kept."""
        floor = self._floor
        floor.left = None
        floor.give_up_turn()
        floor.flush_cut()
        floor.playout.forget()
        floor.case = None
        floor.speaking = floor.talked_over = floor.interrupted = False
        for part in [part for part in floor.caller.parts if part.text is None]:
            floor.remember_late(part.utterance)
            floor.caller.drop(part.utterance)
        floor.digits.stop()
        floor.ready_at = None

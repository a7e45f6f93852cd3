"""A caller who never makes a gap is interrupted after a while; a line that is only noise is listened past."""

from __future__ import annotations

from stella.conversation.floor import Floor
from stella.conversation.steps import DONE, NEVER


class Monologue:
    """Bounds one stretch of speech."""

    __slots__ = ("_floor",)

    def __init__(self, floor: Floor) -> None:
        """Listen for one conversation."""
        self._floor = floor

    def step(self) -> float:
        """Take what was said so far for all of it, when that has lasted long enough and nobody else speaks."""
        floor = self._floor
        utterance, began, mine = floor.utterance, floor.caller.began, floor.mine
        if utterance is None or began is None or not floor.hears or (mine is not None and mine.segments):
            return NEVER
        due = began + floor.policy.monologue + floor.policy.monologue_patience
        if floor.now < due:
            return due
        floor.talked_over, floor.utterance = True, None
        floor.finish_utterance(utterance, floor.now)
        return DONE

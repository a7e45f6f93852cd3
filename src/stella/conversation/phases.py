"""Where a conversation is, for people. Derived, never stored: nothing is decided by it."""

from __future__ import annotations

from enum import Enum

from stella.conversation.consent_gate import Step
from stella.conversation.floor import Floor
from stella.conversation.speaking import AgentTurn, Kind


class Phase(Enum):
    """Where a conversation is, for people."""

    WAITING = "waiting"
    ASKING_CONSENT = "asking-consent"
    LISTENING = "listening"
    HEARING = "hearing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    PAUSED = "paused"
    CLOSING = "closing"
    LEFT = "left"
    OVER = "over"


def phase_of(floor: Floor) -> Phase:
    """What the floor looks like from outside."""
    if floor.over:
        return Phase.OVER
    if floor.left is not None:
        return Phase.LEFT
    if floor.answered is None:
        return Phase.WAITING
    if floor.case is not None:
        return Phase.PAUSED
    mine = floor.mine
    return _theirs(floor) if mine is None or mine.provisional else _ours(mine)


def _theirs(floor: Floor) -> Phase:
    """Nothing of ours is under way that the caller could hear."""
    if floor.gate.step is not Step.CLOSED:
        return Phase.ASKING_CONSENT
    caller = floor.caller
    return Phase.HEARING if floor.hears or caller.parts or caller.digits else Phase.LISTENING


def _ours(mine: AgentTurn) -> Phase:
    """A turn of ours is under way."""
    if mine.kind is Kind.CONSENT:
        return Phase.ASKING_CONSENT
    if mine.kind is Kind.FAREWELL or mine.hanging_up:
        return Phase.CLOSING
    return Phase.SPEAKING if mine.segments else Phase.THINKING

"""What was truly said and heard."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Turn:
    """The time one party held the floor, seconds from the answer of the call.

    `text` is what was meant to be said (agent) or what was understood (caller); `heard_text` is the part of an agent
    turn that the carrier's marks prove the caller heard, and equals `text` for a caller's turn.
    """

    turn: int
    speaker: str
    text: str
    started_s: float
    ended_s: float
    interrupted: bool = False
    heard_text: str = ""

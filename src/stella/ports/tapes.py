"""Where the recordings of the flight recorder remain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class LegTape:
    """One stream of a call as it was told to the conversation, and what that ordered.

    `head` names versions and everything the conversation began with. `skeleton` is who did what and when, without words;
    `words` is what was said and keyed, None where the caller's consent does not allow to keep it. Both are packed rows.
    `dropped` counts facts that found no room.
    """

    call_sid: str
    leg: int
    head: dict[str, Any]
    skeleton: bytes
    words: bytes | None
    steps: int = 0
    dropped: int = 0


class TapeStore(Protocol):
    """The recordings of calls, by leg. Retention and erasure take them together with the call's words."""

    async def keep_tape(self, tape: LegTape) -> None:
        """Keep a leg's recording, replacing an older one of it. Without `words`, those of earlier legs go too.

        Raises Unavailable when it cannot be written.
        """

    async def tapes(self, call_sid: str) -> Sequence[LegTape]:
        """The recordings of a call in the order of its legs. Raises Unavailable."""

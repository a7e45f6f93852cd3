"""What a second opinion at a pause must do: say whether it sounds as if the caller were done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class TurnHints(Protocol):
    """A hint at the end of a turn, by how it sounds. For all calls of the process; nobody waits for it."""

    languages: frozenset[str]

    def ask(self, mulaw: bytes, told: Callable[[float], None]) -> None:
        """Take what the caller has said in this turn, up to the pause; mu-law, 8 kHz. Never blocks.

        `told` gets how likely the caller is done, 0 to 1, on the event loop, soon or never: an engine that is busy, slow
        or broken says nothing.
        """

    async def close(self) -> None:
        """Stop for all calls; nothing is told after this."""

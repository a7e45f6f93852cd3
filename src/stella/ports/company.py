"""What a brain may look up about the company it answers for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of the company's knowledge: where it stands and what it says."""

    source: str
    text: str


class Company(Protocol):
    """One agent's company. Everything here answers at once, but for `understand`, and never raises."""

    async def understand(self, question: str) -> None:
        """Whatever takes time about a question, so that `search` need not: well below a second, and nothing where nothing
        is set up."""

    def search(self, question: str, language: str) -> Sequence[Page]:
        """What the pages say about a question, best first; nothing where they say nothing honestly."""

    def week(self) -> str:
        """The opening hours of a week, in words; empty where none are kept."""

    def clock(self, now: datetime) -> str:
        """The local date and time, and whether the company is open, in words."""

    def is_open(self, now: datetime) -> bool:
        """Whether somebody should be there."""

"""Likeness of meaning beside likeness of words: optional, and never what an answer waits for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors; like texts have like vectors."""

    @property
    def name(self) -> str:
        """As the agent file has it."""

    async def embed(self, texts: Sequence[str], deadline_s: float) -> Vectors:
        """One row for each text, of length one. Raises ProviderError."""


class Meaning(Protocol):
    """What an index knows of meanings."""

    async def understand(self, question: str) -> None:
        """Be ready for `nearest` of this question. Bounded in time; never raises."""

    def nearest(self, question: str, most: int) -> list[tuple[int, float]]:
        """Numbers of the texts nearest to a question and how near (1 is the same), best first; nothing where it is not
        understood."""

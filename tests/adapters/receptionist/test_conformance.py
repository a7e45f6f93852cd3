"""The receptionist keeps the port's promises."""

from __future__ import annotations

import pytest
from tests.conformance.brain import AGENT, BrainConformance

from stella.adapters.receptionist import Knowledge, Receptionist
from stella.ports.store import Notice


class _Outbox:
    async def put(self, notice: Notice, agent: str) -> None:
        """Kept."""

    async def pending(self) -> int:
        """Nothing."""
        return 0


class TestReceptionist(BrainConformance):
    """As every brain."""

    @pytest.fixture
    def brain(self) -> Receptionist:
        """Rules and slots."""
        return Receptionist(AGENT, Knowledge(()), _Outbox())

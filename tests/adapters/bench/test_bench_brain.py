"""The brain of one sentence keeps the port's promises."""

from __future__ import annotations

import pytest
from tests.conformance.brain import BrainConformance

from stella.adapters import bench


class TestBench(BrainConformance):
    """As every brain."""

    @pytest.fixture
    def brain(self) -> bench.Brain:
        """No network, no model."""
        return bench.Brain()

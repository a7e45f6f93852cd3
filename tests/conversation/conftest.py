"""Hypothesis profiles of this room, and the values its tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("quick", max_examples=200, deadline=None, suppress_health_check=_CHECKS)
settings.register_profile(
    "long", max_examples=int(os.environ.get("LAW_EXAMPLES", "100000")), deadline=None, suppress_health_check=_CHECKS
)
_PROFILE = "long" if os.environ.get("HYPOTHESIS_PROFILE") == "long" else "quick"
LAWS = settings.get_profile(_PROFILE)

"""Hypothesis builds its tables of Unicode on first use; a slow machine must not call that a slow test."""

from hypothesis import HealthCheck, settings

# Built on whatever profile is loaded, so that a long night run stays long.
_loaded = settings.get_profile(settings.get_current_profile_name())
settings.register_profile("wire", _loaded, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wire")

"""Hypothesis builds its tables of Unicode on first use; a slow machine must not call that a slow test."""

from hypothesis import HealthCheck, settings

settings.register_profile("wire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wire")

"""What holds for every test of the house."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import settings

# No example is wrong because the machine is slow: the deadline of a test is pytest's.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def has_flite() -> bool:
    """Whether the caller of the tests has a voice that the embedded ears understand well."""
    try:
        ctypes.CDLL("libflite.so.1")
    except OSError:
        return False
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root and without libflite1 the caller speaks with espeak-ng, which the small model often mishears."""
    if has_flite():
        return
    for item in items:
        if item.get_closest_marker("flite"):
            item.add_marker(pytest.mark.skip(reason="needs the voice of Debian's libflite1"))

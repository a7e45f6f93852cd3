"""Small models, loaded as real ones are."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.adapters.sherpa import tiny


@pytest.fixture(scope="session")
def ears_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ears."""
    return tiny.ears(tmp_path_factory.mktemp("sherpa") / "ears")


@pytest.fixture(scope="session")
def voice_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A voice."""
    return tiny.voice(tmp_path_factory.mktemp("sherpa") / "voice")

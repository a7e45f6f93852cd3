"""Where the embedded models and libraries are, and what their absence means."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from stella.adapters.models.folder import ModelFolder, ModelMissing
from stella.app.voices import caller_voice, models_folder
from stella.ports.failure import Unavailable

sys.path.insert(0, str(Path(__file__).parent))


def absent(reason: str) -> NoReturn:
    """Skip on a developer's machine; fail where everything is promised to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def models() -> ModelFolder:
    """The models folder of this installation."""
    return models_folder()


@pytest.fixture(scope="session")
def silero_model(models: ModelFolder) -> Path:
    """The voice activity model."""
    try:
        return models.silero()
    except ModelMissing as fault:
        absent(str(fault))


@pytest.fixture(scope="session")
def moonshine_model(models: ModelFolder) -> tuple[Path, Path]:
    """Library and weights of speech to text."""
    try:
        return models.moonshine()
    except ModelMissing as fault:
        absent(str(fault))


def spoken_sample(text: str, language: str) -> bytes:
    """Mu-law speech by whatever voice this machine has."""
    try:
        return _voice()(text, language)
    except Unavailable as fault:
        absent(str(fault))


@cache
def _voice() -> Callable[[str, str], bytes]:
    return caller_voice()

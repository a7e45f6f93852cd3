"""Which of the pinned models this machine needs."""

from __future__ import annotations

import ctypes
import platform

from stella.adapters.models.pinned import Model


def wanted(model: Model) -> bool:
    """Whether `stella models pull` takes this model without being asked for it by name."""
    if not model.runs_on(platform.system(), platform.machine()):
        return False
    return model.when == "always" or (model.when == "no-espeak" and not _system_espeak())


def _system_espeak() -> bool:
    try:
        ctypes.CDLL("libespeak-ng.so.1")
    except OSError:
        return False
    return True

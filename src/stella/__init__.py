"""STELLA answers a company's telephone with an AI voice agent. See docs/architecture.md."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stella.app.program import Stella as Stella
    from stella.domain.errors import ConfigError as ConfigError
    from stella.ports.function_tool import tool as tool
    from stella.ports.own_brain import Talk as Talk

__version__ = "0.1.0"

# From 1.32 on, onnxruntime makes itself a device id below the home folder and reports to its maker over the network, unless
# this is set before it is loaded, by whichever module that may be (its pull requests 27379, 29843).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# The matrices here are small: a second thread for one product costs more than the product, and the processor belongs to
# calls. Read when numpy is loaded, so a program that loads it first sets this itself.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_OFFERED = {
    "Stella": "stella.app.program",
    "Talk": "stella.ports.own_brain",
    "ConfigError": "stella.domain.errors",
    "tool": "stella.ports.function_tool",
}


def __getattr__(name: str) -> object:
    """What a program of one's own imports; loaded when asked for, because every module passes through here."""
    if name in _OFFERED:
        from importlib import import_module  # noqa: PLC0415 see above

        return getattr(import_module(_OFFERED[name]), name)
    raise AttributeError(f"module 'stella' has no attribute {name!r}")

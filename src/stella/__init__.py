"""STELLA answers a company's telephone with an AI voice agent. See docs/architecture.md."""

import os

__version__ = "0.1.0"

# From 1.32 on, onnxruntime makes itself a device id below the home folder and reports to its maker over the network, unless
# this is set before it is loaded, by whichever module that may be (its pull requests 27379, 29843).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

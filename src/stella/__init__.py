"""STELLA answers a company's telephone with an AI voice agent. See docs/architecture.md."""

__version__ = "0.1.0"

"""The suite of Brain for pytest: a fixture `brain` and a subclass.

The promises themselves are in `stella.ports.contract`, where `stella contract` runs them too.
"""

from __future__ import annotations

from stella.ports.contract.brain import AGENT, FACTS, NOW, BrainContract, asked, reply

__all__ = ["AGENT", "FACTS", "NOW", "BrainConformance", "asked", "reply"]


class BrainConformance(BrainContract):
    """The promises of the port."""
